"""Every method sits the exam on planted textures."""

from __future__ import annotations

from functools import partial

import pytest

from convsmith.errors import BadName
from convsmith.insight.method import METHODS, method
from convsmith.testing.explanations import exam_explanation

SHORT = {
    "rise": {"masks": 150},
    "occlusion": {"window": 8, "stride": 4},
    "integrated_gradients": {"steps": 12},
}
# What the literature says of them shows here too: these stand out from the noise, and hardly more.
WEAK = {"gradient", "gradient_x_input", "deconvolution"}


@pytest.mark.parametrize("name", list(METHODS))
def test_the_exam(name, trained):
    scores = exam_explanation(partial(METHODS[name], **SHORT.get(name, {})), *trained, images=12)
    assert scores["pointing"] > (0.4 if name in WEAK else 0.8)
    assert scores["rank"] > (0.3 if name in WEAK else 0.4)


def test_grad_cam_finds_the_texture(trained):
    scores = exam_explanation(METHODS["grad_cam"], *trained)
    assert scores["pointing"] > 0.95
    assert scores["rank"] > 0.8
    assert scores["edges_rank"] < 0.4


def test_a_method_that_ignores_the_network_fails(trained):
    from dataclasses import replace

    def edge_detector(net, images_NCHW, target=None, *, layer=None):
        import numpy as np

        from convsmith.testing.planted import edges

        found = METHODS["grad_cam"](net, images_NCHW, target, layer=layer)
        return replace(found, maps_NHW=np.stack([edges(x[0]) for x in images_NCHW.numpy()]))

    with pytest.raises(AssertionError, match="same map for another class"):
        exam_explanation(edge_detector, *trained)


def test_a_method_that_leaves_a_hook_fails(trained):
    def careless(net, images_NCHW, target=None, *, layer=None):
        net.steps_by_name["conv1"].register_forward_hook(lambda *_: None)
        return METHODS["grad_cam"](net, images_NCHW, target, layer=layer)

    with pytest.raises(AssertionError, match="hooks were left"):
        exam_explanation(careless, *trained)


def test_names():
    assert method("grad-cam") is METHODS["grad_cam"]
    with pytest.raises(BadName, match="did you mean 'grad_cam'"):
        method("gradcam")


@pytest.mark.parametrize("decoys", [0, 1, 2, 3])
def test_with_more_decoys_edges_and_chance_fall_behind_and_grad_cam_does_not(trained, decoys):
    import numpy as np

    from convsmith.engine.lower import lower
    from convsmith.insight.explain import explain
    from convsmith.testing.planted import edges, mass_accuracy, planted, pointing, rank_accuracy

    data = planted(40, seed=21, decoys=decoys)
    maps = {
        "ours": explain(lower(*trained), data.x_NHWC, target=data.y.tolist()).maps_NHW,
        "edges": np.stack([edges(x[..., 0]) for x in data.x_NHWC]),
        "random": np.random.default_rng(0).random(data.masks_NHW.shape),
    }
    score = {
        name: [
            np.mean([of(a, b) for a, b in zip(found, data.masks_NHW, strict=True)])
            for of in (pointing, rank_accuracy, mass_accuracy)
        ]
        for name, found in maps.items()
    }
    assert score["ours"][0] > 0.9
    assert score["ours"][1] > 0.7
    assert (np.array(score["ours"]) > 2 * np.array(score["random"])).all()
    if decoys == 0:
        assert score["edges"][1] > 0.6  # without decoys an edge detector looks like an explanation
    if decoys == 3:
        assert score["edges"][1] < 0.4
