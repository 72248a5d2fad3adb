"""Networks that come with weights: Keras's applications, trained on ImageNet, ready for other classes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from ..graph import Graph, Node
from ..graph.read import read
from ..kinds.dense import Dense
from ..kinds.rescaling import Rescaling
from .keras import from_keras_weights

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]

# What the pixels go through before the network, as each application's `preprocess_input` does it: scale and
# offset for red, green, blue. "caffe" networks also want blue first; their first kernel is turned instead.
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS: dict[str, tuple[Any, Any]] = {
    "raw": (1.0, 0.0),
    "tf": (1 / 127.5, -1.0),
    "torch": (
        tuple(1 / 255 / s for s in _SPREAD),
        tuple(-m / s for m, s in zip(_MEAN, _SPREAD, strict=True)),
    ),
    "caffe": (1.0, (-123.68, -116.779, -103.939)),
}


@dataclass(frozen=True)
class Application:
    """One of ``keras.applications``: its name there, what its pixels are, and further arguments."""

    name: str
    pixels: str
    settings: tuple[tuple[str, Any], ...] = ()


APPLICATIONS = {
    "vgg16": Application("VGG16", "caffe"),
    "vgg19": Application("VGG19", "caffe"),
    "resnet50_v1": Application("ResNet50", "caffe"),
    "resnet101_v1": Application("ResNet101", "caffe"),
    "resnet152_v1": Application("ResNet152", "caffe"),
    "resnet50_v2": Application("ResNet50V2", "tf"),
    "resnet101_v2": Application("ResNet101V2", "tf"),
    "resnet152_v2": Application("ResNet152V2", "tf"),
    "xception": Application("Xception", "tf"),
    "inception_v3": Application("InceptionV3", "tf"),
    "mobilenet": Application("MobileNet", "tf"),
    "mobilenet_v2": Application("MobileNetV2", "tf"),
    "mobilenet_v3_small": Application("MobileNetV3Small", "raw"),
    "mobilenet_v3_large": Application("MobileNetV3Large", "raw"),
    "densenet121": Application("DenseNet121", "torch"),
    "densenet169": Application("DenseNet169", "torch"),
    "densenet201": Application("DenseNet201", "torch"),
    **{f"efficientnet_b{n}": Application(f"EfficientNetB{n}", "raw") for n in range(8)},
    **{
        f"convnext_{size}": Application(f"ConvNeXt{size.title()}", "raw")
        for size in ("tiny", "small", "base", "large")
    },
}
"""Name in the zoo -> where its weights come from. Keras's form of a network may differ from the zoo's in
padding; with weights, Keras's form is taken."""


def pretrained(
    name: str, input_shape: Sequence[int], classes: int, *, weights: str = "imagenet", seed: int = 0
) -> tuple[Graph, Weights]:
    """A network with pretrained weights and a new head, which takes raw pixels.

    Args:
        name: one of `APPLICATIONS`.
        input_shape: rows, columns, 3.
        classes: how many the new head tells apart.
        weights: "imagenet", which Keras downloads once and verifies by its checksum; or the path of such a
            file ("notop"), for a machine without a network.
        seed: of the new head's first weights.

    Returns:
        The Graph, and full name -> array.

    Raises:
        BadName: for a network without weights.
        BadInput: for grey images, sizes that the network is too deep for, or weights that cannot be had.
    """
    import numpy as np

    from ..engine.weights import initial

    if name not in APPLICATIONS:
        raise BadName("--weights imagenet for network", name, APPLICATIONS)
    shape = tuple(int(size) for size in input_shape)
    if shape[-1] != 3:
        raise BadInput(
            "--weights", f"images of {shape[-1]} channel", "3 channels, as ImageNet's", "--size 96x96x3"
        )
    about = APPLICATIONS[name]
    model = _application(about, shape, weights)
    graph = read(model)
    found = {key: np.array(value) for key, value in from_keras_weights(model, graph).items()}
    if about.pixels == "caffe":
        first = _first_kernel(graph)
        found[first] = np.ascontiguousarray(found[first][:, :, ::-1])
    whole = _whole(graph, name, about.pixels, classes)
    return whole, {**initial(whole, seed), **found}


def _application(about: Application, shape: tuple[int, ...], weights: str) -> Any:
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    if weights != "imagenet" and not os.path.exists(weights):
        raise BadInput("--weights", f"no file '{weights}'", '"imagenet" or a file of weights')
    build = getattr(keras.applications, about.name)
    try:
        return build(
            include_top=False, weights=weights, input_shape=shape, pooling="avg", **dict(about.settings)
        )
    except Exception as error:  # Keras raises bare Exceptions for downloads, ValueError for sizes and files
        text = " ".join(str(error).split())[:300]
        hint = (
            "a machine with a network, or the file's path" if "fetch" in text else "other --size or --weights"
        )
        raise BadInput(f"--weights {weights}", text, f"weights for {about.name} at {shape}", hint) from None


def _first_kernel(graph: Graph) -> str:
    """The kernel that looks at the pixels."""
    for node in graph.nodes:
        for weight in node.kind.weights(*graph.input_shapes(node)):
            if weight.name == "kernel":
                return f"{node.owner}/kernel"
    raise BadInput(f"network '{graph.name}'", "has no kernel")


def _whole(graph: Graph, name: str, pixels: str, classes: int) -> Graph:
    """The application between what it wants of its pixels and a dense softmax."""
    (start,), (end,) = graph.inputs, graph.outputs
    scale, offset = PIXELS[pixels]
    nodes = []
    for node in graph.nodes:
        sources = tuple("pixels" if source == start else source for source in node.inputs)
        nodes.append(replace(node, inputs=sources))
        if node.name == start:
            nodes.append(Node("pixels", Rescaling(scale, offset), (start,)))
    nodes.append(Node("head", Dense(classes, activation="softmax"), (end,)))
    return Graph(name, nodes, ("head",), (start,))
