"""What is changed of Streamlit's own code does as Streamlit does, but for what it is there for."""

from __future__ import annotations

from copy import deepcopy

import pytest
from streamlit.cursor import Cursor, LockedCursor, RunningCursor
from streamlit.delta_generator import DeltaGenerator
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import app_session

from cnnviz.ui import mended

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.nothing")


@pytest.mark.parametrize("section", SECTIONS)
def test_the_browser_is_told_the_same_theme(section: str) -> None:
    theirs, ours = ForwardMsg(), ForwardMsg()
    for _ in range(2):  # made, then remembered
        app_session._populate_theme_msg(theirs.new_session.custom_theme, section)
        mended._populate_theme(ours.new_session.custom_theme, section)
        assert ours == theirs
    if section == "theme.light":
        assert ours.new_session.custom_theme.primary_color, "ours is a theme of our own"
    if section == "theme.nothing":
        assert not ours.new_session.custom_theme.ByteSize()


def said(text: str, path: int) -> ForwardMsg:
    message = ForwardMsg()
    message.delta.new_element.markdown.body = text
    message.metadata.delta_path[:] = [0, path]
    return message


def test_what_is_not_sent_yet_is_sent_though_another_run_begins() -> None:
    box = mended.Outbox()
    finished = ForwardMsg(script_finished=ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
    messages = [said("one", 1), said("two", 2), finished, said("two, anew", 2)]
    for message in messages[:3]:
        box.enqueue(message)
    box.clear(retain_lifecycle_msgs=True)
    box.enqueue(messages[3])
    assert box.flush() == messages, (
        "and what is said anew does not go before the end of the run in which it was said first"
    )
    assert box.is_empty()


def test_a_component_is_wrapped_only_where_it_tells_of_a_change() -> None:
    assert mended._present("aggregator", "component", None) is None
    present = mended._present("aggregator", "component", {"drawing"})
    assert present is not None and present(None, None) is None, "what is no dictionary stays as it is"


def test_a_place_that_is_copied_goes_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def stack() -> tuple[DeltaGenerator, ...]:
        outer = DeltaGenerator(root_container=0, cursor=RunningCursor(0))
        inner = DeltaGenerator(root_container=0, cursor=RunningCursor(0, (2, 1)), parent=outer, block_type="vertical")
        inner._cursor.lock_element()
        inner._cursor.transient_elements[3] = Element()
        return outer, inner, DeltaGenerator(root_container=0, cursor=LockedCursor(0, (1,), 4), parent=inner)

    def said(places: tuple[DeltaGenerator, ...]) -> list[object]:
        return [
            (type(place._cursor), place._cursor.delta_path, list(place._cursor.transient_elements.items()), above)
            for one in places
            for above, place in enumerate(one._ancestors)
        ]

    theirs = said(deepcopy(stack()))
    monkeypatch.setattr(Cursor, "__deepcopy__", mended._copied, raising=False)
    original = stack()
    copy = deepcopy(original)
    assert said(copy) == theirs == said(original)
    copy[1]._cursor.transient_elements[5] = Element()
    copy[1]._cursor.transient_elements[3].markdown.body = "changed"
    copy[1]._cursor.lock_element()
    assert said(original) == theirs
    assert copy[1]._cursor.index == original[1]._cursor.index + 1
