"""Files for devices, exported from a finished run: what the run remembers, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import convsmith as cs
from convsmith.device import answers as of_answers
from convsmith.errors import BadInput, BadName


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    return cs.train(
        "course_cnn", "digits", epochs=2, runs=str(folder / "runs"), seed=0, quiet=True, augment="none"
    )


@pytest.mark.parametrize("precision", ["float", "fp16", "int8"])
def test_a_file_is_compared_with_the_engine_and_remembered(run, tmp_path, precision):
    found = cs.export(run, str(tmp_path / f"net_{precision}.tflite"), precision=precision, quiet=True)
    content = (tmp_path / f"net_{precision}.tflite").read_bytes()
    about = found.about
    assert content[4:8] == b"TFL3"
    assert about["bytes"] == len(content)
    assert about["n_checked"] > 300
    assert abs(about["accuracy"] - about["engine_accuracy"]) < (0.02 if precision == "int8" else 1e-9)
    assert about["largest_difference"] < {"float": 1e-4, "fp16": 0.02, "int8": 0.2}[precision]
    known = json.loads((run.path / "exports.json").read_text())["files"]
    assert about["recorded"]
    assert known[-1] == {name: value for name, value in about.items() if name != "recorded"}
    assert f"net_{precision}.tflite" in (run.path / "report.html").read_text()
    assert precision in found.render("text")


def test_int8_is_a_quarter_of_the_bytes(run, tmp_path):
    sizes = [
        cs.export(run, str(tmp_path / f"{name}.tflite"), precision=name, quiet=True).about["bytes"]
        for name in ("float", "int8")
    ]
    assert 0.25 < sizes[1] / sizes[0] < 0.35


def test_the_reference_stands_in_where_litert_is_not_installed(run, tmp_path, monkeypatch):
    there = cs.export(run, str(tmp_path / "a.tflite"), precision="int8", quiet=True)
    monkeypatch.setattr(of_answers, "runtime", lambda: None)
    alone = cs.export(run, str(tmp_path / "b.tflite"), precision="int8", quiet=True)
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()
    assert alone.about["checked_by"] == "the int8 reference"
    assert alone.about["n_checked"] == of_answers.SLOW_MOST
    assert "milliseconds" not in alone.about
    assert abs(alone.about["accuracy"] - there.about["accuracy"]) < 0.08  # fewer images


def test_c_is_compared_too_and_comes_with_all_that_it_needs(run, tmp_path):
    found = cs.export(run, str(tmp_path / "net.c"), precision="int8", quiet=True)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert names == [
        "net.c", "net.h", "net_arduino/net.c", "net_arduino/net.h", "net_arduino/net_arduino.ino",
        "net_main.c",
    ]  # fmt: skip
    assert abs(found.about["accuracy"] - found.about["engine_accuracy"]) < 0.02
    assert "const char *const net_classes[]" in (tmp_path / "net.c").read_text()
    assert "net_arduino/" in found.render("text")
    with pytest.raises(BadInput, match="fp16 is nothing in C"):
        cs.export(run, str(tmp_path / "half.c"), precision="fp16", quiet=True)
    assert not (tmp_path / "half.c").exists()


def test_a_precision_that_the_ending_cannot_have_is_refused(run, tmp_path):
    with pytest.raises(BadInput, match=r"--precision: cannot be used for \.onnx files"):
        cs.export(run, str(tmp_path / "net.onnx"), precision="int8")
    with pytest.raises(BadInput, match="no 'int4'; did you mean 'int8'"):
        cs.export(run, str(tmp_path / "net.tflite"), precision="int4", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_other_images_give_the_ranges_where_the_runs_are_gone(tmp_path):
    x, y = np.random.default_rng(0).integers(0, 256, (80, 8, 8, 1)), np.arange(80) % 2
    np.savez(tmp_path / "images.npz", x=x.astype("u1"), y=y)
    run = cs.train(
        "course_cnn", str(tmp_path / "images.npz"), epochs=1, runs=str(tmp_path / "runs"), quiet=True
    )
    (tmp_path / "images.npz").rename(tmp_path / "moved.npz")
    with pytest.raises(BadInput, match="cannot be read again"):
        cs.export(run, str(tmp_path / "net.tflite"), precision="int8", quiet=True)
    bare = cs.export(run, str(tmp_path / "bare.tflite"), quiet=True)
    assert "accuracy" not in bare.about
    assert "not compared" in bare.render("text")
    found = cs.export(
        run, str(tmp_path / "net.tflite"), precision="int8", data=str(tmp_path / "moved.npz"), quiet=True
    )
    assert found.about["range_images"] == 52  # the training images alone


def test_a_program_lies_beside_its_weights_and_the_ending_decides(run, tmp_path):
    found = cs.export(run, str(tmp_path / "net.py"))
    assert found.about["framework"] == "torch"
    assert (tmp_path / "net.py").read_text().count("\n") == found.about["lines"]
    assert (tmp_path / "net.safetensors").stat().st_size == found.about["weights_bytes"]
    assert found.render("text").endswith("kB")
    assert cs.export(run, framework="keras").path.name == "model.py"
    with pytest.raises(BadInput, match=r"--framework: got torch for a \.onnx file; expected a \.py file"):
        cs.export(run, str(tmp_path / "net.onnx"), framework="torch")
    with pytest.raises(BadInput, match=r"--format: got onnx for a file that ends in \.py"):
        cs.export(run, str(tmp_path / "net.py"), format="onnx")
    with pytest.raises(BadName, match="--framework: no 'jax'"):
        cs.export(run, framework="jax")
