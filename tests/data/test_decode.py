"""Decoding against Pillow's own plain conversion and pixels written by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from convsmith.data.decoding.decode import MAX_PIXELS, Unreadable, decode
from convsmith.data.files.sniff import sniff

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (13, 17, 3), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_the_very_pixels(kind: str) -> None:
    image = decode(saved(Image.fromarray(PIXELS), kind))
    assert np.array_equal(image.pixels, PIXELS)
    assert (image.height, image.width, image.format, image.notes) == (13, 17, kind, ())


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {"quality": 90}), ("WEBP", {"quality": 90}), ("GIF", {})]
)
def test_lossy_formats_equal_pillow(kind: str, options: dict[str, int]) -> None:
    data = saved(Image.fromarray(PIXELS), kind, **options)
    plain = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    assert np.array_equal(decode(data).pixels, plain)


def test_grey_stays_grey_and_one_bit_becomes_black_and_white() -> None:
    grey = decode(saved(Image.fromarray(PIXELS[..., 0])))
    assert grey.pixels.shape == (13, 17, 1)
    bits = decode(saved(Image.fromarray(PIXELS[..., 0] > 128)))
    assert bits.mode == "1"
    assert np.array_equal(bits.pixels[..., 0], np.where(PIXELS[..., 0] > 128, 255, 0))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(kind: str) -> None:
    values = np.linspace(0, 65535, 200).astype(np.uint16).reshape(10, 20)
    image = decode(saved(Image.fromarray(values), kind))
    assert "16-bit" in image.notes
    assert np.array_equal(image.pixels[..., 0], np.rint(values / 257))
    assert image.pixels.max() == 255
    assert len(np.unique(image.pixels)) == 200  # Pillow's convert("L") would clip all but 256 of 65536 levels


def test_float_tiff_is_scaled() -> None:
    image = decode(saved(Image.fromarray(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)), "TIFF"))
    assert image.notes == ("float",)
    assert (image.pixels.min(), image.pixels.max()) == (0, 255)


def test_whole_numbers_of_32_bits_that_fit_in_16_are_scaled_as_those() -> None:
    values = np.array([[0, 257, 51_400, 65_535]], np.int32)
    assert decode(saved(Image.fromarray(values), "TIFF")).pixels.ravel().tolist() == [0, 1, 200, 255]


def test_cmyk_is_converted() -> None:
    data = saved(Image.fromarray(PIXELS).convert("CMYK"), "TIFF")
    image = decode(data)
    assert image.notes == ("cmyk",)
    assert np.array_equal(image.pixels, PIXELS)  # Pillow's conversion to CMYK and back loses nothing


def test_alpha_is_composited_on_white_by_the_formula() -> None:
    alpha = RNG.integers(0, 256, (13, 17, 1), np.uint8)
    image = decode(saved(Image.fromarray(np.concatenate([PIXELS, alpha], axis=2))))
    expected = PIXELS * (alpha / 255) + 255 * (1 - alpha / 255)
    assert "alpha" in image.notes
    assert np.abs(image.pixels - expected).max() <= 1


def test_opaque_alpha_is_dropped_without_a_note() -> None:
    image = decode(saved(Image.fromarray(np.dstack([PIXELS, np.full((13, 17), 255, np.uint8)]))))
    assert image.notes == ()
    assert np.array_equal(image.pixels, PIXELS)


def test_palette_with_a_transparent_colour_becomes_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 0)
    found = decode(saved(image, "GIF", transparency=0))
    assert {"palette", "alpha"} <= set(found.notes)
    assert found.pixels[0, 0].tolist() == [255, 255, 255]
    assert found.pixels[1, 1].tolist() == [0, 0, 255]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animated_gives_the_first_frame_and_says_so(kind: str) -> None:
    first, second = Image.new("RGB", (6, 5), (200, 0, 0)), Image.new("RGB", (6, 5), (0, 200, 0))
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode(saved(first, kind, save_all=True, append_images=[second], **options))
    assert "animated" in image.notes
    assert image.pixels[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation_equals_pillows_own(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(Image.fromarray(PIXELS), kind, exif=exif)
    image = decode(data)
    assert np.array_equal(image.pixels, np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data)))))
    assert ("exif" in image.notes) == (orientation > 1)
    assert (image.height, image.width) == image.pixels.shape[:2]


def test_damaged_exif_does_not_lose_the_picture() -> None:
    data = saved(Image.fromarray(PIXELS), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert decode(data).pixels.shape == (13, 17, 3)


def test_grey_stored_in_colour_is_noticed() -> None:
    assert "grey" in decode(saved(Image.fromarray(PIXELS[..., :1].repeat(3, axis=2)))).notes


def test_a_profile_is_ignored_and_said() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decode(saved(Image.fromarray(PIXELS), icc_profile=profile)).notes == ("icc",)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file (0 bytes)"),
        (b"hello, this is text\n" * 5, "text, not an image"),
        ("grüße, 世界\n".encode(), "text, not an image"),
        (b"<!DOCTYPE html><html>404</html>", "a web page (HTML), not an image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "XML or SVG text, not an image of pixels"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC, which is not read here: convert it to PNG or JPEG"),
        (b"%PDF-1.7\n", "PDF, which is not read here: convert it to PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n", "damaged: a PNG header, but nothing readable after it"),
        (bytes(range(256)), "not an image of a known format"),
        (bomb(20_000, 20_000), "huge dimensions: over the limit of 50,000,000 pixels"),
        (bomb(8_000, 8_000), "huge dimensions: 8000x8000, over the limit of 50,000,000 pixels"),
    ],
)
def test_reasons(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert str(caught.value) == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused(kind: str, share: float) -> None:
    pixels = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(pixels), kind)
    with pytest.raises(Unreadable, match=r"truncated|damaged"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_the_limit_of_pixels_is_the_last_that_is_read(kind: str) -> None:
    data = saved(Image.fromarray(PIXELS), kind)
    assert decode(data, max_pixels=13 * 17).pixels.shape == (13, 17, 3)
    with pytest.raises(Unreadable, match="17x13, over the limit of 220 pixels"):
        decode(data, max_pixels=13 * 17 - 1)


def test_draft_decoding_is_large_enough_and_upright() -> None:
    x = np.linspace(0, 255, 640, dtype=np.float32)
    smooth = np.stack(
        [np.tile(x, (480, 1)), np.tile(x[:480, None], (1, 640)), np.full((480, 640), 90)], axis=2
    )
    exif = Image.Exif()
    exif[274] = 6
    data = saved(Image.fromarray(smooth.astype(np.uint8)), "JPEG", exif=exif, quality=95)
    full, half = decode(data), decode(data, at_least=(300, 200))
    assert (half.height, half.width) == (full.height, full.width) == (640, 480)
    assert half.pixels.shape == (320, 240, 3)
    small = Image.fromarray(full.pixels).resize((240, 320), Image.Resampling.BOX)
    assert np.abs(np.asarray(small, np.int16) - half.pixels).mean() < 1


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_is_either_decoded_or_unreadable(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]))
    whole = bytearray(saved(Image.fromarray(PIXELS), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(whole))
    except Unreadable:
        pass
    else:
        assert image.pixels.dtype == np.uint8
        assert image.pixels.shape[0] * image.pixels.shape[1] <= MAX_PIXELS
        assert image.pixels.shape[2] in (1, 3)


def test_real_photos_equal_pillow(shared: Path) -> None:
    for path in sorted((shared / "data" / "photos").iterdir()):
        plain = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        assert np.array_equal(decode(path.read_bytes()).pixels, np.asarray(plain)), path.name


def test_sniff_knows_what_it_can_read() -> None:
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        assert sniff(saved(Image.fromarray(PIXELS), kind)) == kind
