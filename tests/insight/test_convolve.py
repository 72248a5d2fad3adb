"""Hand-made filters against torch's and Keras's convolution, and by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convsmith.errors import BadInput, BadName
from convsmith.insight.convolve import convolve, convolved
from convsmith.insight.filters import FILTERS, hand_made, nearest_filters


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(sorted(FILTERS)),
    rows=st.integers(3, 14),
    columns=st.integers(3, 14),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
)
def test_as_torch_s_convolution(name, rows, columns, stride, padding):
    photo = np.random.default_rng(rows * columns).integers(0, 256, (rows, columns)).astype(np.uint8)
    found = convolved(photo, name, padding=str(padding), stride=stride)
    theirs = torch.nn.functional.conv2d(
        torch.from_numpy(photo)[None, None].float(),
        torch.from_numpy(hand_made(name))[None, None],
        stride=stride,
        padding=padding,
    )[0, 0].numpy()
    np.testing.assert_array_equal(found.output_HW, theirs)
    for step in found.steps:
        assert step.value == found.output_HW[step.at]
        assert step.value == (step.pixels * found.weights).sum()
        assert (step.top, step.left) == (step.at[0] * stride - padding, step.at[1] * stride - padding)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_as_keras_s_layer(padding, stride):
    keras = pytest.importorskip("keras")
    photo = np.random.default_rng(1).integers(0, 256, (10, 11)).astype(np.uint8)
    layer = keras.layers.Conv2D(1, 3, strides=stride, padding=padding, use_bias=False)
    layer.build((None, 10, 11, 1))
    layer.set_weights([hand_made("laplacian")[..., None, None]])
    theirs = layer(photo[None, ..., None].astype(np.float32)).detach().numpy()[0, ..., 0]
    found = convolved(photo, "laplacian", padding=padding, stride=stride)
    np.testing.assert_array_equal(found.output_HW, theirs)
    assert [text.endswith(f"= {n}") for text, n in zip(found.formulas, theirs.shape, strict=True)] == [
        True
    ] * 2


def test_the_course_s_own_example():
    """Bright left half, dark right half: 10s and 0s under the vertical edge filter give 0, 30, 30, 0."""
    photo = np.array([[10, 10, 10, 0, 0, 0]] * 6)
    assert convolved(photo, "vertical_edge", padding="valid").output_HW.tolist() == [[0, 30, 30, 0]] * 4
    assert convolved(photo.T, "horizontal-edge", padding="valid").output_HW.T.tolist() == [[0, 30, 30, 0]] * 4
    assert not convolved(photo, "horizontal-edge", padding="valid").output_HW.any()


def test_the_strongest_step_holds_no_padding():
    photo = np.full((6, 6), 200, np.uint8)
    photo[2:4, 2:4] = 180
    found = convolved(photo, "sobel-vertical")
    assert abs(found.output_HW).argmax() != np.ravel_multi_index(found.steps[-1].at, found.output_HW.shape)
    assert found.steps[-1].top >= 0
    assert found.steps[-1].left + 3 <= 6


def test_the_verb_writes_a_picture_and_says_each_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save("photo.png")
    found = convolve("photo.png", filter="scharr-vertical", stride=2, size=30)
    text = found.render()
    assert "rows:    ⌊(20 + 1 − 3)/2⌋ + 1 = 10" in text
    assert text.count("sum of products") == 4
    assert "picture: photo-scharr-vertical.png" in text
    with Image.open("photo-scharr-vertical.png") as picture:
        assert picture.width > 400
    grey = np.asarray(Image.open("photo.png").convert("L"))
    whole = convolve("photo.png", output="other.png")
    np.testing.assert_array_equal(whole.photo_HW, grey)
    said = json.loads(whole.render("json"))
    assert (said["output"], said["picture"], len(said["steps"])) == ([40, 60], "other.png", 4)


def test_a_grey_photo_of_a_few_pixels(tmp_path):
    Image.fromarray(np.full((3, 3), 9, np.uint8)).save(tmp_path / "tiny.png")
    found = convolve(str(tmp_path / "tiny.png"), padding="valid", output=str(tmp_path / "out.png"))
    assert found.output_HW.tolist() == [[0]]
    assert len(found.steps) == 1


def test_errors(tmp_path):
    photo = np.zeros((4, 4), np.uint8)
    with pytest.raises(BadName, match="did you mean 'laplacian'"):
        convolved(photo, "laplace")
    for settings_, words in (
        ({"stride": 0}, "--stride: got 0"),
        ({"padding": "full"}, "--padding: got 'full'"),
    ):
        with pytest.raises(BadInput, match=words):
            convolved(photo, **settings_)
    with pytest.raises(BadInput, match="kernel 3 on a 2-pixel input"):
        convolved(photo[:2], padding="valid")
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(BadInput, match=r"text\.jpg"):
        convolve(str(tmp_path / "text.jpg"))


def test_nearest_filters_find_themselves_in_any_size_and_sign():
    names = list(FILTERS)
    for side in (3, 5):
        kernel = np.zeros((side, side, 2, 2 * len(names)), np.float32)
        at = (side - 3) // 2
        for number, name in enumerate(names):
            kernel[at : at + 3, at : at + 3, :, 2 * number] = 0.3 * hand_made(name)[..., None]
            kernel[at : at + 3, at : at + 3, :, 2 * number + 1] = -2 * hand_made(name)[..., None]
        kernel += 0.5  # a brightness that every filter may have besides
        found = nearest_filters(kernel)
        assert [row["nearest"] for row in found] == [name for name in names for _ in range(2)]
        np.testing.assert_allclose([row["cosine"] for row in found], [1, -1] * len(names), atol=1e-6)
    with pytest.raises(BadInput, match="a 1x1 kernel"):
        nearest_filters(np.zeros((1, 1, 3, 4)))
