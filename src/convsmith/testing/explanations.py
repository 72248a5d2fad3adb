"""The exam of a method of explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .planted import CLASSES, edges, mass_accuracy, planted, planted_network, pointing, rank_accuracy

if TYPE_CHECKING:
    import numpy as np

    from ..engine.lower import Lowered
    from ..graph import Graph
    from ..insight.method import Method


def exam_explanation(
    method: Method,
    graph: Graph | None = None,
    weights: dict[str, np.ndarray] | None = None,
    *,
    images: int = 24,
    knows_class: bool = True,
) -> dict[str, float]:
    """Try a method on a network and images whose right explanation is known.

    It must leave the network, the images and the random state as they were, say the same twice and for one
    image as for many, explain the class that it is asked for, change with random weights, and put more of its
    map on the planted texture than an edge detector and than chance.

    Args:
        method: the method.
        graph, weights: the network of `planted_network`; trained anew (a few seconds) without them.
        images: how many images.
        knows_class: False for a method that shows what is seen, whatever the class (its map may stay the same
            for another class, and random weights need not change it much).

    Returns:
        mass, rank and pointing accuracy of the method, mean over the images, and the edge detector's rank
        accuracy and the mask's share of the image beside them.

    Raises:
        AssertionError: saying what is wrong.
    """
    import numpy as np
    import torch

    from ..engine.lower import lower

    if graph is None or weights is None:
        graph, weights = planted_network()
    net, data = lower(graph, weights), planted(images, seed=77)
    x_NCHW = torch.from_numpy(data.x_NHWC).permute(0, 3, 1, 2).float()
    found = _leaves_all_untouched(method, net, x_NCHW, data.y)
    maps = found.maps_NHW
    assert maps.shape == (images, *data.x_NHWC.shape[1:3]), f"maps of shape {maps.shape}"
    assert maps.dtype == np.float32, f"maps of type {maps.dtype}, not float32"
    assert np.isfinite(maps).all(), "maps with numbers that are not finite"
    assert found.target == tuple(data.y.tolist()), f"explained {found.target}, not the classes asked for"

    again = method(net, x_NCHW, data.y.tolist(), layer=found.layer).maps_NHW
    assert np.array_equal(maps, again), "another map for the same images"
    alone = method(net, x_NCHW[:1], data.y[:1].tolist(), layer=found.layer).maps_NHW
    assert _alike(alone[0], maps[0]) > 0.999, "another map for an image alone than among others"
    other = method(net, x_NCHW, ((data.y + 1) % len(CLASSES)).tolist(), layer=found.layer).maps_NHW
    if knows_class:
        alike = float(np.mean([_alike(a, b) for a, b in zip(maps, other, strict=True)]))
        assert alike < 0.9, f"nearly the same map for another class (correlation {alike:.2f})"
        _changes_with_random_weights(method, graph, weights, x_NCHW, found)
    scores = {
        "mass": _mean(mass_accuracy, maps, data.masks_NHW),
        "rank": _mean(rank_accuracy, maps, data.masks_NHW),
        "pointing": _mean(pointing, maps, data.masks_NHW),
        "edges_rank": _mean(rank_accuracy, np.stack([edges(x[..., 0]) for x in data.x_NHWC]), data.masks_NHW),
        "chance": float(data.masks_NHW.mean()),
    }
    assert scores["rank"] > 1.2 * scores["edges_rank"], f"hardly better than an edge detector: {scores}"
    assert scores["mass"] > 1.5 * scores["chance"], f"hardly better than chance: {scores}"
    return scores


def _leaves_all_untouched(method: Method, net: Lowered, x_NCHW: Any, y: np.ndarray) -> Any:
    import torch

    before, image = {k: v.clone() for k, v in net.state_dict().items()}, x_NCHW.clone()
    for part in net.modules():
        part.training = isinstance(part, torch.nn.ReLU)  # any pattern: it must be found again
    modes, state = [part.training for part in net.modules()], torch.random.get_rng_state()
    found = method(net, x_NCHW, y.tolist())
    assert [part.training for part in net.modules()] == modes, "the network's modes were changed"
    net.eval()
    assert torch.equal(state, torch.random.get_rng_state()), "torch's random state was used: take a seed"
    assert torch.equal(image, x_NCHW), "the images were changed"
    assert not x_NCHW.requires_grad, "the images were asked for gradients"
    for name, tensor in net.state_dict().items():
        assert torch.equal(before[name], tensor), f"the network's {name} was changed"
    assert all(p.grad is None for p in net.parameters()), "gradients were left on the weights"
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    assert not any(getattr(part, name) for part in net.modules() for name in hooks), "hooks were left"
    return found


def _changes_with_random_weights(
    method: Method, graph: Graph, weights: dict[str, np.ndarray], x_NCHW: Any, found: Any
) -> None:
    import numpy as np

    from ..engine.lower import lower
    from ..engine.weights import initial

    shuffled = initial(graph, seed=1234)
    other = method(lower(graph, shuffled), x_NCHW, list(found.target), layer=found.layer).maps_NHW
    alike = float(np.mean([_alike(a, b) for a, b in zip(found.maps_NHW, other, strict=True)]))
    assert alike < 0.8, f"nearly the same map with random weights (correlation {alike:.2f})"


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; 0 where a map is the same everywhere."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    size = float((a @ a) * (b @ b)) ** 0.5
    return float(a @ b) / size if size > 0 else 0.0


def _mean(score: Any, maps_NHW: np.ndarray, masks_NHW: np.ndarray) -> float:
    return sum(score(a, b) for a, b in zip(maps_NHW, masks_NHW, strict=True)) / len(maps_NHW)
