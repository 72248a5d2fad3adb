"""The page of a run: whole, self-contained, escaped, and partial where the run is."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from convsmith.errors import BadInput
from convsmith.reports import report
from convsmith.reports.card import text as card_text
from convsmith.reports.facts import read
from convsmith.reports.page import SECTIONS
from convsmith.runs import Run
from convsmith.runs.run import NotARun, OtherVersion

RunFolder = Callable[..., Path]
VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    '" onload="x',
    "a&b|c`d`",
    "{{ 7*7 }}",
    "π—猫",
    "]]>",
    "../up",
    "-",
    "x" * 120,
]


class Page(HTMLParser):
    """The elements of a page; complains where one is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> is misplaced"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(folder: Path) -> Page:
    page = Page(report(folder).read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_other_days_stand_beside_the_test(run_folder: RunFolder) -> None:
    folder = run_folder()
    text = page_of(folder).text
    for said in (
        "more than chance (Fisher's exact test)", "which turns 11.2% away; of the others 97.8% are right",
        "from 97.0% to 81.0%", "from 10.0% to 30.0%", "3 images cannot be read", "+1.50",
    ):  # fmt: skip
        assert said in text, said


def test_every_section_of_a_finished_run_is_there(run_folder: RunFolder) -> None:
    folder = run_folder()
    page = page_of(folder)
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections == [module.__name__.rsplit(".", 1)[1] for module in SECTIONS]
    for module in SECTIONS:
        assert module.TITLE in page.text
    assert "Not everything could be read" not in page.text


def test_figures_on_the_page_are_those_of_the_files(run_folder: RunFolder) -> None:
    folder = run_folder()
    text = page_of(folder).text
    metrics = json.loads((folder / "metrics.json").read_text())
    wrong = sum(row["n"] - row["correct"] for row in metrics["per_class"])
    assert f"360 test images, {wrong} wrong." in text
    assert f"{metrics['test_accuracy'] * 100:.1f}%" in text
    assert f"{metrics['params']:,} parameters" in text
    assert "Budget kept" in text
    assert "20,000" in text
    for fact in (
        "5/torn.jpg",
        "image file is truncated",
        "2 identical to another image, such as 1/a.png = 1/b.png",
        "2 min 58 s",
        "4.1×10¹¹",
    ):
        assert fact in text
    assert "convsmith forge digits --max-params 20k --minutes 3" in text
    assert "(3×3×20 + 1)×48" in text
    assert "their rank correlation with these falls to 0.08, over 6 maps" in text
    assert "The network knows something: 95.0% of its test images right, 10.0% by chance." in text
    assert (
        "The marked places are not shown to matter to the answer: correlation with what covering does 0.08, "
        "turned and moved maps 0.01 (p = 0.124)." in text
    )
    assert "The maps belong to their images (p = 0.002)." in text
    assert "3 of 4 checks passed on 6 images" in text
    assert (
        "Its confidence is 8.0 points off on average, 2.0 points once the logits are divided by 1.40" in text
    )
    assert "Least right: brightness from 10 to 90: 80.0% of 50 images." in text
    assert "conv 20 1 0 −12.0 points" in text
    assert "Rank correlation with the maps of occlusion 0.44" in text


def test_the_page_asks_for_nothing(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    folder = run_folder()
    text = report(folder).read_text(encoding="utf-8")
    page = Page(text)
    assert re.findall(r"https?://|//[a-z]+\.[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)) == []
    assert not page.all("script")
    assert not page.all("link")
    assert "@import" not in text
    assert "url(" not in text
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href", "srcset", "data", "xlink:href", "action"):
            if name in attributes:
                assert str(attributes[name]).startswith(("data:image/", "#")), (tag, attributes)
    policy = next(a for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in str(policy["content"])


def test_pictures_travel_with_the_page(run_folder: RunFolder) -> None:
    folder = run_folder()
    images = page_of(folder).all("img")
    fooled = 3 * 4 + 1 + 1 + 3 + 3  # galleries, an example, a kind, three corruptions, three of style
    understood = 3 + 2  # three pictures of mistakes; filters and a sheet of units
    assert (
        len(images) == 10 + 1 + 10 + fooled + understood
    )  # a thumbnail per class, the drawing, ten heatmaps
    for image in images:
        if str(image["src"]).startswith("data:image/svg+xml"):
            assert image["alt"]
            continue
        content = base64.b64decode(str(image["src"]).partition(",")[2])
        assert Image.open(io.BytesIO(content)).size == (int(image["width"] or 0), int(image["height"] or 0))


def test_accessible(run_folder: RunFolder) -> None:
    page = page_of(run_folder())
    assert page.all("html")[0]["lang"] == "en"
    assert all(image.get("alt") for image in page.all("img"))
    for drawing in page.all("svg"):
        assert drawing.get("aria-hidden") == "true" or drawing.get("aria-label"), drawing
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    assert {a["href"] for a in page.all("a")} <= {f"#{name}" for name in names}
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_hostile_class_names_are_only_text(run_folder: RunFolder) -> None:
    folder = run_folder(classes=HOSTILE)
    page = page_of(folder)
    assert not page.all("script")
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    for name in HOSTILE:
        assert " ".join(name.split()) in page.text
    assert "49" not in re.findall(r">\s*49\s*<", report(folder).read_text())


def test_hostile_layer_names_and_errors_are_only_text(run_folder: RunFolder) -> None:
    folder = run_folder()
    graph = json.loads((folder / "graph.json").read_text().replace("softmax", "<script>x"))
    graph["nodes"][-1]["settings"]["activation"] = "softmax"
    (folder / "graph.json").write_text(json.dumps(graph))
    page = page_of(folder)
    assert not page.all("script")
    assert "<script>x" in page.text
    assert "loss is not finite <nan>" in page.text


@pytest.mark.parametrize("many", [2, 24, 25, 100])
def test_confusion_matrix_of_few_and_of_many_classes(run_folder: RunFolder, many: int) -> None:
    folder = run_folder(classes=[f"class {k}" for k in range(many)], n_each=20)
    page = page_of(folder)
    confusion = json.loads((folder / "metrics.json").read_text())["confusion"]
    if many <= 24:
        cells = [
            a for tag, a in page.elements if tag == "td" and re.match("right|wrong", a.get("class") or "")
        ]
        assert len(cells) == many * many
        off = sum(1 for i, row in enumerate(confusion) for j, n in enumerate(row) if n and i != j)
        assert sum(1 for a in cells if a["class"] == "wrong") == off
    else:
        cells = [a for a in page.all("rect") if a.get("class") in ("right", "wrong")]
        assert len(cells) == sum(1 for row in confusion for n in row if n)
    assert len(report(folder).read_bytes()) < 1_500_000


@pytest.mark.parametrize("absent", ["run", "recipe", "data", "graph", "env", "trials", "search", "history",
                                    "metrics", "explain/explain", "export"])  # fmt: skip
def test_whatever_is_absent_is_left_out(run_folder: RunFolder, absent: str) -> None:
    folder = run_folder()
    for suffix in (".json", ".jsonl"):
        (folder / f"{absent}{suffix}").unlink(missing_ok=True)
    assert "could be read" not in page_of(folder).text.replace("Images that could not be read", "")


@pytest.mark.parametrize("kept", ["run", "recipe", "data", "graph", "env", "trials", "search", "history",
                                  "metrics", "explain/explain", "export"])  # fmt: skip
def test_one_file_alone_makes_a_page(run_folder: RunFolder, kept: str) -> None:
    folder = run_folder()
    for file in [*folder.glob("*.json*"), folder / "explain" / "explain.json"]:
        if file.relative_to(folder).with_suffix("").as_posix() != kept:
            file.unlink()
    if kept == "explain/explain":
        with pytest.raises(NotARun, match=r"holds no run\.json"):
            report(folder)
    else:
        page_of(folder)


def test_torn_and_foreign_files_are_named_and_cost_only_their_part(run_folder: RunFolder) -> None:
    folder = run_folder()
    (folder / "metrics.json").write_text('{"test_accuracy": 0.9')
    (folder / "env.json").write_text("[1]")
    (folder / "data.json").write_text('{"classes": 3}')
    (folder / "graph.json").write_text('{"format": 99}')
    with (folder / "trials.jsonl").open("a") as file:
        file.write('{"index": 7, "sco')
    page = page_of(folder)
    for line in (
        "metrics.json cannot be read",
        "env.json holds a list",
        "the part 'data' is left out",
        "format 99",
    ):
        assert line in page.text
    assert "trials.jsonl" not in page.text.partition("The search")[0]  # a torn last line is nothing unusual
    assert "Best trials" in page.text


def test_pictures_from_outside_the_folder_are_refused(run_folder: RunFolder) -> None:
    folder = run_folder()
    Image.new("L", (4, 4)).save(folder.parent / "secret.png")
    (folder / "text.png").write_text("no picture")
    facts = read(folder)
    assert facts.picture("explain/0000.png") is not None
    for name in ("../secret.png", str(folder.parent / "secret.png"), "text.png", "absent.png", "explain"):
        assert facts.picture(name) is None


def test_no_run_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no run\.json; expected a run folder such as runs/0001"):
        report(tmp_path)
    with pytest.raises(NotARun, match="does not exist"):
        report(tmp_path / "absent")
    (tmp_path / "run.json").write_text('{"format": 99}')
    with pytest.raises(OtherVersion, match="format 99"):
        report(tmp_path)


def test_a_run_that_has_just_begun_and_a_run_object(tmp_path: Path) -> None:
    with Run.create(tmp_path, kind="forge", recipe={"data": "photos/cats & dogs", "seed": 3}) as run:
        page = page_of(run)  # type: ignore[arg-type]
    assert "This run is not finished" in page.text
    assert "A network for cats & dogs" in page.text


def test_budget_not_kept_is_said(run_folder: RunFolder) -> None:
    folder = run_folder()
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["budget"]["macs"] = {"limit": 100, "value": 150, "kept": False}
    metrics["budget_kept"] = False
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(folder).text
    assert "Budget not kept: multiply-adds (MACs) per image" in text
    assert "150% over" in text


def test_a_network_that_learned_too_little_for_a_heatmap_is_said(run_folder: RunFolder) -> None:
    folder = run_folder()
    little = "this network learned too little for any map to mean something"
    knows = {"untouched": True, "right": 12, "of": 100, "chance": 0.1}
    tests = [{"name": "learned", "passed": False, "images": 6, "figures": knows, "says": little}]
    found = {"tests": tests, "badge": f"not shown: {little}"}
    (folder / "explain" / "evidence.json").write_text(json.dumps(found))
    text = page_of(folder).text
    assert f"not shown: {little}." in text
    assert "The network learned too little for any map to mean something." in text


def test_refused_heatmaps_are_said(run_folder: RunFolder) -> None:
    folder = run_folder()
    (folder / "explain" / "explain.json").write_text("[]")
    (folder / "explain" / "evidence.json").write_text('{"refused": "<i>no convolution"}')
    assert "No heatmaps: <i>no convolution" in page_of(folder).text


def test_reports_load_neither_torch_nor_keras() -> None:
    heavy = "{'torch', 'keras', 'numpy', 'PIL', 'matplotlib'}"
    code = f"import convsmith.reports, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_search_is_the_runs_own_network_and_a_baseline_that_won_is_said_so(run_folder: RunFolder) -> None:
    folder = run_folder()
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["baselines"]["search"]
    metrics["baselines"]["random"] |= {
        name: metrics[name] for name in ("test_accuracy", "interval", "params")
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    search = json.loads((folder / "search.json").read_text()) | {"winner_arm": "random"}
    (folder / "search.json").write_text(json.dumps(search))
    text = page_of(folder).text
    assert "It is what random search found: nothing else tried did better" in text
    assert "It beat the largest candidate" in text


@pytest.mark.parametrize(
    ("recipe", "says", "never"),
    [
        ({"minutes": 5.0}, ["equally many seconds of training", "that there is time to train: "], ["knew"]),
        (
            {"minutes": None, "trials": 9},
            ["equally many short trainings"],
            ["seconds of training", "time to train"],
        ),
        ({"minutes": 5.0, "warm_start": "runs/0001"}, ["alone also knew the trials of an earlier one"], []),
    ],
)
def test_what_the_searches_had_alike_is_said(
    run_folder: RunFolder, recipe: dict[str, object], says: list[str], never: list[str]
) -> None:
    folder = run_folder()
    known = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(known | recipe))
    text = page_of(folder).text
    assert all(words in text for words in says)
    assert not any(words in text for words in never)


def test_how_much_of_the_budget_the_largest_candidate_uses(run_folder: RunFolder) -> None:
    folder = run_folder()
    search = json.loads((folder / "search.json").read_text())
    search |= {"largest_capped": True, "budget": {"params": 100_000}}
    (folder / "search.json").write_text(json.dumps(search))
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["baselines"]["largest"]["params"] = 47_506
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(folder).text
    assert "keeps the budget and that there is time to train: 47,506 of 100,000 parameters." in text
    (folder / "search.json").write_text(json.dumps(search | {"largest_capped": False}))
    assert "the largest network of the space that keeps the budget: 47,506" in page_of(folder).text


def test_a_supernet_is_named_with_its_alarms(run_folder: RunFolder) -> None:
    folder = run_folder()
    search = json.loads((folder / "search.json").read_text())
    search["learnt"] = {
        "steps": 1200, "seconds": 61.5, "supernet": {"params": 1_713_530, "macs": None},
        "alarm": ["83% of the cell's operations are skip connections"], "notes": ["number 5 is the first"],
    }  # fmt: skip
    (folder / "search.json").write_text(json.dumps(search))
    text = page_of(folder).text
    assert "1,200 steps in 61.5 s of a supernet with 1,713,530 parameters, which is no candidate" in text
    assert "alarm: 83% of the cell's operations are skip connections; number 5 is the first" in text


def test_arms_that_found_the_same_network(run_folder: RunFolder) -> None:
    folder = run_folder()
    search = json.loads((folder / "search.json").read_text())
    search["finalists"] = [
        {"arm": arm, "fingerprint": "f"} for arm in (search["algorithm"], "random", "largest")
    ]
    (folder / "search.json").write_text(json.dumps(search))
    text = page_of(folder).text
    assert "It is also what random search found." in text
    assert "It is also the largest candidate." in text


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        ({"minutes": 20.0}, "--more-minutes 60"),
        ({"minutes": None, "trials": 7}, "--more-trials 21"),
    ],
)
def test_what_is_no_better_than_chance_is_said_first(
    run_folder: RunFolder, recipe: dict[str, object], wanted: str
) -> None:
    folder = run_folder()
    known = json.loads((folder / "recipe.json").read_text())
    (folder / "recipe.json").write_text(json.dumps(known | recipe))
    assert "No better than chance:" not in page_of(folder).text
    metrics = json.loads((folder / "metrics.json").read_text())
    counts = [row["n"] for row in metrics["per_class"]]
    share = max(counts) / sum(counts)
    metrics |= {"test_accuracy": share, "interval": [share - 0.05, share + 0.05]}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(folder).text
    assert text.index("No better than chance") < text.index("test images right")
    assert f"convsmith forge --resume {folder} {wanted}" in " ".join(text.split())
    said = card_text(read(folder))
    assert said.index("No better than chance") < said.index("test images right")


def test_a_training_takes_what_its_last_epoch_says(run_folder: RunFolder) -> None:
    """Each line of history.jsonl has the seconds since the training began."""
    assert "32 s, 0.8 s an epoch" in page_of(run_folder()).text
