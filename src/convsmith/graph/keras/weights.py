"""The weights of Keras models: of live ones, and of .keras files, which are read as data."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ..graph import Graph
from .files import keras_config, weight_groups

if TYPE_CHECKING:
    import numpy as np

    Weights = dict[str, np.ndarray]

EXPANSION = 1000
"""A stored array may grow this many times when it is read (Keras's own limit); more is a bomb."""


def from_keras_weights(model: Any, graph: Graph) -> Weights:
    """The weights of a live Keras model by full name, for the Graph that was read from it.

    Args:
        model: the live model; Keras is not imported here.
        graph: ``convsmith.graph.read(model)``.

    Returns:
        Full name -> float32 array in Keras's layout.
    """
    import numpy as np

    live = dict(_live_layers(model))
    found: Weights = {}
    for owner, entries in owned(graph).items():
        owner = next((name for name in graph.uses.get(owner, ()) if name in live), owner)
        arrays = (
            [np.asarray(weight.numpy(), dtype=np.float32) for weight in live[owner].weights]
            if owner in live
            else []
        )
        found.update(_matched(entries, arrays))
    return found


def read_keras_weights(path: str | Path, graph: Graph) -> Weights:
    """The weights of a ``.keras`` file, read as data: nothing in the file is run.

    Args:
        path: the file; only arrays of the shapes that the Graph expects are read.
        graph: ``convsmith.graph.read(path)``.

    Returns:
        Full name -> float32 array in Keras's layout.

    Raises:
        BadInput: for a damaged file, a bomb, links to elsewhere, or weights that are not the Graph's.
    """
    import h5py

    path = Path(path)
    limit = 64 * 2**20 + 16 * graph.known_params
    try:
        groups = weight_groups(json.loads(keras_config(path)))
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo("model.weights.h5")
            if entry.file_size > limit:
                raise BadInput(
                    str(path),
                    f"says that it holds {entry.file_size:,} bytes",
                    f"about {limit:,} for this network",
                )
            with archive.open(entry) as member, h5py.File(member, "r") as stored:
                return _from_h5(stored, groups, graph, path)
    except (
        OSError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        raise BadInput(
            str(path), f"has no weights that can be read ({error})", "a .keras file that Keras 3 saved"
        ) from None


def _from_h5(stored: Any, groups: Mapping[str, str], graph: Graph, path: Path) -> Weights:
    import h5py

    found: Weights = {}
    for owner, entries in owned(graph).items():
        places = [groups[name] for name in graph.uses.get(owner, (owner,)) if name in groups]
        group = next((made for made in (_group(stored, place, path) for place in places) if made), None)
        for number, (name, weight) in enumerate(entries):
            dataset = _child(group, str(number), path)
            if not isinstance(dataset, h5py.Dataset):
                raise BadInput(str(path), f"holds no array for {name}", "one for each weight of the network")
            if tuple(dataset.shape) != weight.shape:
                raise BadInput(str(path), f"holds {dataset.shape} for {name}", f"the shape {weight.shape}")
            if dataset.dtype.kind not in "fiu":
                raise BadInput(str(path), f"holds {dataset.dtype} for {name}", "numbers")
            unpacked = dataset.dtype.itemsize * math.prod(dataset.chunks or ())
            if dataset.dtype.itemsize > 8 or unpacked > max(dataset.nbytes, 2**20):
                came = f"holds {name} in pieces of {unpacked:,} bytes, of which it has {dataset.nbytes:,}"
                raise BadInput(str(path), came, "pieces no larger than the array")
            if dataset.nbytes > 2**20 and dataset.nbytes > EXPANSION * dataset.id.get_storage_size():
                raise BadInput(
                    str(path), f"holds {name} packed more than {EXPANSION} times", "an ordinary file"
                )
            found[name] = dataset[()].astype("float32")
    return found


def _group(stored: Any, place: str, path: Path) -> Any:
    """The group at a place, step by step; None where there is none or nothing in it."""
    for part in place.split("/"):
        stored = _child(stored, part, path)
    return stored if stored is not None and len(stored) else None


def _child(group: Any, name: str, path: Path) -> Any:
    import h5py

    link = group.get(name, getlink=True) if isinstance(group, h5py.Group) and name in group else None
    if link is None:
        return None
    found = group[name] if isinstance(link, h5py.HardLink) else None
    if found is None or (isinstance(found, h5py.Dataset) and (found.external or found.is_virtual)):
        raise BadInput(str(path), f"'{name}' is a link to elsewhere", "a file that holds its own arrays")
    return found


def _live_layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        yield prefix + layer.name, layer
        if hasattr(layer, "layers") and hasattr(layer, "get_layer"):
            yield from _live_layers(layer, f"{prefix}{layer.name}/")


def owned(graph: Graph) -> dict[str, list[tuple[str, Any]]]:
    """Each layer's weights, (full name, Weight), in Keras's order."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, weight in graph.weights.items():
        found.setdefault(name.rpartition("/")[0], []).append((name, weight))
    return found


def _matched(entries: list[tuple[str, Any]], arrays: list[np.ndarray]) -> Weights:
    if [array.shape for array in arrays] != [weight.shape for _, weight in entries]:
        raise BadInput(
            f"layer {entries[0][0].rpartition('/')[0]}",
            f"has weights of shapes {[array.shape for array in arrays]}",
            f"{[weight.shape for _, weight in entries]}, as its Graph",
        )
    return {name: array for (name, _), array in zip(entries, arrays, strict=True)}
