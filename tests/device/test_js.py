"""The scripts of a page in Node: operators against torch, pixels against Pillow to the byte."""

from __future__ import annotations

import io
import json
import random
import shutil
import struct
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from convsmith.data.decoding.decode import decode
from convsmith.data.decoding.eight_bits import upright
from convsmith.data.pixels_in import resized, seen
from convsmith.device.floats import run_floats
from convsmith.device.js_program import HERE, SETTINGS, script, to_js
from convsmith.device.lower import to_program
from convsmith.device.page import before_probabilities, heat_of
from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.methods.grad_cam import grad_cam
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network

from .conftest import some_weights
from .test_programs import LAYERS, images, one

NODE = shutil.which("node")
PILLOW = int(version("pillow").partition(".")[0])
pytestmark = pytest.mark.skipif(NODE is None, reason="no node on the PATH")
L = keras.layers


def in_node(folder: Path) -> dict:
    """What js_cases.js makes of a folder."""
    cases = Path(__file__).with_name("js_cases.js")
    subprocess.run([NODE, str(cases), str(HERE), str(folder)], check=True)
    return json.loads((folder / "answers.json").read_text())


class Networks:
    """Programs that one Node process runs, each on some images."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.truths = folder, [], {}

    def add(self, name, program, x, *, half=False, cam=None, heat=()):
        made = to_js(program, half=half)
        name = name.replace(" ", "_").replace(",", "")
        (self.folder / f"{name}.weights").write_bytes(made.weights)
        (self.folder / f"{name}.images").write_bytes(x.astype("<f4").tobytes())
        self.rows.append({"name": name, "program": made.program | {"cam": cam}, "heat": list(heat)})
        self.truths[name] = run_floats(program, x)

    def run(self):
        (self.folder / "networks.json").write_text(json.dumps(self.rows))
        in_node(self.folder)

    def said(self, name, end="answers"):
        return np.frombuffer((self.folder / f"{name}.{end}").read_bytes())

    def differences(self):
        """The largest difference of each, as a share of the largest number."""
        return {
            name: float(np.abs(self.said(name) - truth.ravel()).max() / (np.abs(truth).max() + 1e-2))
            for name, truth in self.truths.items()
        }


def test_layers_and_random_networks_are_those_of_the_program(tmp_path):
    rng, made = np.random.default_rng(21), Networks(tmp_path)
    for name in LAYERS:
        graph = one(name)
        made.add(name, to_program(graph, some_weights(graph, rng)), images(graph, 2, rng))
    inputs = keras.Input((5, 5, 2))
    for activation in ("hard_silu", "elu", "relu6"):
        out = L.Activation(activation)(L.MaxPooling2D(1)(L.Rescaling(1 / 20, -3)(inputs)))
        graph = keras.Model(inputs, L.Conv2D(2, 1)(out), name="net")
        made.add(f"function_{activation}", to_program(graph, some_weights(graph, rng)), images(graph, 2, rng))
    graph = network("mobilenet_v3_small", input_shape=(32, 32, 3))
    made.add("mobilenet", to_program(graph, some_weights(graph, rng)), images(graph, 2, rng))
    lowered = 0
    for seed in range(60):
        graph = random_network(random.Random(seed).choice, depth=4)
        try:
            program = to_program(graph, random_weights(graph, rng))
        except BadInput:
            continue
        made.add(f"random_{seed}", program, images(graph, 2, rng))
        lowered += 1
    assert lowered >= 10
    run = {op["code"] for row in made.rows for op in row["program"]["ops"]}
    assert run == set(SETTINGS)
    made.run()
    wrong = {name: found for name, found in made.differences().items() if not found <= 2e-5}
    assert not wrong


def test_kernels_in_16_bits_are_those_of_numpy(tmp_path):
    rng, made = np.random.default_rng(22), Networks(tmp_path)
    graph = network("lenet5", input_shape=(32, 32, 1))
    weights, x = some_weights(graph, rng), images(graph, 3, rng)
    made.add("half", to_program(graph, weights), x, half=True)
    rounded = {
        name: array.astype("f2").astype("f4") if "kernel" in name else array
        for name, array in weights.items()
    }
    made.truths["half"] = run_floats(to_program(graph, rounded), x)
    made.run()
    assert made.differences()["half"] < 1e-6
    tiny = np.array([0, -0.0, 6e-8, 3.1e-5, 65504, -1.5, 7e4], "f4")  # also subnormal, and beyond the largest
    held = to_js(to_program(*_scaled(tiny)), half=True).weights[:14]
    assert np.array_equal(np.frombuffer(held, "<f2"), np.clip(tiny, -65504, 65504).astype("f2"))


def _scaled(kernel):
    inputs = keras.Input((7,))
    graph = keras.Model(inputs, L.Dense(1, use_bias=False)(inputs), name="net")
    (name,) = graph.weights
    return graph, {name: kernel[:, None]}


def _pooled(x, *, end, pool=L.GlobalAveragePooling2D, keep=False):
    x = L.Conv2D(6, 3, padding="same", activation="relu")(
        L.MaxPooling2D(2)(L.Conv2D(4, 3)(L.Rescaling(1 / 255)(x)))
    )
    x = pool(keepdims=keep)(x)
    return end(x)


def _classes(x, count=3):
    return L.Dense(count, activation="sigmoid" if count == 1 else "softmax")(x)


HEADS = {
    "dense": lambda x: _pooled(x, end=lambda y: _classes(L.Dropout(0.1)(y))),
    "flattened": lambda x: _pooled(x, end=lambda y: _classes(L.Flatten()(y)), keep=True),
    "conv": lambda x: _pooled(x, end=lambda y: L.Softmax()(L.Flatten()(L.Conv2D(3, 1)(y))), keep=True),
    "sigmoid": lambda x: _pooled(x, end=lambda y: _classes(y, 1)),
    "own channels": lambda x: L.Softmax()(
        L.GlobalAveragePooling2D()(L.Conv2D(3, 3)(L.Conv2D(4, 3, activation="relu")(L.Rescaling(1 / 255)(x))))
    ),
}


def test_the_heat_map_is_that_of_grad_cam(tmp_path):
    """Of such a network Grad-CAM at the pooled features is CAM, divided by the number of places."""
    import torch

    rng, made, truths = np.random.default_rng(23), Networks(tmp_path), {}
    for name, built in HEADS.items():
        inputs = keras.Input((12, 14, 3))
        graph = keras.Model(inputs, built(inputs), name="net")
        weights, x = some_weights(graph, rng), images(graph, 2, rng)
        numbers = (0, 1) if name == "sigmoid" else (0, 1, 2)
        program, kind = before_probabilities(to_program(graph, weights), len(numbers))
        cam, why = heat_of(program, kind)
        assert cam is not None
        assert why == ""
        made.add(name, program, x, cam=cam, heat=numbers)
        net = lower(graph, weights).eval()
        x_NCHW = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)).astype("f4"))
        maps = [grad_cam(net, x_NCHW, number).arrays["coarse_Nhw"] for number in numbers]
        truth = np.stack(maps, 1)
        truths[name.replace(" ", "_")] = truth / np.maximum(truth.max((2, 3), keepdims=True), 1e-20)
    made.run()
    for name, truth in truths.items():
        assert truth.max() == 1
        assert np.abs(made.said(name, "maps") - truth.ravel()).max() < 1e-4


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (lambda x: _pooled(x, end=_classes, pool=L.GlobalMaxPooling2D), "maximum"),
        (lambda x: _classes(L.Flatten()(x)), "does not end in global average pooling"),
        (lambda x: _classes(L.GlobalAveragePooling2D()(L.Conv2D(2, (12, 14))(x))), "nothing of"),
        (lambda x: _pooled(x, end=lambda y: _classes(L.Dense(4, activation="relu")(y))), "one dense"),
    ],
)
def test_other_networks_say_why_they_have_none(head, why):
    inputs = keras.Input((12, 14, 3))
    graph = keras.Model(inputs, head(inputs), name="net")
    program, kind = before_probabilities(to_program(graph, some_weights(graph, np.random.default_rng(0))), 3)
    assert heat_of(program, kind)[0] is None
    assert why in heat_of(program, kind)[1]


class Pixels:
    """Calls of pixels.js and headers.js that one Node process answers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.truths = folder, [], []

    def add(self, call, pixels, truth, *given):
        name = f"{len(self.rows)}.bytes"
        if isinstance(pixels, bytes):
            (self.folder / name).write_bytes(pixels)
        else:
            (self.folder / name).write_bytes(pixels.tobytes())
        shape = list(pixels.shape) if isinstance(pixels, np.ndarray) and pixels.ndim == 3 else None
        self.rows.append({"call": call, "bytes": name, "shape": shape, "given": list(given)})
        self.truths.append(truth)

    def run(self):
        (self.folder / "pixels.json").write_text(json.dumps(self.rows))
        found = in_node(self.folder)["answers"]
        for row, answer, truth in zip(self.rows, found, self.truths, strict=True):
            if row["call"] == "looked":
                assert answer == truth, row
                continue
            said = np.frombuffer((self.folder / f"{row['bytes']}.out").read_bytes(), np.uint8)
            assert np.array_equal(said, truth.ravel()), row
            if answer:
                assert answer == list(truth.shape), row


def _picture(rng, rows, columns, channels):
    """Noise, extremes and flat parts: what shows a rounding that differs."""
    x = rng.integers(0, 256, (rows, columns, channels), np.uint8)
    kind = rng.integers(4)
    return (
        np.where(x > 127, 255, 0).astype("u1")
        if kind == 0
        else np.full_like(x, x[0, 0, 0])
        if kind == 1
        else x
    )


def test_pixels_are_pillows_to_the_byte(tmp_path):
    rng, made = np.random.default_rng(24), Pixels(tmp_path)
    for number in range(150):
        rows, columns, to_rows, to_columns = (int(n) for n in rng.integers(1, 90, 4))
        rows = 1 if number % 29 == 0 else rows
        channels = int(rng.choice([1, 3]))
        x = _picture(rng, rows, columns, channels)
        made.add("resized", x, resized(x, (to_rows, to_columns), channels), to_rows, to_columns, PILLOW)
        colours = _picture(rng, rows, columns, 3)
        grey = np.asarray(Image.fromarray(colours).convert("L"))[..., None]
        made.add("grey", colours, grey)
        truth = resized(colours, (to_rows, to_columns), 1)
        made.add("seen", colours, truth, [to_rows, to_columns], 1, PILLOW)
        orientation = int(rng.integers(1, 9))
        made.add("upright", x, upright(x, orientation), orientation)
        rgba = rng.integers(0, 256, (4 * rows * columns), np.uint8)
        rgba[3::4][:: int(rng.integers(1, 5))] = rng.choice([0, 255])
        image = Image.frombytes("RGBA", (columns, rows), rgba.tobytes())
        white = Image.new("RGBA", image.size, "white")
        made.add("onWhite", rgba, np.asarray(Image.alpha_composite(white, image).convert("RGB")))
    large = rng.integers(0, 256, (1200, 901, 3), np.uint8)
    made.add("resized", large, resized(large, (64, 48), 3), 64, 48, PILLOW)
    levels = np.arange(256, dtype="u1").repeat(256).reshape(256, 256)  # every grey at every opacity
    rgba = np.stack([levels, levels[::-1], levels, levels.T], -1)
    white = Image.new("RGBA", (256, 256), "white")
    truth = Image.alpha_composite(white, Image.fromarray(rgba)).convert("RGB")
    made.add("onWhite", rgba.ravel(), np.asarray(truth))
    made.run()


def _file(kind, *, orientation=None, xmp=False, size=(31, 17), mode="RGB", **options):
    image, file, exif = Image.new(mode, size), io.BytesIO(), Image.Exif()
    if orientation is not None and not xmp:
        exif[274] = orientation
        options["exif"] = exif
    if orientation is not None and xmp:
        options["xmp"] = f'<x:xmpmeta><rdf tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()
    image.save(file, kind, **options)
    return file.getvalue()


def test_headers_say_what_pillow_says(tmp_path):
    made = Pixels(tmp_path)
    names = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "GIF": "GIF", "BMP": "BMP"}
    files = [_file(kind) for kind in names]
    files += [_file(kind, orientation=n) for kind in ("JPEG", "PNG", "WEBP") for n in (1, 3, 6, 8, 9)]
    files += [_file("JPEG", orientation=n, xmp=True) for n in (5, 7)]
    files += [
        _file("WEBP", lossless=True), _file("WEBP", mode="RGBA"), _file("JPEG", progressive=True, mode="L"),
        _file("WEBP", orientation=6, xmp=True), _file("JPEG", mode="CMYK", size=(300, 7)),
    ]  # fmt: skip
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            found = {"format": names[image.format], "rows": image.height, "columns": image.width}
            turned = image.getexif().get(274, 1)
            if image.format == "JPEG":
                found["channels"] = len(image.getbands())
        made.add("looked", data, found | {"orientation": turned if 1 <= turned <= 8 else 1})
    damaged = _file("JPEG", orientation=6)
    for data, truth in ((b"", None), (b"\xff\xd8\xff", None), (b"hello, I am no picture", None)):
        made.add("looked", data, truth)
    made.add("looked", damaged[: damaged.index(b"\xff\xc0")], None)
    endless = b"\xff\xd8\xff\xe1" + struct.pack(">H", 40) + b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\0" * 60
    made.add("looked", endless, None)
    made.run()


def test_large_jpegs_are_nearly_what_training_decodes(shared, tmp_path):
    """The browser decodes them whole; the means of squares stand in for libjpeg's smaller decoding."""
    made, x = Pixels(tmp_path), []
    size = (16, 16)
    for path in sorted((shared / "data" / "photos").rglob("*.jpg"))[:4]:
        data = path.read_bytes()
        with Image.open(path) as image:
            whole = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        step = _step(whole.shape, size)
        if step > 1:
            made.add("averaged", whole, np.zeros(0, "u1"), step)
            x.append((whole, data, step))
    assert x, "photographs larger than 128 pixels"
    (tmp_path / "pixels.json").write_text(json.dumps(made.rows))
    found = in_node(tmp_path)["answers"]
    apart = []
    for number, ((whole, data, _), shape) in enumerate(zip(x, found, strict=True)):
        small = np.frombuffer((tmp_path / f"{number}.bytes.out").read_bytes(), np.uint8).reshape(shape)
        assert decode(data, at_least=(64, 64)).pixels.shape == small.shape
        truth = seen(data, size, 3).astype(int)
        apart.append([np.abs(resized(image, size, 3) - truth).mean() for image in (small, whole)])
    means, wholes = np.array(apart).T
    assert means.max() < 0.35
    assert means.mean() < wholes.mean() / 2


def _step(shape, size):
    most = min(shape[0], shape[1]) // (4 * max(size))
    return next((step for step in (8, 4, 2) if most >= step), 1)


def test_the_rule_of_an_answer(tmp_path):
    plain = {"temperature": 1, "score": None, "threshold": None}
    rows = [
        ([2.0, 0.5, -1.0], plain), ([-1.5], plain | {"temperature": 2}), ([1000.0, 0.0], plain),
        ([2.0, 0.5], plain | {"score": "max_logit", "threshold": 2.5}),
        ([2.0, 0.5], plain | {"score": "energy", "threshold": 2.1}),
        ([float("-1e300"), 0.5], plain | {"score": "energy", "threshold": 0.5}),
    ]  # fmt: skip
    (tmp_path / "rules.json").write_text(json.dumps([{"logits": z, "rule": rule} for z, rule in rows]))
    found = in_node(tmp_path)["rules"]
    for (logits, rule), answer in zip(rows, found, strict=True):
        both = [-logits[0] / 2, logits[0] / 2] if len(logits) == 1 else logits
        z = np.array(both)
        p = np.exp((z - z.max()) / rule["temperature"])
        assert np.allclose(answer["probabilities"], p / p.sum(), atol=1e-12)
        score = {"max_logit": z.max(), "energy": z.max() + np.log(np.exp(z - z.max()).sum())}
        assert answer["rejected"] == (rule["score"] is not None and score[rule["score"]] < rule["threshold"])
    assert [answer["rejected"] for answer in found] == [False, False, False, True, False, False]


def test_scripts_can_stand_in_a_page():
    for path in HERE.glob("*.js"):
        text = script(path.name)
        assert "</script" not in text.lower()
        assert "<!--" not in text
        assert "\r" not in text
        assert not any(
            word in text for word in ("eval(", "new Function", "innerHTML", "fetch(", "XMLHttp", "import(")
        )
