"""A page from a finished run: its JavaScript, ONNX Runtime and the engine agree; what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import convsmith as cs
from convsmith.device.page import MOST_WEIGHTS, page
from convsmith.engine.predict import predict
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.answer_rule import AnswerRule
from convsmith.jobs import page_export
from convsmith.jobs.inputs.heldout import held_out
from convsmith.jobs.inputs.trained import trained
from convsmith.jobs.page_export import in_node
from convsmith.zoo import network

NODE = shutil.which("node")
L = keras.layers


@pytest.fixture(scope="module")
def a_run(run_of_digits, tmp_path_factory):
    """A copy that remembers what was exported."""
    return Path(shutil.copytree(run_of_digits, tmp_path_factory.mktemp("copied") / "0001"))


@pytest.fixture(scope="module")
def exported(a_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    return path, cs.export(a_run, str(path), quiet=True)


def part(text, name):
    return re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', text, re.S)[1]


@pytest.mark.skipif(NODE is None, reason="no node on the PATH")
def test_page_onnx_runtime_and_engine_agree_on_100_test_images(a_run, exported, tmp_path):
    net = trained(a_run)
    held = held_out(net, most=100)
    assert len(held) == 100
    engine = predict(net.graph, held.x_NHWC, weights=net.weights)
    cs.export(a_run, str(tmp_path / "net.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    onnx = session.run(None, {session.get_inputs()[0].name: held.x_NHWC.astype("f4")})[0]
    made = page(net.graph, net.weights, classes=net.classes)
    logits, probabilities, rejected = in_node(made, held.x_NHWC)
    assert np.abs(probabilities - engine).max() < 2e-6
    assert np.abs(probabilities - onnx).max() < 2e-6
    assert np.array_equal(probabilities.argmax(1), engine.argmax(1))
    assert not rejected.any()
    threshold = float(np.median(logits.max(1)))
    for rule in (
        net.rule,
        AnswerRule(2.5, "max_logit", threshold, 0.5),
        AnswerRule(0.5, "energy", threshold, 0.5),
    ):
        ruled = page(net.graph, net.weights, classes=net.classes, rule=rule.to_json())
        logits, calibrated, rejected = in_node(ruled, held.x_NHWC)
        expected, none = rule.apply(logits)
        assert np.abs(calibrated - expected).max() < 1e-6
        assert np.array_equal(rejected, none)
    assert net.rule.fitted_on
    about = json.loads(part(exported[0].read_text(), "setup"))
    assert about["rule"] == {name: net.rule.to_json()[name] for name in about["rule"]}
    assert "calibrated on" in exported[0].read_text()


def test_a_page_is_compared_with_the_engine_and_remembered(a_run, exported):
    path, found = exported
    about = found.about
    assert about["bytes"] == path.stat().st_size
    assert about["n_checked"] > 100
    assert about["accuracy"] == about["engine_accuracy"]
    assert about["largest_difference"] < 1e-5
    assert about["disagreements"] == 0
    assert ("own JavaScript" if NODE else "operators") in about["checked_by"]
    known = json.loads((a_run / "exports.json").read_text())["files"]
    assert {name: value for name, value in about.items() if name != "recorded"} in known
    assert "page.html" in (a_run / "report.html").read_text()
    assert "another answer for 0" in found.render("text")
    text = path.read_text()
    accuracy = json.loads((a_run / "metrics.json").read_text())["test_accuracy"]
    assert f"<dd>{accuracy * 100:.1f}%" in text
    assert "test pictures, 95% interval" in text
    assert f"{trained(a_run).graph.params:,} parameters" in text
    assert re.search(r"<dd>\d+ [A-Z][a-z][a-z] 20\d\d", text)


def test_nothing_in_a_page_is_from_elsewhere(exported):
    text = exported[0].read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r'\b(?:src|href|action)="', text)
    assert "@import" not in text
    assert "url(" not in re.search(r"<style>(.*?)</style>", text, re.S)[1]
    scripts = re.findall(r'<script id="\w+" class="\w+">(.*?)</script>', text, re.S)
    assert len(scripts) == 8
    for part_of in [*scripts, re.search(r"<style>(.*?)</style>", text, re.S)[1]]:
        digest = base64.b64encode(hashlib.sha256(part_of.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r"\son\w+=|\sstyle=", re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S))


def test_half_the_bytes_where_weights_are_in_16_bits(a_run, exported, tmp_path):
    found = cs.export(a_run, str(tmp_path / "half.html"), precision="fp16", quiet=True)
    sizes = [len(part(file.read_text(), "weights")) for file in (tmp_path / "half.html", exported[0])]
    assert 0.49 < sizes[0] / sizes[1] < 0.52
    assert 0 < found.about["largest_difference"] < 0.02
    assert abs(found.about["accuracy"] - found.about["engine_accuracy"]) < 0.02


def test_without_node_the_operators_are_compared_and_it_is_said(a_run, tmp_path, monkeypatch):
    monkeypatch.setattr(page_export, "node_version", lambda: None)
    found = cs.export(a_run, str(tmp_path / "page.html"), quiet=True)
    assert "there is no Node here" in found.about["checked_by"]
    assert found.about["largest_difference"] < 1e-5


def test_names_of_classes_mean_nothing_but_themselves(tmp_path):
    names = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)> & {{policy}}"]
    inputs = keras.Input((6, 6, 1))
    graph = keras.Model(inputs, L.Dense(2, activation="softmax")(L.Flatten()(inputs)), name="net")
    made = page(graph, initial(graph, seed=0), classes=names, over="<b>", facts=[("<i>", "</dd>", "&")])
    text = made.content.decode()
    assert json.loads(part(text, "setup"))["classes"] == names
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(2)&gt; &amp; {{policy}}" in text
    assert "<dt>&lt;i&gt;</dt><dd>&lt;/dd&gt;<small>&amp;</small></dd>" in text
    assert "<title>&lt;b&gt;: " in text
    lone = page(graph, initial(graph, seed=0), classes=["\udce4", "b"]).content  # a name that is no UTF-8
    assert b"<li>?</li>" in lone


def _ends(x, layer):
    return layer(L.Flatten()(x))


def test_what_no_page_holds_is_refused(a_run, tmp_path):
    def built(outputs, shape=(6, 6, 1)):
        inputs = keras.Input(shape)
        graph = keras.Model(inputs, outputs(inputs), name="net")
        return graph, initial(graph, seed=0)

    for outputs, shape, count, message in (
        (lambda x: _ends(x, L.Dense(3)), (6, 6, 1), 3,
         r"ends in \(3,\) numbers of fully_connected, not in the"),
        (lambda x: _ends(x, L.Dense(3, activation="sigmoid")), (6, 6, 1), 3, "not in the probabilities of 3"),
        (lambda x: _ends(x, L.Dense(4, activation="softmax")), (6, 6, 1), 3, "not in the probabilities of 3"),
        (lambda x: _ends(x, L.Dense(1, activation="sigmoid")), (6, 6, 1), 3, "one sigmoid unit for 3"),
        (lambda x: _ends(x, L.Dense(2, activation="softmax")), (6, 6, 2), 2, "an image of 1 or 3 channels"),
        (lambda x: _ends(x, L.Dense(2, activation="softmax")), (36,), 2, "an image of 1 or 3 channels"),
        (lambda x: _ends(L.Conv2D(2, 3, activation="gelu", name="odd")(x), L.Dense(2, activation="softmax")),
         (6, 6, 1), 2, "layer odd: "),
    ):  # fmt: skip
        graph, weights = built(outputs, shape)
        with pytest.raises(BadInput, match=message):
            page(graph, weights, classes=[str(n) for n in range(count)])
    one, other = keras.Input((6, 6, 1)), keras.Input((6, 6, 1))
    graph = keras.Model(
        [one, other], _ends(L.Add()([one, other]), L.Dense(2, activation="softmax")), name="net"
    )
    with pytest.raises(BadInput, match="2 inputs and 1 outputs; expected one of each"):
        page(graph, initial(graph, seed=0), classes=["a", "b"])
    with pytest.raises(BadInput, match=r"--precision: int8 is nothing in a page.* --precision fp16"):
        cs.export(a_run, str(tmp_path / "page.html"), precision="int8")
    with pytest.raises(BadInput, match="no 'fp8'; did you mean 'fp16'"):
        cs.export(a_run, str(tmp_path / "page.html"), precision="fp8", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_network_too_large_for_a_page_is_refused_with_its_bytes():
    graph = network("vgg16", input_shape=(32, 32, 3))
    weights = {name: np.broadcast_to(np.float32(0), weight.shape) for name, weight in graph.weights.items()}
    assert 4 * graph.params > MOST_WEIGHTS
    with pytest.raises(BadInput, match=r"needs [\d.]+ MB of weights; expected at most 100 MB .* fp16"):
        page(graph, weights, classes=[str(n) for n in range(graph.output_shape[0])])
    inputs = keras.Input((5000, 5000, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 1)(inputs))
    graph = keras.Model(inputs, L.Dense(2, activation="softmax")(x), name="wide")
    with pytest.raises(BadInput, match=r"'wide': needs [\d.]+ MB of memory for activations"):
        page(graph, initial(graph, seed=0), classes=["a", "b"])


def test_colours_are_readable(exported):
    """WCAG AA: 4.5 to 1 for text, 3 to 1 for what is no text, in light and in dark."""
    css = re.search(r"<style>(.*?)</style>", exported[0].read_text(), re.S)[1]
    blocks = re.findall(r":root \{(.*?)\}", css, re.S)
    themes = [dict(re.findall(r"--([\w-]+): (\d+ \d+ \d+)", block)) for block in blocks]
    assert len(themes) == 2

    def light(colour):
        shares = [int(n) / 255 for n in colour.split()]
        linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in themes:
        for front, back, least in (
            ("ink", "paper", 4.5), ("ink", "raised", 4.5), ("quiet", "paper", 4.5), ("quiet", "raised", 4.5),
            ("on-accent", "accent", 4.5), ("bad", "paper", 4.5), ("warn", "raised", 4.5),
            ("accent", "paper", 3), ("accent", "line", 3), ("quiet", "line", 3),
        ):  # fmt: skip
            high, low = sorted((light(theme[front]), light(theme[back])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= least, (front, back)
