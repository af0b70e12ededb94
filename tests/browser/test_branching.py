"""Stages that branch and join, of several maps: terms, values, lit cells and tiles are torch's and NumPy's."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import streamlit
import torch
from playwright.sync_api import Page
from torch import Tensor, nn

from cnnviz import figures
from cnnviz.kernels import INITIALISATIONS
from cnnviz.kinds import KINDS
from cnnviz.ui import comparison, volumes
from cnnviz.ui.components import ROUTE
from cnnviz.ui.stage_view import StageMap, pack
from cnnviz.zero_insertion import zeros_between
from tests.browser.lens_view import Cells, Seen, drive
from tests.browser.test_browser_arithmetic import corners, scale_of
from tests.option_space import naive_sides
from tests.pictures import picture
from tests.test_kinds_page import DEFAULTS, module_of, source_of
from tests.test_stage_message import unpack
from tests.test_volumes_page import SETTINGS

Node = tuple[tuple[str, ...], Callable[..., Tensor]]  # the stages before it, and what is made of them

VALUES = """async ([route, message, cells]) => {
  const [{ unpack }, { value }] = await Promise.all(["stage_message", "stage_values"].map((name) => import(`${route}/${name}.js`)));
  const { stages } = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  return cells.map(([i, c, y, x]) => value(stages, i, c, y, x));
}"""  # noqa: E501
WITH_FILTER = """async ([route, message, edits]) => {
  const module = (name) => import(`${route}/${name}.js`);
  const [{ unpack }, { withFilter }, { value }] = await Promise.all(["stage_message", "stage_forward", "stage_values"].map(module));
  let { stages } = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  const before = JSON.stringify(stages.at(-1).ranges);
  const first = stages;
  for (const [c, filter, bias] of edits) stages = withFilter(stages, c, filter, bias);
  const { low, high, ranges, scale, colors, levels, small, how } = stages.at(-1);
  const changed = new Set(edits.map(([c]) => c));
  return {
    low, high, ranges, scale, colors, how,
    kept: ranges.every((_, c) => changed.has(c) || levels[c] === first.at(-1).levels[c]) && before === JSON.stringify(first.at(-1).ranges),
    levels: ranges.map((_, c) => (changed.has(c) && levels[c] ? [...levels[c]] : null)),
    small: small && ranges.map((_, c) => (changed.has(c) ? [...small.levels[c]] : null)),
    corner: edits.map(([c]) => value(stages, stages.length - 1, c, 0, 0)),
  };
}"""  # noqa: E501


# --- states of both pages ----------------------------------------------------------------------------


@dataclass(eq=False)
class Shown:
    """What a page shows, and the same as plain torch with every weight 1: then no cell that is read is lost."""

    maps: list[StageMap]
    nodes: dict[str, Node]
    shape: tuple[int, ...]
    header: Mapping[str, Any]

    def message(self, looks: Mapping[str, Any]) -> str:
        header = {
            "follow": None,
            "ignored": {},
            "address": {},
            "pin": None,
            "check": None,
            "notice": "",
            "link_note": "",
        }
        return base64.b64encode(pack(self.maps, looks, **header, **self.header)).decode()

    @property
    def visible(self) -> list[StageMap]:
        return [entry for entry in self.maps if not entry.hidden]

    @cached_property
    def made(self) -> dict[str, Tensor]:
        """Every stage, each with what leads back from it."""
        made = {"input": torch.ones(1, *self.shape, dtype=torch.float64, requires_grad=True)}
        for name, (parents, f) in self.nodes.items():
            made[name] = f(*(made[parent] for parent in parents))
        return made

    def lit(self, name: str, row: int, column: int) -> dict[str, Cells]:
        """By stage, the cells that a cell reads, by their gradients, and those that read it, by what it changes."""
        made = self.made
        at = torch.zeros_like(made[name])
        at[0, :, row, column] = 1
        grads = torch.autograd.grad((made[name] * at).sum(), list(made.values()), retain_graph=True, allow_unused=True)
        read = dict(zip(made, grads))
        changed = {name: at}
        for one, (parents, f) in self.nodes.items():
            if any(parent in changed for parent in parents) and one != name:
                with torch.no_grad():
                    changed[one] = f(*(changed.get(parent, torch.zeros_like(made[parent])) for parent in parents))
        found = {}
        for entry in self.visible:
            seen = changed.get(entry.name, read[entry.name])
            mask = (torch.zeros(1, 1) if seen is None else seen[0].abs().sum(0)).numpy() > 0
            found[entry.name] = mask.any(1).nonzero()[0].tolist(), mask.any(0).nonzero()[0].tolist()
        return found


def ones(layer: nn.Module) -> nn.Module:
    for parameter in layer.double().parameters():
        parameter.data.fill_(parameter.ndim > 1)  # a bias reads nothing
    return layer


def sides(rng: random.Random) -> tuple[int, int]:
    return rng.randint(1, 3), rng.randint(1, 3)


def compared(seed: int) -> Shown:
    """A state of the page Kinds: each kind comes first, second and third in turn."""
    names = list(KINDS)
    for attempt in range(100):
        rng = random.Random(1000 * seed + attempt)
        height, width = sides(rng)
        values = DEFAULTS | {
            "maps": rng.choice(["image", "4"]), "out_channels": rng.choice([2, 3, 4, 4]),
            "kernel": [[rng.uniform(-1, 1) for _ in range(width)] for _ in range(height)],
            "weights": rng.choice(["kernel", "random"]), "init": rng.choice(INITIALISATIONS), "seed": seed,
            "padding": rng.choice(["same", "same", "valid", (1, 0)]),
            "kind_a": names[seed % len(names)], "kind_b": names[(seed + 3) % len(names)],
            "kind_c": names[(seed + 7) % len(names)],
        }  # fmt: skip
        if seed % 2:  # then their maps are of one shape, and are subtracted
            values |= {
                "stride_a": (1, 1),
                "stride_b": (1, 1),
                "stride_c": (1, 1),
                "padding": "same",
                "maps": "4",
                "out_channels": 4,
            }
            values["kernel"] = [[rng.uniform(-1, 1) for _ in range(3)] for _ in range(3)]
        else:
            values |= {f"stride_{slot}": sides(rng) for slot in "abc"}
        values |= {f"dilation_{slot}": sides(rng) for slot in "abc"} | {
            f"groups_{slot}": rng.choice((2, 3, 4)) for slot in "abc"
        }
        chosen = picture(rng, rng.choice((1, 3)), rng.randint(4, 9), rng.randint(4, 9))
        now = comparison.run(values, chosen)
        streamlit.session_state.pop("last drawn")  # outside of any session there is one for all states and pages
        if not any(branch.error for branch in now.branches):
            break
    x = source_of(values, chosen.image)
    nodes: dict[str, Node] = {}
    if values["maps"] != "image":
        nodes["maps"] = ("input",), ones(nn.Conv2d(chosen.image.shape[1], int(values["maps"]), 3, padding=1))
    for branch in now.branches:
        before, module = now.source[-1].name, module_of(values, branch.slot, x)
        if branch.kind.name == "transposed":
            spread, (layer,) = branch.maps[0], module
            step, pads = spread.how["step"], spread.how["pads"]
            nodes[spread.name] = (before,), lambda x, step=step, pads=pads: zeros_between(x, step, pads)
            plain = ones(nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size))
            nodes[branch.maps[1].name] = (spread.name,), plain
            continue
        for index, layer in enumerate(module):
            nodes[f"{branch.slot}{index}"] = (before,), ones(layer)
            before = f"{branch.slot}{index}"
    last = {branch.slot: branch.maps[-1].name for branch in now.branches}
    for entry in now.differences:
        nodes[entry.name] = (last[entry.name[-1]], last["a"]), torch.add  # their difference might cancel
    header = {
        "places": list(now.places),
        "titles": now.places,
        "columns": now.columns,
        "usual": {},
        "alike": now.outputs,
    }
    return Shown(now.maps, nodes, tuple(chosen.image.shape[1:]), header)


def filtered(seed: int, **fixed: Any) -> Shown:
    """A state of the page Volumes."""
    rng = random.Random(seed)
    channels, height, width = rng.choice((1, 3)), rng.randint(5, 9), rng.randint(5, 9)
    values = {name: setting.parse(setting.default) for name, setting in SETTINGS.items()} | {
        "filters": rng.randint(2, 9), "kernel_size": (rng.randint(1, 4), rng.randint(1, 4)), "seed": seed,
        "stride": (rng.randint(1, 2), rng.randint(1, 3)), "padding": rng.choice(["valid", "same", (1, 2)]), "edits": {},
        "patch": "image" if seed % 4 == 3 else "window",
    }  # fmt: skip
    chosen = picture(rng, channels, height, width)
    now = volumes.run(values, chosen)
    assert not now.error and now.layer
    stride, padding = ((1, 1), "valid") if values["patch"] == "image" else (values["stride"], values["padding"])
    size = now.parameters["weight"].shape[2:]
    pads = [naive_sides((height, width)[a], size[a], stride[a], 1, padding, a) for a in (0, 1)]
    nodes: dict[str, Node] = {"padded": (("input",), nn.ZeroPad2d((*pads[1], *pads[0])))} if np.any(pads) else {}
    nodes["0"] = (
        (list(nodes)[-1] if nodes else "input",),
        ones(nn.Conv2d(channels, len(now.maps[-1].maps), tuple(size), stride)),
    )
    header = {"places": [], "titles": {}, "columns": 0, "usual": {}, "selects": {"0": ["filter", 0]}}
    return Shown(now.maps, nodes, (channels, height, width), header)


STATES = [*(("kinds", seed) for seed in range(len(KINDS))), *(("volumes", seed) for seed in range(4))]
state_of = {"kinds": compared, "volumes": filtered}


# --- the lens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES, ids=str)
def test_terms_values_and_lit_cells_follow_every_branch(bare: Page, state: tuple[str, int]) -> None:
    shown = state_of[state[0]](state[1])
    rng = random.Random(state[1])
    looks = {entry.name: rng.randrange(len(entry.maps)) for entry in shown.visible}
    steps: list[tuple[list[Any], tuple[str, int, int]]] = []
    for entry in shown.visible:
        _, height, width = entry.maps.shape
        last, end = height - 1, width - 1
        steps += [
            (["keys", entry.name, ["Control+Home"]], (entry.name, 0, 0)),
            (["keys", entry.name, ["Control+End"]], (entry.name, last, end)),
        ]
        inside = {(rng.randint(0, last), rng.randint(0, end)) for _ in range(2)}
        steps += [(["point", entry.name, *cell], (entry.name, *cell)) for cell in inside]
    first, *seen = drive(bare, shown.message(looks), [move for move, _ in steps])
    outputs = shown.header.get("alike") or ["0"]
    assert first.cell[0] == outputs[0], "until a cell is chosen it is the middle of the first output"
    for (_, cell), after in zip(steps, seen):
        assert after.cell == cell
        check_cell(shown, after, looks)


def check_cell(shown: Shown, seen: Seen, looks: Mapping[str, int]) -> None:
    name, row, column = seen.cell
    by_name = {entry.name: entry for entry in shown.maps}
    entry = by_name[name]
    assert seen.channel == looks[name]
    right = float(entry.maps[seen.channel, row, column])
    assert seen.value == pytest.approx(right, abs=1e-5 * scale_of(entry.maps)), (seen.cell, entry.how["op"])
    assert seen.lit == shown.lit(*seen.cell), seen.cell
    if entry.how["op"] == "difference":
        entry = by_name[entry.origins[0]]  # type: ignore[index]
    if entry.how["op"] != "conv":
        return
    before = before_of(shown.maps, entry)
    weight = entry.how["weight"][seen.channel].astype(float)
    share = len(entry.how["weight"]) // entry.how["groups"]
    first = seen.channel // share * len(weight)
    down, across = (np.arange(k) * d for k, d in zip(weight.shape[1:], entry.how["dilation"]))
    top, left = row * entry.how["stride"][0], column * entry.how["stride"][1]
    x = before.maps[first : first + len(weight)][:, top + down][:, :, left + across].ravel()
    assert seen.terms.shape == (weight.size, 3)
    assert np.array_equal(seen.terms[:, 1], weight.ravel())
    np.testing.assert_allclose(seen.terms[:, 0], x, rtol=0, atol=1e-5 * scale_of(before.maps))
    np.testing.assert_allclose(seen.terms[:, 2], seen.terms[:, 0] * seen.terms[:, 1], rtol=1e-15)
    total = seen.terms[:, 2].sum() + entry.how["bias"][seen.channel]
    assert total == pytest.approx(float(entry.maps[seen.channel, row, column]), abs=1e-5 * scale_of(entry.maps))


def before_of(maps: list[StageMap], entry: StageMap) -> StageMap:
    if entry.origins:
        return next(one for one in maps if one.name == entry.origins[0])
    return maps[maps.index(entry) - 1]


def test_the_states_drawn_hold_every_option() -> None:
    drawn = [compared(seed) for seed in range(len(KINDS))]
    hows = [entry.how for shown in drawn for entry in shown.maps]
    assert {how["op"] for how in hows} == {"image", "pad", "conv", "difference"}
    assert sum(how["op"] == "difference" for how in hows) >= 5
    sums = [how for how in hows if how["op"] == "conv"]
    assert {1, 2, 4} <= {how["groups"] for how in sums} and {(1, 1), (2, 2)} < {tuple(how["dilation"]) for how in sums}
    assert len({tuple(how["stride"]) for how in sums}) > 2
    assert {how["step"] for how in hows if how.get("step")} - {(1, 1)}
    assert {len(shown.maps[0].maps) for shown in drawn} == {1, 3}


@pytest.mark.parametrize("page", ["kinds", "volumes"])
def test_the_value_of_any_cell_of_any_stage_is_the_servers(bare: Page, page: str) -> None:
    for seed in range(len(KINDS) if page == "kinds" else 4):
        shown = state_of[page](seed)
        cells = corners(shown.maps)
        for (i, c, y, x), got in zip(cells, bare.evaluate(VALUES, [ROUTE, shown.message({}), cells])):
            entry = shown.maps[i]
            assert got == pytest.approx(float(entry.maps[c, y, x]), abs=1e-5 * scale_of(entry.maps)), (
                entry.name,
                c,
                y,
                x,
            )


# --- many maps at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 5, 12])
def test_what_is_pointed_at_among_many_maps_is_what_is_seen_there(bare: Page, count: int) -> None:
    """Each cell has a colour of its own, nearly: that under the pointer is the one that the lens explains."""
    rng = random.Random(count)
    height, width = 4, 5
    levels = np.random.default_rng(count).permutation(count * height * width) / (count * height * width)
    maps = levels.astype(np.float32).reshape(count, height, width)
    entry = StageMap("a0", "Maps", maps, {"op": "numbers", "values": maps})
    header = {"places": [], "titles": {}, "columns": 0, "usual": {}, "alike": []}
    shown = Shown([entry], {}, maps.shape, header)
    places = [(rng.random(), rng.random()) for _ in range(60)]
    for look in ("all", "stack"):
        seen = drive(bare, shown.message({"a0": look}), [["at", "a0", *place] for place in places])
        hit = check_pointed(seen, maps)
        assert len({after.channel for after in hit}) >= min(count, 4) and len(hit) > 15, look


def check_pointed(seen: list[Seen], maps: np.ndarray) -> list[Seen]:
    """The moves that met a map, away from its cells' edges; what they met has the colour that is seen."""
    palette = figures.palette("sequential").astype(int)
    hit = []
    for before, after in pairwise(seen):
        pixels = np.array(after.said["pixels"]).reshape(9, 4)
        if not pixels.any():
            assert (after.cell, after.channel) == (before.cell, before.channel), "between the maps there is none"
        elif (pixels == pixels[0]).all() and pixels[0, 3] == 255:
            value = float(maps[(after.channel, *after.cell[1:])])
            right = palette[max(0, round(255 * value / float(maps.max())) - 2) :][:5]
            assert np.abs(right - pixels[0, :3]).sum(1).min() <= 3, (after.cell, after.channel)
            hit.append(after)
    return hit


# --- a filter that is edited -------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "count"), [((9, 11), 3), ((17, 8), 9), ((80, 160), 64)])
def test_an_edited_filter_is_foretold_as_the_server_will_say_it(bare: Page, size: tuple[int, int], count: int) -> None:
    rng = random.Random(count)
    values = {name: setting.parse(setting.default) for name, setting in SETTINGS.items()}
    values |= {"filters": count, "kernel_size": (2, 3), "padding": "same", "stride": (1, 2), "edits": {}, "bias": 0.25}
    chosen = picture(rng, 3, *size)
    before = volumes.run(values, chosen)
    draw = lambda scale: np.round(np.random.default_rng(rng.randrange(99)).normal(size=(3, 2, 3)) * scale, 3)  # noqa: E731
    filters = {0: draw(1), count - 1: draw(100), 1: np.zeros((3, 2, 3))}
    rows = lambda plane: ";".join(",".join(map(str, row)) for row in plane)  # noqa: E731
    edits = {c: "/".join(rows(plane) for plane in planes.tolist()) for c, planes in filters.items()}
    after = volumes.run(values | {"edits": edits}, chosen).maps[-1]
    text = base64.b64encode(pack(before.maps, {"0": 0})).decode()
    listed = [[c, planes.astype(np.float32).astype(float).tolist(), 0.25] for c, planes in filters.items()]
    got = bare.evaluate(WITH_FILTER, [ROUTE, text, listed])
    assert got["kept"], "the other maps are those that were there"
    scale = scale_of(after.maps)
    assert np.array_equal(np.float32(got["how"]["weight"])[count - 1], np.float32(filters[count - 1]))
    assert got["how"]["bias"] == pytest.approx(after.how["bias"])
    assert (got["low"], got["high"]) == pytest.approx((after.maps.min(), after.maps.max()), abs=1e-5 * scale)
    assert got["scale"] == after.colors.scale
    assert got["colors"] == pytest.approx((after.colors.low, after.colors.high), abs=1e-5 * scale)
    ranges = [(float(plane.min()), float(plane.max())) for plane in after.maps]
    np.testing.assert_allclose(got["ranges"], ranges, atol=1e-5 * scale)
    small = unpack(pack([*before.maps[:-1], after], {"0": 0}))[0]["stages"][-1]["small"]
    assert bool(got["small"]) == bool(small) == (count > 9)
    for c, corner in zip(filters, got["corner"]):
        assert corner == pytest.approx(float(after.maps[c, 0, 0]), abs=1e-5 * scale)
        low, high = ranges[c]
        step = (high - low) / 255
        if got["levels"][c] is not None:
            seen = low + np.array(got["levels"][c]).reshape(after.maps.shape[1:]) * step
            np.testing.assert_allclose(seen, after.maps[c], rtol=0, atol=0.51 * step + 1e-5 * scale)
        if small:
            mean = block_means(after.maps[c], small["step"])
            seen = low + np.array(got["small"][c]).reshape(mean.shape) * step
            np.testing.assert_allclose(seen, mean, rtol=0, atol=0.51 * step + 1e-5 * scale)


def block_means(plane: np.ndarray, step: int) -> np.ndarray:
    """The mean of each block, cell by cell of the small map."""
    rows, columns = (range(0, size, step) for size in plane.shape)
    return np.array([[plane[y : y + step, x : x + step].mean(dtype=float) for x in columns] for y in rows])
