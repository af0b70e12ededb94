"""Saliency, integrated gradients, Grad-CAM and occlusion, each against another way to compute it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz import answers as answers_module
from cnnviz.answers import answers, logits_and_gradients, logits_of
from cnnviz.attribution import METHODS, grad_cam, saliency
from cnnviz.attribution_words import say_number, say_pixel, say_share
from cnnviz.datasets import digits
from cnnviz.integrated_gradients import MOST_STEPS, TOLERANCE, integrated_gradients
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.occlusion import occlusion
from cnnviz.shapes import ShapeError
from tests.classifiers import classifiers, digit_net, picture
from tests.fuzzing import examples
from tests.random_networks import Twin

pytestmark = pytest.mark.usefixtures("one_thread")


def made(text, shape, seed=0):
    layers = parse_network(text)
    parameters = draw_weights(layers, shape, "pytorch", seed)
    return layers, [{name: tensor.double() for name, tensor in tensors.items()} for tensors in parameters]


# --- saliency


def test_saliency_of_a_linear_network_is_its_weights():
    layers, parameters = made("flatten|linear:3|softmax", (2, 3, 4))
    found = saliency(layers, picture((2, 3, 4)), parameters, 1)
    torch.testing.assert_close(found, parameters[1]["weight"][1].reshape(2, 3, 4))


# --- integrated gradients


def test_integrated_gradients_of_a_linear_network_are_weight_times_way():
    layers, parameters = made("flatten|linear:3", (2, 3, 4))
    x, baseline = picture((2, 3, 4)), picture((2, 3, 4), 1)
    found = integrated_gradients(layers, x, parameters, 1, baseline)
    torch.testing.assert_close(found.attributions, parameters[1]["weight"][1].reshape(2, 3, 4) * (x - baseline)[0])
    assert found.steps == 16 and found.is_complete
    assert found.logit == pytest.approx(float(logits_of(layers, x, parameters)[0, 1]))
    assert found.baseline_logit == pytest.approx(float(logits_of(layers, baseline, parameters)[0, 1]))


@examples(20)
@given(classifiers(), st.sampled_from([0.0, 0.5, 1.0]))
def test_integrated_gradients_add_up_to_the_difference(case, baseline):
    layers, shape = case
    assume(all("threshold" not in dict(getattr(layer, "parameters", ())) for layer in layers))  # there softplus jumps
    parameters = Twin(layers, shape).randomise().parameters_by_layer()
    x = picture(shape, dtype=torch.float32)
    found = integrated_gradients(layers, x, parameters, 1, baseline)
    ends = torch.cat([x, torch.full_like(x, baseline)])
    with torch.no_grad():
        above, below = logits_of(layers, ends, parameters)[:, 1].double().tolist()
    assume(np.isfinite(above - below) and abs(above - below) > 1e-4 * (abs(above) + abs(below)))  # of float32
    assert found.difference == pytest.approx(above - below, rel=1e-3)
    assert abs(float(found.attributions.double().sum()) - (above - below)) <= 0.0101 * max(abs(above - below), 0.01)
    assert found.is_complete and 16 <= found.steps <= MOST_STEPS


def test_a_jump_has_no_gradient_and_the_gap_says_so():
    layers, parameters = made("softplus,beta=1,threshold=0.5|flatten|linear:1,nobias", (1, 1, 1))
    parameters[2]["weight"][:] = 1
    found = integrated_gradients(layers, torch.ones(1, 1, 1, 1, dtype=torch.float64), parameters, 0)
    jump = 0.5 - np.log1p(np.exp(0.5))
    assert found.gap == pytest.approx(-jump, rel=1e-3) and not found.is_complete and found.steps < 100


def test_integrated_gradients_are_the_mean_gradient_of_many_equal_steps():
    layers, parameters = made("conv:4@3x3|relu|max:2|conv:3@2x2|tanh|flatten|linear:3", (1, 8, 8), 3)
    x = picture((1, 8, 8))
    places = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    gradients = logits_and_gradients(layers, places[:, None, None, None] * x, parameters, 2)[1]
    wanted = gradients.mean(0) * x[0]
    found = integrated_gradients(layers, x, parameters, 2)
    # each attribution, not their sum alone
    assert float((found.attributions - wanted).abs().max()) < 0.01 * float(wanted.abs().sum())


def test_integrated_gradients_of_digits_are_complete(monkeypatch):
    layers, parameters = digit_net()
    pictures = digits().held_out.images(slice(0, 8))
    found = [integrated_gradients(layers, x[None], parameters, c, b) for x in pictures for c, b in ((0, 0.0), (3, 0.5))]
    assert all(one.gap_share <= TOLERANCE and one.is_complete for one in found)
    monkeypatch.setattr(answers_module, "_BYTES", 1)
    again = integrated_gradients(layers, pictures[:1], parameters, 0)
    torch.testing.assert_close(again.attributions, found[0].attributions)


def test_a_path_cut_short_admits_its_gap():
    layers, parameters = digit_net()
    x = digits().held_out.images(slice(2, 3))
    coarse = integrated_gradients(layers, x, parameters, 7, 1.0, most=1)
    assert coarse.steps == 1 and not coarse.is_complete
    assert coarse.gap == pytest.approx(float(coarse.attributions.sum()) - coarse.difference, abs=1e-5)
    assert integrated_gradients(layers, x, parameters, 7, 1.0).gap_share < coarse.gap_share
    with pytest.raises(ShapeError, match="the baseline must be a number or fit"):
        integrated_gradients(layers, x, parameters, 7, torch.zeros(3, 3))


# --- Grad-CAM


def bilinear(image, height, width):
    """Half-pixel centres, edges repeated: one pixel at a time."""
    out = np.zeros((height, width))
    for r in range(height):
        for c in range(width):
            y = min(max((r + 0.5) * image.shape[0] / height - 0.5, 0), image.shape[0] - 1)
            x = min(max((c + 0.5) * image.shape[1] / width - 0.5, 0), image.shape[1] - 1)
            t, left = int(y), int(x)
            b, right = min(t + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
            above = image[t, left] * (1 - (x - left)) + image[t, right] * (x - left)
            below = image[b, left] * (1 - (x - left)) + image[b, right] * (x - left)
            out[r, c] = above * (1 - (y - t)) + below * (y - t)
    return out


@pytest.mark.parametrize("target", [0, 2])
def test_grad_cam_by_hand(target):
    layers, parameters = made("conv:4@3x3|relu|flatten|linear:3|softmax", (2, 7, 6))
    x = picture((2, 7, 6))
    weight, bias = (parameters[0][name].numpy() for name in ("weight", "bias"))
    maps = np.zeros((4, 5, 4))
    for k in range(4):
        for r in range(5):
            for c in range(4):
                maps[k, r, c] = max(0, (x[0, :, r : r + 3, c : c + 3].numpy() * weight[k]).sum() + bias[k])
    # what follows the maps is linear, so its weights are the gradient
    weights = parameters[3]["weight"][target].numpy().reshape(4, 20).mean(1)
    total = sum(weights[k] * maps[k] for k in range(4))
    found = grad_cam(layers, x, parameters, target, 1)
    for ours, theirs in ((found.maps, maps), (found.weights, weights), (found.total, total)):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    np.testing.assert_allclose(found.map, np.where(total > 0, total, 0), atol=1e-12)
    np.testing.assert_allclose(found.resized, bilinear(np.where(total > 0, total, 0), 7, 6), atol=1e-12)


@examples(15)
@given(classifiers(), st.data())
def test_grad_cam_weighs_by_the_gradients_of_torchs_modules(case, data):
    layers, shape = case
    twin = Twin(layers, shape).double().randomise()
    x = picture(shape)
    inner = [at for at in range(len(layers) - 1) if len(twin.shapes[at + 1]) == 3 and layers[at].stage != "flatten"]
    assume(inner)
    at = data.draw(st.sampled_from(inner))
    stages = twin.stages(x.requires_grad_())
    last = len(layers) - (layers[-1].stage == "activation")
    logit = stages[last][0, 1]
    (gradient,) = torch.autograd.grad(logit, stages[at + 1], allow_unused=True)
    assume(gradient is not None and gradient.isfinite().all())
    found = grad_cam(layers, x, twin.parameters_by_layer(), 1, at)
    torch.testing.assert_close(found.weights, gradient[0].sum((1, 2)) / gradient[0, 0].numel(), atol=1e-8, rtol=1e-6)
    torch.testing.assert_close(found.maps, stages[at + 1][0].detach())


def test_grad_cam_needs_maps():
    layers, parameters = made("conv:4@3x3|flatten|linear:3|softmax", (2, 7, 6))
    for layer, words in ((1, "makes a vector"), (3, "there is no layer 3 before the logits"), (-1, "no layer -1")):
        with pytest.raises(ShapeError, match=words):
            grad_cam(layers, picture((2, 7, 6)), parameters, 0, layer)


# --- occlusion


@examples(15)
@given(classifiers(), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0]))
def test_occlusion_is_one_picture_after_another(case, size, stride, fill):
    layers, shape = case
    parameters, x = Twin(layers, shape).double().randomise().parameters_by_layer(), picture(shape)
    found = occlusion(layers, x, parameters, 2, size, stride, fill)
    answer = float(answers(layers, x, parameters)[0, 2])
    count = np.zeros(shape[1:])
    for r, row in enumerate(found.rows):
        for c, col in enumerate(found.cols):
            covered = x.clone()
            for i in range(size):
                for j in range(size):
                    if row + i < shape[1] and col + j < shape[2]:
                        covered[0, :, row + i, col + j] = fill
                        count[row + i, col + j] += 1
            wanted = float(answers(layers, covered, parameters)[0, 2])
            assert float(found.after[r, c]) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
            assert float(found.falls[r, c]) == pytest.approx(answer - wanted, rel=1e-6, abs=1e-9)
    if stride <= size:
        assert count.min() >= 1  # up to the edges
    whole = found.resized()
    assert tuple(whole.shape) == shape[1:]
    for row, col in np.ndindex(*shape[1:]):  # each pixel's number is that of the patch whose middle is nearest
        away = [
            (abs(top + size / 2 - row - 0.5) + abs(left + size / 2 - col - 0.5), r, c)
            for r, top in enumerate(found.rows)
            for c, left in enumerate(found.cols)
        ]
        _, r, c = min(away)
        assert float(whole[row, col]) == float(found.falls[r, c])


@examples(15)
@given(classifiers(), st.integers(1, 4), st.integers(1, 3), st.data())
def test_the_number_on_the_occlusion_map_is_that_of_the_sentence(case, size, stride, data):
    layers, shape = case
    parameters, x = Twin(layers, shape).double().randomise().parameters_by_layer(), picture(shape)
    found = occlusion(layers, x, parameters, 1, size, stride)
    row, col = data.draw(st.integers(0, shape[1] - 1)), data.draw(st.integers(0, shape[2] - 1))
    words = say_pixel(found, row, col, "it")
    assert words.endswith(f"; the map shows by how much it falls, {say_number(float(found.resized()[row, col]))}.")
    top, bottom = (int(number) for number in re.search(r"rows? (\d+)(?: to (\d+))?", words).groups(default="-1"))
    covered = x.clone()
    left, right = (int(number) for number in re.search(r"columns? (\d+)(?: to (\d+))?", words).groups(default="-1"))
    covered[:, :, top : max(top, bottom) + 1, left : max(left, right) + 1] = 0.5
    before, after = answers(layers, torch.cat([x, covered]), parameters)[:, 1].tolist()
    assert float(found.resized()[row, col]) == pytest.approx(before - after, rel=1e-6, abs=1e-9)


def test_occlusion_that_cannot_be_says_why():
    layers, parameters = made("flatten|linear:3", (1, 6, 6))
    with pytest.raises(ShapeError, match="at least 1 pixel"):
        occlusion(layers, picture((1, 6, 6)), parameters, 0, size=0)
    layers, parameters = made("flatten|linear:3", (1, 200, 200))
    with pytest.raises(ShapeError, match="a larger stride has fewer"):
        occlusion(layers, picture((1, 200, 200)), parameters, 0)


# --- words


def test_each_method_says_what_it_shows_and_hides():
    assert set(METHODS) == {"saliency", "integrated", "grad_cam", "occlusion"}
    for method in METHODS.values():
        assert method.shows.endswith(".") and method.hides.startswith("Not ") and method.hides.endswith(".")


def test_a_pixel_in_one_sentence():
    layers, parameters = made("conv:1@1x1,nobias|relu|flatten|linear:2|softmax", (1, 3, 3))
    parameters[0]["weight"][:] = 1
    parameters[3]["weight"][:] = torch.arange(18).reshape(2, 9) / 10
    parameters[3]["bias"][:] = 0
    x = torch.full((1, 1, 3, 3), 0.5, dtype=torch.float64)
    gradient = saliency(layers, x, parameters, 1)
    assert say_pixel(gradient, 1, 1, "7") == (
        "If this pixel’s brightness grew by 0.01, the logit of 7 would grow by about 0.013 (its slope is 1.3)."
    )
    assert say_pixel(-gradient, 1, 1, "7").endswith("would fall by about 0.013 (its slope is −1.3).")
    assert "would stay" in say_pixel(0 * gradient, 1, 1, "7")
    assert say_pixel(gradient.repeat(3, 1, 1), 1, 1, "7").count("; if its") == 2
    found = integrated_gradients(layers, x, parameters, 1)
    assert "goes from 0 to 5.85, a change of 5.85; this pixel’s part in it is 0.65." in say_pixel(found, 1, 1, "7")
    words = say_pixel(grad_cam(layers, x, parameters, 1, 1), 1, 1, "7")
    assert "the cell (1, 1) of the 3×3 maps" in words and "map 0’s: 1.3 · 0.5 = 0.65." in words
    assert words.endswith("as the map is shown, this is 0.65.")
    against = [parameters[0], {}, {}, {name: -tensor for name, tensor in parameters[3].items()}, {}]
    assert say_pixel(grad_cam(layers, x, against, 1, 1), 1, 1, "7").startswith("Nothing here speaks for 7:")
    covered = occlusion(layers, x, parameters, 1, 1, fill=0.0)
    before, after = (1 / (1 + np.exp(-d)) for d in (0.9 * 4.5, 0.9 * 4))
    assert say_pixel(covered, 1, 1, "7") == (
        f"Covering row 1 and column 1 with 0 takes 7 from {100 * before:.1f} % to {100 * after:.1f} %; "
        f"the map shows by how much it falls, {before - after:.3g}."
    )
    logits = occlusion(layers[:-1], x, parameters[:-1], 1, 3, fill=0.0)
    assert say_pixel(logits, 0, 0, "7") == (
        "Covering rows 0 to 2 and columns 0 to 2 with 0 takes the logit of 7 from 5.85 to 0; "
        "the map shows by how much it falls, 5.85."
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1.25, "1.25"), (-0.5, "−0.5"), (12345, "12300"), (8.02e-5, "8.0e−5"), (-5.16e7, "−5.2e+7")],
)  # fmt: skip
def test_numbers_are_written_as_the_browser_writes_them(number, text):
    assert say_number(number) == text  # toPrecision(3), toExponential(1), of which these are V8's results


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.9999, "more than 99.9 %"), (1e-6, "less than 0.1 %")],
)
def test_shares_are_whole_only_if_they_are(share, text):
    assert say_share(share) == text
