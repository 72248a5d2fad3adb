"""Mistakes planted in right tables: the audit finds each, no other, and names its cause."""

from __future__ import annotations

import random
from typing import Any

import pytest

from convsmith.ledger import Row, audit, rows, size

COLUMNS = ("name", "output_shape", "activation_size", "params", "macs")


def right_table(layers: tuple[Row, ...]) -> list[list[str]]:
    return [
        [
            row.name,
            "x".join(map(str, row.output_shape)),
            str(row.activation_size),
            str(row.params),
            str(row.macs),
        ]
        for row in layers
    ]


def mistakes(layers: tuple[Row, ...], place: int, rng: random.Random) -> list[tuple[str, int, str]]:
    """(column, wrong value, what its cause must say) for one convolution or dense layer."""
    row, kind = layers[place], layers[place].node.kind
    settings: Any = kind
    inputs, outputs = row.input_shapes[0][-1] or 0, row.output_shape[-1] or 0
    kernel = getattr(kind, "kernel_size", (1, 1))
    area, params, bias = kernel[0] * kernel[1], row.params or 0, bool(settings.use_bias)
    found = [
        ("macs", 2 * (row.macs or 0), "FLOPs instead of MACs"),
        ("params", params // outputs * (outputs // 2), "another version of the architecture"),
        ("activation_size", layers[place - 1].activation_size or 0, "the previous row's value"),
    ]
    if bias:
        found.append(("params", area * inputs * outputs + 1, "one bias instead of"))
        found.append(("params", area * inputs * outputs, "biases are not counted"))
    if row.kind == "Conv2D":
        if inputs > 1:
            found.append(("params", (area + bias) * outputs, "input channels dropped"))
        stale = (row.activation_size or 0) // outputs * (outputs + 2)
        found.append(("activation_size", stale, "a stale number of filters"))
    if params > 1000:
        digits = list(str(params))
        at = rng.randrange(1, len(digits))
        digits[at] = str((int(digits[at]) + rng.randrange(1, 10)) % 10)
        found.append(("params", int("".join(digits)), "a slip of one digit"))
    return found


@pytest.mark.parametrize("name", ["lenet5", "course_cnn", "vgg16", "resnet20", "mobilenet", "squeezenet1_1"])
def test_each_planted_mistake_is_found_alone_with_its_cause(name: str) -> None:
    rng = random.Random(name)
    layers = rows(size(name).graph)
    graph = size(name).graph
    weighty = [place for place, row in enumerate(layers) if row.kind in ("Conv2D", "Dense")]
    for place in rng.sample(weighty, min(4, len(weighty))):
        for column, wrong, cause in mistakes(layers, place, rng):
            if wrong == getattr(layers[place], column):
                continue
            table = right_table(layers)
            table[place][COLUMNS.index(column)] = str(wrong)
            text = "layer,shape,activation size,params,macs\n" + "\n".join(map(",".join, table)) + "\n"
            found = audit(text, network=graph)
            assert [(cell.layer, cell.figure) for cell in found.wrong] == [(layers[place].name, column)]
            assert any(cause in text for text in found.wrong[0].causes), (wrong, found.wrong[0].causes)
            assert found.wrong[0].right == getattr(layers[place], column)
