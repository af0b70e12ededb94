"""The task One kernel of the page Train: what it sends is the library's, the bar, any settings."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from cnnviz.attribution_words import say_share
from cnnviz.deconvolution import Deconvolution, psnr, tikhonov
from cnnviz.descent_rates import METHODS, stable_rate
from cnnviz.figures import as_png
from cnnviz.frequency_responses import frequency_response, spectrum
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.inverse_kernel import inverse_loss
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernel_loss import as_picture, kernel_loss
from cnnviz.kernel_steps import explained
from cnnviz.kernels import KERNELS, initialise
from cnnviz.loss_surface import loss_slice, two_weights
from cnnviz.ui import PAGES
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_knobs import BEGINNINGS, USUAL
from cnnviz.ui.kernel_problem import laid_in
from cnnviz.ui.picture_recovery import kept, recovery
from cnnviz.ui.recovery_message import recovery_message, so_far
from cnnviz.ui.settings import ONE_KERNEL
from tests.fuzzing import examples
from tests.test_pages import Lab

pytestmark = pytest.mark.usefixtures("one_thread")


class Kernel(Lab):
    script = PAGES / "network" / "train.py"

    def __init__(self, **query: str) -> None:
        super().__init__(task="kernel", **query)

    @property
    def told(self) -> dict[str, Any]:
        data = next(part for part in self.at.get("bidi_component") if part.key == "descent").proto.bytes
        (length,) = struct.unpack("<I", data[:4])
        told: dict[str, Any] = json.loads(data[4 : 4 + length])
        at = 4 + length + 768 * len(told["scales"])
        for name, block in told["arrays"].items():
            kind = np.dtype(np.uint8 if block["isBytes"] else "<f4")
            count = int(np.prod(block["shape"]))
            told["arrays"][name] = np.frombuffer(data, kind, count, at).reshape(block["shape"])
            at += count * kind.itemsize
        assert at == len(data)
        return told

    def bring(self, data: bytes) -> None:
        box = next(box for box in self.at.file_uploader if box.key == "filtered picture")
        box.set_value(("filtered.png", data, "image/png"))
        self.run()

    @property
    def words(self) -> str:
        return " ".join(text.value for text in self.at.markdown)


def picture(name: str = "camera", size: int = 128) -> torch.Tensor:
    return load_image(SAMPLES[name].path, size=size)


def preset(name: str) -> torch.Tensor:
    return torch.tensor(KERNELS[name].values, dtype=torch.float64)


def start(height: int, width: int) -> torch.Tensor:
    return initialise("uniform", (1, 1, height, width), 0)[0, 0]


def test_what_is_sent_is_the_librarys() -> None:
    page = Kernel(size="32", plane="0,5", weight="4", moment="7")
    told, x, kernel = page.told, picture(size=32), preset("sobel-x")
    y = conv2d(x.double(), kernel[None, None], padding="same")
    loss = kernel_loss(x, y, 3)
    learning = KernelLearning(loss, start=start(3, 3))
    assert learning.run(2000)
    frames = told["arrays"]["frames"]
    assert told["frames"][:25] == learning.numbers[:25] == [*range(25)] and told["frames"][-1] == learning.number
    np.testing.assert_allclose(frames[:25], learning.path[:25], atol=1e-6)
    np.testing.assert_array_equal(told["arrays"]["input"], x[0, 0])
    np.testing.assert_allclose(told["arrays"]["wanted"], y[0, 0], atol=1e-6)
    np.testing.assert_allclose(told["arrays"]["optimum"], kernel, atol=1e-6)
    trail = torch.stack(learning.trail)
    cut = loss_slice(loss, trail, two_weights(loss, 0, 5))
    np.testing.assert_allclose(told["arrays"]["path"][:200], (trail - loss.optimum)[:200, [0, 5]], atol=1e-5)
    np.testing.assert_allclose(told["arrays"]["heights"], cut.heights, rtol=1e-5)
    assert told["surface"]["names"] == ["row 0, column 0", "row 1, column 2"]
    assert told["at"] == told["frames"].index(7) and told["weightName"] == "row 1, column 1"
    assert told["steps"][7][-1][2] == pytest.approx(float(learning.path[8, 4]), abs=1e-12)
    assert page.errors == page.warnings == []


@pytest.mark.parametrize("name", ["sobel-x", "sobel-y", "laplacian4", "gaussian5"])
def test_the_bar(name: str) -> None:
    page = Kernel(kernel=name)
    told = page.told
    right = np.array(KERNELS[name].values)
    learned = told["arrays"]["frames"][-1].reshape(right.shape)
    assert np.abs(told["arrays"]["frames"][0].reshape(right.shape) - right).max() > 0.5
    assert np.abs(learned - right).max() < 1e-2
    assert "no weight is farther than" in page.words and "not at the bottom" not in page.words


def test_a_kernel_larger_than_the_true_one_ends_with_a_rim_of_zeros() -> None:
    told = Kernel(kernel="laplacian4", kernel_size="5", size="64", method="conjugate").told
    learned = told["arrays"]["frames"][-1].reshape(5, 5)
    np.testing.assert_allclose(learned, laid_in(preset("laplacian4"), (5, 5)), atol=1e-3)
    np.testing.assert_array_equal(told["arrays"]["filter"], laid_in(preset("laplacian4"), (5, 5)))
    assert laid_in(preset("roberts-x"), (3, 3)).nonzero().tolist() == [[1, 1], [2, 2]]
    assert laid_in(preset("gaussian5"), (3, 5)) is None


def test_undoing_a_filter() -> None:
    page = Kernel(aim="undo", kernel="sharpen", size="48")
    told, x, kernel = page.told, picture(size=48), preset("sharpen")
    loss = inverse_loss(x, kernel, 7)
    np.testing.assert_allclose(told["arrays"]["optimum"], loss.kernel(loss.optimum), atol=1e-6)
    undone = conv2d(
        torch.from_numpy(told["arrays"]["input"].copy())[None, None].double(), loss.kernel(loss.optimum)[None, None]
    )
    wanted = torch.from_numpy(told["arrays"]["wanted"].copy())
    assert float((undone[0, 0] - wanted).square().mean()) == pytest.approx(loss.least, rel=0.05)
    np.testing.assert_allclose(told["arrays"]["response"], frequency_response(kernel, 32), atol=1e-6)
    last = loss.kernel(torch.from_numpy(told["arrays"]["frames"][-1].copy()).double())
    np.testing.assert_allclose(told["arrays"]["inverses"][-1], frequency_response(last, 32), atol=1e-5)
    told = page.choose(kernel="sobel-x").told
    assert told["bias"] and told["weight"] == 0, "a mean that was taken away comes back as a number"


def test_recovering_the_picture() -> None:
    page = Kernel(aim="recover", kernel="gaussian", size="32", rounds="40", noise="0.01", ridge="0.01")
    told, x, kernel = page.told, picture(size=32), preset("gaussian")
    y = conv2d(x.double(), kernel[None, None], padding="same", padding_mode="circular")
    y = y + 0.01 * torch.randn(y.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    job = Deconvolution(y, kernel, x, ridge=0.01)
    for _ in range(40):
        job.step()
    np.testing.assert_allclose(told["arrays"]["input"], y[0, 0], atol=1e-6)
    np.testing.assert_allclose(told["arrays"]["closed"], tikhonov(y, kernel, 0.01)[0, 0], atol=1e-6)
    low, high = told["spans"][-1]
    recovered = low + told["arrays"]["levels"][-1] * (high - low) / 255
    np.testing.assert_allclose(recovered, job.picture[0, 0], atol=(high - low) / 500)
    near = told["curves"][0]["lines"][0]["points"]
    assert near[-1] == pytest.approx([40, psnr(job.picture, x)])
    assert f"{told['responses']['share']} of the frequencies are lost" in page.words, "one figure for one thing"
    assert told["frames"][0] == 0 and told["frames"][-1] == 40 and f"{near[-1][1]:.1f} dB" in page.words


@pytest.mark.parametrize("size", [64, 49])
def test_what_is_lost_to_a_filter_is_one_share_in_words_and_beside_its_map(size: int) -> None:
    wave = 2 * np.pi * np.arange(size) / size
    sobel = np.abs(2 * np.sin(wave)) * (2 + 2 * np.cos(wave))[:, None]
    share = float((sobel < sobel.max() / 1000).mean())
    page = Kernel(aim="recover", kernel="sobel-x", size=f"{size}", rounds="2")
    said = f"{100 * share:.1f} %"
    assert f"{said} of the frequencies are lost" in page.words
    assert page.told["responses"]["share"] == said
    assert page.choose(aim="undo").told["responses"]["share"] == said
    assert page.choose(kernel="sharpen").told["responses"]["share"] == ""


@pytest.mark.parametrize("method", ["sgd", "momentum"])
def test_each_frequency_goes_its_own_way(method: str) -> None:
    x, values = picture(size=16), {"kernel": KERNELS["gaussian"].values, "recover_by": method, "rounds": 30}
    values |= {"step": None, "noise": 0.0, "ridge": 0.01, "seed": 0}
    now = recovery(values, Chosen(x, "", "camera", 1))
    response = spectrum(preset("gaussian"), (16, 16)).real  # it is symmetric
    share = so_far(response, now, 0.01)
    for of, made in zip(share, now.pictures):
        expected = of * torch.fft.fft2(now.y[0, 0])
        found = torch.fft.fft2(made[0, 0])
        expected[0, 0] = found[0, 0]  # the mean begins at grey
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_the_step_that_is_written_out_is_the_next_one(method: Any) -> None:
    x = picture(size=24)
    y = conv2d(x, preset("emboss")[None, None].float(), padding="same")
    learning = KernelLearning(kernel_loss(x, y, 3), method, start=start(3, 3))
    learning.run(12, tolerance=0)
    for frame in range(12):
        for at in (0, 4, 8):
            step = explained(learning, frame, at)
            assert step.before == float(learning.path[frame, at])
            assert step.lines[-1][2] == step.after == pytest.approx(float(learning.path[frame + 1, at]), abs=1e-12)


def test_a_pair_of_ones_own() -> None:
    page = Kernel(target="own", kernel="sobel-x", size="64")
    (info,) = page.at.info
    assert "Bring the filtered picture" in info.value
    y, _ = as_picture(0.5 + 0.125 * conv2d(picture(size=64), preset("sobel-x")[None, None].float(), padding="same"))
    data = as_png(np.rint(y[0, 0].numpy() * 255).astype(np.uint8))
    page.bring(data)
    told = page.told
    learned = told["arrays"]["frames"][-1]
    np.testing.assert_allclose(8 * learned[:9].reshape(3, 3), preset("sobel-x"), atol=0.15)
    assert learned[9] == pytest.approx(0.5, abs=0.01) and told["bias"] and "filter" not in told["arrays"]
    page.bring(b"none")
    assert len(page.errors) == 1 and page.errors[0].startswith("The filtered picture: ")
    assert page.told["arrays"].keys() == told["arrays"].keys(), "the last one stays"


def test_what_a_file_cuts_off_is_said() -> None:
    page = Kernel(numbers="file", size="64")
    cut = as_picture(conv2d(picture(size=64).double(), preset("sobel-x")[None, None], padding="same"))[1]
    assert page.says(f"{say_share(cut)} of the filtered picture was cut off there") == 1 and page.told["skip"]
    assert np.abs(page.told["arrays"]["optimum"] - preset("sobel-x").numpy()).max() < 0.05


def test_a_rate_that_is_too_large_is_said_and_shown() -> None:
    page = Kernel(size="32", method="sgd", step="1e3")
    x = picture(size=32)
    limit = stable_rate(kernel_loss(x, x, 3), "sgd")
    assert any(f"not below {limit:.4g}" in line for line in page.warnings)
    assert any("run away" in line for line in page.warnings)
    assert page.told["curves"][0]["lines"][0]["points"][-1][1] > 1e9


def test_what_cannot_be_learned_is_a_sentence() -> None:
    page = Kernel(size="8", aim="undo", kernel="gaussian5", kernel_size="9")
    assert page.errors == ["A picture of 8×8 is too small for both kernels."]
    page = Kernel(aim="recover", size="251", rounds="500", kernel="gabor")
    assert "multiply-adds; up to 1,000,000,000 are computed here" in page.errors[0]
    page = Kernel(aim="recover", size="256", rounds="500", kernel="1")
    assert "take as long as" in page.errors[0] and "sides such as" not in page.errors[0]
    page = Kernel(size="400", moment="never", step="-1", plane="1", image="nobody")
    assert len(page.warnings) == 4


@pytest.mark.parametrize("aim", ["learn", "undo", "recover"])
@pytest.mark.parametrize("scale", ["1e6", "7e4", "1e-30", "1e-160"])
@pytest.mark.parametrize("more", [{}, {"step": "1e6", "recover_by": "momentum", "method": "momentum", "ridge": "0"}])
def test_kernels_beyond_all_measure_are_drawn_or_explained(aim: str, scale: str, more: dict[str, str]) -> None:
    kernel = f"-{scale},0,{scale};-{scale},0,{scale}"
    page = Kernel(aim=aim, kernel=kernel, size="16", rounds="30", steps="30", **more)
    assert not page.at.exception
    drawn = [part for part in page.at.get("bidi_component") if part.key == "descent"]
    assert drawn or page.errors
    if drawn:
        assert all(np.isfinite(block).all() for block in page.told["arrays"].values())
    assert not any(word in text for text in [*page.errors, page.words] for word in ("nan", "inf ", "Traceback"))


def test_a_frequency_that_the_picture_lacks_may_run_away_unseen() -> None:
    values = {"kernel": KERNELS["laplacian4"].values, "recover_by": "sgd", "rounds": 500, "moment": 0}
    values |= {"step": 1000.0, "noise": 0.0, "ridge": 0.0, "seed": 0}
    now = recovery(values, Chosen(torch.zeros(1, 1, 16, 16), "", "black", 1))
    assert now.error is None and now.numbers[-1] == 500
    arrays, told = recovery_message(now, values)
    assert np.isfinite(arrays["inverses"]).all() and arrays["inverses"].max() == 1e30
    json.dumps(told, allow_nan=False)


def test_a_picture_that_is_no_number_is_drawn_all_the_same() -> None:
    values = {"kernel": KERNELS["gaussian"].values, "recover_by": "sgd", "rounds": 2, "moment": 0}
    values |= {"step": None, "noise": 0.0, "ridge": 0.0, "seed": 0}
    now = recovery(values, Chosen(picture(size=8), "", "camera", 1))
    steps = [replace(step, residual=np.inf, psnr=psnr) for step, psnr in zip(now.steps, (np.nan, -np.inf, np.inf))]
    bad = [torch.full_like(now.y, value) for value in (np.nan, -np.inf, 1e300)]
    arrays, told = recovery_message(replace(now, steps=steps, pictures=bad), values)
    json.dumps(told, allow_nan=False)
    assert arrays["levels"].dtype == np.uint8 and np.isfinite(told["spans"]).all()
    assert told["figures"] == [["−999 dB"], ["−999 dB"], ["99 dB"]]


def test_each_aim_begins_with_a_kernel_that_suits_it() -> None:
    page = Kernel(size="16", rounds="5")
    for aim, name in USUAL.items():
        told = page.choose(aim=aim).told
        assert told["at"] == len(told["frames"]) - 1 and "**Replay** shows the way there" in page.words
        filtered = conv2d(
            picture(size=16).double(), preset(name)[None, None],
            **({"padding": "same", "padding_mode": "circular"} if aim == "recover" else {}),
        )  # fmt: skip
        found = told["arrays"]["wanted" if aim == "learn" else "input"]
        inner = found[1:-1, 1:-1] if aim == "learn" else found
        np.testing.assert_allclose(inner, filtered[0, 0], atol=1e-6)
    page = page.choose(kernel="emboss")
    assert page.choose(aim="learn").widget("kernel").value == "emboss", "what was chosen stays"


def test_as_many_steps_are_said_as_were_taken() -> None:
    page = Kernel(size="32", moment="end")
    told = page.told
    last = told["frames"][-1]
    assert f"Learned in **{last:,} steps**" in page.words
    assert told["curves"][0]["lines"][0]["points"][-1][0] == last and told["at"] == len(told["frames"]) - 1
    assert told["figures"][-1][1].removeprefix("off by ") in page.words, "the same figure"


TEXTS = {
    "image": st.sampled_from([*SAMPLES]),
    "size": st.sampled_from(["1", "2", "5", "16", "9x24", "400", "x"]),
    "aim": st.sampled_from(["learn", "undo", "recover", "rest"]),
    "kernel": st.sampled_from([*KERNELS, "0", "0,0;0,0", "1,2;3", "normal:15x1:3", "1000000", "1e-30,1e-30"]),
    "numbers": st.sampled_from(["exact", "file"]),
    "target": st.sampled_from(["kernel", "own"]),
    "kernel_size": st.sampled_from(["auto", "1", "2", "3,5", "11", "12", "-"]),
    "start": st.sampled_from(["random", "zeros"]),
    "method": st.sampled_from(["suggested", *METHODS]),
    "recover_by": st.sampled_from(["sgd", "momentum", "adam"]),
    "step": st.sampled_from(["best", "1e-9", "0.5", "1000", "nan"]),
    "steps": st.sampled_from(["1", "40"]),
    "rounds": st.sampled_from(["1", "12"]),
    "noise": st.sampled_from(["0", "0.1", "1"]),
    "ridge": st.sampled_from(["0", "0.01", "10"]),
    "plane": st.sampled_from(["valley", "0,1", "1,1", "0,120"]),
    "weight": st.sampled_from(["0", "8", "121", "122"]),
    "moment": st.sampled_from(["end", "0", "3", "9999"]),
}


@examples(10)
@given(st.fixed_dictionaries(TEXTS))
@example({"size": "1", "kernel": "0", "aim": "learn"})
@example({"size": "2", "kernel": "0", "aim": "recover", "ridge": "0"})
@example({"size": "16", "kernel": "1000000", "step": "1000", "method": "adam"})
@example({"size": "16", "kernel": "1e-30,1e-30", "aim": "undo"})
def test_any_settings_are_drawn_or_explained(texts: dict[str, str]) -> None:
    page = Kernel(**texts)
    drawn = any(part.key == "descent" for part in page.at.get("bidi_component"))
    assert drawn or page.errors or page.at.info
    assert all("Traceback" not in text for text in page.errors)


@pytest.mark.parametrize("title", BEGINNINGS)
def test_every_beginning_shows_something_and_says_how_it_ended(title: str) -> None:
    page = Kernel(kernel="emboss", size="16", steps="3").choose(aim="recover").press(f"begin-{title}")
    assert page.told["frames"][-1] >= 5 and page.errors == []
    assert page.widget("task").value == "kernel" and page.widget("size").value == "128"
    assert bool(page.warnings) == (title == "Too large a rate")


def test_every_setting_of_the_task_is_tried() -> None:
    assert set(TEXTS) | {"fit", "frame"} == {setting.name for setting in ONE_KERNEL}
    assert kept(1) == {0, 1} and kept(4) == {*range(5)} and {*range(10), 500} <= kept(500) and len(kept(500)) <= 29
