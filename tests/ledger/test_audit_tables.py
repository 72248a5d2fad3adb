"""Tables as they are published: nothing right is called wrong, and what is planted in them is found."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from convsmith.errors import BadInput
from convsmith.ledger import audit
from convsmith.ledger.published.conventions import ADDITIONS, LEARNED, UNBIASED
from convsmith.ledger.published.naming import named
from convsmith.zoo import network

TABLES = Path(__file__).parent / "tables"
RIGHT = {
    "torchvision.md": ("resnet50", 20, ("Swin_T_Weights.IMAGENET1K_V1",)),
    "keras.md": ("resnet50", 14, ("EfficientNetV2S",)),
    "mobilenet.md": ("mobilenet", 14, ()),
    "mobilenet_v2.csv": ("mobilenet_v2", 12, ()),
    "vgg16_weights_only.csv": ("vgg16", 67, ()),
    "resnet18_pytorch.md": ("resnet18", 21, ()),
    "course_cnn_keras.md": ("course_cnn", 16, ()),
    "lenet5_plain.csv": ("lenet5", 32, ()),
}
"""Right tables: the network, how many cells can be checked, the rows that nobody here knows."""


@pytest.mark.parametrize("name", RIGHT)
def test_no_false_alarm_in_published_tables(name: str) -> None:
    about, checked, unknown = RIGHT[name]
    found = audit(str(TABLES / name), network=about)
    assert (found.wrong, found.unreadable, found.unmatched) == ((), (), unknown)
    assert found.checked == checked
    assert found.exit_code == 0


@pytest.mark.parametrize("file", ["torchvision_weights_meta.csv", "keras_applications.csv"])
def test_no_false_alarm_in_whole_lists(shared: Path, file: str) -> None:
    """119 rows of torchvision and 33 of Keras, every parameter count to the last digit, every GFLOPS."""
    found = audit(str(shared / "truth" / file), network="resnet50")
    assert not found.wrong
    assert not found.unreadable
    assert found.checked == {"t": 190, "k": 50}[file[0]]
    others = ("Swin", "ViT", "MaxVit", "EfficientNet_V2", "EfficientNetV2", "InceptionRes")
    assert all(label.startswith(others) for label in found.unmatched)


SKIPPED = {"torchvision.md": (2, 3, 6), "keras.md": (2, 3, 5), "mobilenet.md": (2,), "mobilenet_v2.csv": (1,)}
"""Columns that no network can answer for, and the column of inputs of networks."""


def planted(name: str, rng: random.Random) -> tuple[str, str]:
    """A right table with the leading digit of a checked cell's last number changed: (table, row's label)."""
    text = (TABLES / name).read_text()
    lines, comma = text.splitlines(), "|" if name.endswith(".md") else max(",;", key=text.count)
    first = int(comma == "|")
    while True:
        place = rng.randrange(len(lines))
        row = lines[place].split(comma)
        at = rng.randrange(len(row))
        if len(row) < 3:
            continue
        numbers = list(re.finditer(r"[1-9][\d.,]*", row[at]))
        label = row[first].strip()
        beside = at <= first or at in SKIPPED.get(name, ())
        if beside or not numbers or label in ("EfficientNetV2S", "Layer (type)") or "Swin" in label:
            continue
        where = numbers[-1].start()
        new = rng.choice([digit for digit in "123456789" if digit != row[at][where]])
        row[at] = row[at][:where] + new + row[at][where + 1 :]
        lines[place] = comma.join(row)
        return "\n".join(lines) + "\n", re.sub(r"\[?`([^`]*)`.*", r"\1", label)


@pytest.mark.parametrize("name", ["mobilenet.md", "lenet5_plain.csv", "course_cnn_keras.md"])
def test_planted_slips_are_found_and_nothing_else(name: str) -> None:
    rng, hits, alone = random.Random(name), 0, 0
    for _ in range(10):
        text, row = planted(name, rng)
        found = [cell.row for cell in audit(text, network=RIGHT[name][0]).wrong]
        hits += row in found
        alone += found == [row]
    assert hits == 10
    assert alone >= 9


def test_a_count_without_statistics_is_right_and_the_convention_is_named() -> None:
    found = audit("model,params\nresnet50,25557032\n", network="resnet50")
    assert [cell.convention for cell in found.explained] == [LEARNED]
    assert "right by another convention (batch-norm statistics not counted" in found.text
    assert found.to_json()["explained"][0]["came"] == "25557032"
    assert not audit("model,params\nresnet50,25610152\n", network="resnet50").explained
    wrong = audit("model,params\nresnet50,25557023\n", network="resnet50").wrong[0]
    assert wrong.formula == "25,557,032 learned + 53,120 statistics = 25,610,152"
    assert "two digits changed places: 25557023 for 25557032" in wrong.causes
    assert not audit("network,parameters\nB2,9.11M\n", network="efficientnet_b2").wrong


def test_a_row_named_like_a_network_is_no_layer() -> None:
    text = (
        "network,MACs,params\nMobileNetV1 1.0,569M,4.2M\nMobileNetV1 0.25,41M,0.5M\nMobileNetV1 0.33,99M,9M\n"
    )
    found = audit(text, network="mobilenet")
    assert [(cell.row, cell.figure) for cell in found.wrong] == [
        ("MobileNetV1 0.33", "params"), ("MobileNetV1 0.33", "macs"),
    ][::-1]  # fmt: skip
    assert found.wrong[0].right == network("mobilenet", width=0.33).macs
    assert found.rows_are == "network"


def test_the_input_column_says_at_which_size() -> None:
    text = "model,input,MACs\nMobileNet,224,569M\nMobileNet,128x128,186M\nMobileNet,160x160x3,290M\n"
    assert not audit(text, network="mobilenet").wrong
    assert len(audit(text.replace("128x128", "224"), network="mobilenet").wrong) == 1
    layers = "layer,input,output\nconv1,28x28x1,24x24x6\npool1,24x24x6,12x12x6\nconv2,12x12x6,9x9x16\n"
    found = audit(layers, network="lenet5")
    assert "the input is the table's own, 28×28×1" in found.remarks
    assert [(cell.row, cell.figure) for cell in found.wrong] == [("conv2", "output_shape")]
    wrong_input = audit(layers.replace("12x12x6,9x9", "13x13x6,8x8"), network="lenet5")
    assert [(cell.row, cell.figure) for cell in wrong_input.wrong] == [("conv2", "input_shape")]


def test_a_wrong_input_cell_does_not_make_every_other_cell_wrong() -> None:
    text = "layer,output\ninput,{}\nconv1,28x28x6\npool1,14x14x6\nconv2,10x10x16\n"
    assert [cell.row for cell in audit(text.format("36x36x1"), network="lenet5").wrong] == ["input"]
    assert not audit(text.format("32x32x1"), network="lenet5").wrong


@pytest.mark.parametrize(
    "title", ["output", "Output size", "output shape", "feature map size", "Output (HxWxC)"]
)
def test_an_output_column_is_checked(title: str) -> None:
    found = audit(f"layer,{title}\nconv1,28x28x6\npool1,14x14x8\n", network="lenet5")
    assert [(cell.row, cell.figure) for cell in found.wrong] == [("pool1", "output_shape")]
    assert not audit(f"layer,{title}\nconv1,28x28\npool1,14x14\n", network="lenet5").wrong


def test_a_convention_of_a_column_needs_the_column() -> None:
    """All cells without biases are a way of counting; one alone is a mistake."""
    whole = "layer,params\nconv1,150\nconv2,2400\nfc3,48000\nfc4,10080\nTotal,61470\n"
    found = audit(whole, network="lenet5")
    assert not found.wrong
    assert {cell.convention for cell in found.explained} == {UNBIASED}
    one = audit(
        whole.replace("48000", "48120").replace("150", "156").replace("10080", "10164"), network="lenet5"
    )
    assert [cell.row for cell in one.wrong] == ["conv2", "Total"]
    added = audit("layer,MACs\nconv1,122304\nconv2,241600\n", network="lenet5")
    assert {cell.convention for cell in added.explained} == {ADDITIONS}


def test_a_total_of_what_the_table_shows() -> None:
    text = "layer,FLOPs\nconv1,235200\npool1,1176\nconv2,480000\nTotal,716376\n"
    assert not audit(text, network="lenet5").wrong
    assert [cell.row for cell in audit(text.replace("716376", "726376"), network="lenet5").wrong] == ["Total"]


def test_tables_of_networks_nobody_knows_are_one_line() -> None:
    with pytest.raises(BadInput, match="no row"):
        audit("model,params\nSwin-T,28M\n", network="resnet50")


@pytest.mark.parametrize(
    ("label", "name", "width", "side"),
    [
        ("ResNet-50", "resnet50", None, None),
        ("ResNet-152", "resnet152", None, None),
        ("RegNet_Y_1_6GF", "regnet_y_1_6gf", None, None),
        ("RegNet_Y_16GF", "regnet_y_16gf", None, None),
        ("MobileNetV1 1.0", "mobilenet", None, None),
        ("0.75 MobileNet-160", "mobilenet_075", None, 160),
        ("mobilenet_v1_0.25_128", "mobilenet_025", None, 128),
        ("mbv2-w0.35", "mobilenet_v2_035", None, None),
        ("MobileNetV2 (1.4)", "mobilenet_v2_140", None, None),
        ("MobileNetV3-Large 1.0", "mobilenet_v3_large", None, None),
        ("ShuffleNetV2 1.5x", "shufflenet_v2_x1_5", None, None),
        ("SqueezeNet 1.1", "squeezenet1_1", None, None),
        ("WRN-28-10", "wide_resnet28_10", None, None),
        ("EfficientNet-B2 @ 260", "efficientnet_b2", None, 260),
        ("DenseNet-121 (k=32) [7]", "densenet121", None, None),
    ],
)
def test_names_as_people_write_them(label: str, name: str, width: float | None, side: int | None) -> None:
    found = named(label)
    assert found is not None
    assert (found.name, found.width, found.side) == (name, width, side)


@pytest.mark.parametrize("label", ["conv1", "C3", "x", "", "Total", "Swin_T", "InceptionResNetV2", "fc 4096"])
def test_what_names_no_network(label: str) -> None:
    assert named(label, "efficientnet_b0") is None


def test_the_shared_table_of_errors(shared: Path) -> None:
    """The published typo of a parameter count, and the typo's neighbours that are right."""
    with open(shared / "truth" / "known_published_errors.csv", newline="") as file:
        row = next(row for row in csv.DictReader(file) if "pycls" in row["where"])
    found = audit(f"model,params\nResNet-50,{row['published']}\nResNet-101,44.6M\n", network="resnet50")
    assert [cell.row for cell in found.wrong] == ["ResNet-50"]
    assert found.wrong[0].causes[0] == "a slip of one digit: 226 for 256"
    assert not audit(f"model,params\nResNet-50,{row['correct']}\n", network="resnet50").wrong
