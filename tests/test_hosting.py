"""What a host may set, and what he can watch."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.visitor import Visitor, VisitorError
from cnnviz.hosting import Hosting, HostingError, read, variable
from cnnviz.ui.logs import Private
from cnnviz.ui.places import Places
from cnnviz.ui.turns import Turns
from tests.test_app import ROOT, STARTS, Server

NAMES = [field.name for field in fields(Hosting)]


# --- settings ---------------------------------------------------------------------------------------


def test_without_any_all_stands_at_its_default() -> None:
    assert read({}) == Hosting()
    assert read({"PATH": "/bin", variable("sessions"): ""}) == Hosting()


@pytest.mark.parametrize("field", [one for one in fields(Hosting) if "low" in one.metadata], ids=lambda one: one.name)
def test_numbers_within_their_bounds(field) -> None:
    low, high = field.metadata["low"], field.metadata["high"]
    assert low <= field.default <= high
    for value in (low, high):
        assert getattr(read({variable(field.name): str(value)}), field.name) == value
    for text in (str(low - 1), str(high + 1), "many", "1.5", "-1", "1e3", "²", "9" * 5000):
        with pytest.raises(HostingError, match=rf"^{variable(field.name)} is a whole number from {low} to {high}"):
            read({variable(field.name): text})


@pytest.mark.parametrize(
    "text", ["'self'", "'none'", "https://moodle.school.example", "https://*.school.example:8443 'self'"]
)
def test_who_may_embed(text: str) -> None:
    assert read({"CNNVIZ_FRAME_ANCESTORS": text}).frame_ancestors == text


@pytest.mark.parametrize(
    "text", ["*", "self", "school.example", "https://a.example; script-src *", "https://a\nb", "'none'  'self'"]
)
def test_nothing_else_gets_into_the_policy(text: str) -> None:
    with pytest.raises(HostingError):
        read({"CNNVIZ_FRAME_ANCESTORS": text})


def test_a_setting_that_does_not_exist_is_told_of() -> None:
    with pytest.raises(HostingError, match="There is no setting CNNVIZ_SESSION"):
        read({"CNNVIZ_SESSION": "3"})


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_bounds_something_and_is_documented(name: str) -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cnnviz").rglob("*.py"))
    assert f"HOSTING.{name}" in code
    field = next(field for field in fields(Hosting) if field.name == name)
    row = f"| `{variable(name)}` | `{field.default}` |"
    (line,) = [line for line in (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8").splitlines() if row in line]
    assert field.metadata["about"] in line


def test_nonsense_stops_the_start_with_a_sentence() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cnnviz"], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "CNNVIZ_SESSIONS": "none"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stderr == "CNNVIZ_SESSIONS is a whole number from 1 to 10000, not 'none'.\n"


# --- places and turns ---------------------------------------------------------------------------------


def test_places_are_given_in_the_order_in_which_pages_come() -> None:
    open_pages = set("abcde")
    places = Places(2, open_pages.__contains__)
    assert [places.before(page) for page in "abcd"] == [0, 0, 1, 2]
    assert [places.before(page) for page in "dcba"] == [2, 1, 0, 0], "asking again changes nothing"
    open_pages.remove("a")
    assert [places.before(page) for page in "dbc"] == [1, 0, 0]
    open_pages.remove("c")
    assert [places.before(page) for page in "ed"] == [1, 0], "who waits longest comes first"


def test_turns_are_taken_one_after_another_and_end() -> None:
    async def play() -> list[str]:
        turns, told = Turns(1, patience=0.05), []
        await turns.take("a")
        await turns.take("a")

        async def wants(who: str) -> None:
            await turns.take(who)
            told.append(who)

        waiting = [asyncio.create_task(wants(who)) for who in "bcd"]
        await asyncio.sleep(0.01)
        assert told == []
        turns.give("c")
        turns.give("a")
        await asyncio.sleep(0.01)
        assert told == ["b"]
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return told

    assert asyncio.run(play()) == ["b", "d"], "b never gave its turn back, and c had left"


# --- a server -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    settings = {"SESSIONS": "2", "LOG": "json", "FRAME_ANCESTORS": "https://school.example", "MESSAGE_MB": "1"}
    one = Server(STARTS["python -m cnnviz"], {f"CNNVIZ_{name}": value for name, value in settings.items()})
    try:
        yield one.wait()
    finally:
        one.stop()


def figures(server: Server) -> dict[str, float]:
    status, headers, body = server.get("/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
    return {sample.name + "".join(sample.labels.values()): sample.value for sample in samples}


def test_it_is_live_and_ready(server: Server) -> None:
    assert server.get("/healthz/live")[::2] == (200, b"live\n")
    assert server.get("/healthz/ready")[::2] == (200, b"ready\n")
    status, headers, body = server.get("/healthz")
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert json.loads(body) == {"live": True, "ready": True, "pages": 0, "places": 2}


def test_the_host_says_who_may_embed_it(server: Server) -> None:
    assert server.get("/")[1]["content-security-policy"].endswith("frame-ancestors https://school.example")


def test_runs_pages_and_refusals_are_counted(server: Server) -> None:
    async def visit() -> None:
        async with Visitor(f"127.0.0.1:{server.port}") as visitor:
            before = figures(server)
            await visitor.open({"stride": "<b>", "size": "20"})
            await visitor.tweak("bias", 0.5)
            after = figures(server)
        assert after["cnnviz_pages"] == 1
        assert after["cnnviz_run_seconds_count"] - before["cnnviz_run_seconds_count"] == 2
        assert after["cnnviz_rejected_totalsetting"] - before.get("cnnviz_rejected_totalsetting", 0) == 1
        assert after["cnnviz_trainingsrunning"] == 0
        assert after["process_resident_memory_bytes"] > 1e8

    asyncio.run(visit())


def test_who_comes_when_all_places_are_taken_waits_and_is_let_in(server: Server) -> None:
    address = f"127.0.0.1:{server.port}"

    async def visit() -> None:
        first, second, third = Visitor(address), Visitor(address), Visitor(address)
        await first.open()
        await second.open()
        run = await third.open({"bias": "2"})
        assert not run.header and run.elements.get("markdown") == 1
        await first.close()
        for _ in range(40):
            await asyncio.sleep(0.25)
            run = await third.again()
            if run.header:
                break
        assert run.header["address"]["bias"] == "2", "with what was asked for"
        await second.close()
        await third.close()

    asyncio.run(visit())


def test_a_message_that_is_too_large_ends_its_connection_and_no_other(server: Server) -> None:
    async def visit() -> None:
        async with Visitor(f"127.0.0.1:{server.port}") as one, Visitor(f"127.0.0.1:{server.port}") as other:
            await one.open()
            await other.open()
            with pytest.raises(VisitorError):
                await one.tweak("kernel", "1" * 1_100_000)
            run = await other.tweak("bias", 1.5)
            assert run.header["address"]["bias"] == "1.5"

    asyncio.run(visit())


def logged(server: Server) -> list[str]:
    """The lines that it has logged since the last call."""
    assert server.process.stdout
    os.set_blocking(server.process.stdout.fileno(), False)
    return (server.process.stdout.read() or b"").decode().splitlines()


def test_a_flood_of_names_ends_its_connection_and_no_other(server: Server) -> None:
    async def visit() -> None:
        async with Visitor(f"127.0.0.1:{server.port}") as one, Visitor(f"127.0.0.1:{server.port}") as other:
            await one.open()
            await other.open()
            message = one.wish()
            message.rerun_script.Clear()
            message.file_urls_request.file_names.extend(["a"] * 300_000)
            with pytest.raises(VisitorError, match="1008"):
                await one.told(message)
            run = await other.tweak("bias", 1.25)
            assert run.header["address"]["bias"] == "1.25"

    before = figures(server).get("cnnviz_rejected_totalmessage", 0)
    logged(server)
    asyncio.run(visit())
    assert figures(server)["cnnviz_rejected_totalmessage"] == before + 1
    [told] = logged(server)
    assert json.loads(told)["event"] == "a connection was ended" and json.loads(told)["why"] == "too many names"


def test_a_page_that_fails_is_one_line_of_the_log(server: Server) -> None:
    async def visit() -> None:
        async with Visitor(f"127.0.0.1:{server.port}") as visitor:
            await visitor.open()
            message = visitor.wish()
            [state] = [one for one in message.rerun_script.widget_states.widgets if one.id.endswith("-padding")]
            state.json_value = "my secret"  # no menu's value
            with pytest.raises(VisitorError):
                await visitor.told(message)

    logged(server)
    asyncio.run(visit())
    lines = [json.loads(line) for line in logged(server)]
    assert [line["exception"] for line in lines if "exception" in line], "the page did fail"
    assert "my secret" not in str(lines)


# --- logs ---------------------------------------------------------------------------------------------


def line(is_json: bool, message: str, *arguments: object, error: BaseException | None = None) -> str:
    trouble = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("library", logging.ERROR, __file__, 1, message, arguments, trouble)
    return Private(is_json=is_json).format(record)


def test_a_log_has_no_data_of_a_persons() -> None:
    try:
        int("my secret")
    except ValueError as error:
        written = line(True, "Rejecting %s", "my secret", error=error)
    told = json.loads(written)
    assert "secret" not in written and "\n" not in written
    assert (told["event"], told["exception"], told["level"]) == ("Rejecting %s", "ValueError", "error")
    assert re.search(r"test_hosting\.py:\d+ test_a_log", told["places"][0])
    assert "my secret" not in line(False, "Rejecting %s", "my secret")
