"""The whole state of a training in one safetensors file, so that it goes on bit for bit after a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInput
from .. import weights as weight_files

FORMAT = "1"


class OtherTraining(BadInput):
    """A checkpoint that another network, recipe or set of images wrote."""


def write(path: Path, arrays: Mapping[str, np.ndarray], state: Mapping[str, Any], key: str) -> None:
    """Write a checkpoint, whole.

    Args:
        path: the file.
        arrays: every tensor of the training by name.
        state: everything else, JSON-able.
        key: what the training was asked to do, as `read` compares it.
    """
    # Python writes floats so that they come back exactly.
    header = {"format": FORMAT, "state": json.dumps(state), "key": key}
    weight_files.save(path, arrays, header)


def read(path: Path, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The checkpoint of this training, or None where there is none.

    Raises:
        OtherTraining: another training, or another version of convsmith, wrote it.
    """
    if not path.exists():
        return None
    header = weight_files.open_metadata(path)
    if header.get("format") != FORMAT:
        raise OtherTraining(
            str(path), f"format {header.get('format')!r}", f"format {FORMAT}", "another file name"
        )
    if header.get("key") != key:
        theirs, ours = json.loads(header.get("key") or "{}"), json.loads(key)
        differs = sorted(name for name in ours if theirs.get(name) != ours[name])
        raise OtherTraining(
            str(path),
            f"is the checkpoint of a training with other {', '.join(differs) or 'settings'}",
            "the same network, images and recipe",
            "delete it to begin anew",
        )
    return weight_files.open_weights(path), json.loads(header["state"])
