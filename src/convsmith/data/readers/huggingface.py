"""Hugging Face's Parquet layout: images in Parquet files such as data/train-00000-of-00001.parquet."""

from __future__ import annotations

import os

import numpy as np

from ...errors import BadInput
from ..images import Images
from ..labelling.folder_names import part_of
from ..labelling.table import LABELS
from ..labels import numbered
from ..parquet import ParquetImages, class_names, image_column, open_parquet
from ..split import TRAIN
from . import READERS, as_path


@READERS.register()
def huggingface(source: object) -> Images | None:
    """Read images that are kept in Parquet files, without the network.

    Args:
        source: path of a .parquet file with a column of images, or of a folder with such files in it or in
            ``data/``; their names say the part: train-..., validation-..., test-....

    Returns:
        The images; None when `source` has no Parquet file with images in it.
    """
    path = as_path(source)
    files = [] if path is None else _files(path)
    if path is None or not files:
        return None
    opened = [(name, open_parquet(name, name)) for name in sorted(files, key=_part)]
    schema = opened[0][1].schema_arrow
    column = image_column(schema)
    if column is None:
        return None
    label = next((name for name in LABELS if name in schema.names), None)
    if label is None:
        raise BadInput(path, f"columns {', '.join(schema.names)}", "a column of labels, such as label")
    if any(file.schema_arrow.names != schema.names for _, file in opened):
        raise BadInput(path, "Parquet files with different columns", "the same columns in each")
    values = np.concatenate([np.asarray(file.read([label]).column(label).to_pylist()) for _, file in opened])
    labels, classes = numbered(values, where=f"{path}, column '{label}'", names=class_names(schema, label))
    part = np.concatenate([np.full(file.metadata.num_rows, _part(name), np.int8) for name, file in opened])
    return Images.listed(
        ParquetImages(opened, column), labels, classes, source=path, reader="huggingface",
        part=part if (part != TRAIN).any() else None,
    )  # fmt: skip


def _files(path: str) -> list[str]:
    if path.lower().endswith(".parquet") and os.path.isfile(path):
        return [path]
    for folder in (path, os.path.join(path, "data")):
        if os.path.isdir(folder):
            names = sorted(name for name in os.listdir(folder) if name.lower().endswith(".parquet"))
            if names:
                return [os.path.join(folder, name) for name in names]
    return []


def _part(name: str) -> int:
    stem = os.path.splitext(os.path.basename(name))[0]
    found = (part_of(text) for text in (stem, stem.split("-")[0].split("_")[0]))
    return next((code for code in found if code is not None), TRAIN)
