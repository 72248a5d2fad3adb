"""A finished network asked about photographs: the same pixels and answers as its run had, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convsmith as cs
from convsmith.engine.predict import predict as engine_says
from convsmith.errors import BadInput
from convsmith.insight.answer_rule import AnswerRule
from convsmith.jobs.inputs.run_images import own_images
from convsmith.jobs.inputs.trained import trained as network_of
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.using.classifier import Classifier


def planted(folder: Path) -> Path:
    """Stripes that lie or stand, in every form that is treated on the way in: turned, deep, transparent."""
    rng = np.random.default_rng(0)
    for label, axis in (("lying", 0), ("standing", 1)):
        (folder / label).mkdir(parents=True)
        for k in range(24):
            lines = np.arange(90)[:, None] if axis == 0 else np.arange(120)[None]
            grey = np.broadcast_to(lines // 6 % 2 * 150 + 50, (90, 120)) + rng.integers(-40, 40, (90, 120))
            path, image = folder / label / f"{k:02}", Image.fromarray(grey.astype(np.uint8))
            if k % 4 == 0:  # stored turned by a quarter: the tag says how to look at it
                exif = Image.Exif()
                exif[274] = 6
                image.rotate(90, expand=True).convert("RGB").save(f"{path}.jpg", exif=exif, quality=95)
            elif k % 4 == 1:
                Image.fromarray(grey.astype(np.uint16) * 257).save(f"{path}.png")
            elif k % 4 == 2:
                clear = image.convert("RGBA")
                clear.putalpha(Image.fromarray(255 - grey.astype(np.uint8) // 2))
                clear.save(f"{path}.png")
            else:
                image.resize((1200, 900)).convert("RGB").save(f"{path}.jpg", quality=95)  # decoded scaled
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted") / "photos")


@pytest.fixture(scope="module")
def run(photos: Path) -> Done:
    """A small network after some epochs on them."""
    options = {
        "size": (32, 32),
        "epochs": 6,
        "threads": 1,
        "quiet": True,
        "runs": str(photos.parent / "runs"),
    }
    return cs.train("lenet5", str(photos), **options)


@pytest.fixture(scope="module")
def net(run: Done) -> Classifier:
    return cs.load(run)


def own_tests(run: Done) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """Files of the run's own test images, their pixels as training had them, their class numbers."""
    own = own_images(network_of(run))
    rows = own.parts["test"]
    root = Path(json.loads((run.path / "recipe.json").read_text())["data"])
    return [root / own.images.names[k] for k in rows], own.pixels_NHWC[rows], own.y[rows]


def test_files_give_what_the_run_stored(run: Done, net: Classifier) -> None:
    files, x_NHWC, y = own_tests(run)
    assert {path.suffix for path in files} == {".jpg", ".png"}
    said = net.without_rule().predict(files)
    known = network_of(run)
    want = engine_says(known.graph, x_NHWC, weights=known.weights)
    np.testing.assert_allclose(said.probabilities, want, atol=2e-6)
    metrics = json.loads((run.path / "metrics.json").read_text())
    p = said.probabilities[np.arange(len(y)), y].astype(np.float64)
    assert -np.log(np.clip(p, 1e-7, 1)).mean() == pytest.approx(metrics["log_loss"], abs=1e-5)
    assert net.score(files, [net.classes[k] for k in y]) == pytest.approx(metrics["test_accuracy"])
    kept = json.loads((run.path / "answers.json").read_text())
    assert said.probabilities.argmax(1).tolist() == kept["predicted"]
    np.testing.assert_allclose(said.probabilities.max(1), kept["confidence"], atol=1e-4)
    rows = json.loads((run.path / "explain" / "explain.json").read_text())
    by_name = {"/".join(path.parts[-2:]): one for path, one in zip(files, said, strict=True)}
    assert rows
    for row in rows:
        assert by_name[row["name"]].label == row["predicted"]
        assert by_name[row["name"]].probability == pytest.approx(row["confidence"], abs=2e-6)


def test_every_form_of_image_is_seen_alike(run: Done, net: Classifier, photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))[:6]
    want = net.predict(files).probabilities
    opened = [Image.open(path) for path in files]
    arrays = [cs.read(str(photos)).image(0), np.zeros((5, 9), np.uint8)]
    np.testing.assert_allclose(net.predict_proba(opened), want, atol=1e-6)
    np.testing.assert_allclose(np.vstack([net.predict_proba(str(path)) for path in files]), want, atol=1e-6)
    assert net.predict(arrays).probabilities.shape == (2, 2)
    everything = net.predict([str(photos), files[0], arrays[1]])
    assert len(everything) == 48 + 2
    assert everything.names[-1] == "image[49]"
    read = cs.read(str(photos))
    np.testing.assert_allclose(net.predict(read[:4]).probabilities, everything.probabilities[:4], atol=1e-6)
    transposed = Image.open(sorted(photos.rglob("*.jpg"))[0])  # upright by its tag, and not scaled: 90 x 120
    assert net.predict(transposed).labels == net.predict(transposed.filename).labels


def test_it_has_scikit_learns_habits(run: Done, net: Classifier) -> None:
    files, x_NHWC, y = own_tests(run)
    names = net.classes_[y]
    said = net.predict(np.asarray(x_NHWC))
    assert np.asarray(said).tolist() == said.labels
    assert np.mean(np.asarray(said) == names) == pytest.approx(net.score(np.asarray(x_NHWC), names))
    assert net.score(cs.read(str(files[0].parents[1]))) > 0.9
    assert repr(net) == f"<classifier {run.path}: 2 classes, images of 32x32x{x_NHWC.shape[3]}>"
    assert net.graph.params == network_of(run).graph.params
    assert net.module.graph == net.graph


@pytest.mark.parametrize("ending", [".onnx", ".keras", ".safetensors", ".tflite"])
def test_a_file_alone_answers_as_the_run(run: Done, net: Classifier, tmp_path: Path, ending: str) -> None:
    files, _, _ = own_tests(run)
    cs.export(run, str(tmp_path / f"net{ending}"), quiet=True)
    (tmp_path / "elsewhere").mkdir()
    alone = (tmp_path / f"net{ending}").rename(tmp_path / "elsewhere" / f"NET{ending.upper()}")
    file = cs.load(alone)
    assert file.shape == net.shape
    assert file.classes == net.classes
    np.testing.assert_allclose(file.predict(files).probabilities, net.predict(files).probabilities, atol=1e-5)
    x = np.random.default_rng(0).integers(0, 256, (3, *net.shape), np.uint8)
    np.testing.assert_allclose(file.logits(x), net.logits(x), atol=1e-3)
    assert file.notes == ()
    assert file.rule == network_of(run).rule
    if ending == ".onnx":
        assert file.graph.params == net.graph.params
    if ending in (".onnx", ".tflite"):
        with pytest.raises(BadInput, match="run as it is"):
            file.keras()


def test_a_file_carries_what_goes_in_and_how_it_answers(net: Classifier, tmp_path: Path) -> None:
    """A rule, and pixels of another definition, in each kind of file; and files that say nothing."""
    import onnx

    from convsmith.data.pixels_in import DEFINITION, described
    from convsmith.device.file import device_file
    from convsmith.formats.onnx import export_onnx
    from convsmith.formats.weights_file import write_weights_file
    from convsmith.jobs.inputs.carried import as_texts, carried

    graph, weights, classes = net.graph, net.net.weights, net.classes
    x = np.random.default_rng(0).integers(0, 256, (20, *net.shape), np.uint8)
    largest = np.sort(net.logits(x).max(1))
    cut = 5 + int(np.argmax(np.diff(largest[5:15])))  # where a little more or less changes nothing
    rule = AnswerRule(1.7, "max_logit", float(largest[cut : cut + 2].mean()), 0.5, "these images")
    about = carried(graph, rule)
    assert about["pixels"] == described(net.shape[:2], net.shape[2])
    later = about | {"pixels": about["pixels"] | {"definition": DEFINITION + 1}}
    for k, entries in enumerate((about, later)):
        texts = as_texts(entries)
        export_onnx(graph, weights, tmp_path / f"{k}.onnx", classes=classes, about=texts)
        write_weights_file(tmp_path / f"{k}.safetensors", graph, weights, classes=classes, more=texts)
        made = device_file(graph, weights, classes=classes, about=entries)
        (tmp_path / f"{k}.tflite").write_bytes(made.content)
        for ending in (".onnx", ".safetensors", ".tflite"):
            file = cs.load(tmp_path / f"{k}{ending}")
            assert file.rule == rule
            assert len(file.notes) == k
            said = file.predict(x)
            assert said.rejected.sum() == cut + 1
            np.testing.assert_array_equal(said.rejected, net.logits(x).max(1) < rule.threshold)
            np.testing.assert_allclose(said.probabilities, rule.apply(net.logits(x))[0], atol=1e-4)
    assert "pixels of definition" in file.notes[0]
    export_onnx(graph, weights, tmp_path / "bare.onnx")
    bare = cs.load(tmp_path / "bare.onnx")
    assert bare.classes == ("0", "1")
    assert len(bare.notes) == 2
    model = onnx.load(tmp_path / "bare.onnx")
    for text in ('["cat", 3]', "{", '["cat"]'):
        onnx.helper.set_model_props(model, {"classes": text})
        onnx.save(model, tmp_path / "wrong.onnx")
        with pytest.raises(BadInput, match="wrong"):
            cs.load(tmp_path / "wrong.onnx")


def test_none_of_these_is_said_where_the_rule_says_so(net: Classifier, photos: Path) -> None:
    from dataclasses import replace

    rule = AnswerRule(temperature=2.0, score="max_logit", threshold=1e9, false_rejection=1.0)
    strict, file = replace(net, rule=rule), sorted(photos.rglob("*.png"))[0]
    said = strict.predict(file)
    assert said.answers == ["none of these"]
    assert said.labels == net.predict(file).labels
    assert "none of these (most like" in str(said[0])
    assert said[0].probability < net.without_rule().predict(file)[0].probability


def test_what_cannot_be_read_is_a_row_with_its_reason(net: Classifier, photos: Path, tmp_path: Path) -> None:
    good = sorted(photos.rglob("*.png"))[:2]
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "cut.png").write_bytes(good[0].read_bytes()[:300])
    said = net.predict([good[0], tmp_path / "text.jpg", tmp_path / "cut.png", good[1]])
    assert [label is None for label in said.labels] == [False, True, True, False]
    assert said.reasons[1] == "text, not an image"
    assert said.reasons[2].startswith("truncated")
    assert np.isnan(said.probabilities[1]).all()
    assert "cannot be read: text" in str(said[1])
    np.testing.assert_allclose(said.probabilities[[0, 3]], net.predict_proba(good), atol=1e-6)
    with pytest.raises(BadInput, match=r"text\.jpg: text, not an image"):
        net.predict(tmp_path / "text.jpg")
    with pytest.raises(BadInput, match="none of 2 files can be read"):
        net.predict([tmp_path / "text.jpg", tmp_path / "cut.png"])


def test_cs_predict_takes_runs_and_keras_models(run: Done, net: Classifier, photos: Path) -> None:
    files = sorted(photos.rglob("*.png"))[:3]
    for model in (run, run.path, str(run.path), net):
        assert cs.predict(model, files, 2).labels == net.predict(files).labels
    model = net.keras()
    x = np.random.default_rng(0).integers(0, 256, (3, *net.shape)).astype("f4")
    np.testing.assert_allclose(model.predict(x, verbose=0), net.probabilities(x), atol=1e-5)
    np.testing.assert_allclose(cs.predict(model, x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    with pytest.raises(BadInput, match="callbacks: given with a finished network"):
        cs.predict(run, files, callbacks=[])
    with pytest.raises(BadInput, match="batch_size: got 0"):
        cs.predict(run, files, batch_size=0)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda path: path / "0002", r"0002: does not exist; .*did you mean '.*0001'"),
        (lambda path: path / "net.onx", "does not exist"),
        (lambda path: path / "net.onnx", "net.onnx: no such file"),
        (lambda path: 3, "network: got int"),
    ],
)
def test_what_is_no_network_is_said(run: Done, what, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        cs.load(what(run.path.parent))


def test_damaged_and_foreign_files_are_said(run: Done, tmp_path: Path) -> None:
    cs.export(run, str(tmp_path / "net.tflite"), quiet=True)
    whole = (tmp_path / "net.tflite").read_bytes()
    rng = np.random.default_rng(0)
    for k, damage in enumerate([b"", b"x", b"\0" * 100, whole[:60], whole[:-300], bytes(rng.bytes(400))]):
        for ending in (".tflite", ".onnx", ".keras", ".safetensors"):
            path = tmp_path / f"bad{k}{ending}"
            path.write_bytes(damage)
            with pytest.raises(BadInput, match=f"bad{k}"):
                cs.load(path)


def test_a_run_without_weights_is_said(run: Done, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run.path, tmp_path / "half")
    (tmp_path / "half" / "weights.safetensors").unlink()
    with pytest.raises(BadInput, match="has no trained network yet"):
        cs.load(tmp_path / "half")


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([], "images: none were given"),
        ("nowhere.jpg", "nowhere.jpg: no such file or folder"),
        (np.zeros((4, 4, 2, 5, 3), np.uint8), "uint8 pixels"),
        (np.zeros((4, 4, 3)), r"an array of float64, 4x4x3; .*astype"),
        ([3], "got int"),
    ],
)
def test_what_are_no_images_is_said(net: Classifier, images, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        net.predict(images)
