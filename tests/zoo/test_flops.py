"""Multiply-adds of the zoo against torch's own counter on the lowered networks, at their own sizes."""

from __future__ import annotations

import pytest

from convsmith.zoo import network

SOME = [
    "alexnet", "alexnet_two_towers", "convnext_tiny", "course_cnn", "darts_cifar", "densenet121",
    "efficientnet_b0", "enas_micro", "googlenet", "inception_v3", "lenet5", "lenet5_1998", "mnasnet1_0",
    "mobilenet", "mobilenet_v2", "mobilenet_v3_large", "nasnet_mobile", "regnet_y_400mf", "resnet18",
    "resnet50", "resnet50_v1", "resnet50_v2", "resnet110", "resnext50_32x4d", "shufflenet_v2_x1_0",
    "squeezenet1_0", "vgg11", "wide_resnet16_4", "xception",
]  # fmt: skip


@pytest.mark.parametrize("name", SOME)
def test_two_flops_for_each_multiply_add(name: str) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from convsmith.engine.lower import lower

    graph = network(name)
    rows, columns, channels = graph.input_shape
    with torch.device("meta"):  # shapes only: nothing is computed
        module = lower(graph).eval()
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            module(torch.empty(1, channels, rows, columns))
    assert graph.macs is not None
    assert counter.get_total_flops() == 2 * graph.macs
