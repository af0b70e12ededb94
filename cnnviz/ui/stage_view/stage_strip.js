/** The stages in small, at the top of the window while the real ones are scrolled away: no knob is far from what it turns. */
import { mark } from "./lens_lit.js";
import { element } from "./stage_dom.js";

const SEEN = 0.1; // share of the stages that is enough to see them by

export class Strip {
  /** @param {HTMLElement} row the stages */
  constructor(row) {
    const back = () => row.scrollIntoView({ block: "start", behavior: "instant" });
    this.root = element("button", { type: "button", className: "sv-strip", hidden: true, "aria-label": "Back to the stages", onclick: back });
    this.draw = () => {};
    this.observer = new IntersectionObserver(
      ([entry]) => {
        this.root.hidden = entry.intersectionRatio > SEEN || entry.boundingClientRect.top > 0;
        this.draw();
      },
      { threshold: [0, SEEN, 1] },
    );
    this.observer.observe(row);
  }

  /** @param {{title: string, range: any, paint: (canvas: HTMLCanvasElement) => void, marks: () => any}[]} pictures to show at the next `draw` */
  update(pictures) {
    this.draw = () => {
      if (this.root.hidden) return;
      while (this.root.children.length > pictures.length) this.root.lastChild.remove();
      while (this.root.children.length < pictures.length) this.root.append(element("figure", {}, element("canvas"), element("figcaption")));
      pictures.forEach(({ title, range, paint, marks }, i) => {
        const [canvas, caption] = this.root.children[i].children;
        caption.textContent = title;
        canvas.style.aspectRatio = `${range.x[1] - range.x[0]} / ${range.y[1] - range.y[0]}`;
        paint(canvas);
        const [pen, ratio] = [canvas.getContext("2d"), window.devicePixelRatio || 1];
        pen.save();
        pen.scale(ratio, ratio);
        mark(pen, { x: 0, y: 0, width: canvas.width / ratio, height: canvas.height / ratio }, range, marks());
        pen.restore();
      });
    };
  }

  close() {
    this.observer.disconnect();
  }
}
