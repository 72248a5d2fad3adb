"""Names from files are shown as what they are: no cursor moves, no formula, no markup; in every form."""

from __future__ import annotations

import csv
import io

import pytest

from convsmith.cli.main import run
from convsmith.printable import printable, spreadsheet_cell

NAMES = ["\x1b[31mred", "\x9b2J", "a\u202eb", "=cmd|'/c calc'!A1", "<script>alert(1)</script>", "+1+1", "@x"]


@pytest.fixture(params=NAMES)
def file(request, tmp_path):
    """A Keras model whose only layer has the name."""
    import json

    layer = {"class_name": "Dense", "config": {"name": request.param, "units": 2}}
    model = {"class_name": "Sequential", "config": {"name": request.param, "layers": [layer]}}
    path = tmp_path / "net.json"
    path.write_text(json.dumps(model))
    return str(path)


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown", "latex", "html"])
@pytest.mark.parametrize("verb", ["size", "draw", "compare", "diff"])
def test_no_form_of_any_table_passes_it(file, form, verb, capsys):
    if verb == "draw" and form not in ("text", "json"):
        return
    flags = [] if form == "text" else [f"--{form}"]
    networks = [file, file] if verb == "diff" else [file]
    code = run([verb, *networks, "--input", "3", *flags, *(["--every"] if verb == "diff" else [])])
    found = capsys.readouterr()
    assert code == 0, found.err
    assert not set(found.out) & {"\x1b", "\x9b", "\u202e"}
    if form in ("markdown", "html"):
        assert "<script>alert" not in found.out
    if form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(found.out)) for cell in row]
        assert not any(cell[:1] in ("=", "@") or cell.startswith("+1+1") for cell in cells)


def test_refusals_too(capsys):
    assert run(["size", "\x1b[31mred"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_what_is_harmless_stays():
    assert printable("224×224 – 98%\n\tü") == "224×224 – 98%\n\tü"
    assert [spreadsheet_cell(text) for text in ("-1.5e-3", "+12%", "conv1", "")] == [
        "-1.5e-3",
        "+12%",
        "conv1",
        "",
    ]
