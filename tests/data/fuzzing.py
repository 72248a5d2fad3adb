"""Damage files of every kind that is read, at random, and see what the readers make of it.

    python tests/data/fuzzing.py --each 1000

Every damaged file must be read or refused: with `BadInput` and nothing else, within a bounded number of
calls and of bytes. Run in a process of its own, whose address space is limited as well. Prints a JSON object:
what failed, how often each kind was read and refused, and by how many bytes the process grew.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import pickle
import random
import resource
import struct
import sys
import tarfile
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convsmith.data.read import listing
from convsmith.errors import BadInput

STEPS = 3_000_000
"""Calls of functions that reading one damaged file of some kilobytes may take."""

ROOM = 1 << 30
"""Bytes of address space beyond what the process has at its start."""

X = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
Y = np.arange(12) % 3


class TooLong(BaseException):
    """More steps than `STEPS`."""


@contextmanager
def counted() -> Iterator[None]:
    """Stop what takes too many calls; a count, unlike a clock, is the same on a busy machine."""
    left = STEPS

    def step(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            sys.setprofile(None)
            raise TooLong

    sys.setprofile(step)
    try:
        yield
    finally:
        sys.setprofile(None)


def picture(kind: str, k: int, **options: Any) -> bytes:
    """A small picture in a format."""
    file = io.BytesIO()
    Image.fromarray(X[k % 12]).save(file, kind, **options)
    return file.getvalue()


def classes(folder: Path, kind: str = "PNG", **options: Any) -> Path:
    """A folder of two classes with four pictures each."""
    for k in range(8):
        path = folder / ("cat" if k % 2 else "dog") / f"{k}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(kind, k, **options))
    return folder


def of_images(kind: str, **options: Any) -> Callable[[Path], tuple[Path, Path]]:
    """(what is read, what is damaged in it) of a folder of pictures."""

    def make(root: Path) -> tuple[Path, Path]:
        folder = classes(root / "set", kind, **options)
        return folder, folder / "cat" / f"1.{kind.lower()}"

    return make


def alone(name: str, data: Callable[[Path], bytes]) -> Callable[[Path], tuple[Path, Path]]:
    """One file that is read itself."""

    def make(root: Path) -> tuple[Path, Path]:
        (root / name).write_bytes(data(root))
        return root / name, root / name

    return make


def npz(_: Path) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, x=X, y=Y)
    return file.getvalue()


def npy(root: Path) -> tuple[Path, Path]:
    np.save(root / "x.npy", X)
    np.save(root / "y.npy", Y)
    return root, root / "x.npy"


def table(root: Path) -> bytes:
    classes(root)
    rows = [f"{'cat' if k % 2 else 'dog'}/{k}.png,{k % 2},{('train', 'test')[k % 2]}" for k in range(8)]
    return "\n".join(["path,label,split", *rows]).encode()


def lines(root: Path) -> bytes:
    classes(root)
    rows = [{"path": f"{'cat' if k % 2 else 'dog'}/{k}.png", "label": f"{k % 2}"} for k in range(8)]
    return "\n".join(map(json.dumps, rows)).encode()


def idx(root: Path) -> tuple[Path, Path]:
    images = struct.pack(">4BIII", 0, 0, 8, 3, 12, 32, 32) + X[..., 0].tobytes()
    (root / "train-images-idx3-ubyte").write_bytes(images)
    (root / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 12) + bytes(Y.tolist()))
    return root, root / "train-images-idx3-ubyte"


def idx_gzip(root: Path) -> tuple[Path, Path]:
    folder, path = idx(root)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return folder, packed


def cifar(protocol: int) -> Callable[[Path], tuple[Path, Path]]:
    flat = X.transpose(0, 3, 1, 2).reshape(12, 3072)

    def make(root: Path) -> tuple[Path, Path]:
        for name in ("data_batch_1", "test_batch"):
            held = {b"data": flat, b"labels": Y.tolist(), b"batch_label": name.encode()}
            (root / name).write_bytes(pickle.dumps(held, protocol))
        names = {b"label_names": [b"a", b"b", b"c"]}
        (root / "batches.meta").write_bytes(pickle.dumps(names, protocol))
        return root, root / "data_batch_1"

    return make


def archive(kind: str, packer: Callable[[bytes], bytes] = bytes) -> Callable[[Path], bytes]:
    def make(root: Path) -> bytes:
        folder, file = classes(root / "inside"), io.BytesIO()
        if kind == "zip":
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
                for path in sorted(folder.rglob("*.png")):
                    packed.write(path, path.relative_to(folder))
        else:
            form = tarfile.PAX_FORMAT if kind == "pax" else tarfile.GNU_FORMAT
            with tarfile.open(fileobj=file, mode="w", format=form) as tar:
                for path in sorted(folder.rglob("*.png")):
                    info = tar.gettarinfo(path, str(path.relative_to(folder)))
                    info.pax_headers = {"comment": "a word"} if kind == "pax" else {}
                    info.name = info.name if kind == "pax" else f"{'long' * 30}/{info.name}"
                    with open(path, "rb") as content:
                        tar.addfile(info, content)
        return packer(file.getvalue())

    return make


def parquet(root: Path) -> bytes:
    import pyarrow
    import pyarrow.parquet

    file = io.BytesIO()
    classes(root)
    names = [f"{'cat' if k % 2 else 'dog'}/{k}.png" for k in range(8)]
    pyarrow.parquet.write_table(pyarrow.table({"path": names, "label": [k % 2 for k in range(8)]}), file)
    return file.getvalue()


KINDS: dict[str, Callable[[Path], tuple[Path, Path]]] = {
    "png": of_images("PNG"),
    "jpeg": of_images("JPEG"),
    "jpeg, progressive": of_images("JPEG", progressive=True),
    "webp": of_images("WEBP"),
    "bmp": of_images("BMP"),
    "gif": of_images("GIF"),
    "tiff": of_images("TIFF", compression="tiff_lzw"),
    "ppm": of_images("PPM"),
    "npz": alone("a.npz", npz),
    "npy": npy,
    "csv": alone("a.csv", table),
    "jsonl": alone("a.jsonl", lines),
    "parquet": alone("a.parquet", parquet),
    "idx": idx,
    "idx, gzip": idx_gzip,
    "cifar, pickle 0": cifar(0),
    "cifar, pickle 2": cifar(2),
    "cifar, pickle 5": cifar(5),
    "zip": alone("a.zip", archive("zip")),
    "tar": alone("a.tar", archive("gnu")),
    "tar, pax": alone("a.tar", archive("pax")),
    "tar, gzip": alone("a.tar.gz", archive("pax", gzip.compress)),
    "tar, bzip2": alone("a.tar.bz2", archive("pax", bz2.compress)),
}

HUGE = (
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\0\0\0",
    b"\xff" * 8,
    b"\0" * 4,
    b"9" * 18,
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with bits flipped, cut off, a field made huge, or a piece left out or repeated."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 3))):
        way = rng.randrange(6)
        at = rng.randrange(max(1, len(out) if rng.random() < 0.4 else min(len(out), 600)))
        if way == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            del out[at:]
        elif way == 2:
            field = rng.choice(HUGE)
            out[at : at + len(field)] = field
        elif way == 3:
            del out[at : at + rng.randrange(1, 40)]
        elif way == 4:
            out[at:at] = out[at : at + rng.randrange(1, 40)] * rng.randrange(1, 4)
        else:
            out[at] = rng.randrange(256)
        if not out:
            return b""
    return bytes(out)


def tried(path: Path) -> str | None:
    """Read a set; None where it was read, else the refusal.

    Raises:
        Exception: whatever came that is no refusal.
    """
    try:
        with counted():
            images = listing(str(path)).examined(workers=0)
    except BadInput as error:
        if isinstance(error.__cause__, MemoryError):
            raise error.__cause__ from None
        return str(error)
    if any("more memory" in reason for _, reason in images.unreadable):
        raise MemoryError(images.unreadable)
    return None


def fuzz(each: int, only: str | None = None) -> dict[str, Any]:
    """Damage each kind so many times."""
    failed, counts = [], {}
    for kind, make in KINDS.items():
        if only not in (None, kind):
            continue
        rng = random.Random(kind)
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            try:
                source, target = make(root)
            except ImportError:
                continue
            good = target.read_bytes()
            if (said := tried(source)) is not None:
                failed.append({"kind": kind, "seed": -1, "error": f"the undamaged file is refused: {said}"})
            read = 0
            for k in range(each):
                target.write_bytes(damaged(good, rng))
                try:
                    read += tried(source) is None
                except BaseException as error:
                    error_text = "".join(traceback.format_exception(error))[-1500:]
                    failed.append(
                        {
                            "kind": kind,
                            "seed": k,
                            "error": error_text,
                            "hex": target.read_bytes().hex()[:4000],
                        }
                    )
                    if isinstance(error, KeyboardInterrupt):
                        raise
            counts[kind] = [read, each - read]
    return {"failed": failed, "counts": counts}


def main() -> None:
    """Fuzz and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--each", type=int, default=25)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, held + ROOM))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = fuzz(arguments.each, arguments.only)
    found["grown"] = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
