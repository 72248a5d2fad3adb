"""The methods on pixels against Captum, literal loops, and networks whose right answer is a formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.graph import notation
from convsmith.insight.methods.deconvolution import deconvolution
from convsmith.insight.methods.gradient import gradient
from convsmith.insight.methods.gradient_shap import gradient_shap
from convsmith.insight.methods.gradient_x_input import gradient_x_input
from convsmith.insight.methods.guided_backprop import guided_backprop
from convsmith.insight.methods.integrated_gradients import integrated_gradients
from convsmith.insight.methods.occlusion import occlusion
from convsmith.insight.methods.rise import random_masks, rise
from convsmith.insight.methods.smooth_grad import smooth_grad
from convsmith.insight.target import Refused
from convsmith.testing.random_networks import random_weights

TARGET = [0, 2, 1]


def convolutional(api):
    return api.Sequential(
        [
            api.Input((10, 9, 2)),
            api.layers.Conv2D(4, 3, activation="relu", name="conv1"),
            api.layers.MaxPooling2D(2, name="pool"),
            api.layers.Conv2D(5, 2, activation="relu", name="conv2"),
            api.layers.Flatten(name="flatten"),
            api.layers.Dense(3, activation="softmax", name="classes"),
        ]
    )


@pytest.fixture
def case():
    graph = convolutional(notation)
    rng = np.random.default_rng(2)
    net = lower(graph, random_weights(graph, rng))
    return net, torch.from_numpy(rng.uniform(0, 9, (3, 2, 10, 9)).astype(np.float32))


@pytest.fixture
def linear():
    """score = Σ w·x + b, and its weights as an image."""
    graph = notation.Sequential(
        [notation.Input((12, 12, 1)), notation.layers.Flatten(), notation.layers.Dense(3, name="d")]
    )
    rng = np.random.default_rng(3)
    weights = random_weights(graph, rng)
    x_NCHW = torch.from_numpy(rng.uniform(0, 9, (3, 1, 12, 12)).astype(np.float32))
    slopes_NHW = np.stack([weights["d/kernel"][:, k].reshape(12, 12) for k in TARGET])
    return lower(graph, weights), x_NCHW, slopes_NHW


class Logits(torch.nn.Module):
    """The network's logits, with every ReLU its own module, as Captum wants it."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x_NCHW):
        return self.net.logits(x_NCHW)


@pytest.mark.parametrize(
    ("ours", "theirs", "array", "settings"),
    [
        (gradient, "Saliency", "gradient_NCHW", {"abs": False}),
        (gradient_x_input, "InputXGradient", "attribution_NCHW", {}),
        (guided_backprop, "GuidedBackprop", "gradient_NCHW", {}),
        (deconvolution, "Deconvolution", "gradient_NCHW", {}),
        (integrated_gradients, "IntegratedGradients", "attribution_NCHW", {"n_steps": 50}),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_as_captum(case, ours, theirs, array, settings):
    attr = pytest.importorskip("captum.attr")
    net, x_NCHW = case
    found = ours(net, x_NCHW, TARGET).arrays[array]
    oracle = getattr(attr, theirs)(Logits(net)).attribute(
        x_NCHW.clone().requires_grad_(True), target=torch.tensor(TARGET), **settings
    )
    np.testing.assert_allclose(found, oracle.detach().numpy(), atol=1e-5 * float(oracle.abs().max()) + 1e-7)


def test_the_gradient_by_finite_differences(case):
    net, x_NCHW = case
    found = gradient(net, x_NCHW, TARGET).arrays["gradient_NCHW"]
    double = lower(net.graph).double()
    double.load_state_dict(net.state_dict())
    for place in [(0, 1, 4, 4), (1, 0, 9, 8), (2, 1, 0, 0), (0, 0, 5, 2)]:
        ends = []
        for sign in (1, -1):
            moved = x_NCHW.double()
            moved[place] += sign * 1e-5
            with torch.no_grad():
                ends.append(float(double.logits(moved)[place[0], TARGET[place[0]]]))
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-6)


def test_the_map_of_a_gradient_is_its_largest_size_over_the_channels(case):
    net, x_NCHW = case
    found = gradient(net, x_NCHW, TARGET)
    np.testing.assert_array_equal(found.maps_NHW, np.abs(found.arrays["gradient_NCHW"]).max(1))


def test_guided_backprop_and_deconvolution_by_hand():
    """Two dense layers with ReLU, backwards in numpy by the papers' rules."""
    graph = notation.Sequential(
        [
            notation.Input((2, 3, 1)),
            notation.layers.Flatten(),
            notation.layers.Dense(7, activation="relu", name="a"),
            notation.layers.Dense(6, name="b"),
            notation.layers.ReLU(),
            notation.layers.Dense(2, name="c"),
        ]
    )
    w = random_weights(graph, np.random.default_rng(8))
    x_NCHW = torch.rand(4, 1, 2, 3)
    net = lower(graph, w)
    for n, x in enumerate(x_NCHW.numpy().reshape(4, 6)):
        first = x @ w["a/kernel"] + w["a/bias"]
        second = first.clip(0) @ w["b/kernel"] + w["b/bias"]
        back = w["c/kernel"][:, 1]
        guided = np.where((second > 0) & (back > 0), back, 0) @ w["b/kernel"].T
        guided = np.where((first > 0) & (guided > 0), guided, 0) @ w["a/kernel"].T
        deconvolved = back.clip(0) @ w["b/kernel"].T
        deconvolved = deconvolved.clip(0) @ w["a/kernel"].T
        for method, literal in ((guided_backprop, guided), (deconvolution, deconvolved)):
            found = method(net, x_NCHW[n : n + 1], 1).arrays["gradient_NCHW"]
            np.testing.assert_allclose(found.reshape(6), literal, atol=1e-6)


def test_the_known_trap_on_a_raw_keras_model(case):
    """Keras's model on torch is an nn.Module without a single nn.ReLU: hooks on ReLUs silently do nothing."""
    keras = pytest.importorskip("keras")
    net, x_NCHW = case
    model = convolutional(keras)
    assert isinstance(model, torch.nn.Module)
    assert not [part for part in model.modules() if isinstance(part, torch.nn.ReLU)]
    with pytest.raises(Refused, match=r"expected a network from engine\.lower"):
        guided_backprop(model, x_NCHW, 1)
    ours, plain = guided_backprop(net, x_NCHW, 1), gradient(net, x_NCHW, 1)
    assert np.abs(ours.maps_NHW - plain.maps_NHW).max() > 0.1 * np.abs(plain.maps_NHW).max()


@pytest.mark.filterwarnings("ignore")
def test_captum_falls_into_the_trap_and_we_do_not(case):
    attr, keras = pytest.importorskip("captum.attr"), pytest.importorskip("keras")
    net, x_NCHW = case
    model = convolutional(keras)
    x_NHWC = x_NCHW.permute(0, 2, 3, 1).contiguous()
    model(x_NHWC)
    target = torch.tensor(TARGET)
    trapped = attr.GuidedBackprop(model).attribute(x_NHWC.clone().requires_grad_(True), target=target)
    slope = attr.Saliency(model).attribute(x_NHWC.clone().requires_grad_(True), target=target, abs=False)
    torch.testing.assert_close(trapped, slope)  # not guided at all
    ours = guided_backprop(net, x_NCHW, TARGET).arrays["gradient_NCHW"]
    theirs = attr.GuidedBackprop(Logits(net)).attribute(x_NCHW.clone().requires_grad_(True), target=target)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-6)


def test_no_relu_to_guide():
    graph = notation.Sequential(
        [
            notation.Input((4, 4, 1)),
            notation.layers.Conv2D(2, 3, activation="tanh"),
            notation.layers.Flatten(),
            notation.layers.Dense(2),
        ]
    )
    with pytest.raises(Refused, match="it has no ReLU to guide"):
        deconvolution(lower(graph), torch.rand(1, 1, 4, 4), 0)


@pytest.mark.parametrize("baseline", ["black", "white", "mean"])
def test_integrated_gradients_add_up(case, baseline):
    net, x_NCHW = case
    found = integrated_gradients(net, x_NCHW, TARGET, baseline=baseline)
    assert found.arrays["completeness_error_N"].max() < 0.015
    assert f"compared with a {baseline} image" in found.notes[0]


@pytest.mark.parametrize("batch_size", [1, 4, 6, 8, 14, 64])
def test_integrated_gradients_however_the_points_are_put_together(case, batch_size):
    """Seven points in parts of any size; the last may be of one."""
    net, x_NCHW = case
    whole = integrated_gradients(net, x_NCHW, TARGET, steps=7, batch_size=7 * len(x_NCHW))
    parts = integrated_gradients(net, x_NCHW, TARGET, steps=7, batch_size=batch_size)
    for name in ("attribution_NCHW", "completeness_error_N"):
        np.testing.assert_allclose(parts.arrays[name], whole.arrays[name], rtol=1e-4, atol=1e-5)


def test_on_a_linear_network_everything_is_a_formula(linear):
    net, x_NCHW, slopes_NHW = linear
    x_NHW = x_NCHW[:, 0].numpy()
    mean_N11 = x_NHW.mean((1, 2), keepdims=True)
    parts = slopes_NHW * x_NHW
    np.testing.assert_allclose(gradient(net, x_NCHW, TARGET).maps_NHW, np.abs(slopes_NHW), atol=1e-6)
    np.testing.assert_allclose(gradient_x_input(net, x_NCHW, TARGET).maps_NHW, parts, atol=1e-5)
    np.testing.assert_allclose(smooth_grad(net, x_NCHW, TARGET).maps_NHW, np.abs(slopes_NHW), atol=1e-6)
    integrated = integrated_gradients(net, x_NCHW, TARGET, steps=2)
    np.testing.assert_allclose(integrated.maps_NHW, parts, atol=1e-4)
    assert integrated.output == "output"
    covered = occlusion(net, x_NCHW, TARGET, window=1, stride=1)
    np.testing.assert_allclose(covered.maps_NHW, slopes_NHW * (x_NHW - mean_N11), atol=1e-4)


def test_occlusion_by_a_literal_loop(case):
    net, x_NCHW = case
    found = occlusion(net, x_NCHW, TARGET, window=4, stride=3, baseline="white").maps_NHW
    literal, times = np.zeros((3, 10, 9)), np.zeros((10, 9))
    with torch.no_grad():
        for top in (0, 3, 6):
            for left in (0, 3, 5):  # the last squares end at the edge
                for n, k in enumerate(TARGET):
                    covered = x_NCHW[n : n + 1].clone()
                    covered[:, :, top : top + 4, left : left + 4] = 255
                    lost = net.logits(x_NCHW[n : n + 1])[0, k] - net.logits(covered)[0, k]
                    literal[n, top : top + 4, left : left + 4] += float(lost)
                times[top : top + 4, left : left + 4] += 1
    np.testing.assert_allclose(found, literal / times, atol=1e-3)


def test_occlusion_s_settings():
    graph = notation.Sequential(
        [notation.Input((6, 6, 1)), notation.layers.Flatten(), notation.layers.Dense(2)]
    )
    net, x_NCHW = lower(graph), torch.rand(1, 1, 6, 6)
    with pytest.raises(BadInput, match="window 9 and stride 4 on 6x6 pixels"):
        occlusion(net, x_NCHW, window=9)
    with pytest.raises(BadName, match="did you mean 'black'"):
        occlusion(net, x_NCHW, baseline="blck")


def test_smooth_grad_is_the_mean_over_noisy_copies(case):
    net, x_NCHW = case
    found = smooth_grad(net, x_NCHW, TARGET, copies=3, noise=0.1, seed=5)
    random, total = torch.Generator().manual_seed(5), 0
    for _ in range(3):
        shake = torch.randn(2, 10, 9, generator=random)
        noisy = torch.stack([x + 0.1 * (x.max() - x.min()) * shake for x in x_NCHW])
        total = total + gradient(net, noisy, TARGET).arrays["gradient_NCHW"]
    np.testing.assert_allclose(found.arrays["gradient_NCHW"], total / 3, atol=1e-5)
    still = smooth_grad(net, x_NCHW, TARGET, noise=0.0)
    np.testing.assert_allclose(still.maps_NHW, gradient(net, x_NCHW, TARGET).maps_NHW, atol=1e-5)


def test_rise_s_masks():
    masks = random_masks(400, (20, 31), 7, 0.5, seed=1)
    assert masks.shape == (400, 20, 31)
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.5, atol=0.12)
    assert len(np.unique(masks.reshape(400, -1), axis=0)) == 400
    np.testing.assert_array_equal(masks, random_masks(400, (20, 31), 7, 0.5, seed=1))


def test_rise_finds_the_only_place_that_counts():
    """A network that looks at one corner: by least squares on the masks the map must peak there."""
    graph = notation.Sequential(
        [notation.Input((12, 12, 1)), notation.layers.Flatten(), notation.layers.Dense(2, name="d")]
    )
    weights = {name: np.zeros(w.shape, np.float32) for name, w in graph.weights.items()}
    corner = np.zeros((12, 12), np.float32)
    corner[8:11, 1:4] = 1
    weights["d/kernel"][:, 1] = corner.ravel()
    x_NCHW = torch.full((1, 1, 12, 12), 10.0)
    x_NCHW[0, 0, 8:11, 1:4] = 200.0
    net = lower(graph, weights)
    map_HW = rise(net, x_NCHW, 1, masks=300).maps_NHW[0]
    row, column = np.unravel_index(map_HW.argmax(), map_HW.shape)
    assert (8 <= row <= 10, 1 <= column <= 3) == (True, True)
    assert map_HW[:4, 7:].max() < 0.5 * map_HW.max()
    assert not rise(net, x_NCHW, 0, masks=50).maps_NHW.any()


def test_gradient_shap_on_a_linear_network_is_the_slope_times_the_way_from_the_background(linear):
    net, x_NCHW, slopes_NHW = linear
    ground = torch.rand(4, 1, 12, 12) * 9
    found = gradient_shap(net, x_NCHW, TARGET, background_NCHW=ground, draws=40)
    way = (x_NCHW - ground.mean(0))[:, 0].numpy()
    np.testing.assert_allclose(found.maps_NHW, slopes_NHW * way, atol=1e-4)
    assert found.arrays["completeness_error_N"].max() < 1e-3


def test_gradient_shap_with_one_baseline_comes_near_integrated_gradients(case):
    net, x_NCHW = case
    ground = torch.zeros(1, 2, 10, 9)
    found = gradient_shap(net, x_NCHW, TARGET, background_NCHW=ground, draws=400).arrays["attribution_NCHW"]
    exact = integrated_gradients(net, x_NCHW, TARGET, steps=200).arrays["attribution_NCHW"]
    np.testing.assert_allclose(found, exact, atol=0.02 * np.abs(exact).max())
    assert gradient_shap(net, x_NCHW, TARGET).arrays["completeness_error_N"].shape == (3,)
