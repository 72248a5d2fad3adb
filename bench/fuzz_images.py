"""Fuzz the image decoders: damage good files at random, keep what crashes, hangs or eats memory.

    python bench/fuzz_images.py --minutes 10

Record: 665,049 damaged files in 20 minutes with one worker (2 shared busy cores, Pillow 13.0.0, simplejpeg
1.9.0, Python 3.11.7): no crash, none over a limit. 37% were read, 39% damaged, 15% truncated, 6% unknown, 1%
huge. An earlier pass met one over 5 s on the busy machine (a TIFF of 3 kB that declares 31x1,114,116 pixels,
within the limit of 50 million; 1.4 s when idle).
Every file goes through the worker processes that `convsmith` itself decodes in; a file that one of them
does not survive (a crash, more than 5 s, more than 1 GB) is kept in tests/data/crashers, where a test looks
at it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convsmith.data.decoding.workers import Decoders

KEEP = Path(__file__).parents[1] / "tests" / "data" / "crashers"


def seeds() -> list[tuple[str, bytes]]:
    """Small good files of every format, mode and compression that is read."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 31, 4), np.uint8)
    modes = {
        "L": noise[..., 0],
        "RGB": noise[..., :3],
        "RGBA": noise,
        "LA": noise[..., :2],
        "I;16": noise[..., 0].astype(np.uint16) * 257,
    }
    made: list[tuple[str, bytes]] = []

    def add(image: Image.Image, kind: str, **options: Any) -> None:
        file = io.BytesIO()
        try:
            image.save(file, kind, **options)
        except (OSError, ValueError, KeyError):
            return  # this format does not know this mode
        made.append((f"{kind.lower()}", file.getvalue()))

    for mode, x in modes.items():
        image = Image.fromarray(x) if mode != "LA" else Image.fromarray(noise).convert("LA")
        for kind in ("PNG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG"):
            add(image, kind)
    colour = Image.fromarray(noise[..., :3])
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        add(colour, "TIFF", compression=compression)
    add(colour.convert("1"), "TIFF", compression="group4")
    add(
        colour,
        "JPEG",
        progressive=True,
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0",
    )
    add(colour.convert("CMYK"), "JPEG")
    add(colour.convert("P"), "PNG")
    add(colour.convert("P"), "BMP")
    frames = [Image.fromarray(np.roll(noise[..., :3], k)) for k in range(3)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        add(frames[0], kind, save_all=True, append_images=frames[1:])
    add(colour, "WEBP", lossless=True)
    return made


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """A good file with a few faults: flipped bits, odd numbers, cut, repeated or foreign pieces."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(max(1, len(out) if rng.random() < 0.5 else min(len(out), 200)))
        match rng.randrange(7):
            case 0:
                out[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at : at + 1] = bytes([(out[at] if at < len(out) else 0) ^ (1 << rng.randrange(8))])
            case 2:
                number = rng.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
                out[at : at + 4] = number.to_bytes(4, rng.choice(("little", "big")))
            case 3:
                out[at:] = b""
            case 4:
                length = rng.randrange(1, 40)
                out[at:at] = out[at : at + length]
            case 5:
                out[at : at + rng.randrange(1, 20)] = b""
            case _:
                start = rng.randrange(len(other))
                out[at : at + 16] = other[start : start + 16]
        if not out:
            out = bytearray(b"\0")
    return bytes(out)


def main() -> None:
    """Fuzz for the given time and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    rng, good = random.Random(options.seed), seeds()
    end = time.monotonic() + 60 * options.minutes
    tried: dict[int, tuple[str, bytes]] = {}
    outcome: Counter[str] = Counter()

    def jobs() -> Iterator[tuple[dict[str, Any], bytes]]:
        number = 0
        while time.monotonic() < end:
            kind, data = rng.choice(good)
            bad = damaged(data, rng.choice(good)[1], rng)
            tried[number] = (kind, bad)
            number += 1
            yield {"do": "scan", "name": f"a.{kind}", "max_pixels": 50_000_000}, bad

    with Decoders(options.workers, seconds=5, memory=1_000_000_000) as decoders:
        for number, answer, _ in decoders.map(jobs()):
            kind, bad = tried.pop(number)
            reason = "read" if answer["ok"] else answer["reason"].split(":")[0]
            if not answer["ok"] and any(word in answer["reason"] for word in ("crashed", "longer", "memory")):
                reason = answer["reason"]
                KEEP.mkdir(exist_ok=True)
                (KEEP / f"{kind}-{hashlib.sha256(bad).hexdigest()[:12]}.bin").write_bytes(bad)
            outcome[reason] += 1
    print(
        f"{sum(outcome.values()):,} damaged files from {len(good)} good ones in {options.minutes:g} minutes"
    )
    for reason, count in outcome.most_common():
        print(f"{count:9,}  {reason}")


if __name__ == "__main__":
    main()
