"""Seconds per image of each method of explanation, beside Captum on the same module.

    python bench/explain.py                     # resnet20 at 32x32, batches of 16
    python bench/explain.py --network mobilenet_v2 --size 96

Processor seconds of this process on one thread, the least of several runs in turns: other programs on the
machine do not count. Captum is compared where it is installed (``pip install captum``) and has the method.

Record: see RECORD.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.insight.method import METHODS
from convsmith.insight.methods._cam import spatial_layer
from convsmith.zoo import network

RECORD = """
resnet20 at 32x32, batch 8, one thread of a calm shared core, torch 2.13, Captum 0.9, 2026-11-22; processor ms
per image, beside Captum's and pytorch-grad-cam's way (its steps on the same module):
                             ours   Captum   Captum's by ours   pytorch-grad-cam's   by ours
grad_cam                     1.27     1.71   1.35               3.53                 2.77
grad_cam_pp                  1.28                               4.11                 3.22
hires_cam                    1.21                               3.67                 3.02
layer_cam                    1.24                               3.41                 2.75
gradient                     2.47     2.44   0.99
gradient_x_input             2.59     2.47   0.96
guided_backprop              2.92     2.77   0.95
deconvolution                3.39     3.53   1.04
occlusion                  233.91   245.04   1.05
smooth_grad                 63.23    62.45   0.99
integrated_gradients       110.76   108.10   0.98
lrp 10.3, score_cam 63, gradient_shap 176, rise 968
"""
RUNS, LIMIT = 25, 4.0


class Logits(torch.nn.Module):
    """The network without its softmax, as Captum explains it."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        return self.net.logits(x_NCHW)


def captum(net: Any, layer: str) -> dict[str, Callable[[torch.Tensor, torch.Tensor], Any]]:
    """Captum's methods by our names, with our settings."""
    try:
        from captum import attr
    except ImportError:
        return {}
    model, step = Logits(net), net.steps_by_name[layer]

    def plain(made: Any, **settings: Any) -> Any:
        return lambda x, y: made.attribute(x.clone().requires_grad_(True), target=y, **settings)

    side = lambda x: max(2, min(x.shape[2:]) // 6)  # noqa: E731
    covered = attr.Occlusion(model)
    return {
        "gradient": plain(attr.Saliency(model)),
        "gradient_x_input": plain(attr.InputXGradient(model)),
        "guided_backprop": plain(attr.GuidedBackprop(model)),
        "deconvolution": plain(attr.Deconvolution(model)),
        "integrated_gradients": plain(attr.IntegratedGradients(model), n_steps=50, internal_batch_size=64),
        "grad_cam": plain(attr.LayerGradCam(model, step), relu_attributions=True),
        "smooth_grad": plain(attr.NoiseTunnel(attr.Saliency(model)), nt_samples=25, nt_samples_batch_size=1),
        "occlusion": lambda x, y: covered.attribute(
            x,
            target=y,
            sliding_window_shapes=(x.shape[1], side(x), side(x)),
            strides=(x.shape[1], max(1, side(x) // 2), max(1, side(x) // 2)),
        ),
    }


def grad_cam_family(net: Any, layer: str) -> dict[str, Callable[[torch.Tensor, torch.Tensor], Any]]:
    """pytorch-grad-cam 1.5's way to its maps, by our names: hooks on output and gradient, the rest in numpy.

    Its package needs torchvision. On a small network its own code and this one give our maps to 4e-9 (but
    for Grad-CAM++, whose denominator it adds 1e-6 to).
    """
    model, step = Logits(net), net.steps_by_name[layer]
    weighed: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "grad_cam": lambda a, g: g.mean((2, 3), keepdims=True) * a,
        "hires_cam": lambda a, g: g * a,
        "layer_cam": lambda a, g: np.maximum(g, 0) * a,
        "grad_cam_pp": lambda a, g: (
            (
                np.where(g != 0, g**2 / (2 * g**2 + a.sum((2, 3), keepdims=True) * g**3 + 1e-6), 0)
                * np.maximum(g, 0)
            ).sum((2, 3), keepdims=True)
            * a
        ),
    }

    def way(weigh: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
        def run(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
            kept: dict[str, torch.Tensor] = {}

            def keep(module: Any, inputs: Any, output: torch.Tensor) -> None:
                kept["a"] = output
                output.register_hook(lambda slope: kept.__setitem__("g", slope))

            handle = step.register_forward_hook(keep)
            out = model(x.clone().requires_grad_(True))
            handle.remove()
            net.zero_grad()
            out[torch.arange(len(y)), y].sum().backward(retain_graph=True)
            return np.maximum(weigh(kept["a"].detach().numpy(), kept["g"].numpy()).sum(1), 0)

        return run

    return {name: way(weigh) for name, weigh in weighed.items()}


def seconds(*calls: Callable[[], Any]) -> list[float]:
    """The least of this process's own time for each call, taken in turns: both have the same neighbours."""
    found: list[list[float]] = [[] for _ in calls]
    started = time.process_time()
    while len(found[0]) < RUNS and (len(found[0]) < 2 or time.process_time() - started < LIMIT):
        for call, times in zip(calls, found, strict=True):
            before = time.process_time()
            call()
            times.append(time.process_time() - before)
    return [min(times) for times in found]


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--network", default="resnet20")
    options.add_argument("--size", type=int, default=32)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--only", nargs="*", default=())
    given = options.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    graph = network(given.network, (given.size, given.size, 3), 10)
    net = lower(graph, initial(graph, 0))
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.uniform(0, 255, (given.batch, 3, given.size, given.size)).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 10, given.batch))
    layer = spatial_layer(net, None, "bench")
    others, family = captum(net, layer), grad_cam_family(net, layer)
    what = f"{given.network}, {given.size}x{given.size}, batch {given.batch}, one thread"
    print(f"{what}: ms of processor per image; Captum's; Captum's by ours")
    for name, method in METHODS.items():
        if given.only and name not in given.only:
            continue
        calls = [lambda method=method: method(net, x, y.tolist())]
        if name in others:
            calls.append(lambda name=name: others[name](x, y))
        if name in family:
            calls.append(lambda name=name: family[name](x, y))
        try:
            each = [1e3 * found / given.batch for found in seconds(*calls)]
        except BadInput as refused:
            print(f"{name:22} {refused}")
            continue
        beside = "".join(f"{other:10.2f}   {other / each[0]:5.2f}" for other in each[1:])
        if name in family:
            beside += "   (last pair: pytorch-grad-cam's way)"
        print(f"{name:22} {each[0]:10.2f} {beside}", flush=True)


if __name__ == "__main__":
    main()
