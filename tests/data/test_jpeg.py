"""JPEG decoding: the same pixels as Pillow's, and damage that Pillow passes over in silence."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from convsmith.data.decoding.decode import decode


def _picture(height: int, width: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def _file(image: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    grey=st.booleans(),
    quality=st.integers(10, 100),
    progressive=st.booleans(),
    subsampling=st.sampled_from([0, 1, 2]),
    enough=st.sampled_from([None, (9, 9), (30, 20), (64, 64)]),
    orientation=st.integers(1, 8),
)
def test_same_pixels_as_pillow(
    height: int, width: int, grey: bool, quality: int, progressive: bool, subsampling: int,
    enough: tuple[int, int] | None, orientation: int,
) -> None:  # fmt: skip
    picture = _picture(height, width)
    exif = Image.Exif()
    exif[274] = orientation
    data = _file(
        picture.convert("L") if grey else picture, quality=quality, progressive=progressive,
        subsampling=subsampling, exif=exif,
    )  # fmt: skip
    found = decode(data, at_least=enough)
    with Image.open(BytesIO(data)) as image:
        if enough is not None:
            image.draft(image.mode, enough if orientation > 4 else enough[::-1])
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(np.squeeze(found.pixels, 2) if grey else found.pixels, expected)
    assert (found.height, found.width) == ((width, height) if orientation > 4 else (height, width))
    assert "damaged" not in found.notes


@pytest.mark.parametrize(("height", "width"), [(480, 640), (640, 480), (100, 1000), (97, 203)])
@pytest.mark.parametrize("part", [8, 4, 2, 1])
@pytest.mark.parametrize("orientation", [1, 6])
def test_it_is_decoded_no_smaller_than_is_enough(
    height: int, width: int, part: int, orientation: int
) -> None:
    """Just enough is a whole part of the size; a pixel more than that needs the next larger one."""
    exif = Image.Exif()
    exif[274] = orientation
    data = _file(_picture(height, width), exif=exif)
    upright = (height, width) if orientation == 1 else (width, height)
    for more in (0, 1):
        enough = tuple(min(side, side // part + more) for side in upright)
        found = decode(data, at_least=enough).pixels.shape[:2]
        assert all(have >= want for have, want in zip(found, enough, strict=True))
    least = decode(data, at_least=(upright[0] // part, upright[1] // part)).pixels.shape[:2]
    assert least == tuple(-(-side // part) for side in upright)


def test_damage_inside_is_noticed() -> None:
    data = _file(_picture(200, 300), quality=80)
    with Image.open(BytesIO(data)) as whole:
        whole.load()
    rng = np.random.default_rng(0)
    noticed = silent = 0
    for _ in range(60):
        damaged = bytearray(data)
        at = int(rng.integers(len(data) // 2, len(data) - 200))
        damaged[at : at + 64] = rng.integers(0, 256, 64, np.uint8).tobytes()
        try:
            with Image.open(BytesIO(bytes(damaged))) as image:
                image.load()
        except OSError:
            continue
        silent += 1
        noticed += "damaged" in decode(bytes(damaged)).notes
    assert silent > 30  # Pillow says nothing of these
    assert noticed > 0.6 * silent


def test_cmyk_is_left_to_pillow() -> None:
    found = decode(_file(_picture(20, 30).convert("CMYK")))
    assert found.pixels.shape == (20, 30, 3)
    assert "damaged" not in found.notes


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_truncated_is_still_unreadable(cut: float) -> None:
    from convsmith.data.decoding.decode import Unreadable

    data = _file(_picture(100, 100))
    with pytest.raises(Unreadable, match="truncated"):
        decode(data[: int(len(data) * cut)])
