"""An explanation's files, and what is said where there is nothing to draw."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.insight.explain import explain
from convsmith.insight.explanation import Explanation
from convsmith.insight.pictures.heatmap import photograph
from convsmith.insight.target import Refused, Versus
from convsmith.testing.planted import CLASSES, planted
from convsmith.zoo import network


def made(maps, **settings):
    maps = np.asarray(maps, dtype=np.float32)
    return Explanation(
        "test", maps, np.full((len(maps), 3, *maps.shape[1:]), 90.0), (0,) * len(maps), **settings
    )


def test_save_writes_pictures_arrays_and_json(tmp_path, trained):
    data = planted(3, seed=1)
    originals = [np.kron(x[..., 0], np.ones((9, 12), np.uint8)) for x in data.x_NHWC]
    found = explain(lower(*trained), data.x_NHWC, target=data.y.tolist())
    rows = found.save(
        tmp_path / "explain", originals=originals, classes=CLASSES, about=[{"index": k} for k in (5, 6, 7)]
    )
    assert json.loads((tmp_path / "explain" / "explain.json").read_text()) == rows
    assert [row["index"] for row in rows] == [5, 6, 7]
    assert rows[0]["of"] == f"logit of {CLASSES[data.y[0]]}"
    assert rows[0]["notes"] == []
    arrays = np.load(tmp_path / "explain" / "explain.npz")
    np.testing.assert_array_equal(arrays["maps_NHW"], found.maps_NHW)
    np.testing.assert_array_equal(arrays["coarse_Nhw"], found.arrays["coarse_Nhw"])
    with Image.open(tmp_path / "explain" / rows[0]["file"]) as picture:
        assert picture.size[0] > picture.size[1]
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    colour = np.abs(pixels[..., 0] - pixels[..., 2]) > 60
    left, right = np.array_split(colour, 2, axis=1)
    assert right.mean() > 0.03
    assert left.mean() == 0  # the photograph itself stays as it is


def test_the_picture_is_brightest_where_the_map_is_highest(tmp_path):
    map_HW = np.zeros((8, 8))
    map_HW[1, 6] = 2
    pixels = np.asarray(made([map_HW]).picture(0)).astype(int)
    warm = (pixels[..., 0] - pixels[..., 2])[:200]
    row, column = np.unravel_index(warm.argmax(), warm.shape)
    width = (pixels.shape[1] - 3 * 8) // 2
    assert ((row - 8) * 8 // width, (column - 16 - width) * 8 // width) == (1, 6)


def test_maps_of_zero_and_nan_are_said_and_not_drawn(tmp_path):
    empty, broken = np.zeros((16, 16)), np.full((16, 16), np.nan)
    found = made([empty, broken, np.eye(16)], layer="conv9")
    assert "zero everywhere: no place of layer conv9" in found.problems[0]
    assert "not finite" in found.problems[1]
    assert found.problems[2] == ""
    rows = found.save(tmp_path)
    assert [len(row["notes"]) for row in rows] == [1, 1, 0]
    for name, drawn in zip(("0000.png", "0001.png", "0002.png"), (False, False, True), strict=True):
        pixels = np.asarray(Image.open(tmp_path / name)).astype(int)
        assert (np.abs(pixels[..., 0] - pixels[..., 2]).max() > 30) == drawn


def test_a_signed_map_has_two_colours():
    map_HW = np.zeros((8, 8))
    map_HW[:4], map_HW[4:] = 1, -1
    pixels = np.asarray(made([map_HW], signed=True).picture(0)).astype(int)
    right = pixels[8:224, 250:]
    assert (right[:90, :, 0] > right[:90, :, 2] + 40).mean() > 0.8
    assert (right[130:, :, 2] > right[130:, :, 0] + 40).mean() > 0.8


def test_a_map_lies_on_the_original_as_it_was_squashed():
    found = made([np.arange(16.0).reshape(4, 4)])
    big = found.on(0, (8, 40))
    assert big.shape == (8, 40)
    assert big[0, 0] == pytest.approx(0)
    assert big[-1, -1] == pytest.approx(15)
    assert (np.diff(big, axis=0) >= 0).all()


def test_photographs_of_any_form():
    grey = np.full((5, 4), 77, np.uint8)
    same = [grey, grey[..., None], grey.astype(np.float32)[None], Image.fromarray(grey)]
    for given in same:
        assert np.asarray(photograph(given)).tolist() == np.full((5, 4, 3), 77).tolist()


def test_parts_and_errors():
    found = made([np.eye(4), np.zeros((4, 4))], versus=(1, 2))
    assert len(found[:1]) == 1
    assert found[1:].versus == (2,)
    with pytest.raises(BadInput, match="explain originals: 1 for 2 images"):
        found.save("nowhere", originals=[np.zeros((4, 4))])


def test_targets_that_cannot_be():
    net = lower(network("lenet5"))
    x = np.zeros((2, 32, 32, 1), np.uint8)
    for target, words in (
        (10, "class 10; expected 0 to 9"),
        ([1], "1 class for 2"),
        (Versus(1, -1), "class -1"),
    ):
        with pytest.raises(BadInput, match=words):
            explain(net, x, target=target)
    with pytest.raises(BadInput, match=r"of shape \(2, 30, 32, 1\)"):
        explain(net, x[:, :30])
    image_out = network("lenet5")
    from convsmith.graph import Graph

    cut = Graph("cut", image_out.nodes[:3], ["pool1"])
    with pytest.raises(Refused, match="does not give one row of numbers"):
        explain(lower(cut), x)
