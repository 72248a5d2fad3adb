"""A registry is whole or says why it is not, every time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from convsmith.errors import BadInput, BadName
from convsmith.registry import Registry

HOME = "from convsmith.registry import Registry\nTHINGS = Registry('thing', package='{0}')\n"
ONE = "from {0} import THINGS\nTHINGS.add('{1}', 1)\n"


def package(folder: Path, name: str, **modules: str) -> Registry[int]:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(HOME.format(name))
    for module, text in modules.items():
        (folder / name / f"{module}.py").write_text(text.format(name, module))
    sys.path.insert(0, str(folder))
    try:
        return __import__(name).THINGS
    finally:
        sys.path.remove(str(folder))


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_module_that_cannot_be_imported_is_said_every_time(on_path: Path) -> None:
    things = package(on_path, "kc_broken", a=ONE, b="import nothing_of_this_name\n", c=ONE)
    for use in (lambda: things["c"], lambda: "c" in things, lambda: list(things), lambda: len(things)):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
            use()


def test_an_interrupted_filling_goes_on_the_next_time(on_path: Path) -> None:
    text = "import os\nif os.environ.pop('KC_STOP', ''):\n    raise KeyboardInterrupt\n" + ONE
    things = package(on_path, "kc_stopped", a=ONE, b=text, c=ONE)
    import os

    os.environ["KC_STOP"] = "1"
    with pytest.raises(KeyboardInterrupt):
        list(things)
    assert list(things) == ["a", "b", "c"]


def test_modules_that_need_each_others_things(on_path: Path) -> None:
    things = package(on_path, "kc_friends", a="import {0}.b\n" + ONE + "THINGS['b']\n", b=ONE)
    assert list(things) == ["a", "b"]
    with pytest.raises(BadName, match="no 'c'"):
        things["c"]
    with pytest.raises(BadInput, match="registered twice"):
        things.add("a", 2)
    things.remove("a")
    things.add("a", 2)
    assert things["a"] == 2
