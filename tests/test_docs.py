"""The documentation is true: its examples run, its links lead somewhere, docstrings' examples too."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import convsmith
from convsmith.cli.main import run
from convsmith.jobs.running.run_result import Done

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- not run here:[^>]*-->\n)?```(python|sh)\n(.*?)```", re.S)


def blocks(language: str) -> list[object]:
    """The examples of each page, one after the other, as a reader would try them."""
    found = []
    for page in PAGES:
        own = [
            match[3] for match in BLOCK.finditer(page.read_text()) if match[2] == language and not match[1]
        ]
        if own:
            found.append(pytest.param("\n".join(own), id=str(page.relative_to(ROOT))))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_run(code: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", blocks("sh"))
def test_commands_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "convsmith":
            assert run(words[1:]) == 0, line
        elif words:
            assert words[0] in ("make", "pip", "python"), line


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_exist(page: str) -> None:
    targets = re.findall(r"^make (\w+)", (ROOT / page).read_text(), re.M)
    assert targets
    assert all(re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M) for target in targets)


def test_contributing_is_one_screen() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 50


def test_the_light_checks_are_there() -> None:
    """What `make fast` runs exists, and before each commit runs what `make test` begins with."""
    listed = subprocess.run(
        ["make", "-s", "-f", "-", "listed"], cwd=ROOT, capture_output=True, text=True, check=True,
        input="include Makefile\nlisted:\n\t@echo $(FAST)\n",
    ).stdout.split()  # fmt: skip
    assert len(listed) > 10
    assert all((ROOT / name).exists() for name in listed)
    hooks = re.findall(
        r"entry: (\.venv/bin/\w+(?: check| format)?)", (ROOT / ".pre-commit-config.yaml").read_text()
    )
    tests = (ROOT / "Makefile").read_text().partition("\ntest:")[2].partition("\n\n")[0]
    assert len(hooks) == 3
    assert all(hook.replace(".venv/bin", "$(BIN)") in tests for hook in hooks)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(convsmith.__path__, "convsmith.")
    if not info.name.endswith("__main__")
)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What examples call `run`: a small network after one epoch."""
    runs = str(tmp_path_factory.mktemp("examples") / "runs")
    return convsmith.train("lenet5", "digits", size=(32, 32), epochs=1, threads=1, runs=runs, quiet=True)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    needs = re.search(r">>> .*\(run\b", Path(str(module.__file__)).read_text())
    given = {"run": request.getfixturevalue("finished")} if needs else {}
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE, extraglobs=given)
    assert results.failed == 0


VERBS = sorted(
    {name for name in convsmith.__all__ if name.islower()}
    - {"forge", "search", "serve", "studio", "style", "train"}
)
"""Those that take their minutes, or a browser, have their examples in the README and the how-tos."""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_an_example(verb: str) -> None:
    assert ">>> " in (getattr(convsmith, verb).__doc__ or "")


@pytest.mark.slow
def test_the_courses_program_runs() -> None:
    program = [sys.executable, str(ROOT / "examples" / "course.py"), "12"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    accuracy = float(re.search(r"test accuracy: ([\d.]+)", done.stdout)[1])  # type: ignore[index]
    assert accuracy > 0.9
