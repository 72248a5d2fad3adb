"""What networks cost that are drawn from a space: as the ledger counts them."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.jobs import listing as module
from convsmith.jobs.listing import listing
from convsmith.ledger import size
from convsmith.nas.spaces import SPACES, space


def test_networks_drawn_from_a_space_cost_what_the_ledger_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_spaces", lambda shape, classes: {})
    found = listing("spaces", input_shape=(16, 16, 3), classes=3, sample=3).figures
    assert set(found) == set(SPACES)
    for name in ("stages", "mobile"):
        rng, one = np.random.default_rng(0), space(name, (16, 16, 3), 3)
        totals = [size(one.graph(one.sample(rng))).totals for _ in range(3)]
        assert found[name]["params"] == [each.params for each in totals]
        assert found[name]["macs"] == [each.macs for each in totals]
        assert found[name]["memory"] == [each.peak_memory["liveness"] for each in totals]
    assert listing("spaces", input_shape=(16, 16, 3)).figures == {}
    for what, sample in (("networks", 3), ("spaces", -1), ("spaces", 10**6)):
        with pytest.raises(BadInput, match="--sample"):
            listing(what, sample=sample)
