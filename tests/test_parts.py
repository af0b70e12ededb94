"""What parts of the Lab show that ran alone after a tweak is what a page shows that is opened with the same address."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg, RunIdentity

from bench.classroom import lab_tweak
from bench.visitor import Run, Visitor
from tests.test_app import STARTS, Server

SHOWN = ("markdown", "bidi_component", "alert")
TWEAKS: tuple[tuple[str, str | float], ...] = (
    ("size", "40x60"), ("color", "rgb"), ("fit", "keep"), ("padding", "abc"), ("padding", "3"),
    ("padding_mode", "constant"), ("padding_value", 0.5), ("padding_mode", "circular"), ("padding", "60"),
    ("padding", "2"), ("kernel", "gabor-0"), ("kernel", "kaiming_uniform:5x5:3"), ("activation", "leaky_relu"),
    ("negative_slope", 0.7), ("activation", "none"), ("activation", "gelu"), ("pool", "none"), ("pool", "avg"),
    ("pool_size", "400"), ("pool_size", "3"), ("pin", "conv:3,4"), ("pool_padding", "same"), ("bias", 1e6),
    ("bias", -1.5), ("kernel", "1,2;3,4"), ("kernel", "1, 2; 3, 4"), ("stride", "3"), ("dilation", "2,3"),
    ("activation", "relu"),
)  # fmt: skip


class Reader(Visitor):
    """Keeps what stands on the page, as the browser does: what a part does not say again when it runs is gone."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._begun = ""  # the run that began last
        self._standing: dict[tuple[int, ...], tuple[str, str, str, Any]] = {}  # run, part, kind and words by place

    def take(self, message: ForwardMsg, run: Run) -> None:
        super().take(message, run)
        kind, said = message.delta.new_element.WhichOneof("type") or "", None
        if kind:
            element = getattr(message.delta.new_element, kind)
            said = element.bytes or element.json if kind == "bidi_component" else getattr(element, "body", None)
        path = tuple(message.metadata.delta_path)
        self._standing[path] = self._begun, message.delta.fragment_id, kind, said

    def begins(self, run: RunIdentity) -> None:
        self._begun = run.script_run_id

    def ends(self, run: RunIdentity) -> None:
        if not run.fragment_ids and run.script_run_id != self._begun:
            return
        self._standing = {
            path: kept
            for path, kept in self._standing.items()
            if kept[0] == run.script_run_id or (run.fragment_ids and kept[1] not in run.fragment_ids)
        }

    @property
    def said(self) -> list[Any]:
        """All texts and pictures, in their order, but for whose page it is."""
        shown = [said for _, (_, _, kind, said) in sorted(self._standing.items()) if kind in SHOWN]
        return [said.replace(self.session, "") if isinstance(said, str) else said for said in shown]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    one = Server(STARTS["python -m cnnviz"])
    try:
        yield one.wait()
    finally:
        one.stop()


async def follows(address: str, tweaks: list[tuple[str, str | float]]) -> tuple[int, int]:
    """Tweak one page, and open another as it should be after each; how many runs were of parts, and of all."""
    parts = whole = 0
    async with Reader(address) as tweaked:
        await tweaked.open({"size": "40"})
        for name, value in tweaks:
            if name not in tweaked.states or not tweaked.differs(name, value):
                continue
            run = await tweaked.tweak(name, value)
            parts, whole = (parts, whole + 1) if run.elements.get("text_input") else (parts + 1, whole)
            if run.alerts or run.header["notice"] or any("cannot be read" in str(said) for said in tweaked.said):
                continue  # it keeps its last good picture, which a page that is opened so has not
            async with Reader(address) as fresh:
                await fresh.open(tweaked.query)
                assert tweaked.said == fresh.said, (name, value, tweaked.query)
    return parts, whole


def test_each_knob_in_turn(server: Server) -> None:
    parts, whole = asyncio.run(follows(f"127.0.0.1:{server.port}", list(TWEAKS)))
    assert parts > 10 and whole > 5, "both ways were tried"


@pytest.mark.parametrize("seed", range(4))
def test_any_tweaks(server: Server, seed: int) -> None:
    rng = random.Random(seed)
    parts, _ = asyncio.run(follows(f"127.0.0.1:{server.port}", [lab_tweak(rng) for _ in range(15)]))
    assert parts > 8


async def shows_all(visitor: Reader, address: str) -> bool:
    """Whether, once nothing more comes, the page shows what one shows that is opened with its address."""
    for _ in range(20):
        with suppress(TimeoutError):
            while True:
                await asyncio.wait_for(visitor.follow(0.0), 1)
        async with Reader(address) as fresh:
            await fresh.open(visitor.query)
            if visitor.said == fresh.said:
                return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_a_tweak_that_interrupts_another_is_not_lost(server: Server, seed: int) -> None:
    """Tweaks come faster than they are answered; the last picture, and all that is said, is of all of them."""

    async def hurry() -> None:
        rng, address = random.Random(seed), f"127.0.0.1:{server.port}"
        async with Reader(address) as visitor:
            await visitor.open({"size": "40"})
            for _ in range(5):
                for _ in range(5):
                    await visitor.change(*lab_tweak(rng))
                    await asyncio.sleep(rng.choice((0.0, 0.005, 0.02)))
                assert await shows_all(visitor, address), visitor.query

    asyncio.run(hurry())


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03])
def test_back_is_not_lost_while_a_tweak_is_answered(server: Server, pause: float) -> None:
    async def go_back() -> None:
        address, rng = f"127.0.0.1:{server.port}", random.Random(pause)
        async with Reader(address) as visitor:
            before = {"size": "40", "bias": "0.5", "pin": "conv:3,4"}
            await visitor.open(before)
            for step in range(6):
                await visitor.change("bias", 2.0 + step)
                await asyncio.sleep(pause + rng.random() / 100)
                visitor.query = dict(before)
                back = visitor.wish()
                back.rerun_script.is_history_navigation = True
                await visitor.ask(back)
                assert await shows_all(visitor, address), step

    asyncio.run(go_back())
