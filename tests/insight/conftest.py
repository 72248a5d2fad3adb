"""A network that names planted textures, trained once."""

from __future__ import annotations

import pytest

from convsmith.testing.planted import planted_network


@pytest.fixture(scope="session")
def trained():
    """(graph, weights) of the planted textures."""
    return planted_network()
