"""The one Budget at the ledger's verbs: what means nothing is refused, what is kept is kept exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

import convsmith as cs
from convsmith.cli.main import run
from convsmith.errors import BadInput

LENET5 = 61_706


@pytest.mark.parametrize("value", [0, -5, math.nan, math.inf, "50k", True])
@pytest.mark.parametrize("option", ["max_params", "max_macs", "max_bytes", "max_memory"])
@pytest.mark.parametrize("verb", [cs.size, cs.compare])
def test_limits_that_mean_nothing_are_refused(verb, option, value):
    with pytest.raises(
        BadInput, match=f"^--{option.replace('_', '-')}: got .*; expected a number above zero"
    ):
        verb("lenet5", **{option: value})


@pytest.mark.parametrize("verb", [cs.size, cs.compare])
def test_a_limit_is_kept_exactly(verb):
    assert verb("lenet5", max_params=LENET5).exit_code == 0
    assert verb("lenet5", max_params=np.int64(LENET5)).exit_code == 0
    assert verb("lenet5", max_params=LENET5 - 1).exit_code == 1
    assert verb("lenet5", max_bytes=4 * LENET5).exit_code == 0
    assert verb("lenet5", max_bytes=4 * LENET5 - 1).exit_code == 1


def test_one_network_over_a_limit_is_named_among_several(capsys):
    assert run(["compare", "lenet5", "course_cnn", "--max-params", "100k"]) == 1
    assert (
        "OVER BUDGET: course_cnn, params: 1,199,882 is over the limit of 100,000" in capsys.readouterr().out
    )
    networks = cs.compare("lenet5", "course_cnn", max_params=100_000).to_json()["networks"]
    assert [one["over_budget"] for one in networks] == [
        [], [{"what": "params", "value": 1_199_882, "limit": 100_000}],
    ]  # fmt: skip
