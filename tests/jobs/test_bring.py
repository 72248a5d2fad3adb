"""A module that was trained elsewhere as a run: asked, explained and exported as it answers itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.jobs.bring import PIXELS, from_torch
from convsmith.jobs.inputs.trained import trained


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(6, 4),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("brought")
    return from_torch(
        small(), input_shape=(12, 10, 3), classes=list("abcd"), pixels="torch", runs=str(folder / "runs")
    )


def test_it_answers_as_the_module(brought) -> None:
    x_NHWC = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 3), dtype=np.uint8)
    pixels = torch.from_numpy(x_NHWC).permute(0, 3, 1, 2) / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        expected = small()((pixels - mean) / std).softmax(1)
    net = trained(brought)
    raw = torch.from_numpy(x_NHWC).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        np.testing.assert_allclose(lower(net.graph, net.weights)(raw), expected, atol=1e-5)
    assert net.classes == tuple("abcd")


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(BadInput, match=r"gives \(4,\) for 3 classes; expected one output of 3 numbers"):
        from_torch(small(), input_shape=(12, 10, 3), classes=list("abc"), pixels="raw")
    with pytest.raises(BadName, match="pixels: no 'tensorflow'"):
        from_torch(small(), input_shape=(12, 10, 3), classes=list("abcd"), pixels="tensorflow")
    assert set(PIXELS) == {"raw", "x/255", "tf", "torch"}
