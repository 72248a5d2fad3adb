"""Every kind of layer against Keras's own: settings, shapes, parameters, outputs, gradients, ONNX."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.kinds import KINDS, Kind
from convsmith.kinds.augmentation import Augmentation
from convsmith.testing.kind_exam import ExamFailed, examine_kind, one_layer

IMAGE = (9, 8, 4)
NO_ONNX = {"onnx": False}
CASES: list[tuple[str, dict[str, Any], tuple[Any, ...], dict[str, Any]]] = [
    ("Conv2D", {"filters": 6, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, (IMAGE,), {}),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2, "use_bias": False}, (IMAGE,), {}),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (IMAGE,), {}),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (IMAGE,), {}),
    ("SeparableConv2D", {"filters": 5, "kernel_size": 3, "depth_multiplier": 2}, (IMAGE,), {}),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (IMAGE,), {}),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": (2, 5), "strides": 2}, (IMAGE,), {}),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "padding": "same"}, (IMAGE,), {}),
    ("Dense", {"units": 5}, ((7,),), {}),
    ("Dense", {"units": 5, "use_bias": False}, (IMAGE,), {}),
    ("BatchNormalization", {}, (IMAGE,), {}),
    ("BatchNormalization", {"scale": False, "epsilon": 1e-5}, ((7,),), {}),
    ("LayerNormalization", {"epsilon": 1e-6}, (IMAGE,), {}),
    ("LayerNormalization", {"center": False}, ((7,),), {}),
    ("LayerNormalization", {"axis": (1, 2, 3)}, (IMAGE,), {}),
    ("GroupNormalization", {"groups": 2}, (IMAGE,), {}),
    ("GroupNormalization", {"groups": -1, "center": False}, (IMAGE,), {}),
    ("UnitNormalization", {}, (IMAGE,), {}),
    ("Normalization", {}, (IMAGE,), {}),
    ("Normalization", {"mean": (1.0, 2.0, 0.5, 0.0), "variance": (1.0, 4.0, 0.3, 1.0)}, (IMAGE,), {}),
    ("Normalization", {"axis": None, "mean": 1.5, "variance": 4.0, "invert": True}, (IMAGE,), {}),
    ("Normalization", {}, ((7,),), {}),
    ("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (IMAGE,), {}),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, ((9, 9, 4),), {}),
    ("GlobalAveragePooling2D", {"keepdims": True}, (IMAGE,), {}),
    ("GlobalMaxPooling2D", {}, (IMAGE,), {}),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, (IMAGE,), {}),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3))}, (IMAGE,), {}),
    ("Cropping2D", {"cropping": 1}, (IMAGE,), {}),
    ("UpSampling2D", {"size": (2, 3)}, (IMAGE,), {}),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, (IMAGE,), {}),
    ("Resizing", {"height": 5, "width": 13}, (IMAGE,), {"gradients": False}),
    ("CenterCrop", {"height": 4, "width": 5}, (IMAGE,), {"gradients": False}),
    ("Flatten", {}, (IMAGE,), {}),
    ("Reshape", {"target_shape": (4, -1)}, (IMAGE,), {}),
    ("Reshape", {"target_shape": (8, 9, 4)}, (IMAGE,), {}),
    ("Permute", {"dims": (3, 1, 2)}, (IMAGE,), {}),
    ("Permute", {"dims": (2, 1)}, ((3, 5),), {}),
    ("RepeatVector", {"n": 3}, ((5,),), {}),
    ("Add", {}, (IMAGE, IMAGE, IMAGE), {}),
    ("Subtract", {}, (IMAGE, IMAGE), {}),
    ("Multiply", {}, (IMAGE, (1, 1, 4)), {}),
    ("Maximum", {}, (IMAGE, IMAGE), {}),
    ("Minimum", {}, (IMAGE, IMAGE), {}),
    ("Average", {}, (IMAGE, IMAGE, IMAGE), {}),
    ("Concatenate", {}, (IMAGE, (9, 8, 2)), {}),
    ("Concatenate", {"axis": 1}, (IMAGE, (2, 8, 4)), {}),
    ("CustomScaleLayer", {"scale": 0.17}, (IMAGE, IMAGE), {}),
    ("LayerScale", {"init_values": 0.1, "projection_dim": 4}, (IMAGE,), {}),
    ("StochasticDepth", {"drop_path_rate": 0.3}, (IMAGE,), {}),
    ("ReLU", {"max_value": 2.0, "negative_slope": 0.1, "threshold": 0.5}, (IMAGE,), {}),
    ("LeakyReLU", {"negative_slope": 0.1}, (IMAGE,), {}),
    ("ELU", {"alpha": 0.7}, (IMAGE,), {}),
    ("PReLU", {}, (IMAGE,), {}),
    ("PReLU", {"shared_axes": (1, 2)}, (IMAGE,), {}),
    ("PReLU", {}, ((7,),), {}),
    ("Softmax", {}, (IMAGE,), {}),
    ("Activation", {"activation": "tanh"}, (IMAGE,), {}),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, (IMAGE,), {"gradients": False}),
    ("Identity", {}, (IMAGE,), {}),
    ("ActivityRegularization", {"l2": 0.1}, (IMAGE,), {}),
    ("Dropout", {"rate": 0.5}, (IMAGE,), {}),
    ("SpatialDropout2D", {"rate": 0.5}, (IMAGE,), {}),
    ("GaussianDropout", {"rate": 0.5}, (IMAGE,), {}),
    ("GaussianNoise", {"stddev": 0.5}, (IMAGE,), {}),
    ("AlphaDropout", {"rate": 0.5}, (IMAGE,), {}),
]  # fmt: skip
AUGMENTATION_NEEDS: dict[str, dict[str, Any]] = {
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomZoom": {"height_factor": 0.1},
    "RandomPosterization": {"factor": (1, 2)},
    **{
        name: {"factor": (0.0, 0.1)}
        for name in (
            "RandomRotation", "RandomBrightness", "RandomContrast", "RandomHue", "RandomSaturation",
            "RandomSharpness", "RandomColorDegeneration",
        )
    },
}  # fmt: skip
AUGMENTATIONS = sorted(name for name in KINDS if issubclass(KINDS[name], Augmentation))
SEQUENCES_AND_VOLUMES = {
    "AveragePooling1D", "AveragePooling3D", "Conv1D", "Conv3D", "Cropping1D", "Cropping3D", "Embedding",
    "GlobalAveragePooling1D", "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling3D",
    "GRU", "LSTM", "MaxPooling1D", "MaxPooling3D", "MultiHeadAttention", "SpatialDropout1D",
    "SpatialDropout3D", "TimeDistributed", "UpSampling1D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding3D",
}  # fmt: skip
"""Examined in test_sequences_and_volumes.py."""
OWN = {"InputLayer", "Operation", "Unknown", "OnnxOperator", "Scale", "LocalResponseNormalization"}


@pytest.mark.parametrize(("name", "settings", "shapes", "options"), CASES, ids=lambda item: str(item)[:60])
def test_a_kind_is_the_same_as_keras_layer(
    name: str, settings: dict[str, Any], shapes: tuple[Any, ...], options: dict[str, Any]
) -> None:
    examine_kind(KINDS[name](**settings), *shapes, **options)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_changes_nothing_at_inference(name: str) -> None:
    examine_kind(KINDS[name](**AUGMENTATION_NEEDS.get(name, {})), (8, 8, 3), gradients=False)


def test_every_kind_is_examined() -> None:
    assert {case[0] for case in CASES} | set(AUGMENTATIONS) | OWN | SEQUENCES_AND_VOLUMES == set(KINDS)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES} | set(AUGMENTATIONS)))
def test_the_settings_and_their_defaults_are_keras(name: str) -> None:
    """Keras's configuration of a layer with nothing but what must be given is the kind's default."""
    import importlib

    import keras

    kind: type[Kind] = KINDS[name]
    home = importlib.import_module(kind.home) if kind.home != "keras.layers" else keras.layers
    needed = {
        "Conv2D": {"filters": 2, "kernel_size": 3}, "SeparableConv2D": {"filters": 2, "kernel_size": 3},
        "Conv2DTranspose": {"filters": 2, "kernel_size": 3}, "DepthwiseConv2D": {"kernel_size": 3},
        "AveragePooling2D": {"pool_size": 2},
        "Dense": {"units": 2}, "Dropout": {"rate": 0.5}, "SpatialDropout2D": {"rate": 0.5},
        "GaussianDropout": {"rate": 0.5}, "AlphaDropout": {"rate": 0.5}, "GaussianNoise": {"stddev": 1.0},
        "Reshape": {"target_shape": (2,)}, "Permute": {"dims": (1,)}, "RepeatVector": {"n": 2},
        "Resizing": {"height": 2, "width": 2}, "CenterCrop": {"height": 2, "width": 2},
        "Rescaling": {"scale": 2.0}, "Activation": {"activation": "relu"}, "CustomScaleLayer": {"scale": 0.5},
        "LayerScale": {"init_values": 0.1, "projection_dim": 2}, "StochasticDepth": {"drop_path_rate": 0.1},
        **AUGMENTATION_NEEDS,
    }.get(name, {})  # fmt: skip
    config = keras.saving.serialize_keras_object(getattr(home, name)(**needed))["config"]
    read, plain = kind.from_config(config), kind(**needed)
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    beyond = {
        key for key, value in config.items()
        if key not in fields | {"name", "trainable", "dtype"} and value not in (None, False)
    }  # fmt: skip
    assert beyond <= {"renorm_momentum"}
    if name not in AUGMENTATIONS:  # Keras turns an augmentation's factor into a pair in its own ways
        assert read == plain or (name == "Normalization" and read == dataclasses.replace(plain, axis=(-1,)))


def test_the_exam_fails_a_kind_that_is_not_keras_layer() -> None:
    from convsmith.kinds.add import Add
    from convsmith.kinds.subtract import Subtract

    class Wrong(Subtract):
        def module(self, *inputs: Any) -> Any:
            return Add().module(*inputs)

    Wrong.__name__ = "Subtract"
    with pytest.raises(ExamFailed, match=r"output: .* apart"):
        examine_kind(Wrong(), (4,), (4,))


@pytest.mark.parametrize(
    ("name", "settings", "shapes", "message"),
    [
        (
            "Conv2D",
            {"filters": 4, "kernel_size": 7},
            ((5, 5, 3),),
            r"layer layer \(Conv2D\): kernel 7 on a 5-pixel",
        ),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 3}, (IMAGE,), "in 3 groups"),
        ("Cropping2D", {"cropping": 5}, (IMAGE,), "cut off"),
        ("GroupNormalization", {"groups": 3}, (IMAGE,), "3 groups"),
        ("Permute", {"dims": (1, 1)}, ((3, 5),), "each of them once"),
        ("Add", {}, (IMAGE, (9, 7, 4)), "equal sizes"),
        ("Add", {}, (IMAGE,), "at least two"),
        ("Dense", {"units": 3}, ((None,),), "--input"),
        ("PReLU", {}, ((None, None, 3),), "shared"),
        ("LayerScale", {"init_values": 0.1, "projection_dim": 3}, (IMAGE,), "LayerScale"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_layer_name(
    name: str, settings: dict[str, Any], shapes: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        one_layer(KINDS[name](**settings), *shapes)
