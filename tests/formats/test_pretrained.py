"""Pretrained networks: what Keras's application says of preprocessed pixels, ours says of raw ones."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.errors import BadInput, BadName
from convsmith.formats.pretrained import APPLICATIONS, pretrained
from convsmith.zoo import NETWORKS

SHAPE = (64, 64, 3)
HOMES = {
    "MobileNetV2": "mobilenet_v2",
    "DenseNet121": "densenet",
    "VGG16": "vgg16",
    "EfficientNetB0": "efficientnet",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v2", "densenet121", "efficientnet_b0"])
def test_features_of_raw_pixels_are_kerass_of_preprocessed_ones(name: str, tmp_path: Path) -> None:
    application = APPLICATIONS[name].name
    keras.utils.set_random_seed(3)
    original = getattr(keras.applications, application)(
        include_top=False, weights=None, input_shape=SHAPE, pooling="avg"
    )
    original.save_weights(tmp_path / "notop.weights.h5")
    x_NHWC = np.random.default_rng(0).integers(0, 256, (2, *SHAPE)).astype("float32")
    preprocess = getattr(keras.applications, HOMES[application]).preprocess_input
    wanted = original.predict(preprocess(x_NHWC.copy()), verbose=0)

    graph, weights = pretrained(name, SHAPE, 5, weights=str(tmp_path / "notop.weights.h5"))
    assert graph.output_shape == (5,)
    net = lower(graph, weights)
    kept = {}
    net.steps_by_name[graph["head"].inputs[0]].register_forward_hook(
        lambda module, args, output: kept.update(features=output.detach().numpy())
    )
    assert predict(net, x_NHWC).shape == (2, 5)
    np.testing.assert_allclose(kept["features"], wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_every_name_is_in_the_zoo_and_in_keras() -> None:
    assert set(APPLICATIONS) <= set(NETWORKS)
    assert all(hasattr(keras.applications, about.name) for about in APPLICATIONS.values())


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadName, match="no 'lenet5'"):
        pretrained("lenet5", SHAPE, 2)
    with pytest.raises(BadInput, match="3 channels"):
        pretrained("vgg16", (64, 64, 1), 2)
    with pytest.raises(BadInput, match="no file"):
        pretrained("vgg16", SHAPE, 2, weights=str(tmp_path / "absent.h5"))
    (tmp_path / "broken.weights.h5").write_bytes(b"not weights")
    with pytest.raises(BadInput, match="--weights"):
        pretrained("vgg16", SHAPE, 2, weights=str(tmp_path / "broken.weights.h5"))


def test_no_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A port of this machine that nothing listens on stands for the place that cannot be reached.
    from keras.src.applications import vgg16

    monkeypatch.setattr(vgg16, "WEIGHTS_PATH_NO_TOP", "http://127.0.0.1:9/weights.h5")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path), raising=False)
    with pytest.raises(BadInput, match="the file's path"):
        pretrained("vgg16", SHAPE, 2)
