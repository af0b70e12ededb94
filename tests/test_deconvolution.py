"""Filters taken back: against closed forms, lstsq, and transforms done another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.deconvolution import Deconvolution, psnr, tikhonov
from cnnviz.frequency_responses import frequency_response, responses
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.inverse_kernel import inverse_loss
from cnnviz.kernel_learning import KernelLearning
from cnnviz.kernel_loss import as_picture
from cnnviz.kernels import KERNELS
from cnnviz.quadratic_loss import KernelLearningError
from tests.fuzzing import examples

pytestmark = pytest.mark.usefixtures("one_thread")


def preset(name):
    return torch.tensor(KERNELS[name].values, dtype=torch.float64)


def sample(name="camera", size=32):
    return load_image(SAMPLES[name].path, size=size).double()


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filtered(x, kernel, mode="circular"):
    return conv2d(x, kernel[None, None], padding="same", padding_mode=mode)


def as_matrix(kernel, height, width, mode):
    """The filter as a matrix on flattened pictures, one pixel after another."""
    pixels = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)
    return filtered(pixels, kernel, mode).reshape(height * width, -1).T


@examples(10)
@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["circular", "zeros"]), st.integers(0, 99))
def test_the_gradient_is_that_of_the_matrix(height, width, mode, seed):
    kernel, y, start = (
        drawn(height, width, seed=seed) - 0.5,
        drawn(1, 1, 5, 6, seed=seed + 1),
        drawn(1, 1, 5, 6, seed=7),
    )
    matrix = as_matrix(kernel, 5, 6, mode)
    job = Deconvolution(y, kernel, ridge=0.3, padding_mode=mode, start=start)
    expected = matrix.T @ (matrix @ start.flatten() - y.flatten()) + 0.3 * start.flatten()
    torch.testing.assert_close(job.gradient.flatten(), expected)
    assert job.residual == pytest.approx(float((matrix @ start.flatten() - y.flatten()).square().mean().sqrt()))
    rate = job.rate
    job.step()
    torch.testing.assert_close(job.picture.flatten(), start.flatten() - rate * expected)
    # never too large a rate: by zeros instead of what wraps around no filter becomes stronger by more than a little
    largest = float(torch.linalg.matrix_norm(matrix, 2)) ** 2
    assert rate * (largest + 0.3) < 1.9
    if mode == "circular":
        assert rate == pytest.approx(1 / (largest + 0.3))


@pytest.mark.parametrize("name", ["sobel-x", "gaussian5", "sharpen", "roberts-x"])
@pytest.mark.parametrize("method", ["sgd", "momentum"])
def test_the_picture_ends_at_the_closed_form(name, method):
    x, kernel = sample(size=12), preset(name)
    y = filtered(x, kernel)
    matrix = as_matrix(kernel, 12, 12, "circular")
    ridge = float(torch.linalg.matrix_norm(matrix, 2)) ** 2 / 10  # so the flattest direction loses a tenth a step
    solved = torch.linalg.solve(matrix.T @ matrix + ridge * torch.eye(144), matrix.T @ y.flatten())
    closed = tikhonov(y, kernel, ridge)
    torch.testing.assert_close(closed.flatten(), solved)
    job = Deconvolution(y, kernel, x, ridge=ridge, method=method)
    for _ in range(120):
        job.step()
    torch.testing.assert_close(job.picture, closed, rtol=0, atol=3e-3 if method == "momentum" else 1e-4)


def test_sharpening_comes_back_and_a_blur_nearly():
    x = sample()
    for name, near in (("sharpen", 60), ("gaussian", 30)):
        job = Deconvolution(filtered(x, preset(name)), preset(name), x, method="momentum")
        steps = [job.step() for _ in range(150)]
        assert [step.number for step in steps] == list(range(1, 151))
        assert steps[-1].residual < 0.02 * steps[0].residual
        assert steps[-1].psnr > steps[0].psnr + 10
        assert job.psnr == pytest.approx(psnr(job.picture, x)) and job.psnr > near


def test_what_the_filter_wipes_out_stays_as_it_began():
    """Sobel takes away every column's mean; the start's even grey is what the picture keeps of it."""
    x, kernel = sample(), preset("sobel-x")
    job = Deconvolution(filtered(x, kernel), kernel, x, method="momentum")
    for _ in range(100):
        job.step()
    assert job.picture.mean() == pytest.approx(0.5, abs=1e-9)
    assert job.picture.mean(3) == pytest.approx(torch.full((1, 1, 32), 0.5).double().numpy(), abs=1e-9)
    assert job.residual < 0.05
    assert job.psnr < 30


def test_noise_makes_it_better_and_then_worse():
    x, kernel = sample(), preset("gaussian5")
    noisy = filtered(x, kernel) + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double()
    job = Deconvolution(noisy, kernel, x)
    near = [job.step().psnr for _ in range(150)]
    best = near.index(max(near))
    assert 3 < best < 140
    assert near[best] > near[0] + 3 and near[-1] < near[best] - 1
    held = Deconvolution(noisy, kernel, x, ridge=0.05)
    for _ in range(150):
        held.step()
    assert held.psnr > near[-1]


def test_colours_are_recovered_one_by_one():
    y, kernel = drawn(2, 3, 6, 7), preset("gaussian")
    together = Deconvolution(y, kernel)
    alone = Deconvolution(y[1:, 2:], kernel)
    for _ in range(3):
        together.step(), alone.step()
    torch.testing.assert_close(together.picture[1:, 2:], alone.picture)
    assert together.psnr is None and together.step().psnr is None


def test_a_rate_beyond_the_stable_one_runs_away():
    x, kernel = sample(size=16), preset("sharpen")
    border = Deconvolution(filtered(x, kernel), kernel).stable_rate
    start = drawn(1, 1, 16, 16)
    below, above = (Deconvolution(filtered(x, kernel), kernel, rate=border * s, start=start) for s in (0.95, 1.2))
    for _ in range(100):
        below.step()
    assert below.residual < 0.05
    with pytest.raises(
        KernelLearningError, match=r"the picture has run away: the rate is too large. It has to be below"
    ):
        for _ in range(200):
            above.step()


@pytest.mark.parametrize("name", ["sobel-x", "gaussian5", "roberts-x", "log"])
def test_responses_are_the_sums_of_waves(name):
    kernel, size = preset(name), 12
    found = frequency_response(kernel, size).numpy()
    for row in (0, 3, 6, 9):
        for column in (0, 2, 6, 11):
            v, u = (row - 6) / size, (column - 6) / size
            wave = sum(
                kernel[i, j].item() * np.exp(2j * math.pi * (v * i + u * j))
                for i in range(kernel.shape[0])
                for j in range(kernel.shape[1])
            )
            assert found[row, column] == pytest.approx(abs(wave), abs=1e-12)


def test_what_is_lost_is_where_a_filter_gives_0():
    sobel = responses(preset("sobel-x"), preset("identity"), 16)
    assert (
        sobel.lost[:, 8].all() and sobel.lost[:, 0].all() and sobel.lost[0].all()
    )  # no change across; two-pixel stripes
    assert not sobel.lost[1:, 1:8].any()
    assert not responses(preset("sharpen"), preset("identity"), 16).lost.any()
    assert sobel.both.equal(sobel.filter) and sobel.inverse == pytest.approx(np.ones((16, 16)))


@pytest.mark.parametrize("name", ["sharpen", "gaussian", "sobel-x"])
def test_inverse_filters_are_learned(name):
    x, kernel = sample(size=64), preset(name)
    loss = inverse_loss(x, kernel, 9, bias=True)
    learning = KernelLearning(loss, "conjugate")
    learning.run(400, tolerance=1e-4)
    assert learning.loss == pytest.approx(loss.least, rel=0.05, abs=1e-7)
    # away from the rim, the picture that the inverse makes is as far from the true one as the loss says
    back = conv2d(conv2d(x, kernel[None, None]), learning.kernel[None, None]) + learning.bias
    rim = (64 - back.shape[2]) // 2
    error = (back - x[..., rim:-rim, rim:-rim]).square().mean()
    assert learning.loss == pytest.approx(float(error) + 1e-6 * float(learning.kernel.square().sum()), rel=1e-4)
    assert float(error) < (0.8 if name == "sobel-x" else 0.1) * float(x.var())
    both = responses(kernel, learning.kernel, 16)
    assert both.both[both.lost].max().item() < 0.1 if both.lost.any() else True
    if not both.lost.any():
        assert both.both[8, 8] == pytest.approx(1, abs=0.05)  # the mean comes back


def test_rounding_alone_keeps_a_strong_blur_from_coming_back():
    x, kernel = sample(), preset("gaussian5")
    exact = filtered(x, kernel)
    rounded, cut = as_picture(exact)
    assert cut == 0
    one, other = (psnr(tikhonov(y, kernel, 1e-9), x) for y in (exact, rounded))
    assert one > other + 10


def test_what_cannot_be_recovered_is_a_sentence():
    y, kernel = drawn(1, 1, 6, 6), preset("gaussian")
    for match, call in (
        (r"padding circular or zeros", lambda: Deconvolution(y, kernel, padding_mode="reflect")),
        (r"no optimiser 'heavy_ball'", lambda: Deconvolution(y, kernel, method="heavy_ball")),
        (r"The rate is a number above 0", lambda: Deconvolution(y, kernel, rate=-1.0)),
        (r"The rate is a number above 0", lambda: Deconvolution(y, kernel, ridge=math.nan)),
        (r"not alike", lambda: Deconvolution(y, kernel, y[..., 1:])),
        (r"0 or next to it everywhere", lambda: Deconvolution(y, kernel * 0)),
        (r"too large for a descent", lambda: Deconvolution(y, kernel * 1e9)),
        (r"0 or next to it everywhere", lambda: Deconvolution(y, kernel * 1e-90)),
        (r"A kernel of 7×7 does not fit a picture of 6×6", lambda: Deconvolution(y, torch.ones(7, 7))),
        (r"The ridge has to be above 0", lambda: tikhonov(y, kernel, 0.0)),
        (r"too small for both kernels", lambda: inverse_loss(y, kernel, 5)),
    ):
        with pytest.raises(KernelLearningError, match=match):
            call()
