"""Hostile addresses and messages over the real protocol: pages stay pages, and a stranger's text stays text."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Html_pb2 import Html
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.proto.TextInput_pb2 import TextInput
from websockets.exceptions import WebSocketException

from bench.visitor import VisitorError
from cnnviz.ui.settings import escaped, quoted
from tests.fuzzing import TIMES
from tests.hostile_addresses import PAGES, Address, hostile_address, readable
from tests.hostile_server import HostileServer
from tests.hostile_texts import COSTLY, MARK, TEXTS
from tests.hostile_visitor import HostileVisitor, raised_by_us, refuse_markup, try_address, try_messages

HANG = 30.0  # seconds: nothing takes as long, on any machine
VISITS, MESSAGES = 84 * TIMES, 28 * TIMES


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def test_hostile_addresses_are_pages(server: HostileServer) -> None:
    async def visit() -> None:
        for number in range(VISITS):
            address = hostile_address(number)
            try:
                await asyncio.wait_for(try_address(server, address, twice=number % 4 == 0), HANG)
            except (VisitorError, TimeoutError) as error:
                raise AssertionError(f"address {number}: {address.page}?{address.query[:500]}") from error

    asyncio.run(visit())


def test_hostile_messages_are_the_senders_own_trouble(server: HostileServer) -> None:
    async def send() -> None:
        for number in range(MESSAGES):
            try:
                await asyncio.wait_for(try_messages(server, number), 4 * HANG)
            except (VisitorError, TimeoutError) as error:
                raise AssertionError(f"messages {number}") from error

    asyncio.run(send())


def test_a_frame_that_is_too_large_ends_its_own_connection_only(server: HostileServer) -> None:
    async def send() -> None:
        async with HostileVisitor(server.address) as other, HostileVisitor(server.address) as visitor:
            await other.open()
            await visitor.open()
            with pytest.raises((VisitorError, WebSocketException)):
                await visitor.send(bytes(70_000_000))
                await visitor.again()
            await other.again()

    asyncio.run(send())


def test_a_file_that_the_server_never_had_is_a_sentence(server: HostileServer) -> None:
    """As from a page that comes back to a server that was started anew."""

    async def send(page: str, query: str, part: str) -> list[str]:
        async with HostileVisitor(server.address, page) as visitor:
            visitor.raw = query
            await visitor.open()
            [identity] = [name for name, kind in visitor.widgets.items() if kind == "file_uploader" and part in name]
            message = visitor.wish()
            info = message.rerun_script.widget_states.widgets.add(id=identity).file_uploader_state_value
            info.uploaded_file_info.add(file_id="gone", name="weights.json", size=9)
            return (await visitor.told(message)).alerts

    assert any("bring it again" in alert for alert in asyncio.run(send("network", "", "-brought")))
    assert any("bring them again" in alert for alert in asyncio.run(send("train", "data=own", "-brought pictures")))


# --- that these tests can fail ----------------------------------------------------------------------


def test_every_setting_has_its_turn_with_every_kind_of_text() -> None:
    tried = [hostile_address(number) for number in range(1200)]
    assert {address.page for address in tried} == set(PAGES)
    assert {address.kind for address in tried} == {"hostile", "readable", "extreme", "costly", "mixed"}
    for page, settings in PAGES.items():
        queries = [address.query for address in tried if address.page == page]
        for setting in settings:
            assert any(f"{setting.name}=" in query for query in queries), (page, setting.name)
            assert len(readable(page)[setting.name]) > 1, (page, setting.name)
    values = {value for address in tried for _, value in parse_qsl(address.query) if len(value) < 400}
    assert len(values & set(TEXTS)) > 0.8 * len(TEXTS)
    assert max(len(address.query) for address in tried) > 90_000
    assert hostile_address(5) == hostile_address(5) != hostile_address(5, seed=1)


def test_what_is_costly_can_be_asked_for() -> None:
    for name, texts in COSTLY.items():
        settings = [setting for settings in PAGES.values() for setting in settings if setting.name == name]
        assert settings, name
        for text in texts:
            assert any(_reads(setting, text) for setting in settings), (name, text)


def _reads(setting: object, text: str) -> bool:
    try:
        setting.parse(text)  # type: ignore[attr-defined]
    except ValueError:
        return False
    return True


MARKUP = [text for text in TEXTS if MARK in text and text not in (f"`{MARK}`", f"``` {MARK}", f"]({MARK})")]


@pytest.mark.parametrize("text", [text for text in MARKUP if not text.startswith(("&lt;", ":streamlit", "|"))])
def test_markup_of_a_stranger_is_noticed(text: str) -> None:
    for element in (Markdown(body=f"He wrote {text} here"), Alert(body=text), TextInput(label=text)):
        with pytest.raises(VisitorError):
            refuse_markup("markdown", element)
    refuse_markup("markdown", Markdown(body=f"He wrote {quoted(text)} here"))
    refuse_markup("markdown", Markdown(body=f"He wrote {escaped(text)} here"))
    refuse_markup("text_input", TextInput(value=text))
    with pytest.raises(VisitorError):
        refuse_markup("html", Html(body=f"<p>{MARK}</p>"))


def test_a_page_that_is_not_there_is_noticed(server: HostileServer) -> None:
    with pytest.raises(VisitorError, match="no such page"):
        asyncio.run(try_address(server, Address("nowhere", "", "sound")))


def test_an_exception_of_ours_is_noticed_in_a_log() -> None:
    ours, theirs = "/app/cnnviz/kernels.py", "/venv/lib/python3.11/site-packages/streamlit/runtime/app.py"

    def line(*places: str) -> str:
        passed = [f"{place}:{12 + i} <module>" for i, place in enumerate(places)]
        return f"time=now level=error event=Uncaught app execution exception=KeyError places={passed} said='x'\n"

    assert raised_by_us("event=all is well\n" + line(theirs, ours)) == line(theirs, ours).strip()
    assert not raised_by_us(line(ours, theirs))
    assert not raised_by_us(line(theirs, ours).replace("exception=", "says="))
