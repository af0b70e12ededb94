"""Widgets that are bound to the URL: their key is the setting's name, their text what the link carries.

A page reads all its settings first, sends its picture, and shows the widgets last: so the picture does not
wait for two dozen widgets. `Reading.agrees` says at the end whether they show what was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui import drawn, parts
from cnnviz.ui.help import PARAMETERS
from cnnviz.ui.settings import Setting, escaped, quoted, unreadable
from cnnviz.ui.watch import rejected

WRITABLE = "Choose or write"  # by which everywhere/menus.js knows a menu that takes any text
KEPT = 12  # texts that a menu offers because they were written into it


@dataclass(frozen=True)
class Reading:
    """What the settings of a page say.

    texts: by name, what the widget holds.
    values: by name; a text that cannot be read stands for the last one that could.
    problems: by name, why the text of a widget cannot be read.
    """

    settings: Sequence[Setting]
    texts: dict[str, str]
    values: dict[str, Any]
    problems: dict[str, str]

    def address(self) -> dict[str, str | None]:
        """By name, what the address says of each setting; None of those that stand at their defaults."""
        return {setting.name: self._said(setting) for setting in self.settings}

    def _said(self, setting: Setting) -> str | None:
        if setting.numeric and setting.name not in self.problems:
            value = self.values[setting.name]
            return None if value == setting.parse(setting.default) else str(value).removesuffix(".0")  # as browsers do
        text = self.texts[setting.name]
        return None if text == setting.default else text

    def agrees(self) -> bool:
        """Whether the widgets, shown by now, hold the values that were read before them."""
        return read(self.settings).values == self.values


def read(settings: Sequence[Setting]) -> Reading:
    """Read the settings before their widgets are shown: from the session, on a first visit from the URL."""
    texts, values, problems = {}, {}, {}
    last_good = st.session_state.setdefault("last good", {})
    session, query = st.session_state.to_dict(), st.query_params.to_dict()  # once: each look costs as much as a parse
    for setting in settings:
        held = session.get(setting.name, query.get(setting.name))
        text = texts[setting.name] = setting.default if held is None else _text(held)
        try:
            values[setting.name] = last_good[setting.name] = setting.parse(text)
        except ValueError as error:
            values[setting.name] = last_good.get(setting.name, setting.parse(setting.default))
            why = escaped(str(error)) if str(error) != text else f"Write {setting.expects}."
            problems[setting.name] = f"{quoted(text)} cannot be read. {why} The last that could be read counts."
    return Reading(settings, texts, values, problems)


def _text(held: Any) -> str:
    return str(held).removesuffix(".0") if isinstance(held, float) else str(held)


# What the session keeps for one page.
OF_A_PAGE = (
    "unreadable",
    "senseless",
    "to reset",
    "last good",
    "held",
    drawn.DRAWN,
    "weights",
    "file problem",
    "learned",
    "filtered",
    "lab now",
    "lab reading",
    parts.WHOLE,
    parts.SHOWN,
)


def reset_unreadable(settings: Sequence[Setting]) -> dict[str, str]:
    """Find what makes no sense in the address and, a run later, give its widgets their defaults. Call it first.

    Returns:
        By name, the texts that the browser is to take out of the address.
    """
    state = st.session_state
    if state.get("page") is not settings:  # another page's were others, and what widgets of the same name held
        for name in (*OF_A_PAGE, *(setting.name for setting in settings)):
            state.pop(name, None)
        state["page"] = settings
    parts.begin()
    for name in state.pop("to reset", []):
        setting = next(setting for setting in settings if setting.name == name)
        state[name] = setting.parse(setting.default) if setting.numeric else setting.default
    query = st.query_params.to_dict()
    if "unreadable" not in state:
        state["unreadable"] = unreadable(settings, query)
        state["senseless"] = {name: query[name] for name in state["unreadable"]}
        state["to reset"] = list(state["unreadable"])
        for _ in state["unreadable"]:
            rejected("setting")
    return ignored()


def ignored() -> dict[str, str]:
    """By name, the texts of the address that made no sense and are still there."""
    query = st.query_params
    return {name: text for name, text in st.session_state["senseless"].items() if query.get(name) == text}


def say_unreadable(reading: Reading) -> None:
    """Say on the page what was ignored of the address it was opened with, until it is set."""
    ignored = st.session_state["unreadable"]
    for setting in reading.settings:
        if reading.values[setting.name] != setting.parse(setting.default):
            ignored.pop(setting.name, None)
    if ignored:
        st.warning("  \n".join(ignored.values()), icon=":material/link_off:")


def settle(reading: Reading, own: parts.Parts | None = None) -> None:
    """Run again if the widgets turned out to hold something else than what was drawn. Call it last.

    That happens where only a widget knows: on Back and Forward, and when it holds what was ignored.

    Args:
        own: the page's parts, as `Controls` has them.
    """
    if st.session_state.get("to reset") or not reading.agrees():
        st.rerun()
    if own:
        parts.end(own, reading.values)


class Controls:
    """Shows the widgets of a page's settings.

    Args:
        reading: the settings as they were read.
        own: the page's parts, which a tweak may run alone. Without any, each tweak runs all of the page.
    """

    def __init__(self, reading: Reading, own: parts.Parts | None = None) -> None:
        self._reading, self._parts = reading, own or {}
        self._settings = {setting.name: setting for setting in reading.settings}
        self._values = reading.values
        self._texts = reading.texts
        self._problems = reading.problems
        self._offered: dict[str, Sequence[str]] = {}  # by name, the texts of its menu: what it holds is among them

    def follow(self) -> None:
        """Run the parts alone that show something else now, and nothing else of the page. For a widget's `on_change`.

        What a newer tweak interrupts is not shown, and runs again: some parts, or all of the page. What cannot be read
        is said in the rest of the page, and so is what no menu offers yet.
        """
        if not parts.is_whole() or st.session_state["unreadable"] or self._reading.problems:
            return
        after = read(self._reading.settings)
        if after.problems or any(after.texts[name] not in offered for name, offered in self._offered.items()):
            return
        keys = parts.changed(self._parts, after.values)
        if keys and parts.PAGE not in keys:
            st.rerun(keys)

    def _then(self, widget: dict[str, Any]) -> dict[str, Any]:
        return {"on_change": self.follow, **widget} if self._parts else widget

    def value(self, name: str) -> Any:
        """What a setting is."""
        return self._values[name]

    def typed(self, name: str, label: str, suggestions: Sequence[str], **widget: Any) -> None:
        """A box to choose from or write in."""
        default = self._settings[name].default
        text, held = self._texts[name], st.session_state.setdefault("held", {})
        if name not in self._problems:
            held[name] = list(dict.fromkeys([text, *held.get(name, ())]))[:KEPT]
        # What it holds is offered too, or Enter would choose another; and so is what it held before.
        options = self._offered[name] = list(dict.fromkeys([*suggestions, default, text, *held.get(name, ())]))
        st.selectbox(
            label, options, options.index(default), key=name, bind="query-params", accept_new_options=True,
            placeholder=WRITABLE, **self._then(widget),
        )  # fmt: skip

    def set_all(self, texts: Mapping[str, str], keep: Sequence[str] = ()) -> None:
        """Give all settings of the page but these to keep their texts, or their defaults. For a button's `on_click`."""
        for name, setting in self._settings.items():
            if name in keep:
                continue
            text = texts.get(name, setting.default)
            st.session_state[name] = setting.parse(text) if setting.numeric else text

    def set_some(self, names: Sequence[str]) -> None:
        """Give these settings their defaults. For a button's `on_click`."""
        self.set_all({}, [name for name in self._settings if name not in names])

    def default(self, name: str) -> str:
        """The text that stands for "not said"."""
        return self._settings[name].default

    def segments(self, name: str, label: str, **widget: Any) -> None:
        """The words that a setting may be, side by side."""
        setting = self._settings[name]
        st.segmented_control(
            label,
            setting.options,
            default=setting.default,
            required=True,
            key=name,
            bind="query-params",
            **self._then(widget),
        )

    def whole(self, name: str, label: str, low: int, high: int, **widget: Any) -> None:
        """A whole number, by a slider."""
        default = int(self._settings[name].default)
        st.slider(label, low, high, default, key=name, bind="query-params", **self._then(widget))

    def slide(self, name: str, label: str, low: float, high: float, step: float, **widget: Any) -> None:
        """A number with a fraction, by a slider."""
        default = float(self._settings[name].default)
        st.slider(
            label,
            float(low),
            float(high),
            default,
            float(step),
            format="%g",
            key=name,
            bind="query-params",
            **self._then(widget),
        )

    def count(self, name: str, label: str, **widget: Any) -> None:
        """A whole number, with steps."""
        # Kept as one with a fraction: Streamlit's box of whole numbers breaks on an address that says inf.
        self.number(name, label, 1.0, **widget)

    def text(self, name: str, label: str, **widget: Any) -> None:
        """A line of text."""
        st.text_input(label, self._settings[name].default, key=name, bind="query-params", **self._then(widget))

    def picked(self, name: str, label: str, **widget: Any) -> None:
        """A menu of the words that a setting may be."""
        setting = self._settings[name]
        st.selectbox(
            label,
            setting.options,
            setting.options.index(setting.default),
            key=name,
            bind="query-params",
            **self._then(widget),
        )

    def parameters(self, activation: str) -> None:
        """The parameters of an activation."""
        for name in ACTIVATIONS[activation].parameters if activation in ACTIVATIONS else ():
            label = name.replace("_", " ")
            shown = self.number if self._settings[name].numeric else self.picked
            shown(name, label, help=PARAMETERS[name])
            self.say(name)

    def number(self, name: str, label: str, step: float = 0.1, **widget: Any) -> None:
        """A number with steps."""
        default = float(self._settings[name].default)
        # Without bounds: the widget would refuse a number beyond them and say nothing.
        st.number_input(
            label, value=default, step=step, format="%g", key=name, bind="query-params", **self._then(widget)
        )

    def say(self, *names: str) -> None:
        """Say under the widgets of these settings which of their texts cannot be read."""
        for name in names:
            if name in self._problems:
                # Coloured by the style sheet: a bracket of a stranger would end `:red[…]` and begin a link.
                with st.container(key=f"problem-{name}"):
                    st.caption(f"{name.replace('_', ' ').capitalize()}: {self._problems[name]}")
