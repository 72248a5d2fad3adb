"""A registry is whole or says why it is not, every time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from convsmith.errors import BadInput, BadName
from convsmith.registry import Registry
from convsmith.runs.environment import GROUPS, offered

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


def offer(folder: Path, package: str, module: str, **points: str) -> None:
    """A package as pip leaves it: a module, and a folder that says what it offers."""
    (folder / f"{package}.py").write_text(module)
    about = folder / f"{package}-1.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    lines = [f"[{group.replace('_', '.')}]\n{point}\n" for group, point in points.items()]
    (about / "entry_points.txt").write_text("\n".join(lines))


def test_what_other_packages_offer(on_path: Path) -> None:
    offer(on_path, "kc_offers", "THING = 5\nBUILT = 6\n", kc_things="ours = kc_offers:THING")
    things: Registry[int] = Registry("thing", group="kc.things")
    things.add("own", 1)
    assert list(things) == ["ours", "own"]
    assert things["ours"] == things.find("ours") == 5


@pytest.mark.parametrize("point", ["ours = kc_bad:missing", "ours = kc_gone:x", "own = kc_bad:THING"])
def test_what_cannot_be_had_of_a_package_is_said_every_time(on_path: Path, point: str) -> None:
    offer(on_path, "kc_bad", "THING = 5\n", kc_others=point)
    things: Registry[int] = Registry("thing", group="kc.others")
    things.add("own", 1)
    for use in (lambda: things["own"], lambda: list(things)):
        with pytest.raises(
            BadInput, match=r"thing '.*' of the package kc_bad: raised .*pip uninstall kc_bad"
        ):
            use()


def test_every_registry_has_its_group(on_path: Path) -> None:
    from convsmith.data.readers import READERS
    from convsmith.insight.method import METHODS
    from convsmith.kinds import KINDS
    from convsmith.nas.algorithms import ALGORITHMS
    from convsmith.nas.spaces import SPACES
    from convsmith.zoo import NETWORKS

    six = (KINDS, NETWORKS, READERS, SPACES, ALGORITHMS, METHODS)
    assert tuple(registry._group for registry in six) == GROUPS
    assert offered() == {}
    offer(on_path, "kc_space", "", convsmith_spaces="mine = kc_space:mine")
    assert offered() == {"convsmith.spaces": {"mine": "kc_space 1.5"}}


def test_a_name_in_a_file_is_for_find_alone(tmp_path: Path) -> None:
    """What a file holds may be any text: it is looked up, and nothing is run for it."""
    file = tmp_path / "mine.py"
    file.write_text("def ours():\n    return 7\n")
    things: Registry[object] = Registry("thing")
    assert things.find(f"{file}:ours")() == 7
    file.write_text("raise SystemExit('it was run')")
    assert f"{file}:ours" not in things
    with pytest.raises(BadName):
        things[f"{file}:ours"]
    with pytest.raises(BadInput, match="it was run"):
        things.find(f"{file}:ours")
    with pytest.raises(BadInput, match=r"thing '.*none.py:ours': there is no file"):
        things.find(f"{tmp_path}/none.py:ours")


def test_what_a_file_registered_before_it_failed_is_forgotten(tmp_path: Path) -> None:
    from convsmith.nas.algorithms import ALGORITHMS

    file, before = tmp_path / "mine.py", list(ALGORITHMS)
    text = "from convsmith.nas.algorithms import ALGORITHMS\n@ALGORITHMS.register()\ndef kc_hill(): ...\n"
    file.write_text(text + "1 / 0\n")
    for _ in range(2):
        with pytest.raises(BadInput, match="raised ZeroDivisionError"):
            ALGORITHMS.find(f"{file}:kc_hill")
        assert list(ALGORITHMS) == before
    file.write_text(text)
    assert ALGORITHMS.find(f"{file}:kc_hill") is ALGORITHMS["kc_hill"]
    ALGORITHMS.remove("kc_hill")
