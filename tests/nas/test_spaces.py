"""Every space: its exam, its size beside the papers' counts, and published networks as its answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convsmith.nas.choose import Space
from convsmith.nas.space.encoding import space_size
from convsmith.nas.spaces import SPACES, space
from convsmith.testing.spaces import exam_space
from convsmith.zoo import NETWORKS, amoebanet, darts, enas, nasnet

CELLS = ("darts", "enas", "nasbench201", "nasnet")


@pytest.mark.parametrize("name", list(SPACES))
def test_exam(name):
    """Networks of cells are long: bench/spaces.py gives them the exam with 200 samples as well."""
    if name in CELLS:
        assert exam_space(SPACES[name], input_shapes=[(32, 32, 3)], samples=25)
    else:
        assert exam_space(SPACES[name], input_shapes=[(8, 8, 1), (64, 48, 3)], samples=200)


@pytest.mark.parametrize("name", list(SPACES))
@pytest.mark.parametrize("shape", [(9, 13, 1), (28, 28, 1), (224, 160, 3)])
def test_any_image(name, shape):
    some = space(name, shape, 7)
    for seed in range(4):
        graph = some.graph(some.sample(np.random.default_rng(seed)))
        assert (graph.input_shape, graph.output_shape) == (shape, (7,))


def free(name, cell):
    """A published cell as answers of a space with free inputs."""
    answers, used = {}, set()
    for block, (left, a, right, b) in enumerate(cell.blocks):
        answers |= {f"{name}_{block}_left": left, f"{name}_{block}_left_from": a}
        answers |= {f"{name}_{block}_right": right, f"{name}_{block}_right_from": b}
        used |= {a, b}
    more = set(cell.joined) - {state for state in range(2, 7) if state not in used}
    every = cell.joined == tuple(range(2, 7)) and more
    answers[f"{name}_joins"] = "all" if every else f"loose and {more.pop()}" if more else "loose"
    assert every or not more
    return answers


def pairs(name, cell):
    """A published cell as answers of DARTS's space."""
    answers = {}
    for node, (left, a, right, b) in enumerate(cell.blocks):
        (a, left), (b, right) = sorted([(a, left), (b, right)])
        answers |= {
            f"{name}_{node}_from": [a, b],
            f"{name}_{node}_first": left,
            f"{name}_{node}_second": right,
        }
    return answers


def both(of, cells):
    return of("normal", cells.NORMAL) | of("reduction", cells.REDUCTION)


STEM = {"stem": "cells", "skips": False}
SIZES = {
    "nasnet_mobile": {"cells": 4, "stem_filters": 32, "wide_filters": 44},
    "nasnet_large": {"cells": 6, "stem_filters": 96, "wide_filters": 168, "skips": True},
    "amoebanet_a": {"cells": 6, "stem_filters": 32, "wide_filters": 190},
}
SMALL = {"halvings": 0, "filters": 36}
CASES = [
    ("darts_cifar", "darts", (32, 32, 3), 10, both(pairs, darts) | SMALL | {"cells": 20}),
    ("enas_micro", "enas", (32, 32, 3), 10, both(free, enas) | SMALL | {"cells": 15}),
    *(
        (name, "nasnet", (side, side, 3), 1000, both(free, cells) | STEM | SIZES[name])
        for name, cells, side in (
            ("nasnet_mobile", nasnet, 224), ("nasnet_large", nasnet, 331), ("amoebanet_a", amoebanet, 331)
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("published", "name", "shape", "classes", "answers"), CASES)
def test_published_networks_are_answers(published, name, shape, classes, answers):
    graph = space(name, shape, classes).graph(answers)
    network = NETWORKS[published]()
    assert (graph.params, graph.trainable_params, graph.macs) == (
        network.params, network.trainable_params, network.macs,
    )  # fmt: skip


def test_nasnet_a_for_cifar_has_the_papers_size():
    """Table 1 of the paper: NASNet-A (6 @ 768) has 3.3 million parameters; 768 = 6 joined states of 128."""
    answers = both(free, nasnet) | {"skips": False, "cells": 6, "halvings": 0, "filters": 32}
    assert space("nasnet", (32, 32, 3), 10).graph(answers).trainable_params == pytest.approx(3.3e6, rel=0.02)


@pytest.mark.parametrize(
    ("published", "shape", "answers"),
    [
        (
            "lenet5", (32, 32, 1),
            {"activation": "relu", "padding": "valid", "blocks": 2, "convolutions_0": 1, "kernel_0_0": 5,
             "width_0_0": 6, "convolutions_1": 1, "kernel_1_0": 5, "width_1_0": 16,
             "dense": 2, "units_0": 120, "units_1": 84},
        ),
        (
            "course_cnn", (28, 28, 1),
            {"activation": "relu", "padding": "valid", "blocks": 1, "convolutions_0": 2, "kernel_0_0": 3,
             "width_0_0": 32, "kernel_0_1": 3, "width_0_1": 64, "dense": 1, "units_0": 128},
        ),
    ],
)  # fmt: skip
def test_the_courses_networks_are_chains(published, shape, answers):
    rest = {"normed": False, "pool": "max", "dropout_flat": 0.0, "dropout_0": 0.0, "dropout_1": 0.0}
    chain = space("chain", shape, 10)
    answers |= {name: rest[name] for name in rest if name != "dropout_1" or answers["dense"] == 2}
    network = NETWORKS[published]()
    graph = chain.graph(answers)
    assert (graph.params, graph.macs) == (network.params, network.macs)


def count(name, shape, of=""):
    """The product of a walk's numbers of options, of the questions that begin so."""
    walk = space(name, shape, 10).walk(lambda _, options: 0)
    return math.prod(len(options) for question, options in walk.asked.items() if question.startswith(of))


def test_sizes_beside_the_papers():
    images = (32, 32, 3)
    # DARTS, section 3.1: the product over k = 1..4 of (k + 1) k / 2 x 7^2 cells of each sort, about 10^9.
    assert count("darts", images, "normal") == math.prod((k + 1) * k // 2 * 7**2 for k in range(1, 5))
    assert count("darts", images, "normal") == pytest.approx(1e9, rel=0.05)
    # PNAS, section 3.1, writes such blocks out: i^2 inputs x |O|^2 operations; with its 8 operations 5.6e14.
    cells = count("nasnet", images, "normal") // count("nasnet", images, "normal_joins")
    assert cells == math.prod(i**2 * 13**2 for i in range(2, 7))
    assert cells / 13**10 * 8**10 == pytest.approx(5.6e14, rel=0.01)
    micro = count("enas", images, "reduction") // count("enas", images, "reduction_joins")
    assert micro == math.prod((5 * i) ** 2 for i in range(2, 7))
    size = space_size(space("nasbench201", images, 10), np.random.default_rng(0))
    assert (size.count, size.exact) == (15_625, True)


def test_mobile_holds_once_for_alls_blocks():
    """Once-for-All, section 3.1: (9^2 + 9^3 + 9^4)^5 = 2e19 networks of kernels, expansions and depths."""
    from convsmith.nas.spaces import mobile

    assert set(mobile.KERNELS) >= {3, 5, 7}
    assert set(mobile.EXPANSIONS) >= {3, 4, 6}
    assert set(mobile.DEPTHS) >= {2, 3, 4}
    images = space("mobile", (224, 224, 3), 10)
    walk = images.walk(
        lambda name, options: options.index(4) if name.startswith("depth") else len(options) - 1
    )
    stages = [name for name in walk.asked if name.startswith("depth")]
    assert len(stages) == 5
    blocks = [name for name in walk.asked if name.startswith(("kernel", "expansion"))]
    assert len(blocks) == 2 * 4 * 5


def test_nasbench201_agrees_with_the_table(shared):
    table = np.load(shared / "data/nas/nas_bench_201.npz", allow_pickle=False)
    names, edges = [str(one) for one in table["op_names"]], [str(one) for one in table["edges"]]
    cells = space("nasbench201", (32, 32, 3), 10)
    for row in np.random.default_rng(0).choice(15_625, 40, replace=False):
        answers = {edge: names[op] for edge, op in zip(edges, table["ops"][row], strict=True)}
        graph = cells.graph(answers)
        assert graph.trainable_params == round(float(table["params_M"][row]) * 1e6)
        assert graph.macs / 1e6 == pytest.approx(float(table["macs_M"][row]), abs=6e-5)


def test_a_lower_resolution_is_a_layer_of_the_network():
    images = space("mobile", (64, 96, 3), 5)
    full = images.complete({"resolution": 64, "colours": True})
    half = images.graph(images.complete({**full, "resolution": 32}))
    grey = images.graph(images.complete({**full, "colours": False}))
    assert half.input_shape == grey.input_shape == (64, 96, 3)
    assert half.shapes["resizing"] == (32, 48, 3)
    assert half.macs < 0.3 * images.graph(full).macs
    stem = images.graph(full).shapes["conv2d"][2]
    assert images.graph(full).params - grey.params == 9 * 2 * stem


def test_resized_and_grey_networks_give_what_their_exported_form_gives():
    """The torch form, and ONNX Runtime on the written file."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from convsmith.engine.predict import predict
    from convsmith.engine.weights import initial
    from convsmith.formats.onnx import to_onnx

    images = space("mobile", (32, 48, 3), 5)
    graph = images.graph(images.complete({"resolution": 16, "colours": False}))
    weights = initial(graph, 0)
    x_NHWC = np.random.default_rng(0).integers(0, 256, (4, 32, 48, 3), dtype=np.uint8)
    torch_says = predict(graph, x_NHWC, weights=weights)
    session = onnxruntime.InferenceSession(to_onnx(graph, weights).SerializeToString())
    name = session.get_inputs()[0].name
    (onnx_says,) = session.run(None, {name: x_NHWC.astype(np.float32)})
    np.testing.assert_allclose(np.asarray(torch_says), onnx_says, atol=1e-4)


def test_a_cell_twice_is_the_same_network():
    """Two spaces of the same function and shape give one fingerprint for one genotype."""
    images = space("darts", (16, 16, 3), 4)
    answers = images.complete({"cells": 3, "filters": 8})
    again = Space(SPACES["darts"], (16, 16, 3), 4)
    assert again.graph(answers).fingerprint == images.graph(answers).fingerprint
