"""Audits of published tables: right ones pass, each wrong cell is found with its right value and cause."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.ledger import audit, rows, size
from convsmith.ledger.published.table_in import cells

COURSE = Path(__file__).parent / "tables" / "course_lenet5.md"


def shared_table(shared: Path, name: str) -> str:
    with open(shared / "truth" / "lenet5_tables.csv", newline="") as file:
        found = [row for row in csv.DictReader(file) if row["table"] == name]
    lines = ["layer,shape,activation size,params,macs"]
    keys = ("layer", "shape", "activation_size", "params", "macs")
    lines += [",".join(row[key] for key in keys) for row in found]
    return "\n".join(lines) + "\n"


def wild(channels: int = 3) -> Graph:
    """The network whose shapes the wild copy of the course's table has: 8 filters, on RGB."""
    layers = keras.layers
    x = inputs = keras.Input((32, 32, channels))
    x = layers.MaxPooling2D(2, name="pool1")(layers.Conv2D(8, 5, name="conv1")(x))
    x = layers.MaxPooling2D(2, name="pool2")(layers.Conv2D(16, 5, name="conv2")(x))
    x = layers.Dense(84, name="fc4")(layers.Dense(120, name="fc3")(layers.Flatten()(x)))
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="softmax")(x), name="wild")


def test_the_courses_table_has_exactly_five_wrong_cells_each_with_its_cause() -> None:
    found = audit(str(COURSE), network="lenet5")
    assert [(cell.row.split()[0], cell.figure, cell.right) for cell in found.wrong] == [
        ("CONV1", "activation_size", 4704),
        ("POOL2", "activation_size", 400),
        ("FC3", "params", 48120),
        ("FC4", "params", 10164),
        ("Softmax", "params", 850),
    ]
    causes = [cell.causes[0] for cell in found.wrong]
    assert causes[0].startswith(
        "another version of the architecture (a stale number of filters): 28×28×8 = 6,272"
    )
    assert causes[1] == "a previous row's value, copied from POOL1 (f=2, s=2)"
    assert [cause[:24] for cause in causes[2:]] == [
        "one bias instead of 120 ",
        "one bias instead of 84 (",
        "one bias instead of 10 (",
    ]
    assert found.wrong[2].formula == "400×120 + 120 = 48,120"
    assert not found.unreadable
    assert not found.unmatched
    assert found.checked == 24
    assert found.exit_code == 1


def test_the_courses_table_is_the_shared_one(shared: Path) -> None:
    assert COURSE.read_text() == (shared / "truth" / "course_lenet5.md").read_text()


def test_a_right_table_passes_whole(shared: Path) -> None:
    found = audit(shared_table(shared, "lenet5_rgb_correct"), network="lenet5")
    assert (found.wrong, found.unreadable, found.unmatched, found.checked) == ((), (), (), 32)
    assert found.remarks == ("the input is the table's own, 32×32×3",)
    assert found.exit_code == 0


def test_the_wild_copy_has_five_wrong_cells_for_its_own_shapes(shared: Path) -> None:
    found = audit(shared_table(shared, "lenet5_wild_table_WRONG"), network=wild())
    with open(shared / "truth" / "known_published_errors.csv", newline="") as file:
        known = [row for row in csv.DictReader(file) if "wild copy" in row["where"]]
    assert [(cell.came, str(cell.right)) for cell in found.wrong] == [
        (row["published"], row["correct"]) for row in known
    ]
    for cell, row in zip(found.wrong, known, strict=True):
        expected = "input channels dropped" if "channels dropped" in row["why"] else "one bias instead of"
        assert cell.causes[0].startswith(expected)


def test_the_wild_copy_against_the_course_is_another_version(shared: Path) -> None:
    found = audit(shared_table(shared, "lenet5_wild_table_WRONG"), network="lenet5")
    conv1 = {cell.figure: cell for cell in found.wrong if cell.row == "CONV1"}
    assert "another version of the architecture: 8 channels instead of 6" in conv1["output_shape"].causes
    assert conv1["params"].right == 456
    assert "another version of the architecture: 8 filters on 1 channels" in conv1["params"].causes


def test_known_errors_of_the_lecture(shared: Path) -> None:
    found = audit(shared_table(shared, "lecture_table_WRONG"), network="lenet5")
    assert [(cell.row, cell.came) for cell in found.wrong] == [
        ("CONV1", "6272"), ("POOL2", "1176"), ("FC3", "48001"), ("FC4", "10081"), ("OUT", "841"),
    ]  # fmt: skip
    assert "copied from pool1" in found.wrong[1].causes[0]  # the table does not show POOL1's row


def test_the_original_of_1998_has_weights_where_it_subsamples(shared: Path) -> None:
    text = shared_table(shared, "lenet5_1998_original")
    assert not audit(text, network="lenet5_1998").wrong
    more = audit(text + "C3,10x10x16,1600,1516,\nS4,5x5x16,400,32,\n", network="lenet5_1998")
    assert not more.wrong
    assert "C3 stands for several layers" in more.remarks  # its sixteen maps with their own inputs
    assert audit(text, network="lenet5").wrong[0].causes[0].startswith("the subsampling layer of 1998")


def test_a_typo_in_a_total() -> None:
    """MODEL_ZOO.md of pycls gives 22.6M for ResNet-50; it has 25.6M."""
    x = inputs = keras.Input((1,))
    resnet50 = keras.Model(inputs, keras.layers.Dense(12_778_516)(x), name="resnet50")
    assert resnet50.params == 25_557_032
    found = audit("| model | params (M) |\n|---|---|\n| ResNet-50 | 22.6 |\n", network=resnet50)
    assert found.wrong[0].causes == ("a slip of one digit: 226 for 256",)
    assert not audit("| model | params |\n|---|---|\n| ResNet-50 | 25.6M |\n", network=resnet50).wrong


@pytest.mark.parametrize(
    ("row", "column", "cell", "cause"),
    [
        ("conv2", "params", "2401", "one bias instead of 16"),
        ("conv2", "params", "2400", "the 16 biases are not counted"),
        ("conv2", "params", "416", "input channels dropped"),
        ("conv2", "params", "151", "the parameters of one of the 16 filters"),
        ("conv2", "params", "1208", "another version of the architecture: 8 filters instead of 16"),
        ("conv2", "params", "880", "another version of the architecture: a 3×3 kernel"),
        ("conv2", "params", "24160", "a slip"),
        ("fc3", "params", "48400", "400 biases"),
        ("pool1", "params", "12", "the subsampling layer of 1998"),
        ("conv2", "macs", "480000", "FLOPs instead of MACs"),
        ("conv2", "macs", "481600", "FLOPs instead of MACs: two operations for each"),
        ("conv2", "macs", "241600", "the additions of the biases"),
        ("conv2", "macs", "2416", "the parameters"),
        ("conv2", "macs", "40000", "input channels dropped"),
        ("conv1", "activation size", "784", "channels dropped"),
        ("conv1", "activation size", "5400", "another size of image: 30×30×6"),
        ("conv1", "output shape", "32x32x6", 'padding "same" instead of "valid"'),
        ("conv1", "output shape", "27x27x6", "the + 1 of"),
        ("pool1", "output shape", "28x28x6", "the shape of the layer's input"),
        ("pool1", "output shape", "27x27x6", "the stride of 2 is forgotten"),
        ("conv2", "params", "2.416", ""),
        ("conv2", "params", "(5*5*6+1)*16 = 2426", "its own formula (5*5*6+1)*16 gives 2,416, not 2,426"),
        ("conv2", "params", "2461", "two digits changed places"),
    ],
)  # fmt: skip
def test_causes(row: str, column: str, cell: str, cause: str) -> None:
    found = audit(f"layer;{column}\n{row};{cell}\n", network="lenet5")
    if not cause:
        assert not found.wrong
    elif cause == "a slip":
        assert found.wrong[0].causes == ()
    else:
        assert any(text.startswith(cause) for text in found.wrong[0].causes), found.wrong[0].causes


def test_a_column_called_flops_may_use_either_convention_but_only_one() -> None:
    macs = {row.name: row.macs for row in rows(size("lenet5").graph) if row.macs}
    once = "layer,FLOPs\n" + "".join(f"{name},{value}\n" for name, value in macs.items())
    twice = "layer,FLOPs\n" + "".join(f"{name},{2 * (value or 0)}\n" for name, value in macs.items())
    assert audit(once, network="lenet5").remarks == ("FLOPs: one operation for each multiply-add",)
    assert audit(twice, network="lenet5").remarks == ("FLOPs: two operations for each multiply-add",)
    assert not audit(once, network="lenet5").wrong
    assert not audit(twice, network="lenet5").wrong
    mixed = audit(once.replace("240000", "480000"), network="lenet5")
    assert [cell.row for cell in mixed.wrong] == ["conv2"]


def test_cells_that_cannot_be_read_are_listed_apart() -> None:
    found = audit(
        "layer,shape,params\nconv1,lots,156\nconv2,10x10x16,about 2k\npool1,-,n/a\n", network="lenet5"
    )
    assert [(cell.row, cell.came) for cell in found.unreadable] == [("conv1", "lots"), ("conv2", "about 2k")]
    assert found.unreadable[1].right == 2416
    assert not found.wrong
    assert found.exit_code == 1
    assert "conv1, output shape: 'lots' cannot be read; the right value is 28×28×6" in found.text


def test_rows_of_no_layer_are_named_and_columns_left_out_too() -> None:
    found = audit("layer,params,comment\nconv1,156,first\nbatch_norm9,7,none\n", network="lenet5")
    assert found.unmatched == ("batch_norm9",)
    assert "columns not checked: comment" in found.remarks


def test_totals_and_rounded_figures() -> None:
    text = "layer,params,MACs\nconv1,156,0.12M\nTotal,61.7k,416.5k\n"
    assert not audit(text, network="lenet5").wrong
    assert audit(text.replace("61.7k", "62.7k"), network="lenet5").wrong[0].layer == "total"


def test_channels_first_and_batch_sizes_are_the_same_shape() -> None:
    text = "layer;output\nconv1;[N, 28, 28, 6]\npool1;(6, 14, 14)\nconv2;16@10x10\nfc3;(1, 120)\n"
    assert audit(text, network="lenet5").checked == 4
    assert not audit(text, network="lenet5").wrong


def test_every_ledger_passes_its_own_audit() -> None:
    for graph in (size("lenet5").graph, size("course_cnn").graph, wild(1)):
        for form in ("csv", "markdown"):
            found = audit(size(graph, view="full").render(form), network=graph)
            assert (found.wrong, found.unreadable, found.unmatched) == ((), (), ()), form
            assert found.checked >= 4 * len(graph.nodes) - 2


def test_forms() -> None:
    found = audit(str(COURSE), network="lenet5")
    assert json.loads(found.render("json"))["wrong"][0]["right"] == 4704
    assert "| FC3 | parameters | 400 x 120 + 1 = 48001 | 400×120 + 120 = 48,120 |" in found.markdown
    assert "48001" in found.html
    assert len(found.csv.splitlines()) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n", "holds no table"),
        ("layer,color\nconv1,red\n", "no column that can be checked (columns: layer, color)"),
        ("layer,params\nzebra_norm,3\n", "no row fits a layer of lenet5"),
        ("<svg>\n61,706 params\nconv1,5\n</svg>", "is neither CSV nor Markdown"),
        ("layer,params\nconv1\0,5\n", "is neither CSV nor Markdown"),
        ("no/such/table.csv", "cannot be read (No such file"),
        ("layer,params\n" + "conv1,156\n" * 2001, "has 2,001 rows"),
    ],
)
def test_bad_tables(text: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        audit(text, network="lenet5")
    assert message in str(error.value)


@given(st.text(max_size=60))
def test_no_cell_can_break_the_reading(text: str) -> None:
    cells.figure(text)
    cells.shape(text)


@given(st.text(alphabet="abc 123|-,;\n()=x", max_size=200))
def test_no_table_can_break_the_audit(text: str) -> None:
    with contextlib.suppress(BadInput):
        audit("layer,params\n" + text + "\n\n", network="lenet5")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("61,706", 61706), ("61 706", 61706), ("61.706", 61706), ("~62k", 62000), ("**156**", 156),
        ("156 (=(5*5+1)*6)", 156), ("$5 \\times 5 \\times 6$", 150), ("0.42 M", 420000.0), ("5·5·6 + 6", 156),
    ],
)  # fmt: skip
def test_figures(text: str, value: float) -> None:
    found = cells.figure(text)
    assert found is not None
    assert found.value == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "9**9**9", "1e9", "(" * 90 + "1" + ")" * 90 + "+", "a + 1", "5 5 x"]
)
def test_what_is_not_arithmetic_is_not_evaluated(text: str) -> None:
    assert cells.arithmetic(text) is None
