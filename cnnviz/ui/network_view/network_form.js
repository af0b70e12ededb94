/** The settings of the layer that is open: each is written into the layer's text as soon as it makes sense. */
import { element } from "./stage_dom.js";

const LABELS = {
  out_channels: "filters", out_features: "outputs", in_features: "inputs (held to)", kernel_size: "window", output_size: "output size",
  padding_mode: "filled with", padding_value: "fill", output_padding: "output padding", back: "layers skipped", p: "share p",
};
const FORMS = { whole: /^\d{1,4}$/, inputs: /^\d{1,9}$/, size: /^\d{1,4}(x\d{1,4})?$/, padding: /^(valid|same|\d{1,4}(x\d{1,4})?)$/, number: /^-?(\d+\.?\d*|\.\d+)(e-?\d+)?$/ };
const HINTS = { size: ["1", "2", "3", "5", "7"], padding: ["valid", "same", "1", "2"] };

export class Form {
  /** @param {(fields: any[]) => string} send makes the layer's text of them */
  constructor(send) {
    this.send = send;
    this.root = element("form", { className: "nv-form", "aria-label": "Settings of the open layer", onsubmit: (event) => event.preventDefault() });
  }

  /** @param {any} column of the open layer @param {number} index */
  show(column, index) {
    if (column && !column.fields && column.text === this.text) return; // foretold: what was set here is what it will be
    const fields = column?.fields ?? [];
    this.text = column?.text;
    const key = `${index} ${/[a-z0-9_]+/.exec(column?.text ?? "")} ${fields.map(({ name }) => name)}`;
    if (key !== this.key) this.#build(column, fields, index, key);
    for (const field of fields) {
      const input = this.inputs.get(field.name);
      Object.assign(this.fields.get(field.name), field);
      if (input === document.activeElement && this.isBeingWritten) continue; // what is half written stays
      if (field.kind === "flag") input.checked = field.now === "yes";
      else if (input.value !== field.now) input.value = field.now;
      input.removeAttribute("aria-invalid");
    }
  }

  #build(column, fields, index, key) {
    this.key = key;
    this.inputs = new Map();
    this.fields = new Map(fields.map((field) => [field.name, { ...field }]));
    const title = column ? element("strong", {}, index < 0 ? "The picture" : `${index + 1} ${/[a-z0-9_]+/.exec(column.text)[0].replaceAll("_", " ")}`) : "";
    const labels = fields.map((field) => {
      const input = this.#input(field);
      this.inputs.set(field.name, input);
      return element("label", { className: `nv-field nv-${field.kind}` }, LABELS[field.name] ?? field.name.replaceAll("_", " "), input);
    });
    const nothing = column?.fields && index >= 0 && fields.length === 0 ? element("span", { className: "nv-nothing" }, "has nothing to set") : "";
    this.root.replaceChildren(title, ...labels, nothing);
  }

  #input(field) {
    const { kind, options, name } = field;
    if (kind === "choice") return element("select", { name, onchange: (event) => this.#set(name, event.target.value) }, ...options.map((option) => element("option", { value: option }, option)));
    if (kind === "flag") return element("input", { type: "checkbox", name, onchange: (event) => this.#set(name, event.target.checked ? "yes" : "no") });
    const list = HINTS[kind] && `nv-hints-${kind}`;
    if (list && !document.getElementById(list)) document.body.append(element("datalist", { id: list }, ...HINTS[kind].map((value) => element("option", { value }))));
    const input = element("input", { type: kind === "whole" ? "number" : "text", name, autocomplete: "off", spellcheck: false });
    if (kind === "whole") input.min = "1";
    if (list) input.setAttribute("list", list);
    input.addEventListener("input", () => {
      this.isBeingWritten = true;
      const text = input.value.trim().toLowerCase().replace(/[×,]/, "x");
      const isRight = FORMS[kind].test(text) || (text === "" && name === "in_features");
      input.setAttribute("aria-invalid", `${!isRight}`);
      if (isRight) this.#set(name, text);
    });
    input.addEventListener("blur", () => {
      this.isBeingWritten = false;
      if (this.inputs.get(name) !== input) return; // it has just been taken away
      input.value = this.fields.get(name).now;
      input.removeAttribute("aria-invalid");
    });
    return input;
  }

  #set(name, now) {
    this.fields.get(name).now = now;
    this.text = this.send([...this.fields.values()]);
  }
}
