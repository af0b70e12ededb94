"""Kernels learned by gradient descent, against autograd, torch's optimisers, and convolutions of the pictures."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnviz import kernel_loss as kernel_loss_module
from cnnviz.descent_rates import METHODS, best_rate, slowest_factor, stable_rate, suggested_method, velocity_kept
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.kernel_learning import TARGETS, KernelLearning
from cnnviz.kernel_loss import as_picture, kernel_loss
from cnnviz.kernels import KERNELS, initialise
from cnnviz.loss_surface import loss_slice, two_weights
from cnnviz.quadratic_loss import KernelLearningError
from tests.fuzzing import examples

pytestmark = pytest.mark.usefixtures("one_thread")


BAR = ("sobel-x", "sobel-y", "laplacian4", "gaussian5")


def preset(name):
    return torch.tensor(KERNELS[name].values, dtype=torch.float32)


def sample(name="camera", size=64):
    return load_image(SAMPLES[name].path, size=size)


def learned_from(name, target, size=64, **options):
    x, kernel = sample(name, size), preset(target)
    padding = options.get("padding", "same")
    return kernel_loss(x, conv2d(x, kernel[None, None], padding=padding), kernel.shape, **options)


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def padded(x, height, width, mode):
    sides = ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2)
    return F.pad(x, sides) if mode == "zeros" else F.pad(x, sides, mode=mode)


problems = st.tuples(
    st.integers(1, 2), st.integers(7, 12), st.integers(7, 12), st.integers(1, 6), st.integers(1, 6),
    st.sampled_from(["zeros", "reflect", "replicate", "circular", "valid"]), st.booleans(), st.integers(0, 99),
)  # fmt: skip


def image_loss(x, y, mode, weights, size, bias):
    """The loss as a network has it, by a pass over the pictures."""
    n = size[0] * size[1]
    kernel = weights[:n].reshape(1, 1, *size)
    maps = F.conv2d(x if mode == "valid" else padded(x, *size, mode), kernel, weights[n:] if bias else None)
    return (maps - y).square().mean()


@examples(25)
@given(problems)
def test_gradient_and_loss_are_those_of_the_pictures(problem):
    count, height, width, kernel_height, kernel_width, mode, bias, seed = problem
    size, x = (kernel_height, kernel_width), drawn(count, 1, height, width, seed=seed)
    less = (kernel_height - 1, kernel_width - 1) if mode == "valid" else (0, 0)
    y = drawn(count, 1, height - less[0], width - less[1], seed=seed + 1)
    options = {"padding": "valid"} if mode == "valid" else {"padding_mode": mode}
    loss = kernel_loss(x, y, size, bias=bias, **options)
    weights = (drawn(len(loss), seed=seed + 2) - 0.5).requires_grad_()
    expected = image_loss(x, y, mode, weights, size, bias)
    expected.backward()
    torch.testing.assert_close(loss.gradient(weights.detach()), weights.grad, rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(loss.loss(weights.detach()), expected.detach(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("method", ["sgd", "momentum", "adam", "heavy_ball"])
def test_steps_are_torchs_on_the_pictures(method):
    x, size = drawn(1, 1, 9, 10), (3, 3)
    y = drawn(1, 1, 9, 10, seed=1)
    loss = kernel_loss(x, y, size, bias=True)
    learning = KernelLearning(loss, method, start=drawn(3, 3, seed=2))
    weights = loss.weights(drawn(3, 3, seed=2)).requires_grad_()
    share = {"momentum": 0.9, "heavy_ball": velocity_kept(loss, "heavy_ball")}.get(method, 0.0)
    theirs = torch.optim.SGD([weights], lr=learning.rate, momentum=share)
    if method == "adam":
        theirs = torch.optim.Adam([weights], lr=learning.rate)
    for number in range(1, 31):
        theirs.zero_grad()
        expected = image_loss(x, y, "zeros", weights, size, True)
        expected.backward()
        theirs.step()
        step = learning.step()
        assert (step.number, learning.number) == (number, number)
        assert step.loss == pytest.approx(expected.item(), rel=1e-9)
        torch.testing.assert_close(learning.weights, weights.detach(), rtol=1e-8, atol=1e-9)
        assert step.gradient == pytest.approx(weights.grad.norm().item(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("bias", [False, True])
def test_the_optimum_is_that_of_lstsq(bias):
    x, y = drawn(1, 1, 12, 11), drawn(1, 1, 12, 11, seed=1)
    loss = kernel_loss(x, y, (3, 2), bias=bias)
    patches = F.unfold(padded(x, 3, 2, "zeros"), (3, 2))[0].T
    if bias:
        patches = torch.cat([patches, torch.ones(len(patches), 1)], 1)
    expected = torch.linalg.lstsq(patches, y.flatten()[:, None]).solution[:, 0]
    torch.testing.assert_close(loss.optimum, expected, rtol=1e-8, atol=1e-9)
    assert loss.least == pytest.approx(float((patches @ expected - y.flatten()).square().mean()))
    assert loss.gradient(loss.optimum).abs().max() < 1e-12


def test_a_picture_is_read_in_strips_as_at_once(monkeypatch):
    x, y = drawn(2, 1, 13, 9), drawn(2, 1, 13, 9, seed=1)
    at_once = kernel_loss(x, y, 4)
    for some in (1, 500, 700):
        monkeypatch.setattr(kernel_loss_module, "_AT_ONCE", some)
        strips = kernel_loss(x, y, 4)
        torch.testing.assert_close(strips.hessian, at_once.hessian)
        torch.testing.assert_close(strips.slope, at_once.slope)
        assert strips.cells == at_once.cells == 2 * 13 * 9


def test_with_padding_valid_the_rim_is_left_out():
    x, kernel = sample(), initialise("normal", (1, 1, 4, 3), 0)
    small, same = conv2d(x, kernel), conv2d(x, kernel, padding="same", padding_mode="reflect")
    one, other = (kernel_loss(x, y, (4, 3), padding="valid") for y in (small, same))
    assert one.hessian.equal(other.hessian)
    torch.testing.assert_close(one.slope, other.slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("target", BAR)
@pytest.mark.parametrize("name", SAMPLES)
def test_each_sample_gives_each_kernel_back(name, target):
    """By conjugate gradients from every sample; by a heavy ball where it needs no more than some thousand steps."""
    loss = learned_from(name, target)
    assert loss.determined.all()
    methods = ["conjugate"]
    if loss.condition < 2e4:
        methods.append("heavy_ball")
        assert suggested_method(loss) == "heavy_ball"
    for method in methods:
        learning = KernelLearning(loss, method)
        assert learning.run(3000, tolerance=5e-3)
        error = float((learning.kernel - preset(target)).abs().max())
        assert error < 1e-2
        assert error <= learning.error_bound + 1e-4


@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_found_at_the_pages_default(target):
    loss = learned_from("astronaut", target)
    learning = KernelLearning(
        loss, suggested_method(loss), start=initialise("pytorch", (1, 1, *loss.kernel_size), 0)[0, 0]
    )
    assert learning.run(3000)
    assert (learning.kernel - preset(target)).abs().max() < 2e-3


@pytest.mark.parametrize("method", ["sgd", "momentum", "heavy_ball"])
def test_the_largest_stable_rate_is_the_border(method):
    loss = learned_from("rings", "sobel-x")
    border = stable_rate(loss, method)
    assert best_rate(loss, method) < border
    start = loss.loss(loss.weights(torch.zeros(3, 3)))
    below, above = (KernelLearning(loss, method, border * share) for share in (0.98, 1.02))
    assert slowest_factor(loss, method, below.rate) < 1 < slowest_factor(loss, method, above.rate)
    below.run(2000)
    assert below.loss < 1e-3 * start
    with pytest.raises(KernelLearningError, match=r"the rate is too large. With this picture it has to be below"):
        above.run(5000)


def test_plain_descent_is_as_slow_as_its_figures_say():
    loss = learned_from("rings", "sobel-x")
    assert stable_rate(loss, "sgd") == pytest.approx(2 / float(torch.linalg.eigvalsh(loss.hessian)[-1]))
    learning = KernelLearning(loss, "sgd")
    factor = slowest_factor(loss, "sgd", learning.rate)
    assert factor == pytest.approx(1 - 1 / loss.condition)
    learning.run(600, tolerance=0)
    before = (learning.weights - loss.optimum).norm()
    learning.run(100, tolerance=0)
    after = (learning.weights - loss.optimum).norm()
    assert float(after / before) == pytest.approx(factor**100, rel=1e-2)
    share = velocity_kept(loss, "heavy_ball")
    assert slowest_factor(loss, "heavy_ball", best_rate(loss, "heavy_ball")) == pytest.approx(
        math.sqrt(share), rel=1e-5
    )
    assert math.sqrt(share) < slowest_factor(loss, "momentum", best_rate(loss, "momentum")) < factor
    for method in ("adam", "conjugate"):
        assert stable_rate(loss, method) is None
        assert slowest_factor(loss, method, 1.0) is None


def test_photographs_are_steepest_along_the_blur():
    loss = learned_from("camera", "sobel-x")
    steepest = loss.directions[:, -1]
    assert (steepest.abs() - 1 / 3).abs().max() < 0.02  # all weights together, each as much
    assert abs(float(loss.optimum @ steepest)) < 0.02  # a kernel with sum 0
    assert loss.condition > 1000


def test_one_edge_leaves_kernels_open():
    x = sample("step")
    loss = kernel_loss(x, conv2d(x, preset("sobel-x")[None, None]), 3, padding="valid")
    assert 0 < loss.determined.sum() < len(loss)
    learning = KernelLearning(loss, "conjugate")
    assert learning.run(100)
    assert learning.loss < 1e-9
    assert (learning.kernel - preset("sobel-x")).abs().max() > 0.1
    torch.testing.assert_close(learning.weights, loss.optimum, rtol=0, atol=2e-3)


def test_what_a_files_picture_cuts_off_is_left_out():
    x, kernel = sample(), preset("sobel-x")
    y, cut = as_picture(conv2d(x, kernel[None, None], padding="same"))
    assert 0.2 < cut < 0.7
    assert y.min() == 0 and y.max() == 1 and (y * 255).round().div(255).sub(y).abs().max() < 1e-6
    plain, skipped = (kernel_loss(x, y, 3, skip_clipped=skip) for skip in (False, True))
    assert skipped.cells < plain.cells
    assert (skipped.kernel(skipped.optimum) - kernel).abs().max() < 0.02
    assert (plain.kernel(plain.optimum) - kernel).abs().max() > 0.2


def test_a_bias_is_learned_beside_the_kernel():
    x, kernel = sample(), preset("emboss")
    y = conv2d(x, kernel[None, None], torch.tensor([0.5]), padding="same")
    learning = KernelLearning(kernel_loss(x, y, 3, bias=True))
    assert learning.run(5000)
    assert learning.bias == pytest.approx(0.5, abs=1e-3)
    assert (learning.kernel - kernel).abs().max() < 1e-3
    assert KernelLearning(kernel_loss(x, y, 3)).bias == 0


def test_a_ridge_draws_the_kernel_to_0():
    x, y = drawn(1, 1, 9, 9), drawn(1, 1, 9, 9, seed=1)
    plain, held = kernel_loss(x, y, 3, bias=True), kernel_loss(x, y, 3, bias=True, ridge=0.25)
    weights = drawn(10, seed=2)
    expected = plain.loss(weights) + 0.25 * weights[:9].square().sum()
    torch.testing.assert_close(held.loss(weights), expected)
    assert held.optimum[:9].norm() < plain.optimum[:9].norm()


def test_keyframes_begin_dense_and_hold_the_last_step():
    learning = KernelLearning(learned_from("camera", "sobel-x"), start=drawn(3, 3))
    before = learning.kernel
    learning.run(400, tolerance=0)
    assert learning.numbers[:20] == list(range(20)) and learning.numbers[-1] == 400
    assert len(learning.numbers) == len(learning.losses) == len(learning.path) < 150
    assert learning.surface.kernel(learning.path)[0].equal(before) and before.equal(drawn(3, 3))
    assert learning.path[-1].equal(learning.weights)
    assert learning.losses == pytest.approx(learning.surface.loss(learning.path).tolist())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_down(method):
    loss = learned_from("rings", "gaussian5")
    learning = KernelLearning(loss, method)
    learning.run(150)
    assert learning.losses[-1] < 2e-2 * learning.losses[0]


@examples(8)
@given(st.integers(0, 99), st.booleans(), st.booleans())
def test_a_slice_is_the_loss_of_convolutions(seed, default, at_the_start):
    x, y = drawn(1, 1, 8, 8, seed=seed), drawn(1, 1, 8, 8, seed=seed + 1)
    loss = kernel_loss(x, y, 3)
    learning = KernelLearning(loss, "momentum", start=drawn(3, 3, seed=seed + 2))
    learning.run(20)
    directions = None if default else drawn(2, 9, seed=seed + 3)
    origin = learning.path[0] if at_the_start else None
    cut = loss_slice(loss, learning.path, directions, origin=origin, cells=4)
    torch.testing.assert_close(cut.directions @ cut.directions.T, torch.eye(2, dtype=torch.float64))
    for row in range(4):
        for column in range(4):
            weights = cut.origin + cut.across[column] * cut.directions[0] + cut.down[row] * cut.directions[1]
            expected = image_loss(x, y, "zeros", weights, (3, 3), False)
            assert float(cut.heights[row, column]) == pytest.approx(float(expected), rel=1e-9)
    for axis, values in enumerate((cut.across, cut.down)):
        assert values[0] < min(0, cut.path[:, axis].min()) and max(0, cut.path[:, axis].max()) < values[-1]
    back = cut.origin + cut.path @ cut.directions
    torch.testing.assert_close((learning.path - back).norm(dim=1), cut.beside)


def test_slices_along_two_weights_and_along_the_valley():
    learning = KernelLearning(learned_from("camera", "sobel-x"))
    learning.run(200)
    loss = learning.surface
    cut = loss_slice(loss, learning.path, two_weights(loss, 0, 5))
    torch.testing.assert_close(cut.path, (learning.path - loss.optimum)[:, [0, 5]])
    valley = loss_slice(loss, learning.path)
    steep, flat = (float(d @ loss.hessian @ d) for d in valley.directions)
    assert steep / flat == pytest.approx(loss.condition)
    middle = loss_slice(loss, loss.optimum[None])
    assert middle.across[0] == -middle.across[-1] == -1 / 2


def refused(match, *arguments, **options):
    with pytest.raises(KernelLearningError, match=match):
        kernel_loss(*arguments, **options)


def test_what_cannot_be_learned_is_a_sentence():
    x, y = torch.ones(1, 1, 8, 9), torch.ones(1, 1, 8, 9)
    refused(r"The kernel is 12×3; each side may be 1 to 11", x, y, (12, 3))
    refused(r"padding same or valid, not 'full'", x, y, 3, padding="full")
    refused(r"The picture is 8×9, its filtered version 6×7: they need the same size", x, y[..., 2:, 2:], 3)
    refused(r"is 7×8; for a kernel of 3×3 on a picture of 8×9 it is 6×7", x, y[..., 1:, 1:], 3, padding="valid")
    refused(r"A kernel of 9×9 does not fit the picture, 8×9", x, y, 9, padding="valid")
    refused(r"are grey", x.expand(1, 3, 8, 9), y, 3)
    refused(r"are grey", x, y[0], 3)
    refused(r"The picture is black", x * 0, y, 3)
    refused(r"The picture is black", x * 0, y, 3, bias=True)
    refused(r"nothing is left to compare", x, y, 3, skip_clipped=True)
    refused(r"no number", x, y * math.nan, 3)
    refused(r"The ridge", x, y, 3, ridge=-1.0)
    loss = kernel_loss(x, y, 3)
    for match, options in (
        (r"no method 'newton': there are sgd", {"method": "newton"}),
        (r"The rate is a number above 0", {"rate": 0.0}),
        (r"The rate is a number above 0", {"rate": math.nan}),
        (r"The kernel is 5×5, not 3×3", {"start": torch.zeros(5, 5)}),
    ):
        with pytest.raises(KernelLearningError, match=match):
            KernelLearning(loss, **options)
    path = torch.zeros(1, 9)
    for match, call in (
        (r"2 to 201 cells", lambda: loss_slice(loss, path, cells=1)),
        (r"along one line", lambda: loss_slice(loss, path, torch.ones(2, 9))),
        (r"needs two directions", lambda: loss_slice(loss, path, torch.ones(3, 9))),
        (r"weights 0 to 8, not 0 and 9", lambda: two_weights(loss, 0, 9)),
        (r"a curve, not a surface", lambda: loss_slice(kernel_loss(x, y, 1), path[:, :1])),
    ):
        with pytest.raises(KernelLearningError, match=match):
            call()
