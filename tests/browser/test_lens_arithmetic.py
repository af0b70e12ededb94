"""The lens says what NumPy says: every term, every value, every lit cell, every number in its words."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit
from playwright.sync_api import Page

from cnnviz import receptive_fields
from cnnviz.functional import POOLS
from cnnviz.layers import Activation, Conv2d, Pool2d
from cnnviz.network import Stage
from cnnviz.padding import PADDING_MODES
from cnnviz.ui.components import ROUTE
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.stage_view import StageMap
from cnnviz.ui.stages import TITLES, stage_maps
from tests.browser.lens_view import NUMBER, Net, Seen, Truth, drive, is_rounded, message, net_of, numbers
from tests.browser.test_browser_arithmetic import KNOBS, drawn, picture, run
from tests.test_stages import activated, described

ACTIVATED, POOLED = KNOBS["activation"].options, ("none", *POOLS)
OVER = {"all", "channels"}
PARTS = ("patch", "kernel", "product")
SAME = {
    "padding": "same", "padding_mode": "zeros", "stride": "1", "dilation": "1", "pool": "max", "pool_padding": "same",
}  # fmt: skip
NOTHING = {"kernel": "1", "bias": "-5", "activation": "relu"}  # comes through
COMBINATIONS = 5 * len(ACTIVATED)
# The lens adds up in double precision; only what a softmax over all divides by comes from the server as a float32.
EXACT, SINGLE = 1e-9, 1e-5


@cache
def combination(seed: int) -> tuple[Experiment, Truth]:
    """Drawn settings that work. Each activation meets each mode and each pool."""
    turn, at = divmod(seed, len(ACTIVATED))
    fixed = {"activation": ACTIVATED[at], "padding_mode": PADDING_MODES[(2 * turn + at // 3) % len(PADDING_MODES)]}
    fixed["pool"] = POOLED[(turn + at) % len(POOLED)]
    if seed % 4 == 0:
        fixed["padding"] = "same"
    if seed % 7 == 0:
        fixed["bias"] = "0"
    for attempt in range(100):
        rng = random.Random(1000 * seed + attempt)
        now = run(picture(rng, rng.choice((1, 3)), rng.randint(3, 17), rng.randint(3, 17)), drawn(rng, **fixed))
        if not now.stale and not now.pool_error:
            return now, Truth(net_of(now))
    raise AssertionError("nothing works")


def tour(rng: random.Random, name: str, height: int, width: int) -> list[tuple[list[Any], tuple[int, int]]]:
    """Moves to the corners of a stage, along each edge, and inside; and where each leads."""
    last, end = height - 1, width - 1
    down, right = rng.randint(1, 3), rng.randint(1, 3)
    up, left = max(0, last - down), max(0, end - right)
    down, right = min(last, down), min(end, right)
    keys = [
        (["Control+Home"], (0, 0)),
        (["End"], (0, end)),
        (["Control+End"], (last, end)),
        (["Home"], (last, 0)),
        (["ArrowUp"] * (last - up), (up, 0)),
        (["End"], (up, end)),
        (["Control+End", *["ArrowLeft"] * (end - left)], (last, left)),
        (["Control+Home", *["ArrowRight"] * right], (0, right)),
        (["ArrowDown"] * down, (down, right)),
    ]
    inside = [(rng.randint(0, last), rng.randint(0, end)) for _ in range(3)]
    return [(["keys", name, names], cell) for names, cell in keys] + [(["point", name, *cell], cell) for cell in inside]


def check_number(got: float, right: float, size: float, precision: float = EXACT) -> None:
    assert abs(got - right) <= precision * abs(right) + EXACT * size, (got, right)


def precision_of(truth: Truth, name: str) -> float:
    activation = truth.net.activation
    return SINGLE if activation and activation[0] == "softmax" and name in ("activation", "pool") else EXACT


def check_terms(seen: Seen, truth: Truth, c: int, cells: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The terms in the DOM are those of one of these cells of the convolution: in number, order, and every digit."""
    for cell in cells:
        x, w = truth.terms(c, *cell)
        if seen.terms.shape == (len(x), 3) and (seen.terms[:, 0] == x).all() and (seen.terms[:, 1] == w).all():
            np.testing.assert_allclose(seen.terms[:, 2], x * w, rtol=1e-15)
            check_number(
                math.fsum(seen.terms[:, 2]) + truth.net.bias[c],
                truth.maps[truth.conv][(c, *cell)],
                truth.size(c, *cell),
            )
            return cell
    raise AssertionError((seen.cell, cells, seen.terms, truth.terms(c, *cells[0])))


def check_cell(seen: Seen, truth: Truth, name: str, row: int, column: int, c: int = 0) -> None:
    """All that the DOM says of a chosen cell; c: the channel shown."""
    assert seen.cell == (name, row, column)
    assert seen.channel == c
    right = truth.maps[truth.at(name)][c, row, column]
    filter_ = c if name not in ("input", "padded") else 0
    conv = check_terms(seen, truth, filter_, truth.explained(name, filter_, row, column))
    size = truth.largest if name in ("activation", "pool") else truth.size(filter_, *conv) if name == "conv" else 0
    check_number(seen.value, right, size, precision_of(truth, name))
    assert seen.lit == truth.lit(name, row, column), (name, row, column)
    if name not in ("input", "padded"):
        assert seen.said["isPoolOff"] == (not truth.net.pool or not seen.lit["pool"][0])


@pytest.mark.parametrize("seed", range(COMBINATIONS))
def test_terms_value_and_lit_cells_are_numpys(bare: Page, seed: int) -> None:
    now, truth = combination(seed)
    assert [stage.name for stage in now.stages] == truth.names
    for stage, maps in zip(now.stages, truth.maps):  # or this file is wrong
        np.testing.assert_allclose(maps, stage.output[0].numpy(), rtol=1e-5, atol=1e-5 * max(1, truth.largest))
    rng = random.Random(seed)
    steps = [step for name, maps in zip(truth.names, truth.maps) for step in tour(rng, name, *maps.shape[1:])]
    first, *seen = drive(bare, message(now.maps, now.follow), [move for move, _ in steps])
    _, height, width = truth.maps[truth.conv].shape
    check_cell(first, truth, "conv", height // 2, width // 2)
    for (move, cell), after in zip(steps, seen):
        check_cell(after, truth, move[1], *cell)
        check_receptive_field(now, after)


def check_receptive_field(now: Experiment, seen: Seen) -> None:
    """What is lit on the input, and from it, is what `receptive_fields` says."""
    name, row, column = seen.cell
    layers = {layer.stage: now.layers[: i + 1] for i, layer in enumerate(now.layers)}
    found = lambda way, name: tuple(map(list, way(layers[name], now.shape, row, column)))  # noqa: E731
    if name in layers:
        assert seen.lit["input"] == found(receptive_fields.reads, name)
    if name == "input":
        for later in layers:
            assert seen.lit[later] == found(receptive_fields.reaches, later)


def test_the_combinations_drawn_hold_every_option() -> None:
    nets = [combination(seed)[1].net for seed in range(COMBINATIONS)]
    assert {net.activation[0] if net.activation else "none" for net in nets} == set(ACTIVATED)
    assert {net.pool[0] if net.pool else "none" for net in nets} == set(POOLED)
    assert {net.mode for net in nets if net.padding != "valid"} == set(PADDING_MODES)
    assert {net.activation[1]["over"] for net in nets if net.activation and net.activation[0] == "softmax"} == OVER
    assert {len(net.image) for net in nets} == {1, 3}
    for axis in (0, 1):
        assert {net.weight.shape[2 + axis] for net in nets} == set(range(1, 6))
        assert len({net.image.shape[1 + axis] for net in nets}) > 10
    assert sum(height != width for height, width in (net.weight.shape[2:] for net in nets)) > COMBINATIONS / 2
    for option in ("stride", "dilation"):
        assert {1, 2, 3} <= {size for net in nets for size in getattr(net, option)}, option
    assert {"valid", "same"} < {net.padding for net in nets}


def test_what_is_lit_is_painted(bare: Page) -> None:
    gapped = 0
    for seed in range(0, COMBINATIONS, 5):
        now, truth = combination(seed)
        pairs = [(name, end) for name in truth.names[truth.conv :] for end in ("Home", "End")]
        moves = [move for name, end in pairs for move in (["keys", name, [f"Control+{end}"]], ["paint"])]
        for seen in drive(bare, message(now.maps, now.follow), moves)[2::2]:
            gapped += sum(check_paint(seen, truth, name) for name in truth.names)
    assert gapped > 20


def check_paint(seen: Seen, truth: Truth, name: str) -> bool:
    """Around a stage's lit cells lies a frame. Where they have gaps, they are filled, the gaps not: return whether."""
    left, top, right, bottom, wide, tall, opaque = seen.said["painted"][name]
    rows, columns = seen.lit[name]
    if not rows:
        return False
    for (first, last), lit, cell in (((left, right), columns, wide), ((top, bottom), rows, tall)):
        least = 7 if len(rows) * len(columns) == 1 else 9  # px that a frame has at the least
        more = max(0, least - (lit[-1] + 1 - lit[0]) * cell) / 2
        assert first == pytest.approx(lit[0] * cell - more, abs=3.5), (seen.cell, name)
        assert last == pytest.approx((lit[-1] + 1) * cell + more, abs=3.5), (seen.cell, name)
    if all(lit[-1] - lit[0] < len(lit) for lit in (rows, columns)) or min(wide, tall) < 6:
        return False
    height, width = truth.maps[truth.at(name)].shape[1:]
    assert opaque == [[y in rows and x in columns for x in range(width)] for y in range(height)]
    return True


@pytest.mark.parametrize("seed", range(0, COMBINATIONS, 2))
def test_a_weight_lights_what_it_is_multiplied_by_and_what_it_reaches(bare: Page, seed: int) -> None:
    now, truth = combination(seed)
    rng = random.Random(seed)
    depth, height, width = truth.net.weight.shape[1:]
    weights = {(0, 0), (height - 1, width - 1), (rng.randrange(height), rng.randrange(width))}
    names = rng.choices(truth.names, k=len(weights))
    moves: list[list[Any]] = []
    for (r, s), name in zip(weights, names):
        k, n = rng.randrange(depth), r * width + s
        moves += [["keys", name, ["Control+End"]], ["weight", r, s], ["noWeight"]]
        moves += [["term", "kernel", k, n], ["noTerm", "kernel", k], ["term", "patch", k, n]]
    _, *seen = drive(bare, message(now.maps, now.follow), moves)
    for i, ((r, s), name) in enumerate(zip(weights, names)):
        before, pointed, left, over, out, patch = seen[6 * i : 6 * i + 6]
        own = truth.lit(name, *(size - 1 for size in truth.maps[truth.at(name)].shape[1:]))
        assert before.lit == own
        assert pointed.lit == over.lit == truth.touched(r, s), (r, s)
        assert left.lit == out.lit == patch.lit == own
        for after in (pointed, left, over, out):  # the cell explained stays
            assert after.cell == before.cell and after.value == before.value
            assert (after.terms == before.terms).all()


def test_a_weight_that_is_gone_lights_nothing(bare: Page) -> None:
    """The pointer rests on the kernel's last weight while the kernel shrinks, by undo or by Back."""
    rng = random.Random(8)
    large = run(picture(rng, 1, 9, 9), drawn(rng, **SAME, kernel="1,2,3;4,5,6;7,8,9"))
    small = run(large.chosen, drawn(rng, **SAME, kernel="2"))
    moves = [["keys", "conv", ["Control+End"]], ["weight", 2, 2], ["hear", message(small.maps, small.follow)]]
    seen = drive(bare, message(large.maps, large.follow), moves)[-1]
    assert seen.lit == Truth(net_of(small)).lit("conv", 8, 8)


def test_a_weight_whose_grid_is_gone_lights_nothing(bare: Page) -> None:
    """The pointer rests on the third channel's kernel while the picture turns grey: no event says that it has left."""
    rng = random.Random(8)
    color = run(picture(rng, 3, 9, 9), drawn(rng, **SAME, kernel="1,2,3;4,5,6;7,8,9"))
    gray = run(picture(rng, 1, 9, 9), drawn(rng, **SAME, kernel="1,2,3;4,5,6;7,8,9"))
    moves = [["keys", "conv", ["Control+End"]], ["term", "kernel", 2, 8], ["hear", message(gray.maps, gray.follow)]]
    _, _, pointed, left = drive(bare, message(color.maps, color.follow), moves)
    assert pointed.lit == Truth(net_of(color)).touched(2, 2)
    assert left.lit == Truth(net_of(gray)).lit("conv", 8, 8)


@pytest.mark.parametrize("off", [(), ("pad",), ("activation",), ("pool",), ("pad", "activation", "pool")])
@pytest.mark.parametrize("size", [(3, 3), (8, 7), (12, 15)])
def test_the_centre_is_explained_until_a_cell_is_chosen(
    bare: Page, off: tuple[str, ...], size: tuple[int, int]
) -> None:
    rng = random.Random(str((off, size)))
    fixed = {"activation": "none"} if "activation" in off else {"activation": "tanh"}
    fixed |= {"pool": "none"} if "pool" in off else {"pool": "max", "pool_padding": "same"}
    fixed |= {"padding": "valid"} if "pad" in off else {"padding": "2", "padding_mode": "replicate"}
    now = run(picture(rng, 3, *size), drawn(rng, kernel="1,-2;3,-4;5,-6", dilation="1", stride="1,2", **fixed))
    truth = Truth(net_of(now))
    all_names = ["input", "padded", "conv", "activation", "pool"]
    assert truth.names == [name for name in all_names if name not in off and not (name == "padded" and "pad" in off)]
    (seen,) = drive(bare, message(now.maps, now.follow), [])
    _, height, width = truth.maps[truth.conv].shape
    check_cell(seen, truth, "conv", height // 2, width // 2)
    assert seen.said["isPoolOff"] == (not seen.lit["pool"][0] if "pool" in truth.names else True)


def test_where_there_is_no_convolution_the_pixel_alone_is_read(bare: Page) -> None:
    image = picture(random.Random(5), 1, 5, 4).image
    maps = stage_maps([Stage("input", None, image)], [])
    for seen, cell in zip(drive(bare, message(maps), [["keys", "input", ["End"]]]), ((2, 2), (2, 3))):
        assert seen.cell == ("input", *cell)
        assert seen.value == float(image[(0, 0, *cell)])
        assert len(seen.terms) == 0
        assert seen.lit == {"input": ([cell[0]], [cell[1]])}


def test_a_new_message_and_a_tweak_keep_the_cell_as_far_as_it_exists(bare: Page) -> None:
    rng = random.Random(6)
    chosen, smaller = picture(rng, 3, 12, 11), picture(rng, 1, 6, 14)
    wide = run(chosen, drawn(rng, **SAME, kernel="1,2,3;4,5,6;7,8,9"))
    narrow = run(smaller, drawn(rng, **SAME, kernel="1,2;3,4", activation="relu"))
    moves = [["keys", "conv", ["Control+End"]], ["hear", message(narrow.maps, narrow.follow)]]
    rows = [[0.5, -0.25, 3.0], [1.0, 0.1, 2.0]]
    _, _, heard, foretold = drive(bare, message(wide.maps, wide.follow), [*moves, ["tweak", rows]])
    truth = Truth(net_of(narrow))
    check_cell(heard, truth, "conv", 5, 10)
    again = replace(truth.net, weight=np.array([[rows]], np.float32).astype(float))
    check_cell(foretold, Truth(again), "conv", 5, 10)


def test_the_channel_of_a_picture_that_is_shown_is_read(bare: Page) -> None:
    now, truth = next(
        combination(seed)
        for seed in range(COMBINATIONS)
        if combination(seed)[1].conv == 2 and len(combination(seed)[1].net.image) == 3
    )
    labels = ["red", "green", "blue", "RGB"]
    moves = [["keys", "input", ["Control+End"]], *(["channel", "input", label] for label in labels)]
    _, *seen = drive(bare, message(now.maps, now.follow), moves)
    _, height, width = now.shape
    for after, c in zip(seen, (0, 0, 1, 2, 0)):
        check_cell(after, truth, "input", height - 1, width - 1, c)


# --- several filters and groups, which no setting of the Lab makes ------------------------------------

DIRECT = """async ([route, message]) => {
  const [{ unpack }, { convTerms, poolTerms }] = await Promise.all(
    ["stage_message", "lens_terms"].map((name) => import(`${route}/${name}.js`)));
  const { stages } = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  const all = (terms, i) => Array.from({ length: stages[i].shape[0] }, (_, c) =>
    Array.from({ length: stages[i].shape[1] }, (_, y) => Array.from({ length: stages[i].shape[2] }, (_, x) => terms(stages, i, c, y, x))));
  const at = (op) => stages.findIndex(({ how }) => how.op === op);
  const flat = (channels, name) => channels.flatMap((channel) => [...channel[name]]);
  const conv = (...of) => {
    const { channels, sum, bias, value, isPadding } = convTerms(...of);
    const whose = channels.map(({ channel }) => channel);
    const [x, w, product] = ["x", "w", "product"].map((name) => flat(channels, name));
    return { x, w, product, whose, sums: channels.map((channel) => channel.sum), sum, bias, value, isPadding };
  };
  const pool = (...of) => {
    const { x, winners, count, value, followed, rows, columns } = poolTerms(...of);
    return { x: [...x], winners, count, value, followed: [followed.row, followed.column], rows, columns };
  };
  return JSON.stringify([all(conv, at("conv")), at("pool") < 0 ? [] : all(pool, at("pool"))]);
}"""  # noqa: E501
FILTERS: list[tuple[int, Conv2d, Activation | None, str]] = [
    (3, Conv2d(2, (3, 2), 1, "same", "reflect"), Activation("softmax", {"over": "channels"}), "max"),
    (3, Conv2d(6, (2, 3), 1, (2, 1), "constant", 0.7, 1, 3), Activation("softmax", {"over": "all"}), "l2"),
    (6, Conv2d(6, (3, 3), (2, 1), "same", "circular", 0, (1, 2), 3), Activation("relu"), "min"),
    (4, Conv2d(4, (1, 3), 1, 1, "replicate", 0, 1, 2), None, "avg"),
]


def net_of_layers(maps: Sequence[StageMap], conv: Conv2d, activation: Activation | None, pool: Pool2d) -> Net:
    how = next(entry.how for entry in maps if entry.name == "conv")
    window = {name: getattr(pool, name) for name in ("kernel_size", "stride", "padding", "dilation")}
    weight, bias = np.array(how["weight"]), np.array(how["bias"])
    constant, by_name = float(np.float32(conv.padding_value)), (pool.kind, window)
    return Net(
        maps[0].maps.astype(float), weight, bias, conv.stride, conv.padding, conv.dilation, conv.padding_mode, constant,
        conv.groups, (activation.name, dict(activation.parameters)) if activation else None, by_name,
    )  # fmt: skip


def filters(depth: int, conv: Conv2d, activation: Activation | None, kind: str) -> tuple[list[StageMap], Truth]:
    pool = Pool2d(kind, (3, 2), (2, 1), "same", (1, 2))
    maps = described([conv, *([activation] if activation else []), pool], (depth, 9, 8), seed=depth)
    return maps, Truth(net_of_layers(maps, conv, activation, pool))


@pytest.mark.parametrize("layers", FILTERS)
def test_the_terms_of_several_filters_and_groups(bare: Page, layers: tuple[Any, ...]) -> None:
    maps, truth = filters(*layers)
    convs, pools = json.loads(bare.evaluate(DIRECT, [ROUTE, message(maps)]))
    for c, row, column in np.ndindex(truth.maps[truth.conv].shape):
        told, (x, w) = convs[c][row][column], truth.terms(c, row, column)
        width = truth.net.weight.shape[1]
        group = c // (len(truth.net.weight) // truth.net.groups)
        assert told["whose"] == list(range(group * width, (group + 1) * width))
        assert (told["x"], told["w"]) == (x.tolist(), w.tolist())
        np.testing.assert_allclose(told["product"], x * w, rtol=1e-15)
        size = truth.size(c, row, column)
        for got, part in zip(told["sums"], np.split(x * w, width)):
            check_number(got, math.fsum(part), size)
        check_number(told["sum"], math.fsum(x * w), size)
        assert told["bias"] == truth.net.bias[c]
        check_number(told["value"], truth.maps[truth.conv][c, row, column], size)
        is_padding = truth.is_padding[np.ix_(truth.places[0][row], truth.places[1][column])]
        assert told["isPadding"] == is_padding.ravel().tolist()
    precision = precision_of(truth, "pool")
    for c, row, column in np.ndindex(truth.maps[-1].shape):
        told, under, inside = pools[c][row][column], truth.maps[-2][c], truth.window(row, column)
        cells = dict(zip(product(told["rows"], told["columns"]), told["x"]))
        assert [cell for cell, value in cells.items() if value is not None] == inside
        assert told["count"] == len(inside)
        for cell in inside:
            check_number(cells[cell], under[cell], truth.largest, precision)
        check_number(told["value"], truth.maps[-1][c, row, column], truth.largest, precision)
        assert tuple(told["followed"]) in truth.followed(c, row, column)
        is_rank = truth.net.pool and truth.net.pool[0] in ("max", "min")
        assert [list(cells)[n] for n in told["winners"]] == (truth.winners(c, row, column) if is_rank else [])


@pytest.mark.parametrize("layers", FILTERS)
def test_the_channel_chosen_is_explained(bare: Page, layers: tuple[Any, ...]) -> None:
    maps, truth = filters(*layers)
    moves, cells = [], []
    for name, (channels, height, width) in zip(truth.names, (stage.shape for stage in truth.maps)):
        is_picture = channels == 3 and name in ("input", "padded")
        for c in (1, channels - 1):
            label = ["red", "green", "blue"][c] if is_picture else f"{c}"
            moves += [["channel", name, label], ["point", name, height - 1, width // 2], ["keys", name, ["Home"]]]
            cells += [None, (name, height - 1, width // 2, c), (name, height - 1, 0, c)]
    for seen, cell in zip(drive(bare, message(maps), moves)[1:], cells):
        if cell:
            check_cell(seen, truth, *cell)


# --- what is written ----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_kernel_folds_and_says_each_term_when_asked(bare: Page, channels: int) -> None:
    rng = random.Random(channels)
    kernel = ";".join(",".join(f"{rng.uniform(-2, 2):.6g}" for _ in range(15)) for _ in range(15))
    mode = {1: "constant", 3: "reflect"}[channels]
    fixed = {"kernel": kernel, "padding": "same", "padding_mode": mode, "dilation": "1", "stride": "1", "pool": "none"}
    now = run(picture(rng, channels, 17, 19), drawn(rng, **fixed))
    truth = Truth(net_of(now))
    asked = [(rng.choice(PARTS), rng.randrange(channels), rng.randrange(225)) for _ in range(30)] + [
        ("product", channels - 1, 224)
    ]
    moves = [
        ["keys", "conv", ["Control+Home"]],
        ["grids"],
        *(["term", *term] for term in asked),
        ["noTerm", "product", 0],
    ]
    _, corner, grids, *seen, out = drive(bare, message(now.maps, now.follow), moves)
    check_cell(corner, truth, "conv", 0, 0)
    assert len(corner.terms) == 225 * channels
    for part in PARTS:
        assert len(grids.said[part]) == channels
        for grid in grids.said[part]:
            assert grid["isFolded"] and set(grid["texts"]) == {""} and len(grid["texts"]) == 225
            assert (grid["rows"], grid["columns"]) == (15, 15)
    plain = corner.said["note"]
    for after, (_, k, n) in zip(seen, asked):
        place, _, arithmetic = after.said["note"].partition("; the weight")[0].rpartition(": ")
        for told, right in zip(numbers(arithmetic), corner.terms[225 * k + n], strict=True):
            assert math.isclose(told, right, rel_tol=1e-6)
        row, column = n // 15 - 7, n % 15 - 7
        assert numbers(place)[:2] == [row, column]
        pixel = truth.source[row + 7, column + 7]
        if row >= 0 and column >= 0:
            assert len(numbers(place)) == 2 and "padding" not in place
        elif pixel < 0:
            assert len(numbers(place)) == 2 and "padding" in place
        else:
            assert numbers(place)[2:] == [pixel // 19, pixel % 19] and "padding" in place
        if channels == 3:
            assert place.startswith(["red", "green", "blue"][k])
    assert out.said["note"] == plain
    assert 225 - 64 in numbers(plain) and "padding" in plain


@pytest.mark.parametrize("seed", range(24))
def test_numbers_in_the_grids_are_rounded_never_cut(bare: Page, seed: int) -> None:
    rng = random.Random(seed)
    height, width = rng.randint(1, 5), rng.randint(1, 8)
    number = lambda: f"{rng.uniform(-1, 1) * 10 ** rng.uniform(-6, 6):.9g}"  # noqa: E731
    kernel = ";".join(",".join(number() for _ in range(width)) for _ in range(height))
    fixed = {"kernel": kernel, "padding": "2", "padding_mode": "constant", "activation": rng.choice(("none", "silu"))}
    fixed |= {"pool": POOLS[seed % 4], "pool_padding": "same", "stride": "1", "pool_size": "2,3"}
    fixed |= {"dilation": "1", "pool_stride": "1,2"}
    now = run(picture(rng, rng.choice((1, 3)), 9, 12), drawn(rng, **fixed))
    truth = Truth(net_of(now))
    rows, columns = truth.maps[-1].shape[1:]
    cells = [(0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)]
    moves = [move for cell in cells for move in (["point", "pool", *cell], ["grids"])]
    texts = 0
    for cell, seen in zip(cells, drive(bare, message(now.maps, now.follow), moves)[2::2]):
        for i, part in enumerate(PARTS):
            said = [grid["texts"] for grid in seen.said[part]]
            values = seen.terms[:, {"patch": 0, "kernel": 1, "product": 2}[part]]
            assert [len(grid) for grid in said] == [height * width] * len(now.chosen.image[0])
            assert all((grid["rows"], grid["columns"]) == (height, width) for grid in seen.said[part]), i
            texts += check_texts(seen.said[part], values)
        window = seen.said["window"]
        (top, left), under = (places[at] for places, at in zip(truth.pool_places, cell)), truth.maps[-2][0]
        places = [(y, x) for y in top for x in left]
        inside = truth.window(*cell)
        assert ["pad" in name for name in window["classes"]] == [place not in inside for place in places]
        winners = truth.winners(0, *cell) if now.values["pool"] in ("max", "min") else []
        assert [place for place, name in zip(places, window["classes"]) if "winner" in name] == winners
        here = [place for place, name in zip(places, window["classes"]) if "here" in name]
        assert here == [check_terms(seen, truth, 0, truth.followed(0, *cell))]
        assert all(text == "" for text, place in zip(window["texts"], places) if place not in inside)
        kept = [text for text, place in zip(window["texts"], places) if place in inside]
        texts += check_texts([window | {"texts": kept}], np.array([under[place] for place in inside]))
    assert texts > 0


def check_texts(grids: list[dict[str, Any]], values: np.ndarray) -> int:
    """Each number of unfolded grids is the value rounded, and lies inside its cell. How many there are."""
    said = [text for grid in grids for text in grid["texts"]]
    assert len(said) == len(values)
    assert not any(grid["cut"] for grid in grids)
    if grids[0]["isFolded"]:
        assert set(said) == {""}
        return 0
    for text, value in zip(said, values):
        assert text == "…" or is_rounded(text, value, 1, 4), (text, value)
    return sum(text != "…" for text in said)


def explained(seen: Seen, truth: Truth) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """The cell of the convolution that is explained, and the one of the pool that takes it, if any does."""
    name, *cell = seen.cell
    conv = check_terms(seen, truth, 0, truth.explained(name, 0, *cell))
    if name == "pool":
        return conv, (cell[0], cell[1])
    return conv, None if seen.said["isPoolOff"] else truth.taker(*conv)


@pytest.mark.parametrize("seed", range(0, COMBINATIONS, 2))
def test_every_number_that_is_said_or_taken_away_is_numpys(bare: Page, server: str, seed: int) -> None:
    now, truth = combination(seed)
    names = ["conv", *truth.names[truth.conv :], truth.names[-1], *truth.names[: truth.conv]]
    keys = [["Control+Home"], *[["Control+End"]] * (len(names) - 1 - truth.conv)]
    keys += [["Home", "ArrowUp"], *[["Control+End", "ArrowLeft"]] * truth.conv]
    moves = [move for name, pressed in zip(names, keys) for move in (["keys", name, pressed], ["grids"], ["take"])]
    seen = drive(bare, message(now.maps, now.follow), moves)[1:]
    for chosen, grids, after in zip(seen[::3], seen[1::3], seen[2::3]):
        conv, pool = explained(after, truth)
        check_said(chosen, truth, conv, pool)
        check_note(grids, truth, conv)
        check_taken(after, truth, conv, pool)
    refused = bare.evaluate(KATEX, [f"{server}/static/js/{KATEX_JS}", [after.said["taken"][0] for after in seen[2::3]]])
    assert refused == [None] * len(names)


# Streamlit brings a parser of LaTeX. What it says of each formula; null: nothing is wrong.
KATEX_JS = next((Path(streamlit.__file__).parent / "static/static/js").glob("katex.*.js")).name
KATEX = """async ([url, formulas]) => {
  const { default: katex } = await import(url);
  const refusal = (formula) => {
    try {
      katex.renderToString(formula, { throwOnError: true, displayMode: true, strict: "ignore" });
      return null;
    } catch (error) {
      return String(error);
    }
  };
  return formulas.map(refusal);
}"""


PLACED = re.compile(r"\b([yap])_\{(\d+),(\d+)\}")


def check_taken(seen: Seen, truth: Truth, conv: tuple[int, int], pool: tuple[int, int] | None) -> None:
    """The arithmetic as LaTeX and as text: every number, with nine digits, and the structure around them."""
    name, row, column = seen.cell
    (comment, formula), (title, text) = (taken.split("\n", 1) for taken in seen.said["taken"])
    assert title == f"{TITLES[name]}, row {row}, column {column}"
    assert comment == f"% {title}"
    places = {"y": conv, **({"a": conv} if truth.net.activation else {}), **({"p": pool} if pool else {})}
    assert {letter: (int(y), int(x)) for letter, y, x in PLACED.findall(formula)} == places
    formula = PLACED.sub("", formula)
    if name != "conv":
        assert f"the sum at row {conv[0]}, column {conv[1]}\n" in text
    text = re.sub(r"^the sum at row \d+, column \d+$", "", text, flags=re.M)
    if pool:
        text = text.replace(f"the pool's cell at row {pool[0]}, column {pool[1]}: ", "")
    depth, height, width = truth.net.weight.shape[1:]
    x, w = (part.reshape(depth, height, width) for part in truth.terms(0, *conv))
    value = truth.maps[truth.conv][(0, *conv)]
    sums = [*(x * w).sum((1, 2)), truth.net.bias[0], value]
    behind = [value, truth.maps[truth.conv + 1][(0, *conv)]] if truth.net.activation else []
    kind, cells = truth.net.pool[0] if truth.net.pool else "", []
    if pool:
        cells = [*(truth.maps[-2][0][cell] for cell in truth.window(*pool)), truth.maps[-1][(0, *pool)]]
        assert text.count("outside") == len(truth.pool_places[0][0]) * len(truth.pool_places[1][0]) - len(cells) + 1

    def check(told: list[float], right: list[float]) -> None:
        precision = max(1e-8, precision_of(truth, "pool"))
        np.testing.assert_allclose(told, right, rtol=precision, atol=EXACT * truth.largest)

    beside = np.concatenate([x, w, x * w], 2)  # as text, the three stand side by side
    by_channel = [number for k in range(depth) for number in (*beside[k].ravel(), (x * w)[k].sum())]
    check(numbers(re.sub(r"^(l2 of|relu6)", "", text, flags=re.M)), [*by_channel, *sums, *behind, *cells])
    by_channel = [number for k in range(depth) for part in (x, w, x * w) for number in part[k].ravel()]
    by_channel = [
        number
        for k in range(depth)
        for number in (*by_channel[3 * k * height * width :][: 3 * height * width], (x * w)[k].sum())
    ]
    count = [1, len(cells) - 1] if kind == "avg" and pool else []
    check(numbers(plain_of(formula)), [*by_channel, *sums, *behind, *count, *cells])
    check_structure(formula, (height, width), 3 * depth)
    if truth.net.activation:
        function = truth.net.activation[0]
        assert f"\n{function}(" in text
        assert "\\operatorname{" + function.replace("_", "\\_") + "}(" in formula


def plain_of(formula: str) -> str:
    """A formula without the digits that are no numbers, and powers of ten as a program writes them."""
    return re.sub(r"s_\{\d\}|\{relu6\}|\^2", "", re.sub(r"\\cdot 10\^\{(-?\d+)\}", r"e\1", formula))


def check_structure(formula: str, window: tuple[int, int], count: int) -> None:
    """So many arrays of the window's size, one alignment a line, and all that opens closes."""
    assert formula.startswith("\\begin{align*}\n") and formula.endswith("\n\\end{align*}")
    open_ones: list[str] = []
    for found in re.finditer(r"\\(begin|end)\{([a-z*]+)\}|\\(left|right)\b|(?<!\\)([{}])", formula):
        which, name, side, brace = found.groups()
        opens, closes = which == "begin" or side == "left" or brace == "{", name or brace or side
        if opens:
            open_ones.append(closes)
        else:
            assert open_ones.pop() == {"}": "{", "right": "left"}.get(closes, closes)
    assert not open_ones
    arrays = re.findall(r"\\left\[\\begin\{array\}\{(r+)\}\n(.*?)\n\\end\{array\}\\right\]", formula, re.S)
    assert len(arrays) == count
    for columns, body in arrays:
        rows = [row.split("&") for row in body.split("\\\\\n")]
        assert len(rows) == window[0]
        assert {len(row) for row in rows} == {window[1]} == {len(columns)}
    lines = re.sub(r"\\begin\{array\}.*?\\end\{array\}", "", formula, flags=re.S).split("\\\\\n")
    assert {line.count("&") for line in lines} == {1}


def check_said(seen: Seen, truth: Truth, conv: tuple[int, int], pool: tuple[int, int] | None) -> None:
    """What a screen reader hears, and what stands under the grids: every number, with four digits."""
    name, row, column = seen.cell
    x, w = truth.terms(0, *conv)
    bias, value = truth.net.bias[0], truth.maps[truth.conv][(0, *conv)]
    by_channel = (x * w).reshape(len(truth.net.image), -1).sum(1)
    said_pool = []
    if pool:
        cells = np.array([truth.maps[-2][0][cell] for cell in truth.window(*pool)])
        result, ties = truth.maps[-1][(0, *pool)], truth.winners(0, *pool)
        said_pool = {"avg": [cells.sum(), len(cells), result], "l2": [(cells**2).sum(), result]}.get(
            truth.net.pool[0], [len(cells), result, *([len(ties)] if len(ties) > 1 else [])]
        )
    said_activation = [value, truth.maps[truth.conv + 1][(0, *conv)]] if truth.net.activation else []

    def check(text: str, right: Sequence[float]) -> None:
        told = NUMBER.findall(text.replace("bias ", "").replace("− ", "−").replace("relu6", ""))
        assert len(told) == len(right), (text, right)
        for number, exact in zip(told, right):
            least = 3 if "e" in number else 4
            assert (
                is_rounded(number, exact, least, 4)
                or abs(float(number.replace("−", "-")) - exact) < 1e-12 * truth.largest
            )

    check(seen.said["sum"], [*by_channel, bias, value])
    check(seen.said["activated"], said_activation)
    check(seen.said["pooled"], said_pool)
    of_conv = [by_channel.sum(), len(x), *([bias, value] if bias else [])]
    heard = {"conv": of_conv, "activation": said_activation, "pool": said_pool}.get(name)
    if heard is None:
        heard = truth.maps[truth.at(name)][:, row, column]
    check(seen.said["said"], [row, column, *heard])
    if name == "conv":
        assert re.fullmatch(
            rf"row {row}, column {column}: sum \S+ from {len(x)} terms?(, with bias .*)?", seen.said["said"]
        )


def check_note(seen: Seen, truth: Truth, conv: tuple[int, int]) -> None:
    """Where the window lies on the input and how much of it is padding; of a pixel, in which sums it has a part."""
    name, row, column = seen.cell
    places = [truth.places[axis][conv[axis]] for axis in (0, 1)]
    is_padding = truth.is_padding[np.ix_(*places)]
    depth = len(truth.net.image)
    here = np.zeros(is_padding.shape, bool)
    if name in ("input", "padded"):
        whole = truth.source if name == "input" else np.arange(truth.source.size).reshape(truth.source.shape)
        here = whole[np.ix_(*places)] == (row * truth.maps[truth.at(name)].shape[2] + column)
        rows, columns = seen.lit["conv"]
        right = [len(rows) * len(columns), *span(rows), *span(columns), *conv] if rows else []
    else:
        own = [[at - truth.pads[axis] for at in places[axis]] for axis in (0, 1)]
        pads = [int(is_padding.sum())] if is_padding.any() else []
        right = [*([depth] if depth > 1 else []), is_padding.size, *span(own[0]), *span(own[1]), *pads]
    assert numbers(seen.said["note"]) == right, seen.cell
    for grid in seen.said["patch"]:
        assert ["pad" in words.split() for words in grid["classes"]] == is_padding.ravel().tolist()
        assert ["here" in words.split() for words in grid["classes"]] == here.ravel().tolist()


def span(list_: Sequence[int]) -> list[int]:
    """The numbers that stand for rising ones: the ends of a run; of others all, or the first two and the last."""
    if list_[-1] - list_[0] == len(list_) - 1:
        return sorted({list_[0], list_[-1]})
    return [list_[0], list_[1], list_[-1]] if len(list_) > 4 else list(list_)


def test_equal_cells_are_counted_and_the_first_of_them_is_explained(bare: Page) -> None:
    rng = random.Random(3)
    now = run(picture(rng, 1, 6, 6), drawn(rng, **SAME | {"pool_size": "2", "pool_stride": "2"}, **NOTHING))
    truth = Truth(net_of(now))
    moves = [["keys", "pool", ["Control+End"]], ["grids"]]
    _, seen, grids = drive(bare, message(now.maps, now.follow), moves)
    check_cell(seen, truth, "pool", 2, 2)
    check_said(seen, truth, (4, 4), (2, 2))
    assert numbers(seen.said["pooled"]) == [4, 0, 4]
    assert [set(words.split()) for words in grids.said["window"]["classes"]] == [{"winner", "here"}, *[{"winner"}] * 3]


def test_small_squares_are_taken_away_as_latex(bare: Page, server: str) -> None:
    """A number below a millionth is written with a power of ten, which must not get another power."""
    fixed = {"kernel": "1", "bias": "-20", "activation": "sigmoid", "pool": "l2", "padding": "valid", "stride": "1"}
    now = run(picture(rng := random.Random(9), 1, 3, 3), drawn(rng, pool_size="2", pool_padding="valid", **fixed))
    (_, seen) = drive(bare, message(now.maps, now.follow), [["take"]])
    formula, _ = seen.said["taken"]
    assert r"\cdot 10^{-9}" in formula
    assert bare.evaluate(KATEX, [f"{server}/static/js/{KATEX_JS}", [formula]]) == [None]


# --- the curve ----------------------------------------------------------------------------------------


CURVES = [(name, "channels") for name in ACTIVATED if name != "none"] + [("softmax", "all")]


@pytest.mark.parametrize(("name", "over"), CURVES)
def test_the_activations_point_lies_on_its_curve_at_its_value(bare: Page, name: str, over: str) -> None:
    rng = random.Random(name + over)
    texts = drawn(rng, **SAME, kernel="1,-2,1.5;-2,0.3,2;1,-2,0.5", bias="0.1", activation=name, over=over)
    now = run(picture(rng, 1, 9, 10), texts)
    check_curves(bare, rng, Truth(net_of(now)), message(now.maps, now.follow), 0)


@pytest.mark.parametrize("over", sorted(OVER))
def test_a_softmax_curve_leaves_all_other_cells_as_they_are(bare: Page, over: str) -> None:
    layers = Conv2d(3, (3, 3), 1, "same"), Activation("softmax", {"over": over}), Pool2d("max")
    maps = described(layers, (1, 9, 10), seed=3)
    check_curves(bare, random.Random(over), Truth(net_of_layers(maps, *layers)), message(maps), 2)


def check_curves(page: Page, rng: random.Random, truth: Truth, shown: str, c: int) -> None:
    """The curve is the function, and the point on it the cell, for the lowest and the highest sum and others."""
    x, y = (truth.maps[truth.at(stage)][c] for stage in ("conv", "activation"))
    cells = [divmod(int(at), 10) for at in (x.argmin(), x.argmax())]
    cells += [(rng.randrange(9), rng.randrange(10)) for _ in range(8)]
    moves = [move for cell in cells for move in (["point", "activation", *cell], ["curve"])]
    channel = [["channel", "activation", f"{c}"]] if len(truth.net.weight) > 1 else []
    seen = drive(page, shown, [*channel, *moves])[len(channel) + 2 :: 2]
    least, most = (after.said["point"][0] for after in seen[:2])
    across = (most - least) / (x.max() - x.min())  # px for 1
    for cell, after in zip(cells, seen):
        assert after.cell == ("activation", *cell)
        from_px, zero_y, to_px, zero_x, bottom_px, top_px = numbers(after.said["axes"])
        line = np.array(numbers(after.said["line"])).reshape(-1, 2)
        along = np.linspace(from_px, to_px, len(line))
        right = function_of(truth, c, cell)((along - zero_x) / across)
        up = (bottom_px - top_px) / (max(0, right.max()) - min(0, right.min()))
        px, py = after.said["point"]
        assert px == pytest.approx(zero_x + across * x[cell], abs=0.05)
        assert py == pytest.approx(zero_y - up * y[cell], abs=0.3)
        np.testing.assert_allclose(line[:, 0], along, atol=0.06)
        np.testing.assert_allclose(line[:, 1], zero_y - up * right, atol=0.3)
        at = int(np.searchsorted(line[:, 0], px))
        around = line[max(0, at - 2) : at + 2, 1]
        assert around.min() - 0.4 <= py <= around.max() + 0.4
        assert from_px < px < to_px


def function_of(truth: Truth, c: int, cell: tuple[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    """The activation of one cell while all others stay."""
    assert truth.net.activation
    name, parameters = truth.net.activation
    if name != "softmax":
        return lambda v: activated(v[None], {"name": name, "parameters": parameters})[0]
    powers = np.exp(truth.maps[truth.conv])
    among = powers if parameters["over"] == "all" else powers[(slice(None), *cell)]
    return lambda v: np.exp(v) / (among.sum() - powers[(c, *cell)] + np.exp(v))


def test_a_softmax_over_all_of_large_sums_keeps_its_curve(bare: Page) -> None:
    """The largest sum lies more than 709 above the cell's, and no number is e to that power."""
    fixed = SAME | {"kernel": "1000", "bias": "0", "activation": "softmax", "over": "all"}
    now = run(picture(rng := random.Random(9), 1, 5, 5), drawn(rng, **fixed))
    sums = Truth(net_of(now)).maps[1][0]
    assert sums.max() - sums.min() > 710
    cell = divmod(int(sums.argmin()), 5)
    seen = drive(bare, message(now.maps, now.follow), [["point", "activation", *cell], ["curve"]])[-1]
    assert "NaN" not in seen.said["line"] + seen.said["axes"]
    assert seen.said["point"][1] == pytest.approx(numbers(seen.said["axes"])[1], abs=0.01), "its share is 0"
