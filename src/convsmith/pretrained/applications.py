"""Keras's applications as sources: fetched by Keras or read from a file, with the pixels' scaling inside."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.files.download import checksum
from ..errors import BadInput
from ..graph import Graph, Node
from ..graph.keras.weights import from_keras_weights
from ..graph.read import read
from ..kinds.dense import Dense
from ..kinds.rescaling import Rescaling
from .cuts import block_ends, upto
from .source import Source
from .sources import Published

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
CLASSES = 1000
"""Of ImageNet, which the weights were trained with."""


@dataclass(frozen=True)
class Application:
    """One of ``keras.applications``.

    Args:
        name: its name there.
        pixels: what it wants of them, a name in `PIXELS`.
        blocks: a regular expression for the blocks' names, as `block_ends` takes it.
        odd: whether Keras pads odd sides otherwise than even ones (its `correct_pad`).
        settings: further arguments.
    """

    name: str
    pixels: str
    blocks: str = ""
    odd: bool = False
    settings: tuple[tuple[str, Any], ...] = ()


_V1, _V2 = r"^(conv1|conv_pw_\d+)_", r"^(Conv1|expanded_conv|block_\d+|out)_"
_V3, _B = r"^(expanded_conv(?:_\d+)?)_(?:add|project)", r"^(stem|block\d+[a-z]|top)_"
_RESNET = r"^(conv1|pool1|conv\d_block\d+)_"
APPLICATIONS = {
    "vgg16": Application("VGG16", "caffe", r"^(block\d)_"),
    "vgg19": Application("VGG19", "caffe", r"^(block\d)_"),
    "resnet50_v1": Application("ResNet50", "caffe", _RESNET),
    "resnet101_v1": Application("ResNet101", "caffe", _RESNET),
    "resnet152_v1": Application("ResNet152", "caffe", _RESNET),
    "resnet50_v2": Application("ResNet50V2", "tf"),
    "resnet101_v2": Application("ResNet101V2", "tf"),
    "resnet152_v2": Application("ResNet152V2", "tf"),
    "xception": Application("Xception", "tf"),
    "inception_v3": Application("InceptionV3", "tf"),
    "mobilenet": Application("MobileNet", "tf", _V1),
    **{
        f"mobilenet_{round(100 * width):03}": Application(
            "MobileNet", "tf", _V1, settings=(("alpha", width),)
        )
        for width in (0.25, 0.5, 0.75)
    },
    "mobilenet_v2": Application("MobileNetV2", "tf", _V2, True),
    **{
        f"mobilenet_v2_{round(100 * width):03}": Application(
            "MobileNetV2", "tf", _V2, True, (("alpha", width),)
        )
        for width in (0.35, 0.5, 0.75)
    },
    "mobilenet_v3_small": Application("MobileNetV3Small", "raw", _V3, True),
    "mobilenet_v3_large": Application("MobileNetV3Large", "raw", _V3, True),
    "densenet121": Application("DenseNet121", "torch"),
    "densenet169": Application("DenseNet169", "torch"),
    "densenet201": Application("DenseNet201", "torch"),
    **{f"efficientnet_b{n}": Application(f"EfficientNetB{n}", "raw", _B, True) for n in range(8)},
    **{
        f"convnext_{size}": Application(f"ConvNeXt{size.title()}", "raw")
        for size in ("tiny", "small", "base", "large")
    },
}
"""Name of the source -> the application. Keras's form of a network may differ from the zoo's in padding; with
weights, Keras's form is taken."""


def keras_file(row: Published) -> Path | None:
    """Where Keras keeps the file that it fetched; None where it has not. Keras is not imported."""
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))
    if not os.access(home, os.W_OK):  # where Keras then keeps it
        home = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / ".keras"
    path = home / "models" / row.file
    return path if path.is_file() else None


def open_application(name: str, row: Published, path: str | Path | None = None) -> Source:
    """The weights of one of Keras's applications.

    Args:
        name: of the source.
        row: what the table says of it.
        path: a file of such weights without the head ("notop"), for a machine without a network; without it
            Keras fetches its own once, and verifies it where it knows a checksum.

    Raises:
        BadInput: where the weights cannot be had, or the file is damaged or another one's.
    """
    about = APPLICATIONS[name]
    if path is not None and not Path(path).is_file():
        raise BadInput(f"--pretrained {name}", f"no file '{path}'", f"a file of weights such as {row.file}")
    model = _model(name, about, row, path)
    original = read(model)
    graph, names = _named_by_kind(original)
    weights = {f"{names[owner]}/{what}": array for owner, what, array in _parted(model, original)}
    if about.pixels == "caffe":
        first = _first_kernel(graph)
        weights[first] = weights[first][:, :, ::-1].copy()
    whole = _whole(graph, row.network, about.pixels)
    trunk = upto(whole, whole[whole["head"].inputs[0]].inputs[0], row.network)
    found = Path(path) if path is not None else keras_file(row)
    return Source(
        name, whole, weights, {}, block_ends(trunk, about.blocks), row.licence,
        row.commercial, row.origin, checksum(found) if found else "", row.top1,
        pads_odd_sides=about.odd,
    )  # fmt: skip


def _model(name: str, about: Application, row: Published, path: str | Path | None) -> Any:
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    build = getattr(keras.applications, about.name)
    shape = (row.side, row.side, 3)
    given = "imagenet" if path is None else str(path)
    try:
        # Keras shows on standard output how far it has fetched a file. Of a file that lacks weights it only
        # says so: what it had drawn at random would stay.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.filterwarnings("error", category=UserWarning, module="keras")
            return build(
                include_top=False, weights=given, input_shape=shape, pooling="avg", **dict(about.settings)
            )
    except Exception as error:  # Keras raises bare Exceptions for downloads, ValueError for sizes and files
        text = " ".join(str(error).split())[:200]
        if "fetch" in text:
            raise BadInput(
                f"--pretrained {name}", f"its weights are not on this machine, and no network is ({text})",
                f"a network, or the file {row.file}", f"--pretrained {name}={row.file} with the file's path",
            ) from None  # fmt: skip
        file = keras_file(row) if path is None else path
        raise BadInput(
            f"--pretrained {name}", f"'{file}' cannot be used ({text})",
            f"weights of Keras's {about.name} without its head, as {row.file}",
            f"delete {file}: Keras fetches it again" if path is None else "",
        ) from None  # fmt: skip


def _parted(model: Any, graph: Graph) -> Iterator[tuple[str, str, Any]]:
    """Owner, what and array of each of a live model's weights."""
    for name, array in from_keras_weights(model, graph).items():
        owner, _, what = name.rpartition("/")
        yield owner, what, array


def _named_by_kind(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """The network with its automatic names counted from the start, and old name -> new.

    Keras counts automatic names ("activation_7") over all models of a process; weights go by names.
    """
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for node in graph.nodes:
        base = re.sub(r"_\d+$", "", node.name)
        if base == _snake(getattr(node.kind, "function", node.kind_name).rpartition(".")[2]):
            count = counts[base] = counts.get(base, -1) + 1
            names[node.name] = f"{base}_{count}" if count else base
        else:
            names[node.name] = node.name
    nodes = [
        replace(
            node, name=names[node.name], owner=names[node.owner],
            inputs=tuple(names[source] for source in node.inputs),
        )
        for node in graph.nodes
    ]  # fmt: skip
    return Graph(
        graph.name, nodes, [names[end] for end in graph.outputs], [names[end] for end in graph.inputs]
    ), names


def _snake(kind: str) -> str:
    """Keras's automatic name of a class: MaxPooling2D -> max_pooling2d, ReLU -> re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _first_kernel(graph: Graph) -> str:
    """The kernel that looks at the pixels."""
    return next(name for name in graph.weights if name.endswith("/kernel"))


def _whole(graph: Graph, name: str, pixels: str) -> Graph:
    """The application between what it wants of its pixels and a dense softmax."""
    (start,), (end,) = graph.inputs, graph.outputs
    scale, offset = PIXELS[pixels]
    nodes = []
    for node in graph.nodes:
        sources = tuple("pixels" if source == start else source for source in node.inputs)
        nodes.append(replace(node, inputs=sources))
        if node.name == start:
            nodes.append(Node("pixels", Rescaling(scale, offset), (start,)))
    nodes.append(Node("head", Dense(CLASSES, activation="softmax"), (end,)))
    return Graph(name, nodes, ("head",), (start,))
