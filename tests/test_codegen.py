"""The code that makes this picture is run, and must give the same numbers as the library."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image

from cnnviz import codegen
from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.codegen import Picture
from cnnviz.functional import POOLS, ShapeError
from cnnviz.images import SAMPLES, frame_count, load_image
from cnnviz.kernels import KERNELS
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d
from cnnviz.network import forward
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.experiment import Experiment
from cnnviz.ui.settings import LAB
from cnnviz.ui.take_away import code_of
from tests.fuzzing import examples
from tests.option_space import MODES, pairs

FOLDER = SAMPLES["camera"].path.parent
EVERY_ACTIVATION = [
    (name, {})
    if not function.parameters
    else (name, {key: p.options[-1] if isinstance(p, Choice) else 0.37 for key, p in function.parameters.items()})
    for name, function in ACTIVATIONS.items()
] + [
    ("none", {}),
    ("softmax", {"over": "channels"}),
    ("gelu", {"approximate": "none"}),
    ("softplus", {"threshold": 1.5}),
]

sides = st.one_of(st.integers(1, 3), st.integers(1, 7))
paddings: st.SearchStrategy[Any] = st.one_of(st.sampled_from(["valid", "same"]), pairs(st.integers(0, 3)))
convolutions = st.builds(
    Conv2d,
    out_channels=st.sampled_from([1, 1, 2]),
    kernel_size=pairs(sides),
    stride=pairs(st.integers(1, 3)),
    padding=paddings,
    padding_mode=st.sampled_from(MODES),
    padding_value=st.sampled_from([0.0, 0.1, -2.5, 1e-7, 123456.789]),
    dilation=pairs(st.integers(1, 2)),
)
pools = st.builds(
    Pool2d,
    kind=st.sampled_from(POOLS),
    kernel_size=pairs(st.integers(1, 4)),
    stride=st.one_of(st.none(), pairs(st.integers(1, 4))),
    padding=paddings,
)


def run_code(code: str, folder: Path = FOLDER) -> tuple[dict[str, Any], str]:
    """The code's variables, and what it printed."""
    namespace: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "picture.py", "exec"), namespace)
    return namespace, printed.getvalue()


def check(
    layers: Sequence[Layer], image: torch.Tensor, parameters: Sequence[Mapping[str, torch.Tensor]], picture: Picture
) -> None:
    code = codegen.pytorch(layers, tuple(image.shape[1:]), parameters, picture)
    namespace, printed = run_code(code)
    assert torch.equal(namespace["input"], image), "the input is the same to the last bit"
    stages = forward(layers, image, parameters)
    for stage in stages:
        made = namespace[stage.name]
        assert made.shape == stage.output.shape, stage.name
        reach = max(1.0, float(stage.output.abs().max()))
        torch.testing.assert_close(made, stage.output, rtol=1e-6, atol=1e-6 * reach, msg=f"{stage.name}\n{code}")
    assert [line.split()[0] for line in printed.splitlines()] == [stage.name for stage in stages]


@st.composite
def pictures(draw: st.DrawFn, low: int = 4, high: int = 40) -> tuple[Picture, torch.Tensor]:
    """A sample at some size, as code and as the library reads it."""
    sample = SAMPLES[draw(st.sampled_from(list(SAMPLES)))]
    mode = draw(st.sampled_from(["L", "RGB"]))
    size = draw(st.tuples(st.integers(low, high), st.integers(low, high)))
    fit = draw(st.sampled_from(["crop", "stretch"]))
    frame = draw(st.integers(0, 15)) if sample.name == "moving-dot" else 0
    return picture_of(sample.name, mode, size, fit, frame)


def picture_of(
    name: str, mode: Any, size: int | tuple[int, int], fit: Any, frame: int = 0
) -> tuple[Picture, torch.Tensor]:
    image = load_image(SAMPLES[name].path, mode=mode, size=size, fit=fit, frame=frame)
    return Picture(SAMPLES[name].path.name, mode, (image.shape[2], image.shape[3]), fit, frame), image


@examples(20)
@given(pictures(low=1, high=700))
def test_any_sample_at_any_size(taken: tuple[Picture, torch.Tensor]) -> None:
    check([], taken[1], [], taken[0])


@examples(40)
@given(
    pictures(),
    convolutions,
    st.one_of(st.none(), st.sampled_from(EVERY_ACTIVATION)),
    st.one_of(st.none(), pools),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_the_whole_option_space(
    taken: tuple[Picture, torch.Tensor],
    conv: Conv2d,
    activation: tuple[str, dict[str, Any]] | None,
    pool: Pool2d | None,
    same_for_all: bool,
    seed: int,
) -> None:
    picture, image = taken
    layers: list[Layer] = [conv, *([Activation(*activation)] if activation else []), *([pool] if pool else [])]
    shape: tuple[int, ...] = tuple(image.shape[1:])
    wanted = conv.parameter_shapes(shape)
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(wanted["weight"], generator=generator)
    if same_for_all:  # as on the page: one kernel, as deep as the image
        weight = weight[:1, :1].expand(wanted["weight"])
    parameters = [{"weight": weight, "bias": torch.randn(wanted["bias"], generator=generator)}, {}, {}][: len(layers)]
    try:
        forward(layers, image, parameters)
    except ShapeError:
        assume(False)
    check(layers, image, parameters, picture)


@pytest.mark.parametrize(("name", "parameters"), EVERY_ACTIVATION, ids=str)
def test_every_activation(name: str, parameters: dict[str, Any]) -> None:
    picture, image = picture_of("chelsea", "RGB", 24, "crop")
    weight = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    check([Conv2d(3), Activation(name, parameters)], image, [{"weight": weight, "bias": torch.zeros(3)}, {}], picture)


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("padding", ["valid", "same", (1, 1), (0, 2), (2, 1)], ids=str)
@pytest.mark.parametrize("window", [((3, 3), (2, 2)), ((5, 3), (1, 4)), ((4, 4), None)], ids=str)
def test_every_pool(kind: str, padding: Any, window: Any) -> None:
    picture, image = picture_of("coffee", "RGB", (23, 30), "crop")
    check([Pool2d(kind, *window, padding)], image, [{}], picture)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_preset_is_exact(kernel: str) -> None:
    rows = torch.tensor(KERNELS[kernel].values)
    picture, _ = picture_of("star", "L", 20, "crop")
    weight = rows[None, None]
    layer = Conv2d(1, tuple(rows.shape), padding="same")
    namespace, _ = run_code(
        codegen.pytorch([layer], (1, 20, 20), [{"weight": weight, "bias": torch.tensor([0.1])}], picture)
    )
    assert torch.equal(namespace["weight"], weight)
    assert torch.equal(namespace["bias"], torch.tensor([0.1]))
    assert "padded" in namespace or kernel == "identity" or max(rows.shape) == 1


@examples(30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
@example(1, 1, 0)
def test_weights_travel_to_the_last_bit(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = (rng.standard_normal((height, width)) * 10.0 ** rng.integers(-30, 6, (height, width))).astype(np.float32)
    picture, image = picture_of("rings", "RGB", 8, "crop")
    weight = torch.from_numpy(rows).expand(1, 3, height, width)
    code = codegen.pytorch(
        [Conv2d(1, (height, width))], (3, 8, 8), [{"weight": weight, "bias": torch.zeros(1)}], picture
    )
    assert torch.equal(run_code(code)[0]["weight"], weight)
    assert tuple(image.shape) == (1, 3, 8, 8)


def experiment_of(chosen: Chosen, values: dict[str, Any] | None = None) -> Experiment:
    shape = tuple(chosen.image.shape[1:])
    conv = Conv2d(1, padding="same")
    parameters = [{"weight": torch.ones(1, shape[0], 3, 3), "bias": torch.zeros(1)}]
    stages = forward([conv], chosen.image, parameters)
    return Experiment(values or VALUES, chosen, shape, conv, None, None, parameters, stages, [])


VALUES = {setting.name: setting.parse(setting.default) for setting in LAB}


@examples(50)
@given(st.text(max_size=60))
@example('"); import os; os.remove("x")  #')
@example("a\nimport os")
@example('C:\\new\\x.png"')
def test_a_strangers_file_name_never_stands_in_code(name: str) -> None:
    own = Chosen(load_image(SAMPLES["star"].path, size=8), name, None, 1)
    code = code_of(experiment_of(own))
    opened = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    names = [ast.literal_eval(call.args[0]) for call in opened if ast.unparse(call.func) == "Image.open"]
    assert names == ["picture.jpg"]
    assert code == code_of(experiment_of(Chosen(own.image, "other", None, 1)))


def differing(name: str, data: bytes, folder: Path, color: str, fit: Any, sizes: Sequence[Any]) -> list[Any]:
    """The sizes at which the page's code reads a picture otherwise than the page, and by how much."""
    wrong = []
    for size in sizes:
        image = load_image(data, mode="RGB" if color == "rgb" else "L", size=size, fit=fit)
        chosen = Chosen(image, "mine.png", name if name in SAMPLES else None, frame_count(data))
        values = VALUES | {"color": color, "fit": fit, "size": size if isinstance(size, tuple) else (size, size)}
        read = run_code(code_of(replace(experiment_of(chosen, values), conv=None)), folder)[0]["input"]
        if not torch.equal(read, image):
            wrong.append((size, f"by {(read - image).abs().max() * 255:.0f} of 255 steps"))
    return wrong


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("fit", ["crop", "stretch", "keep"])
def test_the_pages_code_reads_a_sample_as_the_page_does(name: str, fit: str) -> None:
    data = SAMPLES[name].path.read_bytes()
    assert differing(name, data, FOLDER, "gray", fit, (1, 7, 28, 64, 300, (200, 300))) == []
    assert differing(name, data, FOLDER, "rgb", fit, (28, (40, 7), (513, 301))) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_the_pages_code_opens_the_sample(name: str) -> None:
    sample = SAMPLES[name]
    chosen = Chosen(load_image(sample.path, size=300), sample.title, name, frame_count(sample.path))
    now = experiment_of(chosen)
    namespace, _ = run_code(code_of(now))
    assert torch.equal(namespace["input"], chosen.image)
    assert torch.allclose(namespace["conv"], now.stages[-1].output, rtol=1e-6, atol=1e-6)


def test_the_pages_code_seeks_the_frame_that_is_shown() -> None:
    sample = SAMPLES["moving-dot"]
    for frame in (0, 5, 15, 999):
        shown = min(frame, 15)
        chosen = Chosen(load_image(sample.path, size=60, frame=shown), "", sample.name, 16)
        namespace, _ = run_code(code_of(experiment_of(chosen, VALUES | {"frame": frame})))
        assert torch.equal(namespace["input"], chosen.image)


def photograph(mode: str = "RGB", width: int = 90, height: int = 64) -> Image.Image:
    """Smooth and uneven, so that JPEG keeps it and no two corners are alike."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [x, y, (x + y) / 2][: 1 if mode == "L" else 3]
    pixels = np.stack([np.rint(255 * plane) for plane in planes], -1).astype(np.uint8)
    return Image.fromarray(pixels.squeeze()).convert(mode)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def transparent() -> Image.Image:
    image = photograph("RGB").convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def floats(low: float, high: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(low, high, (60, 50)).astype(np.float32)


UPLOADS = {
    "grey JPEG": lambda: saved(photograph("L"), "JPEG"),
    "JPEG": lambda: saved(photograph(), "JPEG", quality=95),
    "JPEG on its side": lambda: saved(photograph(), "JPEG", exif=turned()),
    "CMYK JPEG": lambda: saved(photograph().convert("CMYK"), "JPEG"),
    "large JPEG": lambda: saved(photograph(width=3000, height=2000), "JPEG"),
    "PNG": lambda: saved(photograph(), "PNG"),
    "palette PNG": lambda: saved(photograph().quantize(20), "PNG"),
    "black and white PNG": lambda: saved(photograph("L").convert("1"), "PNG"),
    "transparent PNG": lambda: saved(transparent(), "PNG"),
    "16-bit PNG": lambda: saved(
        Image.fromarray(np.arange(60 * 50, dtype=np.uint16).reshape(60, 50) * np.uint16(21)), "PNG"
    ),
    "16-bit PNG with a clear value": lambda: saved(
        Image.fromarray(np.arange(60 * 50, dtype=np.uint16).reshape(60, 50) // 9), "PNG", transparency=200
    ),
    "float TIFF in [0, 1]": lambda: saved(Image.fromarray(floats(0, 1)), "TIFF"),
    "float TIFF below zero": lambda: saved(Image.fromarray(floats(-3, 9)), "TIFF"),
    "32-bit TIFF": lambda: saved(Image.fromarray(floats(0, 60_000).astype(np.int32)), "TIFF"),
    "WebP": lambda: saved(photograph(), "WEBP", lossless=True),
    "BMP": lambda: saved(photograph(), "BMP"),
    "TIFF": lambda: saved(photograph(), "TIFF"),
}


@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_the_pages_code_reads_a_persons_own_picture_as_the_page_does(kind: str, color: str, tmp_path: Path) -> None:
    data = UPLOADS[kind]()
    (tmp_path / "picture.jpg").write_bytes(data)  # the name says nothing, as to the library
    wrong = {fit: differing("", data, tmp_path, color, fit, (48, 28, (30, 100))) for fit in ("crop", "stretch", "keep")}
    assert wrong == {"crop": [], "stretch": [], "keep": []}
