"""What an int8 file costs, known from the Graph alone; budgets in its terms; devices by name."""

from __future__ import annotations

import random

import numpy as np
import pytest

from convsmith.device.cost import int8_cost
from convsmith.device.devices import DEVICES, device
from convsmith.device.file import device_file
from convsmith.device.layers import NoForm
from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras
from convsmith.jobs.options.forge import ForgeOptions
from convsmith.jobs.options.target import for_device
from convsmith.ledger import Budget, size
from convsmith.ledger.budget import NEVER
from convsmith.nas.spaces import space
from convsmith.testing.random_networks import random_network, random_weights
from convsmith.zoo import network

from .conftest import some_weights


def made(graph, weights, rng, classes=("cat", "dog")):
    x = rng.integers(0, 256, (3, *graph.input_shape))
    return device_file(graph, weights, precision="int8", x_NHWC=x, classes=classes)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("lenet5", (32, 32, 1)), ("resnet20", (32, 32, 3)), ("mobilenet_v3_small", (32, 32, 3))],
)
def test_bytes_and_memory_are_known_without_weights(name, shape):
    rng = np.random.default_rng(0)
    graph = network(name, input_shape=shape)
    file = made(graph, some_weights(graph, rng), rng)
    said, memory = int8_cost(graph, ("cat", "dog"))
    assert len(file.content) <= said <= 1.005 * len(file.content)
    assert memory == sum(file.arena.values())
    assert int8_cost(graph, ("a much longer name of a class", "dog"))[0] > said


@pytest.mark.parametrize("seed", range(6))
def test_no_file_is_larger_than_was_said(seed):
    rng = np.random.default_rng(seed)
    graph = random_network(random.Random(seed).choice, depth=5)
    try:
        said, _ = int8_cost(graph)
    except NoForm:
        return
    assert len(made(graph, random_weights(graph, rng), rng, ()).content) <= said


def test_names_of_layers_stand_in_the_file_and_are_counted():
    def net(name):
        inputs = keras.Input((8, 8, 1))
        return keras.Model(inputs, keras.layers.Conv2D(2, 3, name=name)(inputs), name="net")

    short, long = net("a"), net("a_name_of_forty_letters_is_a_long_name_too")
    assert short.fingerprint == long.fingerprint
    assert int8_cost(short)[0] < int8_cost(long)[0]


def test_a_budget_in_int8_counts_the_file_and_the_arena():
    graph = network("lenet5", input_shape=(32, 32, 1))
    budget = Budget(bytes=66_000, memory=9_000, precision="int8")
    assert budget.check(graph).kept
    assert not Budget(bytes=66_000).check(graph).kept  # 61,706 parameters are 247 kB in fp32
    figures = budget.figures(graph)
    assert (figures["bytes"], figures["memory"]) == int8_cost(graph)
    assert budget.times(0.5).precision == "int8"
    assert budget.to_json()["precision"] == "int8"
    with pytest.raises(BadName, match="--precision"):
        Budget(bytes=1, precision="int4")


def test_what_no_device_runs_is_never_a_candidate_and_is_named_by_size():
    inputs = keras.Input((8, 8, 4))
    graph = keras.Model(inputs, keras.layers.GroupNormalization(2, name="group")(inputs))
    budget = Budget(bytes=1_000_000, precision="int8")
    assert budget.figures(graph)["bytes"] == NEVER
    assert budget.check(graph).over == ("bytes",)
    with pytest.raises(BadInput, match="layer group"):
        size(graph, precision="int8", max_bytes=1_000_000)


def test_size_checks_the_int8_file():
    known, _ = int8_cost(network("lenet5", input_shape=(32, 32, 1)))
    fits = size("lenet5", input_shape=(32, 32, 1), precision="int8", max_bytes=known)
    assert fits.over == ()
    (over,) = size("lenet5", input_shape=(32, 32, 1), precision="int8", max_bytes=known - 1).over
    assert (over.what, over.value) == ("bytes", known)


def test_a_search_finds_networks_within_an_int8_budget():
    from convsmith.nas.budget.fitting import ensure_feasible

    some = space("stages", (16, 16, 3), 4)
    budget = Budget(bytes=9_000, memory=9_000, precision="int8")
    graph = some.graph(ensure_feasible(some, budget, np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    file = made(graph, some_weights(graph, rng), rng, ())
    assert len(file.content) <= 9_000
    assert sum(file.arena.values()) <= 9_000


def test_a_device_sets_the_limits_that_are_not_given():
    asked = ForgeOptions(device="Arduino Nano 33 BLE", max_memory=100_000)
    found = for_device(asked)
    assert (found.device, found.precision, found.max_bytes) == ("nano-33-ble", "int8", 1024 * 1024)
    budget = found.budget
    assert (budget.precision, budget.bytes, budget.memory) == ("int8", 1024 * 1024, 100_000)
    assert for_device(ForgeOptions()) == ForgeOptions()
    with pytest.raises(BadName, match="did you mean 'esp32"):
        device("esp3")
    with pytest.raises(BadInput, match="no limits that were published"):
        for_device(ForgeOptions(device="phone"))
    assert all(row.source for row in DEVICES.values())
