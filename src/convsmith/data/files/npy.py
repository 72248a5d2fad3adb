"""NumPy's files as untrusted data: sizes are checked before memory is asked for, objects are refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import IO

import numpy as np

from ...errors import BadInput
from ...units import show_bytes
from .zip_directory import check_directory

MAX_BYTES = 64_000_000_000
"""Larger arrays are refused outright."""

MAX_HEADER = 10_000
"""Bytes of an array's header; NumPy itself reads no longer ones."""

MAX_ARRAYS = 10_000
"""Files in an .npz."""

BOMB_BYTES = 1_000_000_000
BOMB_RATIO = 200
"""A member that unpacks to more than BOMB_BYTES and to more than BOMB_RATIO times its size is refused."""


def members(path: str) -> dict[str, Callable[[], np.ndarray]]:
    """The arrays of an .npz file by name, each read when called.

    Raises:
        BadInput: when the file is no .npz or damaged; calling: for objects, absurd sizes, damage.
    """
    try:
        check_directory(path, most=MAX_ARRAYS)
    except BadInput as error:
        raise BadInput(path, f"cannot be read as .npz: {error.came}", "a file made by numpy.savez") from None
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror or error}", "a readable file") from None
    try:
        with zipfile.ZipFile(path) as archive:
            found = {info.filename: info for info in archive.infolist()}
    except Exception as error:  # zipfile and struct each have their own
        raise BadInput(path, f"cannot be read as .npz: {error}", "a file made by numpy.savez") from None
    return {name[:-4]: partial(_member, path, info) for name, info in found.items() if name.endswith(".npy")}


def _member(path: str, info: zipfile.ZipInfo) -> np.ndarray:
    where = f"{path}, array {info.filename[:-4]}"
    if info.compress_type == zipfile.ZIP_DEFLATED and info.file_size > 1_100 * (info.compress_size + 64):
        came = f"{info.compress_size:,} bytes that say they unpack to {show_bytes(info.file_size)}"
        raise BadInput(where, came, "at most 1,032 times as much, as deflate has it")
    bomb = info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1)
    if bomb or info.file_size > MAX_BYTES:
        raise BadInput(
            where, f"{show_bytes(info.compress_size)} that say they unpack to {show_bytes(info.file_size)}",
            f"at most {BOMB_RATIO} times as much",
        )  # fmt: skip
    try:
        with zipfile.ZipFile(path) as archive, archive.open(info) as file:
            return read_npy(file, info.file_size, where)
    except BadInput:
        raise
    except Exception as error:  # zlib, lzma, zipfile and struct each have their own
        raise BadInput(where, f"cannot be read: {error}", "an undamaged file") from None


def header(file: IO[bytes], size: int, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type from the start of an .npy file; `file` then stands at the data.

    Args:
        file: at its start.
        size: bytes that the whole file is said to have.
        where: what to name in an error.

    Raises:
        BadInput: for Python objects, or a shape that does not agree with the size.
    """
    start = file.read(8)
    length = file.read(2 if start[6:7] == b"\1" else 4)
    held = int.from_bytes(length, "little") if start.startswith(b"\x93NUMPY") else 0
    if held > MAX_HEADER:
        raise BadInput(where, f"a header of {held:,} bytes", f"at most {MAX_HEADER:,}")
    try:
        text = BytesIO(start + length + file.read(held))
        version = np.lib.format.read_magic(text)
        one = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(text)
    except Exception as error:  # a header is a Python literal, which fails in any way
        raise BadInput(where, f"cannot be read as .npy: {error}", "a file made by numpy.save") from None
    if dtype.hasobject:
        raise BadInput(
            where, "holds Python objects, which are never loaded: they could run code", "an array of numbers",
            "numpy.stack(list_of_images) before saving, with all images of one shape",
        )  # fmt: skip
    wanted = dtype.itemsize
    for side in shape:
        wanted *= int(side)
    odd = not dtype.itemsize or dtype.subdtype is not None or len(shape) > 32
    absurd = odd or any(not 0 <= side <= MAX_BYTES for side in shape)
    if absurd or not wanted <= size <= wanted + 70_000:
        raise BadInput(
            where, f"a shape of {shape} in {show_bytes(size)}", "as many numbers as the shape says"
        )
    return shape, fortran, dtype


def read_npy(file: IO[bytes], size: int, where: str) -> np.ndarray:
    """One .npy stream of known size as an array; see `header` for what is refused."""
    shape, fortran, dtype = header(file, size, where)
    flat = np.empty(int(np.prod(shape, dtype=np.int64)), dtype)
    view, done = memoryview(flat.reshape(-1).view(np.uint8).data) if flat.size else memoryview(b""), 0
    while done < len(view):
        piece = file.read(min(1 << 22, len(view) - done))
        if not piece:
            raise BadInput(where, f"ends after {show_bytes(done)} of {show_bytes(len(view))}", "a whole file")
        view[done : done + len(piece)] = piece
        done += len(piece)
    return flat.reshape(shape, order="F" if fortran else "C")


def from_bytes(data: bytes, where: str) -> np.ndarray:
    """An .npy file in memory as an array."""
    try:
        return read_npy(BytesIO(data), len(data), where)
    except ValueError as error:
        raise BadInput(where, f"cannot be read as .npy: {error}", "a file made by numpy.save") from None
