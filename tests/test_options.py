"""Options: one definition each, from which signatures, types, help, recipes and descriptions come."""

from __future__ import annotations

import ast
import inspect
import json
import runpy
from collections import Counter
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

import convsmith
from convsmith.errors import BadInput, BadName
from convsmith.jobs.options.common import Running
from convsmith.jobs.options.effort import Hours, More
from convsmith.jobs.options.forge import ForgeOptions
from convsmith.jobs.options.searching import Crew
from convsmith.jobs.options.train import TrainOptions
from convsmith.options import EMPTY, Choices, Options, Words, define, options_in
from convsmith.runs import to_json
from convsmith.signatures import composed, described, options_of
from convsmith.units import Count
from convsmith.verbs import CLASSES, COMMANDS, PYTHON, VERBS, describe

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "src" / "convsmith" / "__init__.pyi"
WHOLE = (ForgeOptions, TrainOptions, Hours, More, Crew, Running)

FORGE_RECIPE = {
    "max_params", "max_macs", "max_bytes", "max_memory", "max_latency_ms", "memory_model", "precision",
    "device", "latency_batch", "latency_table", "minutes", "trials", "epochs", "space", "algorithm", "option",
    "stop_early", "augment", "pretrained", "teacher", "size", "validation", "test", "group", "strict",
    "outside", "seed", "threads", "plan", "warm_start",
}  # fmt: skip
TRAIN_RECIPE = {
    "network", "recipe", "pretrained", "freeze", "epochs", "patience", "until_accuracy", "augment", "tta",
    "balance", "batch_size", "optimizer", "learning_rate", "layer_decay", "schedule", "warm_up",
    "weight_decay", "loss", "label_smoothing", "ema", "teacher", "temperature", "teacher_weight", "size",
    "validation", "test", "group", "strict", "outside", "seed", "precision", "device", "cuda_graphs",
    "threads",
}  # fmt: skip
"""The keys of recipe.json: runs are found again by them."""


def test_recipes_have_the_keys_by_which_runs_are_found_again() -> None:
    assert set(ForgeOptions().to_json()) == FORGE_RECIPE
    assert set(TrainOptions().to_json()) == TRAIN_RECIPE


@pytest.mark.parametrize("group", WHOLE)
def test_every_option_is_defined_once_and_described(group: type[Options]) -> None:
    options = options_in(group)
    assert [one.name for one in options] != []
    assert max(Counter(one.name for one in options).values()) == 1
    assert {one.name for one in options} == {one.name for one in fields(group)}
    homes = [home for home in group.__mro__ if home is not Options and issubclass(home, Options)]
    written = Counter(name for home in homes for name in vars(home).get("__annotations__", ()))
    assert max(written.values()) == 1  # no group takes back what another says
    for one in options:
        assert one.words.doc.rstrip().endswith("."), one.name
        assert one.default is not MISSING
        if one.words.choices is not None and one.default is not None:
            assert one.default in one.words.choices.names
        for limit in (one.words.least, *(one.words.span or ())[:1]):
            assert limit is None or not isinstance(one.default, int | float) or one.default >= limit


@pytest.mark.parametrize("group", [ForgeOptions, TrainOptions])
def test_a_recipe_gives_its_options_back(group: type[Options]) -> None:
    given: dict[str, Any] = {"seed": 7, "size": (8, 9), "augment": "light", "test": 0.3, "pretrained": "none"}
    options = group(**given)
    again = group.of(json.loads(to_json(options.to_json())))
    assert again.to_json() == options.to_json() | {"size": [8, 9]}
    aged = group.of({"seed": 7})
    assert (aged.pretrained, aged.teacher, aged.validation) == ("none", "none", 0.15)  # type: ignore[attr-defined]
    assert group.of({}).to_json() == group().to_json() | {
        name: "none" for name in ("pretrained", "teacher", "balance") if name in group().to_json()
    }


def test_types_for_editors_are_those_of_the_groups() -> None:
    text = runpy.run_path(str(ROOT / "docs" / "write_signatures.py"))["written"]()
    assert text == STUB.read_text(encoding="utf-8"), "run python docs/write_signatures.py"
    tree = ast.parse(text)
    written = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    imported = {name.asname for one in tree.body if isinstance(one, ast.ImportFrom) for name in one.names}
    assert set(written) == {"forge", "search", "train"}
    imported |= {ast.unparse(one.targets[0]) for one in tree.body if isinstance(one, ast.Assign)}
    assert {*PYTHON, *CLASSES} <= set(written) | imported
    for name, one in written.items():
        verb = getattr(convsmith, name)
        signature = inspect.signature(verb)
        arguments = [*one.args.args, *one.args.kwonlyargs]
        names = [each.arg for each in arguments]
        assert names == list(signature.parameters)
        notes = [ast.unparse(each.annotation) for each in arguments if each.annotation]
        plain = [note.replace("builtins.list", "list") for note in notes]
        assert plain == [each.annotation for each in signature.parameters.values()]
        assert ast.get_docstring(one) == inspect.getdoc(verb)
        assert all(f"\n    {each}: " in verb.__doc__ for each in names)


def test_the_package_offers_the_verbs_of_the_table() -> None:
    assert {*convsmith.__all__, "list"} == {*PYTHON, *CLASSES} <= set(dir(convsmith))
    assert {"check", "trials", "latency_table"} <= set(PYTHON)
    assert {"read", "fit"} <= set(PYTHON) - set(COMMANDS)
    with pytest.raises(AttributeError, match="no attribute 'frge'"):
        _ = convsmith.frge
    for name, verb in PYTHON.items():
        assert callable(getattr(convsmith, name))
        assert getattr(convsmith, name) is verb.function


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_describes_its_options(name: str) -> None:
    found = json.loads(to_json(describe(name)))
    assert found["doc"]
    assert found["help"]
    signature = inspect.signature(VERBS[name].function)
    assert [one["name"] for one in found["options"]] == list(signature.parameters)
    kinds = {"text", "whole number", "number", "count", "bytes", "size", "yes or no", "texts", "api"}
    for one in found["options"]:
        assert one["type"] in kinds
        assert one["required"] is (signature.parameters[one["name"]].default is EMPTY)
        assert one["group"] == "" or found["groups"][one["group"]]
    if name in COMMANDS:
        assert all(one["doc"] for one in found["options"] if one["type"] != "api")


def test_a_description_says_what_a_form_needs() -> None:
    found = {one["name"]: one for one in describe("train")["options"]}
    assert found["network"]["required"]
    assert found["network"]["flag"] is None
    assert "adamw" in found["optimizer"]["choices"]
    assert found["batch_size"]["least"] == 1
    assert (found["epochs"]["type"], found["epochs"]["unit"], found["epochs"]["optional"]) == (
        "whole number", "epochs", True,
    )  # fmt: skip
    assert found["warm_up"]["span"] == [0, 1]
    found = {one["name"]: one for one in describe("forge")["options"]}
    assert (found["max_params"]["type"], found["max_bytes"]["type"]) == ("count", "bytes")
    assert found["precision"]["choices"] == ["float32", "int8"]
    assert found["strict"]["type"] == "yes or no"
    with pytest.raises(BadName, match="did you mean 'forge'"):
        describe("frge")


@dataclass(frozen=True, kw_only=True)
class Chance(Options):
    """By which numbers."""

    seed: int = define(0, "of every random number.", least=0)
    way: str = define("fast", "how.", choices=Choices("", "fast", "slow"), before="slow", once="manner")

    def check(self) -> None:
        """Refuse haste with a seed."""
        if self.seed == 13:
            raise BadInput("--seed", "got 13", "luck")


@dataclass(frozen=True, kw_only=True)
class Dice(Chance):
    """Dice too."""

    dice: Count | None = define(None, "how many dice.", unit="dice")


Place = Annotated["str | Path", Words("where they fall.")]


@composed
def roll(where: Place, *, dice: Dice, mode: Literal["a", "b"] = "a") -> tuple[Any, ...]:
    """Roll dice.

    Args:
        mode: of rolling.

    Returns:
        All of it.
    """
    return where, dice, mode


def test_groups_become_one_signature() -> None:
    assert [str(one) for one in inspect.signature(roll).parameters.values()] == [
        "where: 'str | Path'", "seed: 'int' = 0", "way: 'str' = 'fast'", "dice: 'Count | None' = None",
        "mode: \"Literal['a', 'b']\" = 'a'",
    ]  # fmt: skip
    assert roll("here", seed=3, mode="b") == ("here", Dice(seed=3), "b")
    assert roll(where="here") == ("here", Dice(), "a")
    assert inspect.getdoc(roll) == (
        "Roll dice.\n\nArgs:\n    mode: of rolling.\n    where: where they fall.\n    seed: of every random "
        "number.\n    way: how.\n    dice: how many dice.\n\nReturns:\n    All of it."
    )
    assert [one.group for one in options_of(roll)] == ["", "Chance", "Chance", "Dice", ""]
    assert described(roll)["groups"] == {"Chance": "By which numbers.", "Dice": "Dice too."}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sede": 3}, r"roll\(\) got an unexpected keyword argument 'sede'; did you mean 'seed'\?"),
        ({"where": "there"}, "roll.. multiple values for argument 'where'"),
    ],
)
def test_a_wrong_argument_is_said_as_python_says_it(given: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        roll("here", **given)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": -1}, "--seed: got -1; expected at least 0"),
        ({"seed": True}, "--seed: got True"),
        ({"seed": "many"}, "--seed: got many"),
        ({"seed": float("nan")}, "--seed: got nan"),
        ({"way": "fst"}, "--way: no 'fst'; did you mean 'fast'"),
        ({"seed": 13}, "expected luck"),
    ],
)
def test_what_means_nothing_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Dice(**options).checked()
    assert Dice(way="SLOW", seed=2).checked() == Dice(way="slow", seed=2)
