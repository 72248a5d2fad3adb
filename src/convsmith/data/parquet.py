"""Parquet files: tables of paths, or of the images themselves as Hugging Face keeps them (needs pyarrow)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import BadInput
from ..units import show_bytes
from .decoding.decode import Unreadable
from .files.unpack import BOMB_BYTES, BOMB_RATIO
from .items import shown

FEW_ROWS = 100_000
"""Rows that a table may have however few bytes it is: rows that are all alike take none."""


def _pyarrow(where: str) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise BadInput(
            where,
            "is a Parquet file, and pyarrow is not installed",
            "pyarrow",
            "pip install 'convsmith[parquet]'",
        ) from None
    return parquet


def open_parquet(path: Any, where: str) -> Any:
    """A pyarrow ParquetFile.

    Args:
        path: of the file, or its bytes as a BytesIO.
        where: what to name in an error.

    Raises:
        BadInput: when pyarrow is missing, the file is damaged, or says that it holds far more than its size.
    """
    parquet = _pyarrow(where)
    try:
        file = parquet.ParquetFile(path)
        groups = [file.metadata.row_group(g) for g in range(file.metadata.num_row_groups)]
    except Exception as error:
        raise BadInput(where, f"cannot be read as Parquet: {error}", "an undamaged Parquet file") from None
    size = os.path.getsize(path) if isinstance(path, str) else len(path.getbuffer())
    rows, unpacked = file.metadata.num_rows, sum(group.total_byte_size for group in groups)
    if rows != sum(group.num_rows for group in groups) or rows > max(FEW_ROWS, size):
        raise BadInput(where, f"says that it has {rows:,} rows in {show_bytes(size)}", "a byte for each")
    if unpacked > max(BOMB_BYTES, BOMB_RATIO * size):
        raise BadInput(where, f"says that it unpacks to {show_bytes(unpacked)}", "no decompression bomb")
    return file


def parquet_rows(data: bytes, where: str) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    """Column names and rows of a table without images in it; such columns are left out."""
    import io

    file = open_parquet(io.BytesIO(data), where)
    schema = file.schema_arrow
    plain = [field.name for field in schema if not _holds_images(field)]

    def rows() -> Iterator[Mapping[str, Any]]:
        try:
            count = 0
            for batch in file.iter_batches(columns=plain):
                count += len(batch)
                if count > file.metadata.num_rows:
                    raise ValueError("more rows than it says")
                yield from batch.to_pylist()
        except Exception as error:  # whatever the library finds
            raise BadInput(where, f"is a damaged Parquet file: {error}", "an undamaged one") from None

    return plain, rows()


def _holds_images(field: Any) -> bool:
    kind = str(field.type)
    return "binary" in kind


class ParquetImages:
    """Images kept in Parquet files, one row group in memory at a time.

    Args:
        files: (path, pyarrow ParquetFile) in order.
        column: the column of images: bytes, or a struct with a field ``bytes``.
    """

    def __init__(self, files: Sequence[tuple[str, Any]], column: str) -> None:
        self.files = files
        self.column = column
        counts = [
            (f, g, file.metadata.row_group(g).num_rows)
            for f, (_, file) in enumerate(files)
            for g in range(file.metadata.num_row_groups)
        ]
        self._groups = [(f, g) for f, g, _ in counts]
        self._ends = np.cumsum([rows for *_, rows in counts], dtype=np.int64)
        self._open: tuple[int, Any] = (-1, None)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def name(self, i: int) -> str:
        k = int(np.searchsorted(self._ends, i, side="right"))
        return f"{shown(self.files[self._groups[k][0]][0])}[{i - (int(self._ends[k - 1]) if k else 0)}]"

    def raw(self, i: int) -> bytes:
        k = int(np.searchsorted(self._ends, i, side="right"))
        if self._open[0] != k:
            f, g = self._groups[k]
            try:
                table = self.files[f][1].read_row_group(g, columns=[self.column])
            except Exception as error:
                raise Unreadable(f"damaged in the Parquet file: {error}") from None
            self._open = (k, table.column(self.column))
        value = self._open[1][i - (int(self._ends[k - 1]) if k else 0)].as_py()
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise Unreadable("no bytes in the Parquet file")
        return data


def image_column(schema: Any) -> str | None:
    """The first column that holds images: binary, or a struct with a binary field ``bytes``."""
    for field in schema:
        if "binary" in str(field.type):
            return str(field.name)
    return None


def class_names(schema: Any, column: str) -> list[str] | None:
    """Names that Hugging Face wrote for a column of class numbers, if it did."""
    meta = (schema.metadata or {}).get(b"huggingface")
    try:
        feature = json.loads(meta or b"")["info"]["features"][column]
        names = feature.get("names")
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
        return None
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=int)]
    return [str(name) for name in names] if isinstance(names, list) else None
