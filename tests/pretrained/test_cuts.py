"""Where networks may be cut: what lies behind depends on the cut alone."""

from __future__ import annotations

import pytest

from convsmith.pretrained import block_ends
from convsmith.zoo import network


@pytest.mark.parametrize("name", ["resnet20", "densenet121", "shufflenet_v2_x0_5", "squeezenet1_1"])
def test_a_cut_is_all_that_the_rest_needs(name: str) -> None:
    """Every path from the images to the output leads through it: without the node nothing arrives."""
    graph = network(name)
    cuts = block_ends(graph)
    assert len(cuts) >= 2
    for cut in cuts:
        reached, waiting = set(), list(graph.inputs)
        while waiting:
            here = waiting.pop()
            if here not in reached and here != cut.node:
                reached.add(here)
                waiting += [taker.name for taker in graph.consumers(here)]
        assert graph.outputs[0] not in reached, cut.node
        assert len(graph.shapes[cut.node]) == 3
