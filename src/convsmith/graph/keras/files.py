"""Files that Keras saves: their configuration, and where in them each layer's weights are."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import BadInput
from ...strict_json import parse
from ..names import Names
from .calls import is_model

MAX_TEXT = 64 * 2**20
"""Bytes of configuration that are read at most; a network of 10,000 layers has about 15 MB."""


def keras_config(path: Path) -> bytes:
    """The ``config.json`` of a .keras file, and nothing else of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            try:
                entry = archive.getinfo("config.json")
            except KeyError:
                raise BadInput(str(path), "is a zip without config.json", "a .keras file") from None
            with archive.open(entry) as file:
                text = file.read(MAX_TEXT + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise BadInput(str(path), f"is a damaged zip ({error})", "a .keras file", "save it again") from None
    if len(text) > MAX_TEXT:
        raise BadInput(str(path), f"has a config.json of more than {MAX_TEXT:,} bytes", "a network's JSON")
    return text


ABOUT = "about-convsmith.json"
"""What convsmith adds to a .keras file; Keras leaves it alone."""


def keras_about(path: Path) -> dict[str, Any]:
    """What a .keras file that convsmith wrote says beside its network, such as "classes"; empty elsewhere."""
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            if ABOUT not in archive.namelist():
                return {}
            with archive.open(ABOUT) as file:
                text = file.read(MAX_TEXT + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise BadInput(str(path), f"is a damaged zip ({error})", "a .keras file", "save it again") from None
    found = parse(text[:MAX_TEXT], f"{path}, {ABOUT}")
    return found if isinstance(found, dict) else {}


def old_keras_config(path: Path) -> bytes:
    """The configuration in a Keras 2 file (``model.save("net.h5")``), and nothing else of it."""
    import h5py

    try:
        with h5py.File(path, "r") as stored:
            known = "model_config" in stored.attrs
            kind = stored.attrs.get_id("model_config") if known else None
            small = kind is not None and kind.shape == () and kind.dtype.itemsize <= MAX_TEXT
            found = stored.attrs["model_config"] if small else None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise BadInput(str(path), f"is a damaged HDF5 file ({error})", "a network's file") from None
    text = found.encode() if isinstance(found, str) else bytes(found) if isinstance(found, bytes) else None
    if text is None:
        raise BadInput(
            str(path), "is an HDF5 file without a network in it", "a .keras file", "model.save('net.keras')"
        )
    return text


def weight_groups(entry: Mapping[str, Any]) -> dict[str, str]:
    """Where in ``model.weights.h5`` Keras keeps each layer's arrays.

    Keras numbers the layers of a model by their class, and does not use their names.

    Args:
        entry: the model's configuration.

    Returns:
        A layer's full name ("block/conv") -> the path of its group of arrays.

    Example:
        >>> dense = {"class_name": "Dense", "config": {"name": "head"}}
        >>> weight_groups({"class_name": "Sequential", "config": {"layers": [dense]}})
        {'head': 'layers/dense/vars'}
    """
    return dict(_groups(entry, "", ""))


def _groups(entry: Mapping[str, Any], prefix: str, path: str) -> Iterator[tuple[str, str]]:
    names = Names()
    for layer in entry["config"]["layers"]:
        home = layer.get("module")
        if isinstance(home, str) and home.startswith(("keras.src.ops", "keras.ops", "keras.src.activations")):
            continue
        name = prefix + str(layer.get("name") or layer["config"]["name"])
        here = f"{path}layers/{names.free(_snake(str(layer['class_name'])))}/"
        yield name, f"{here}vars"
        if is_model(layer):
            yield from _groups(layer, f"{name}/", here)


def _snake(name: str) -> str:
    """Keras's own way from a class's name to a file's: MaxPooling2D, max_pooling2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
