"""The exam of a network: it builds for its own and for other images, alike each time, as published."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..graph import Graph
from ..zoo import Published

NEAR = 0.025
"""How far a figure may lie from the one that a paper prints, as a share; papers print two or three digits."""


def exam_network(
    build: Callable[..., Graph],
    record: Published,
    *,
    input_shapes: Sequence[tuple[int, int, int]] = ((96, 128, 1), (224, 224, 3)),
    exact: bool = False,
) -> dict[str, str]:
    """Examine a network of the zoo.

    Args:
        build: ``(input_shape=..., classes=...) -> Graph``, with the network's own size as defaults.
        record: what was published.
        input_shapes: rows, columns, channels of other images that it must serve.
        exact: parameters must equal the published figure, and MACs agree to its last digit of 10^6.

    Returns:
        For "params" and "macs" a line: own and published; "not published" without one.

    Raises:
        AssertionError: it takes or gives another shape, differs when built again, does not end in softmax, or
            a figure is off, and the record has no note that says why.

    Example:
        >>> from convsmith.zoo import NETWORKS, published
        >>> exam_network(NETWORKS["resnet18"], published("resnet18"), exact=True)["macs"]
        '1,814,073,344, published 1,814,000,000'
    """
    graph = build()
    for shape in input_shapes:
        other = build(input_shape=shape, classes=7)
        assert other.input_shape == shape, f"{graph.name} at {shape}: takes {other.input_shape}"
        assert other.output_shape == (7,), f"{graph.name} at {shape}: gives {other.output_shape}, not (7,)"
    assert build().fingerprint == graph.fingerprint, f"{graph.name}: built again, it is another network"
    last = graph[graph.outputs[0]]
    ends_in = getattr(last.kind, "activation", None) or type(last.kind).__name__.lower()
    assert ends_in == "softmax", f"{graph.name}: ends in {ends_in}, not softmax"
    own = {"params": graph.params if record.statistics else graph.trainable_params, "macs": graph.macs}
    report = {}
    for what, value in own.items():
        said = getattr(record, what)
        assert value is not None, f"{graph.name}: {what} are not known"
        report[what] = (
            f"{value:,}, published {int(said):,}" if said is not None else f"{value:,}, not published"
        )
        if said is None or record.note:
            continue
        slack = (0 if what == "params" else 5e5) if exact else max(NEAR, _last_digit(said)) * said
        assert math.isclose(value, said, rel_tol=0, abs_tol=slack), f"{graph.name}: {what} {report[what]}"
    return report


def _last_digit(value: float) -> float:
    """Half a unit of the last printed digit, as a share of the value, with a little room."""
    digits = len(str(int(value)).rstrip("0"))
    return 0.6 * 10.0 ** (1 - digits)
