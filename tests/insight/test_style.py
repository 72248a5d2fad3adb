"""Style transfer: the Gram matrix and the losses against literal numpy, and what becomes of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras
from convsmith.insight.style import gram, transfer, variation
from convsmith.insight.style_layers import choose_layers, features_of, memory
from convsmith.insight.target import Refused
from convsmith.zoo import network


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A dark disk on a light ground; fine stripes."""
    rows, columns = np.mgrid[:40, :48]
    disk = np.where(np.hypot(rows - 20, columns - 24) < 12, 60, 200)
    stripes = np.where((rows[:36, :32] + columns[:36, :32]) // 2 % 2, 20, 230)
    return disk.astype(np.uint8)[..., None], stripes.astype(np.uint8)[..., None]


def prepared(trained):
    graph, weights = trained
    layers = choose_layers(graph)
    content, style = pictures()
    nets = []
    for picture in (content, style):
        part = features_of(graph, layers, picture.shape[:2])
        nets.append(lower(part, {name: weights[name] for name in part.weights}))
    return nets, content, style, layers


def test_the_gram_matrix_is_the_literal_one() -> None:
    features = np.random.default_rng(0).normal(size=(1, 4, 5, 6))
    expected = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            for row in range(5):
                for column in range(6):
                    expected[i, j] += features[0, i, row, column] * features[0, j, row, column]
    np.testing.assert_allclose(gram(torch.from_numpy(features))[0].numpy(), expected / 30, rtol=1e-12)


def test_variation_is_the_literal_sum() -> None:
    x = np.random.default_rng(0).random((1, 2, 4, 5))
    down = [(x[0, c, i + 1, j] - x[0, c, i, j]) ** 2 for c in range(2) for i in range(3) for j in range(5)]
    across = [(x[0, c, i, j + 1] - x[0, c, i, j]) ** 2 for c in range(2) for i in range(4) for j in range(4)]
    assert float(variation(torch.from_numpy(x))) == pytest.approx(np.mean(down) + np.mean(across))


def test_the_first_losses_are_those_of_literal_numpy(trained) -> None:
    nets, content, style, layers = prepared(trained)
    found = transfer(*nets, content, style, layers, steps=1, style_weight=7.0, variation_weight=0.0)
    answers = []
    for net, picture in zip(nets, (content, style), strict=True):
        x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
        seen: dict[str, torch.Tensor] = {}
        for name in layers.style:
            handle = net.steps_by_name[name].register_forward_hook(
                lambda _, __, out, name=name, seen=seen: seen.__setitem__(name, out)
            )
            with torch.no_grad():
                net(x)
            handle.remove()
        answers.append({name: out[0].double().numpy() for name, out in seen.items()})
    losses = []
    for name in layers.style:
        scale = np.abs(answers[1][name]).mean()
        grams = []
        for one in answers:
            flat = one[name].reshape(one[name].shape[0], -1) / scale
            grams.append(flat @ flat.T / flat.shape[1])
        losses.append(((grams[0] - grams[1]) ** 2).sum() / (4 * len(grams[0]) ** 2))
    assert found.curve[0]["style"] == pytest.approx(7 * np.mean(losses), rel=1e-4)
    assert found.curve[0]["content"] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_style_comes_and_the_content_stays(trained, optimizer: str) -> None:
    nets, content, style, layers = prepared(trained)
    found = transfer(*nets, content, style, layers, steps=40, optimizer=optimizer, content_weight=50.0)
    assert len(found.curve) == 40
    best = min(found.curve, key=lambda one: one["total"])
    assert best["style"] < 0.3 * found.curve[0]["style"]
    assert found.image_HWC.shape == content.shape
    alike = lambda a, b: float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])  # noqa: E731
    only = transfer(
        *nets, content, style, layers, steps=40, optimizer=optimizer, content_weight=0.0, start="noise"
    )
    assert alike(found.image_HWC, content) > 0.5 + alike(only.image_HWC, content)
    again = transfer(*nets, content, style, layers, steps=40, optimizer=optimizer, content_weight=50.0)
    assert (again.image_HWC == found.image_HWC).all()


def test_variation_makes_it_smoother(trained) -> None:
    nets, content, style, layers = prepared(trained)
    rough, smooth = (
        transfer(*nets, content, style, layers, steps=25, variation_weight=weight).image_HWC.astype(float)
        for weight in (0.0, 1e5)
    )
    assert np.abs(np.diff(smooth, axis=1)).mean() < np.abs(np.diff(rough, axis=1)).mean()


def test_layers_are_chosen_as_in_the_paper() -> None:
    vgg = network("vgg19")
    found = choose_layers(vgg)
    shapes = [vgg.shapes[name] for name in found.style]
    assert shapes == [(224, 224, 64), (112, 112, 128), (56, 56, 256), (28, 28, 512), (14, 14, 512)]
    assert [vgg.shapes[name][0] for name in found.content] == [28]
    resnet = choose_layers(network("resnet20"))
    assert len(resnet.style) == 3
    given = choose_layers(network("vgg19"), content=["activation"], style=["activation_1", "activation_2"])
    assert (given.content, given.style, given.why) == (
        ("activation",),
        ("activation_1", "activation_2"),
        "as given",
    )
    with pytest.raises(BadName, match="did you mean 'activation"):
        choose_layers(network("vgg19"), content=["activatoin"])
    inputs = keras.Input((8,), name="row")
    with pytest.raises(Refused, match="no convolutions"):
        choose_layers(keras.Model(inputs, keras.layers.Dense(2, name="d")(inputs), name="dense"))


def test_the_part_that_leads_there_takes_any_size_and_memory_grows_with_it() -> None:
    graph = network("lenet5")
    layers = choose_layers(graph)
    small, large = (features_of(graph, layers, size) for size in ((40, 50), (80, 100)))
    assert set(small.outputs) == {*layers.content, *layers.style}
    assert "fc3" not in small
    assert 3.5 < memory(large) / memory(small) < 5


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"steps": 0}, "--steps: got 0"),
        ({"content_weight": -1.0}, "--content-weight: got -1"),
        ({"style_weight": float("nan")}, "--style-weight: got nan"),
        ({"content_weight": 0.0, "style_weight": 0.0}, "both are 0"),
        ({"optimizer": "lbgfs"}, "did you mean 'lbfgs'"),
    ],
)
def test_bad_input(trained, settings, says: str) -> None:
    nets, content, style, layers = prepared(trained)
    with pytest.raises(BadInput, match=says):
        transfer(*nets, content, style, layers, **settings)
