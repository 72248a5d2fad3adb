"""Keras's applications as sources: what Keras says of preprocessed pixels, ours says of raw ones."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.errors import BadInput
from convsmith.graph import read
from convsmith.pretrained import SOURCES, Source, how_to_get, on_this_machine, open_source
from convsmith.pretrained.applications import APPLICATIONS
from convsmith.pretrained.table import table
from convsmith.zoo import NETWORKS

HOMES = {
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "DenseNet121": "densenet",
    "VGG16": "vgg16",
    "EfficientNetB0": "efficientnet",
    "ConvNeXtTiny": "convnext",
}


def built(name: str, shape: tuple[int, int, int]) -> Any:
    about = APPLICATIONS[name]
    return getattr(keras.applications, about.name)(
        include_top=False, weights=None, input_shape=shape, **dict(about.settings)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the weights of this file's tests lie."""
    return tmp_path_factory.mktemp("weights")


@functools.lru_cache
def saved(name: str, folder: Path) -> tuple[Any, Path]:
    """The application with numbers that no two of its copies share, and a file of them; made once."""
    keras.utils.set_random_seed(3)
    model = built(name, (SOURCES[name].side,) * 2 + (3,))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if weight.path.endswith(("moving_mean", "beta")):
            weight.assign(rng.normal(0, 0.2, weight.shape))
        elif weight.path.endswith("kernel"):  # of such a size that what the pixels say comes through
            seen = weight.shape[:2] if weight.shape[-1] == 1 else weight.shape[:-1]
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(seen)), weight.shape))
    path = folder / f"{name}.weights.h5"
    model.save_weights(path)
    return model, path


def both(source: Source, original: Any, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean features of two images: ours of raw pixels, Keras's of preprocessed ones at that very size."""
    x_NHWC = np.random.default_rng(0).integers(0, 256, (2, *shape)).astype("float32")
    model = built(source.name, shape)
    model.set_weights(original.get_weights())
    if isinstance(model.layers[-1], keras.layers.LayerNormalization):  # the head's: no cut has it
        model = keras.Model(model.input, model.layers[-1].input)
    preprocess = getattr(keras.applications, HOMES[APPLICATIONS[source.name].name]).preprocess_input
    wanted = np.asarray(model(preprocess(x_NHWC.copy()), training=False).detach()).mean((1, 2))
    trunk = source.trunk(shape)
    found = predict(lower(trunk, source.weights_for(trunk)), x_NHWC)
    return found.mean(axis=(2, 3)), wanted


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mobilenet_025", (64, 96, 3)),
        ("mobilenet_v2_035", (65, 51, 3)),
        ("mobilenet_v3_small", (49, 78, 3)),
    ],
)
def test_features_of_raw_pixels_are_kerass_of_preprocessed_ones(
    name: str, shape: tuple[int, int, int], folder: Path
) -> None:
    original, path = saved(name, folder)
    source = open_source(f"{name}={path}")
    found, wanted = both(source, original, shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())
    assert np.ptp(wanted, axis=0).max() > 1e-3 * np.abs(wanted).max()
    graph = source.classified(shape, 5)
    assert graph.output_shape == (5,)
    assert {key.partition("/")[0] for key in set(graph.weights) - set(source.weights_for(graph))} == {"head"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "densenet121", "efficientnet_b0", "convnext_tiny"])
def test_features_of_the_large_ones(name: str, folder: Path) -> None:
    original, path = saved(name, folder)
    source = open_source(f"{name}={path}")
    found, wanted = both(source, original, (64, 75, 3))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_names_do_not_depend_on_what_was_built_before(folder: Path) -> None:
    _, path = saved("mobilenet_v3_small", folder)
    first = open_source(f"mobilenet_v3_small={path}")
    keras.layers.ReLU()(keras.Input((4,)))
    again = open_source(f"mobilenet_v3_small={path}")
    assert first.network == again.network
    assert first.cuts == again.cuts
    assert first.sha256 == again.sha256
    assert [cut.side for cut in first.cuts][-1] == 7


def test_grey_images_where_the_channels_are_scaled_differently(folder: Path) -> None:
    _, path = saved("vgg16", folder)
    source = open_source(f"vgg16={path}")
    grey_NHWC = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    wide, narrow = source.trunk((32, 32, 3), "block1"), source.trunk((32, 32, 1), "block1")
    wanted = predict(lower(wide, source.weights_for(wide)), np.repeat(grey_NHWC, 3, axis=3))
    found = predict(lower(narrow, source.weights_for(narrow)), grey_NHWC)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_images_that_are_too_small_are_told_the_least_size(folder: Path) -> None:
    _, path = saved("mobilenet_025", folder)
    source = open_source(f"mobilenet_025={path}")
    assert source.trunk((31, 31, 3)).output_shape == (1, 1, 256)
    with pytest.raises(BadInput, match=r"no images of 30x30 .*at least 31x31; try: --size 31x31"):
        source.trunk((30, 30, 3))
    _, path = saved("vgg16", folder)
    with pytest.raises(BadInput, match=r"no images of 20x20 .*at least 32x32; try: --size 32x32"):
        open_source(f"vgg16={path}").trunk((20, 20, 3))


def test_every_source_is_in_the_zoo_and_in_keras() -> None:
    assert {row.network for row in SOURCES._things.values()} <= set(NETWORKS)
    assert {name for name, row in SOURCES.items() if row.kind == "keras"} == set(APPLICATIONS)
    assert all(hasattr(keras.applications, about.name) for about in APPLICATIONS.values())


@pytest.mark.parametrize("name", ["mobilenet_025", "mobilenet_v3_small"])
def test_the_table_counts_as_keras_does(name: str, folder: Path) -> None:
    about, row = APPLICATIONS[name], table()[name]
    shape = (row["side"], row["side"], 3)
    whole = getattr(keras.applications, about.name)(weights=None, input_shape=shape, **dict(about.settings))
    assert row["params"] == whole.count_params()
    assert row["trunk_params"] == saved(name, folder)[0].count_params()
    assert row["macs"] == read(whole).macs
    assert row["bytes"] == 4 * row["trunk_params"]
    assert not row["bytes_exact"]
    assert row["checked"] == (name == "mobilenet_v3_small")


def test_published_figures_are_those_that_the_sources_print() -> None:
    """Figures typed again, from keras.io's table and the README of keras-applications (100 - its errors)."""
    printed = {
        "mobilenet_025": 100 - 48.418, "mobilenet_050": 100 - 35.708, "mobilenet_075": 100 - 31.588,
        "mobilenet": 70.4, "mobilenet_v2_035": 100 - 39.914, "mobilenet_v2_050": 100 - 34.806,
        "mobilenet_v2_075": 100 - 30.468, "mobilenet_v2": 71.3, "vgg16": 71.3, "vgg19": 71.3,
        "resnet50_v1": 74.9, "resnet101_v1": 76.4, "resnet152_v1": 76.6, "resnet50_v2": 76.0,
        "resnet101_v2": 77.2, "resnet152_v2": 78.0, "inception_v3": 77.9, "xception": 79.0,
        "densenet121": 75.0, "densenet169": 76.2, "densenet201": 77.3, "efficientnet_b0": 77.1,
        "efficientnet_b7": 84.3, "convnext_tiny": 81.3, "convnext_large": 86.3,
        "efficientnet_lite0": 75.1, "efficientnet_lite1": 76.7, "efficientnet_lite2": 77.6,
    }  # fmt: skip
    for name, top1 in printed.items():
        assert SOURCES[name].top1 == pytest.approx(top1, abs=0.05), name


def test_what_cannot_be_had_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no file"):
        open_source(f"vgg16={tmp_path / 'absent.h5'}")
    with pytest.raises(BadInput, match="cannot be used"):  # Keras itself would load what there is, and warn
        open_source(f"vgg16={saved('mobilenet_025', folder)[1]}")
    (tmp_path / "broken.weights.h5").write_bytes(b"not weights")
    with pytest.raises(BadInput, match=r"broken.weights.h5' cannot be used .*MobileNet without its head"):
        open_source(f"mobilenet_025={tmp_path / 'broken.weights.h5'}")
    _, path = saved("mobilenet_025", folder)
    with pytest.raises(BadInput, match="cannot be used"):
        open_source(f"mobilenet_050={path}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Keras keeps its files: a folder of the test's own."""
    from keras.src.utils import file_utils

    (tmp_path / "keras").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server on this machine, and the folder that it serves."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *given: object) -> None:
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}/", folder
        served.shutdown()


def test_fetched_by_keras_once(
    home: Path,
    server: tuple[str, Path],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from keras.src.applications import mobilenet

    url, served = server
    row = SOURCES["mobilenet_025"]
    original, _ = saved("mobilenet_025", folder)
    as_published(original, served / row.file)
    monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", url)
    assert on_this_machine(row) is None
    assert not table()["mobilenet_025"]["here"]
    assert how_to_get("mobilenet_025", row).startswith("Keras fetches it at first use, or --pret")
    source = open_source("mobilenet_025")
    assert capsys.readouterr().out == ""  # what Keras shows of the way goes where progress goes
    assert on_this_machine(row) == home / "models" / row.file
    for name, array in source.weights.items():
        assert np.isfinite(array).all(), name
    np.testing.assert_array_equal(
        source.weights["conv1/kernel"], original.get_layer("conv1").get_weights()[0]
    )
    (served / row.file).unlink()
    assert open_source("mobilenet_025").sha256 == source.sha256


def test_a_file_that_is_not_what_keras_knows_is_refused(
    home: Path, server: tuple[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.src.applications import mobilenet_v3

    url, served = server
    row = SOURCES["mobilenet_v3_small"]
    as_published(saved("mobilenet_v3_small", folder)[0], served / row.file)
    monkeypatch.setattr(mobilenet_v3, "BASE_WEIGHT_PATH", url)
    with pytest.raises(BadInput, match=r"cannot be used \(Incomplete or corrupted file.*; try: delete "):
        open_source("mobilenet_v3_small")


def as_published(model: Any, path: Path) -> None:
    """Its weights in Keras's older form of .h5, which the published files have."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def test_no_network_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A port of this machine that nothing listens on stands for the place that cannot be reached.
    from keras.src.applications import mobilenet

    monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/")
    with pytest.raises(BadInput, match=r"not on this machine.*--pretrained mobilenet_025=mobilenet_2_5"):
        open_source("mobilenet_025")
