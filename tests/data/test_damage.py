"""Damage that Pillow passes over: a flipped bit or a cut anywhere, in every format and compression."""

from __future__ import annotations

import io
import random
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convsmith.data.decoding.damage import png_damage, tiff_damage
from convsmith.data.decoding.decode import Unreadable, decode
from convsmith.data.decoding.record import RECORD
from convsmith.data.decoding.scan import noted
from convsmith.data.decoding.workers import Decoders


def photo() -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize(
        (96, 72), Image.Resampling.BICUBIC
    )
    grain = rng.integers(-6, 7, (72, 96, 1), np.int16)
    return Image.fromarray(np.clip(np.asarray(coarse, np.int16) + grain, 0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pngs() -> dict[str, bytes]:
    x = photo()
    alpha = x.convert("RGBA")
    alpha.putalpha(x.getchannel(0))
    deep = Image.fromarray(np.asarray(x.convert("L")).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[274] = 6
    return {
        "RGB": saved(x, "PNG"), "L": saved(x.convert("L"), "PNG"), "P": saved(x.quantize(30), "PNG"),
        "1": saved(x.convert("1"), "PNG"), "RGBA": saved(alpha, "PNG"),
        "LA": saved(alpha.convert("LA"), "PNG"),
        "16": saved(deep, "PNG"), "hole": saved(x.quantize(30), "PNG", transparency=2),
        "exif": saved(x, "PNG", exif=exif),
        "animated": saved(x, "PNG", save_all=True, append_images=[x.rotate(9)]),
    }  # fmt: skip


PNGS = pngs()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PNGS)), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_one_flipped_bit_anywhere_in_a_png_is_found(name: str, place: float, bit: int) -> None:
    data = bytearray(PNGS[name])
    assert png_damage(bytes(data)) is None
    assert decode(bytes(data)).pixels.size
    data[int(place * len(data))] ^= 1 << bit
    with pytest.raises(Unreadable, match=r"damaged|truncated|huge|not an image"):
        decode(bytes(data))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PNGS)), st.floats(0.1, 1, exclude_max=True))
def test_a_png_cut_anywhere_is_found(name: str, place: float) -> None:
    with pytest.raises(Unreadable, match=r"damaged|truncated"):
        decode(PNGS[name][: int(place * len(PNGS[name]))])


def test_what_follows_the_end_of_a_png_is_no_damage() -> None:
    assert decode(PNGS["RGB"] + b"more").notes == ()


def test_the_checksum_is_the_one_of_the_specification() -> None:
    """A CRC-32 over kind and content: zlib's, which Pillow writes; here of a chunk made by hand."""
    chunk = b"tEXtKey\0value"
    whole = PNGS["L"][:-12] + (9).to_bytes(4, "big") + chunk
    for crc, wrong in (
        (zlib.crc32(chunk), None),
        (zlib.crc32(chunk) ^ 1, "wrong checksum in the chunk tEXt"),
    ):
        assert png_damage(whole + crc.to_bytes(4, "big") + PNGS["L"][-12:]) == wrong


COMPRESSED = {
    "lzw": ("RGB", "tiff_lzw"), "deflate": ("RGB", "tiff_adobe_deflate"), "packbits": ("RGB", "packbits"),
    "jpeg": ("RGB", "jpeg"), "group3": ("1", "group3"), "group4": ("1", "group4"), "raw": ("RGB", None),
    "CMYK": ("CMYK", "tiff_lzw"), "float": ("F", "tiff_adobe_deflate"),
}  # fmt: skip


def tiff(name: str) -> tuple[bytes, int, int]:
    """(file, first byte of its pixels, end of them)."""
    mode, compression = COMPRESSED[name]
    data = saved(photo().convert(mode), "TIFF", **({"compression": compression} if compression else {}))
    with Image.open(io.BytesIO(data)) as image:
        starts, sizes = image.tag_v2[273], image.tag_v2[279]
    return data, min(starts), max(a + b for a, b in zip(starts, sizes, strict=True))


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_tiff_whose_pixels_are_cut_is_found(name: str) -> None:
    data, start, end = tiff(name)
    jobs = [({"do": "scan", "name": "a.tif", "max_pixels": 10**6}, data[: start + int(part * (end - start))])
            for part in (0.05, 0.3, 0.6, 0.9, 0.98)]  # fmt: skip
    jobs.append((jobs[0][0], data))
    with Decoders(1) as decoders:
        found = [damaged(answer, body) for _, answer, body in decoders.map(jobs)]
    assert found == [True] * 5 + [False]


def damaged(answer: dict[str, Any], body: bytes) -> bool:
    return not answer["ok"] or bool(noted(np.frombuffer(body, RECORD), "damaged")[0])


FLIPPED = {"deflate": 1.0, "float": 1.0, "group4": 0.9}
"""Of the files with one flipped bit, how many are found at least: deflate has a checksum, most wrong bits
make no word of Group 4; the other compressions have neither."""


@pytest.mark.parametrize("name", FLIPPED)
def test_a_flipped_bit_in_a_tiff_is_found(name: str) -> None:
    rng, (data, start, end) = random.Random(0), tiff(name)
    jobs = []
    for _ in range(60):
        flipped = bytearray(data)
        flipped[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
        jobs.append(({"do": "scan", "name": "a.tif", "max_pixels": 10**6}, bytes(flipped)))
        jobs.append((jobs[0][0], data))  # a sound one after each: nothing is left over from the one before
    with Decoders(1) as decoders:
        found = np.array([damaged(answer, body) for _, answer, body in decoders.map(jobs)])
    assert found[::2].mean() >= FLIPPED[name]
    assert not found[1::2].any()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "PPM", "GIF"])
def test_the_last_bytes_are_missed(kind: str) -> None:
    data = saved(photo(), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert decode(data).pixels.size
    for cut in (3, 4, 9, 30, 200):  # a GIF's last two bytes end its list of pictures
        with pytest.raises(Unreadable, match=r"truncated|damaged"):
            decode(data[:-cut])


def test_damage_inside_a_cmyk_jpeg_is_noticed() -> None:
    data = saved(photo().resize((300, 200)).convert("CMYK"), "JPEG", quality=90)
    assert "damaged" not in decode(data).notes
    rng, noticed = np.random.default_rng(0), 0
    for _ in range(20):
        broken = bytearray(data)
        at = int(rng.integers(len(data) // 3, len(data) - 200))
        broken[at : at + 64] = rng.integers(0, 256, 64, np.uint8).tobytes()
        try:
            noticed += "damaged" in decode(bytes(broken)).notes
        except Unreadable:
            noticed += 1
    assert noticed >= 12


def test_a_strip_that_inflates_without_end_is_bounded() -> None:
    bomb = zlib.compress(bytes(30_000_000))
    tags = {259: 8, 273: (0,), 279: (len(bomb),)}
    assert tiff_damage(bomb, tags, 1_000_000) == "more pixels than its header declares"
    assert tiff_damage(bomb, tags, 30_000_000) is None
    assert tiff_damage(bomb[:-1], tags, 30_000_000) == "truncated"
