"""Pictures of networks: every box, shape and arrow is there; repeated blocks are folded and counted right."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.graph import Graph, Node
from convsmith.graph import notation as keras
from convsmith.graph.picture.blocks import blocks, boxes, folds
from convsmith.graph.picture.draw import draw
from convsmith.graph.picture.layout import ENTRY, layout
from convsmith.graph.picture.svg import picture
from convsmith.kinds import KINDS
from convsmith.ledger import draw as draw_by_name

layers = keras.layers
SVG = "{http://www.w3.org/2000/svg}"


def residual(depth: int = 4, width: int = 8) -> Graph:
    """A convolution, `depth` residual blocks of two convolutions, a classifier."""
    x = inputs = keras.Input((16, 16, 3), name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", name="stem")(x)))
    for _ in range(depth):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(x)))
        y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same")(y))
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Dense(10, activation="softmax", name="classes")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x, name="residual")


def test_a_convolution_and_what_follows_it_are_one_box() -> None:
    drawing = draw(residual(1))
    conv = "Conv2D(8, 3, same) · BN"
    assert [drawing.label(box) for box in drawing.boxes] == [
        "InputLayer", f"{conv} · ReLU", f"{conv} · ReLU", conv, "Add · ReLU", "GlobalAveragePooling2D",
        "Dense(10, softmax)",
    ]  # fmt: skip


def test_repeated_blocks_are_folded_with_their_number() -> None:
    text = draw(residual(4)).text
    assert "┌ 4 times:" in text
    assert text.count("Add") == 1
    assert draw(residual(4), fold=False).text.count("Add") == 4


def test_the_text_of_a_residual_network() -> None:
    assert draw(residual(4)).text.split("\n", 2)[2] == (
        "   image                     InputLayer                        16×16×3\n"
        "╭─ stem                      Conv2D(8, 3, same) · BN · ReLU    16×16×8\n"
        "│                            ┌ 4 times:\n"
        "│  conv2d                    │ Conv2D(8, 3, same) · BN · ReLU  16×16×8\n"
        "│  conv2d_1                  │ Conv2D(8, 3, same) · BN         16×16×8\n"
        "╰▶ add                       │ Add · ReLU                      16×16×8\n"
        "                             └\n"
        "   global_average_pooling2d  GlobalAveragePooling2D            8\n"
        "   classes                   Dense(10, softmax)                10"
    )


def test_growing_blocks_show_their_first_and_last_shape() -> None:
    x = inputs = keras.Input((8, 8, 4))
    for _ in range(5):
        x = layers.Concatenate()([x, layers.Conv2D(4, 3, padding="same")(x)])
    assert "8×8×8 … 8×8×24" in draw(keras.Model(inputs, x)).text


def test_the_svg_is_a_picture_with_a_skip_arrow_and_a_frame() -> None:
    root = ElementTree.fromstring(draw(residual(4)).svg)
    texts = ["".join(item.itertext()) for item in root.iter(f"{SVG}text")]
    assert "16×16×8" in texts
    assert "× 4" in texts
    classes = [item.get("class") for item in root.iter(f"{SVG}path")]
    assert classes.count("k") == 1
    assert [item.get("class") for item in root.iter(f"{SVG}rect")].count("f") == 1
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    move = next(item for item in root.iter(f"{SVG}g") if item.get("transform")).get("transform", "")
    shift = float(move.removeprefix("translate(").split()[0])
    for item in root.iter(f"{SVG}rect"):
        if item.get("rx"):
            assert 0 <= float(item.get("x", 0)) + shift <= width - float(item.get("width", 0))
            assert 0 <= float(item.get("y", 0)) <= height - float(item.get("height", 0))


def test_names_cannot_break_the_picture() -> None:
    inputs = keras.Input((4,), name='<a & "b">')
    graph = keras.Model(inputs, layers.Dense(2, name="</text><script>")(inputs), name="<!--")
    root = ElementTree.fromstring(draw(graph).svg)
    assert "</text><script>" in ["".join(item.itertext()) for item in root.iter(f"{SVG}text")]


def test_by_name_and_into_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    drawing = draw_by_name("lenet5", input_shape=(28, 28, 1), output=tmp_path / "lenet5.svg")
    assert (tmp_path / "lenet5.svg").read_text() == drawing.svg
    assert drawing.render("json").startswith("{")
    with pytest.raises(BadInput, match=r"\.csv"):
        draw_by_name("lenet5", output=tmp_path / "lenet5.csv")


def test_unknown_sizes_are_drawn_as_such() -> None:
    inputs = keras.Input((None, None, 3))
    assert "?×?×4" in draw(keras.Model(inputs, layers.Conv2D(4, 3)(inputs))).text


@st.composite
def graphs(make: st.DrawFn) -> Graph:
    """Any network: each layer takes any layers before it."""
    nodes = [Node("n0", KINDS["InputLayer"]((4, 4, 2)))]
    for index in range(1, make(st.integers(1, 14))):
        sources = make(st.lists(st.integers(0, index - 1), min_size=1, max_size=3, unique=True))
        if len(sources) > 1:
            kind = KINDS["Add"]()
        else:
            kind = make(
                st.sampled_from([KINDS["ReLU"](), KINDS["Conv2D"](2, 1), KINDS["BatchNormalization"]()])
            )
        nodes.append(Node(f"n{index}", kind, tuple(f"n{source}" for source in sources)))
    return Graph("any", nodes)


@given(graphs())
def test_every_layer_is_in_one_box_in_order_and_every_arrow_goes_down(graph: Graph) -> None:
    made = boxes(graph)
    assert sorted(node.name for box in made for node in box.nodes) == sorted(
        node.name for node in graph.nodes
    )
    assert all(source < index for index, box in enumerate(made) for source in box.sources)
    cut = blocks(made)
    assert [index for block in cut for index in block.boxes] == list(range(len(made)))
    for block in cut:
        inside = set(block.boxes)
        outside = {source for index in block.boxes for source in made[index].sources} - inside
        assert outside <= {block.entry}
        plan = layout(tuple(made), block)
        places = [(plan.lane[index], plan.rank[index]) for index in block.boxes]
        assert len(set(places)) == len(places)
        for (source, target), lane in plan.wires.items():
            assert plan.rank[source] < plan.rank[target]
            between = range(plan.rank[source] + 1, plan.rank[target])
            assert not {(lane, rank) for rank in between} & set(places)
            assert source == ENTRY or source in inside
    folded = folds(graph, made, cut)
    assert sum(fold.times * len(fold.blocks) for fold in folded) == len(cut)
    drawing = draw(graph)
    ElementTree.fromstring(picture(drawing))
    assert all(box.main.name in draw(graph, fold=False).text for box in drawing.boxes)
