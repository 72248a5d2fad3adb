"""The program that people are given, executed on every form of file, against what training feeds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convsmith.data import pixels_in, program, read
from convsmith.data.decoding.decode import NOTES, decode
from convsmith.data.pixels_in import resized
from convsmith.errors import BadInput
from convsmith.formats.onnx import export_onnx
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.reports.facts import Facts
from convsmith.reports.sections.export import use

SIZE = (24, 20)
ROOT = Path(__file__).resolve().parents[2]


def scene(height: int = 90, width: int = 130) -> Image.Image:
    """A picture without any symmetry."""
    rows, columns = np.mgrid[:height, :width]
    x = np.stack([rows * 2 % 256, columns * 255 // width, (rows + columns) % 256], axis=2)
    image = Image.fromarray(x.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle((8, 6, 40, 30), fill=(250, 30, 20))
    draw.ellipse((70, 40, 120, 85), fill=(10, 200, 60))
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def forms() -> Iterator[tuple[str, bytes]]:
    """(file name, content) of every form of file that is treated in any way."""
    photo, large = scene(), scene(420, 610)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        yield f"exif{orientation}.jpg", saved(large, "JPEG", exif=exif, quality=90)
        for kind in ("PNG", "TIFF", "WEBP"):
            yield f"exif{orientation}.{kind.lower()}", saved(photo, kind, exif=exif)
    deep = np.asarray(photo.convert("L")).astype(np.uint16) * 257 - 100 * (np.asarray(photo.convert("L")) > 9)
    for kind in ("PNG", "TIFF"):
        yield f"16bit.{kind.lower()}", saved(Image.fromarray(deep.astype(np.uint16)), kind)
    exif = Image.Exif()
    exif[274] = 6
    yield "16bit-turned.png", saved(Image.fromarray(deep.astype(np.uint16)), "PNG", exif=exif)
    yield "16bit-big.tiff", saved(Image.frombytes("I;16B", photo.size, deep.astype(">u2").tobytes()), "TIFF")
    for name, values in (
        ("unit", deep / 65535), ("bytes", deep / 257.0), ("wide", deep * 1.0), ("signed", deep / 100.0 - 300)
    ):  # fmt: skip
        yield f"float-{name}.tiff", saved(Image.fromarray(values.astype(np.float32)), "TIFF")
    for kind in ("PNG", "TIFF", "BMP"):
        yield f"1bit.{kind.lower()}", saved(photo.convert("1"), kind)
    alpha = photo.convert("RGBA")
    alpha.putalpha(photo.getchannel(1))
    for kind in ("PNG", "WEBP", "TIFF"):
        yield f"rgba.{kind.lower()}", saved(alpha, kind, **({"lossless": True} if kind == "WEBP" else {}))
    for kind in ("PNG", "TIFF"):
        yield f"la.{kind.lower()}", saved(alpha.convert("LA"), kind)
    palette = photo.quantize(40)
    for kind in ("PNG", "GIF"):
        yield f"palette.{kind.lower()}", saved(palette, kind)
        yield f"palette-hole.{kind.lower()}", saved(palette, kind, transparency=3)
    yield "palette-alpha.png", saved(palette, "PNG", transparency=bytes(range(0, 240, 6)))
    yield "rgb-hole.png", saved(photo, "PNG", transparency=photo.getpixel((1, 1)))
    for kind in ("JPEG", "TIFF"):
        yield f"cmyk.{kind.lower()}", saved(large.convert("CMYK"), kind)
    for kind in ("PNG", "GIF", "WEBP", "TIFF"):
        frames = [photo, photo.rotate(90), photo.rotate(180)]
        yield f"frames.{kind.lower()}", saved(frames[0], kind, save_all=True, append_images=frames[1:])
    yield "grey.jpg", saved(large.convert("L"), "JPEG")
    yield "grey.png", saved(photo.convert("L"), "PNG")
    yield "progressive.jpg", saved(large, "JPEG", progressive=True)
    yield "plain.ppm", saved(photo, "PPM")
    yield "damaged-exif.jpg", saved(photo, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")


def quadrants(channels: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """A network whose four classes depend on where it is bright: wrong pixels change them."""
    x = inputs = keras.Input((*SIZE, channels))
    x = keras.layers.AveragePooling2D((12, 10))(x)
    x = keras.layers.Flatten()(x)
    graph = keras.Model(inputs, keras.layers.Dense(4, activation="softmax", name="out")(x))
    rng = np.random.default_rng(channels)
    kernel = rng.normal(0, 0.02, (4 * channels, 4))
    kernel -= kernel.mean(0)  # how bright it is as a whole makes no difference
    return graph, {"out/kernel": kernel.astype("float32"), "out/bias": np.zeros(4, "float32")}


def executed(code: str) -> dict[str, Any]:
    """What the program leaves behind when it is run."""
    found: dict[str, Any] = {}
    exec(compile(code, "printed", "exec"), found)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("forms")
    for k, (name, content) in enumerate(forms()):
        path = root / "photos" / ("odd" if k % 2 else "even") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.mark.parametrize("channels", [3, 1])
def test_the_printed_program_feeds_what_training_did(
    folder: Path, channels: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = read(folder / "photos", workers=0, cache=None)
    assert not images.unreadable
    met = set(images.found["forms"])
    assert {"exif", "16-bit", "float", "alpha", "palette", "cmyk", "animated"} <= met <= set(NOTES)
    graph, weights = quadrants(channels)
    classes = ["north", "east", "south", "west"]
    export_onnx(graph, weights, folder / "model.onnx", classes=classes)
    facts = Facts(folder, graph=graph, data={"found": images.found})
    code = use(facts, "model.onnx")
    assert code is not None
    monkeypatch.chdir(folder)
    scene().save("photo.jpg")
    mine = executed(code)
    assert capsys.readouterr().out.split()[0] in classes
    pixels = images.pixels(SIZE, channels)
    own = mine["network"].run(None, {"image": pixels.astype("float32")})[0]
    assert len(set(own.argmax(1))) > 1  # or it would not matter what is fed
    for k, name in enumerate(images.names):
        fed = mine["pixels"](folder / "photos" / name)
        assert np.array_equal(fed, pixels[k]), name
        assert np.array_equal(mine["network"].run(None, {"image": fed[None]})[0][0], own[k]), name
        assert np.array_equal(pixels_in(folder / "photos" / name, SIZE, channels), pixels[k]), name


def test_it_matters(folder: Path) -> None:
    """The five lines that were printed before are wrong on half of these files."""
    images = read(folder / "photos", workers=0, cache=None)
    pixels = images.pixels(SIZE, 3)
    wrong = 0
    for k, name in enumerate(images.names):
        plain = (
            Image.open(folder / "photos" / name).convert("RGB").resize(SIZE[::-1], Image.Resampling.BILINEAR)
        )
        wrong += np.abs(np.asarray(plain, np.int16) - pixels[k]).mean() > 3
    assert wrong > 30


def test_floats_are_treated_where_they_were_met() -> None:
    assert '"float64"' not in program(SIZE, 3, forms=("exif",))
    assert '"float64"' in program(SIZE, 3, forms={"float": 2})
    assert '"float64"' in program(SIZE, 3)
    assert len(program(SIZE, 3, forms=()).splitlines()) == 16


def test_the_readme_prints_the_same_program() -> None:
    text = (ROOT / "README.md").read_text()
    shown = next(block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "onnxruntime" in block)
    assert shown == program((64, 64), 3, forms=(), network="runs/0001/model.onnx")


def test_explanations_see_the_same_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from convsmith.jobs.inputs.photos import photos
    from convsmith.jobs.inputs.trained import Trained

    graph, weights = quadrants(3)
    net = Trained(folder, graph, weights, ("odd", "even"))
    paths = [str(path) for path in sorted((folder / "photos" / "odd").iterdir())]
    shown = photos(net, paths, most=len(paths))
    for path, pixels in zip(paths, shown.pixels_NHWC, strict=True):
        assert np.array_equal(pixels, pixels_in(path, SIZE, 3)), path


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x[..., 0], lambda x: x[..., :1]])
def test_arrays_are_taken(make: Callable[[np.ndarray], np.ndarray]) -> None:
    x = make(np.asarray(scene()))
    found = pixels_in(x, SIZE, 3)
    assert found.shape == (*SIZE, 3)
    assert np.array_equal(found, pixels_in(saved(Image.fromarray(np.squeeze(x)), "PNG"), SIZE, 3))


def test_a_large_jpeg_is_decoded_at_a_scale_that_leaves_its_detail() -> None:
    """Of the scales that are quicker, only those that leave four times the working size."""
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 256, (512, 640, 3), np.uint8)
    image = Image.fromarray(fine).resize((1280, 1024), Image.Resampling.BICUBIC)
    data = saved(image, "JPEG", quality=95)
    full = resized(decode(data).pixels, (64, 64), 3).astype(int)
    error = np.abs(pixels_in(data, (64, 64), 3) - full).mean()
    halved = resized(decode(data, at_least=(128, 128)).pixels, (64, 64), 3)
    assert decode(data, at_least=(256, 256)).pixels.shape[:2] == (256, 320)
    assert error < 1.5
    assert np.abs(halved - full).mean() > 2 * error


def test_a_set_read_with_a_higher_limit_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(6):
        path = tmp_path / "photos" / "ab"[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("1", (7200, 7000), k % 2).save(path) if k == 0 else scene().save(path)
    assert len(read(tmp_path / "photos", cache=None, workers=0).unreadable) == 1
    images = read(tmp_path / "photos", cache=None, workers=0, max_pixels=60_000_000)
    assert images.pixels((8, 8), 1).shape == (6, 8, 8, 1)
    assert images.image(0).shape == (7000, 7200, 1)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="an array of float64, 3x3") as caught:
        pixels_in(np.zeros((3, 3)), SIZE, 3)
    assert "\n" not in str(caught.value)
    (tmp_path / "a.jpg").write_bytes(b"hello")
    with pytest.raises(BadInput, match=r"a\.jpg.*text, not an image"):
        pixels_in(tmp_path / "a.jpg", SIZE, 3)
    with pytest.raises(BadInput, match="cannot be opened"):
        pixels_in(tmp_path / "none.jpg", SIZE, 3)
