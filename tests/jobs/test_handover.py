"""What reaches the training loop, the search and the workers: rows, seed, recipe, limits and cost."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import convsmith.data
from convsmith.engine.weights import open_weights
from convsmith.errors import BadInput
from convsmith.formats import latency, latency_table
from convsmith.jobs import search as search_module
from convsmith.jobs.forge import forge
from convsmith.jobs.options.searching import LOGS
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.search import search
from convsmith.jobs.steps.forging import STEPS as FORGING
from convsmith.jobs.steps.searching import logs
from convsmith.jobs.steps.training import STEPS as TRAINING
from convsmith.jobs.train import train
from convsmith.ledger.budget import Budget
from convsmith.nas.loop.curves import should_stop

from .conftest import COUNT, TWICE, Call, Enough, Spy, numbered, watched

SMALL: dict[str, Any] = {"size": (8, 8), "threads": 1, "quiet": True}
LIMITS: dict[str, Any] = {"max_params": 3_000, "trials": 3, "epochs": 40}


def rows(run: Path) -> dict[str, set[int]]:
    """The pictures of each part, as the run wrote them down."""
    with np.load(run / "split.npz") as kept:
        return {name: {int(row) % (COUNT - TWICE) for row in kept[name]} for name in kept.files}


def newest(runs: Path) -> Path:
    return max(path.parent for path in runs.glob("*/run.json"))


def is_whole(call: Call) -> bool:
    """Whether the images came as they are, each with its own class number."""
    x, y = numbered()
    picture = np.asarray(call.x)[:, 0, 0, 0]
    return bool((np.asarray(call.x)[..., 0] == x[picture]).all() and (np.asarray(call.y) == y[picture]).all())


# train


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Spy]:
    """A whole training, of which the loop alone is a spy's."""
    with pytest.MonkeyPatch.context() as patch:
        spy = watched(patch, ends=False)
        runs = str(tmp_path_factory.mktemp("runs"))
        return train("course_cnn", str(images), epochs=2, runs=runs, seed=3, **SMALL), spy


def test_a_training_sees_the_training_images_and_is_judged_by_the_others(
    images: Path, tmp_path: Path, spy: Spy
) -> None:
    with pytest.raises(Enough):
        train("course_cnn", str(images), runs=str(tmp_path), **SMALL)
    (call,) = spy.calls
    parts = rows(newest(tmp_path))
    assert call.pictures == parts["train"]
    validation_x, validation_y = call.options["validation"]
    seen = {int(number) for number in np.asarray(validation_x)[:, 0, 0, 0]}
    assert seen == parts["validation"]
    assert len(validation_x) == len(validation_y)
    assert not call.pictures & (parts["validation"] | parts["test"])
    assert not seen & parts["test"]
    assert is_whole(call)


def _weights(call: Call, run: Path) -> bool:
    known = open_weights(run / "weights.safetensors")
    return all(np.array_equal(call.options["weights"][name], known[name]) for name in known)


def _parts(call: Call, share: float, name: str, runs: Path) -> bool:
    with np.load(newest(runs) / "split.npz") as kept:
        return abs(len(kept[name]) / COUNT - share) < 0.04


TRAIN: dict[str, tuple[Any, Callable[[Call], bool]]] = {
    "network": ("course_cnn", lambda call: call.graph.name == "course_cnn"),
    "recipe": ("plain", lambda call: call.options["recipe"] == "plain"),
    "freeze": ("body", lambda call: (call.graph.trainable_params or 0) < (call.graph.params or 0) / 2),
    "epochs": (7, lambda call: call.options["epochs"] == 7),
    "patience": (4, lambda call: call.options["patience"] == 4),
    "until_accuracy": ("93%", lambda call: call.options["until_accuracy"] == 0.93),
    "augment": ("light", lambda call: call.options["augment"] == "light"),
    "balance": ("sampling", lambda call: call.options["balance"] == "sampling"),
    "batch_size": (11, lambda call: call.options["batch_size"] == 11),
    "optimizer": ("nadam", lambda call: call.options["optimizer"] == "nadam"),
    "learning_rate": (0.0123, lambda call: call.options["learning_rate"] == 0.0123),
    "layer_decay": (0.7, lambda call: call.options["layer_decay"] == 0.7),
    "schedule": ("linear", lambda call: call.options["schedule"] == "linear"),
    "warm_up": (0.33, lambda call: call.options["warm_up"] == 0.33),
    "weight_decay": (0.011, lambda call: call.options["weight_decay"] == 0.011),
    "loss": ("mean_squared_error", lambda call: call.options["loss"] == "mean_squared_error"),
    "label_smoothing": (0.07, lambda call: call.options["label_smoothing"] == 0.07),
    "ema": (2.5, lambda call: call.options["ema"] == 2.5),
    "size": ((14, 10, 3), lambda call: call.x.shape[1:] == (14, 10, 3)),
    "seed": (5, lambda call: call.options["seed"] == 5),
    "precision": ("bfloat16", lambda call: call.options["precision"] == "bfloat16"),
    "device": ("cpu", lambda call: call.options["device"] == "cpu"),
}  # fmt: skip
"""Option -> a value that is not its default, and what then must be true of what the loop is called with."""
ELSEWHERE = {
    "data", "runs", "resume", "quiet", "pretrained", "teacher", "temperature", "teacher_weight", "tta",
    "validation", "test", "group", "strict", "outside", "threads", "cuda_graphs",
}  # fmt: skip
"""Options of `train` with a test of their own below."""


def test_no_option_of_train_is_forgotten_here() -> None:
    parameters = inspect.signature(train).parameters
    assert set(parameters) == set(TRAIN) | ELSEWHERE
    for name, (value, _) in TRAIN.items():
        assert value != parameters[name].default


@pytest.mark.parametrize("name", [name for name in TRAIN if name != "network"])
def test_options_of_train_reach_the_loop(name: str, images: Path, tmp_path: Path, spy: Spy) -> None:
    value, arrives = TRAIN[name]
    options = SMALL
    with pytest.raises(Enough):
        train("course_cnn", str(images), runs=str(tmp_path), **options)
    with pytest.raises(Enough):
        train("course_cnn", str(images), runs=str(tmp_path), **options | {name: value})
    before, after = spy.calls
    assert TRAIN["network"][1](after)
    assert arrives(after)
    assert not arrives(before) or name == "device"
    others = {key for key, kept in before.options.items() if _plain(kept) != _plain(after.options[key])}
    follows = {"recipe": {"epochs"}, "size": {"validation"}, "seed": {"validation"}}
    assert others - {name, "checkpoint", "on_epoch"} <= follows.get(name, set())  # and nothing else changes


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return str([np.asarray(item).tobytes() for item in value])
    return str(value)


def test_known_weights_and_a_teacher_reach_the_loop(
    trained: tuple[Done, Spy], images: Path, tmp_path: Path, spy: Spy
) -> None:
    run = trained[0].path
    options = SMALL | {"runs": str(tmp_path), "seed": 3}  # the split of that run: it has seen no test image
    with pytest.raises(Enough):
        train("course_cnn", str(images), pretrained=str(run), **options | {"seed": 3})  # its own split
    with pytest.raises(Enough):
        train(
            "course_cnn", str(images), teacher=str(run), temperature=3.5, teacher_weight=0.8, **options
        )  # fmt: skip
    begun, taught = spy.calls
    assert _weights(begun, run)
    assert begun.options["teacher"] is None
    assert taught.options["weights"] is None
    teacher = taught.options["teacher"]
    assert (teacher.temperature, teacher.weight) == (3.5, 0.8)
    assert teacher.source.graph.name == "course_cnn"


def test_shares_of_the_images_and_groups_decide_the_rows(images: Path, tmp_path: Path, spy: Spy) -> None:
    for options, part, share in (
        ({"validation": 0.3}, "validation", 0.3),
        ({"test": 0.4}, "test", 0.4),
    ):
        with pytest.raises(Enough):
            train("course_cnn", str(images), runs=str(tmp_path), **SMALL, **options)
        assert _parts(spy.calls[-1], share, part, tmp_path)
    for seed in (4, 5):  # another seed, another cut
        with pytest.raises(Enough):
            train("course_cnn", str(images), seed=seed, runs=str(tmp_path), **SMALL)
    assert len({tuple(sorted(call.pictures)) for call in spy.calls[-2:]}) == 2
    names = convsmith.data.read(str(images)).names
    with pytest.raises(Enough):
        train("course_cnn", str(images), runs=str(tmp_path), group=r"\[\d?(\d\d)\]$", **SMALL)
    with np.load(newest(tmp_path) / "split.npz") as kept:
        digits = [{names[row].rstrip("]")[-2:] for row in kept[part]} for part in kept.files]
    assert all(digits)
    assert not digits[0] & digits[1]
    assert not digits[0] & digits[2]
    assert not digits[1] & digits[2]


@pytest.mark.parametrize("verb", ["train", "forge"])
def test_how_images_are_read_reaches_the_reader(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    asked: list[dict[str, Any]] = []

    def read(source: Any, **options: Any) -> None:
        asked.append({"source": source} | {name: options[name] for name in ("group", "strict", "outside")})
        raise Enough

    monkeypatch.setattr(convsmith.data, "read", read)
    begun = {"train": partial(train, "lenet5"), "forge": partial(forge, max_params=3_000)}[verb]
    for options in ({}, {"group": "a(.)"}, {"strict": True}, {"outside": True}):
        with pytest.raises(Enough):
            begun("photos", runs=str(tmp_path), **options)
    idle = {"source": "photos", "group": None, "strict": False, "outside": False}
    assert asked == [idle, idle | {"group": "a(.)"}, idle | {"strict": True}, idle | {"outside": True}]


def test_the_rest_of_train(trained: tuple[Done, Spy], images: Path, tmp_path: Path) -> None:
    done, spy = trained
    told = json.loads((done.path / "metrics.json").read_text())
    assert "tta" not in told
    assert json.loads((done.path / "threads.json").read_text())["threads"] == 1
    (call,) = spy.calls
    assert call.options["checkpoint"] == done.path / "checkpoint.safetensors"
    assert (call.options["seed"], call.options["epochs"]) == (3, 2)
    options = SMALL | {"runs": str(tmp_path)}
    with pytest.MonkeyPatch.context() as patch:
        watched(patch, ends=False)
        viewed = train("course_cnn", str(images), epochs=1, tta="flip", **options)
        assert json.loads((viewed.path / "metrics.json").read_text())["tta"]["views"] == "flip"
    with pytest.raises(BadInput, match="CUDA"):
        train("course_cnn", str(images), cuda_graphs=True, device="cpu", **options)


def test_a_rate_that_is_found_is_the_one_that_is_trained_with(
    images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convsmith.engine.train import lr_finder as rates

    asked: dict[str, Any] = {}

    def find(graph: Any, x: np.ndarray, y: np.ndarray, **options: Any) -> Any:
        asked.update(options, images=len(x))
        return SimpleNamespace(to_json=lambda: {"rate": 0.0321})

    monkeypatch.setattr(rates, "find", find)
    given = {
        "batch_size": 11, "optimizer": "nadam", "loss": "mean_squared_error", "weight_decay": 0.011,
        "layer_decay": 0.7, "label_smoothing": 0.07, "seed": 5,
    }  # fmt: skip
    with pytest.raises(Enough):
        train(
            "course_cnn",
            str(images),
            learning_rate="find",
            recipe="plain",
            runs=str(tmp_path),
            **SMALL,
            **given,
        )
    (call,) = spy.calls
    assert call.options["learning_rate"] == 0.0321
    assert asked["images"] == len(call.x)
    assert asked["recipe_name"] == "plain"
    assert {name: asked[name] for name in given} == given


# forge and search


@pytest.fixture(scope="module")
def forged(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Spy]:
    """A whole forge, of which the training loop alone is a spy's."""
    with pytest.MonkeyPatch.context() as patch:
        spy = watched(patch, ends=False)
        runs = str(tmp_path_factory.mktemp("forged"))
        options = {"seed": 3, "augment": "light", "validation": 0.45, **LIMITS, **SMALL}
        return forge(str(images), runs=runs, **options), spy


def test_candidates_are_trained_on_the_training_images_alone(forged: tuple[Done, Spy]) -> None:
    done, spy = forged
    parts = rows(done.path)
    assert len(spy.tasks) == len(done.trials)
    candidates = spy.calls[: len(spy.tasks)]
    for call, task, trial in zip(candidates, spy.tasks, done.trials, strict=True):
        assert call.pictures == parts["train"]
        assert is_whole(call)
        assert call.graph is task.graph
        assert (call.options["epochs"], call.options["seed"]) == (task.epochs, task.seed)
        assert (trial["epochs"], trial["seed"]) == (task.epochs, task.seed)
        assert call.options["augment"] == "light"
        assert call.options["weights"] is None
    assert not parts["train"] & (parts["validation"] | parts["test"])
    assert not parts["validation"] & parts["test"]


def test_the_files_of_every_step_are_there(forged: tuple[Done, Spy], trained: tuple[Done, Spy]) -> None:
    for table, (done, _) in ((FORGING, forged), (TRAINING, trained)):
        assert not [file for one in table for file in one.makes if not (done.path / file).exists()]


def test_arms_cost_the_same(forged: tuple[Done, Spy]) -> None:
    done, _ = forged
    short = [trial for trial in done.trials if trial["rung"] == 0]
    each = Counter(trial["arm"] for trial in short)
    assert each["auto"] == each["random"]  # beside what they share
    assert each["shared"] + each["auto"] == LIMITS["trials"]
    assert each["largest"] == 1
    assert {trial["epochs"] for trial in short} == {LIMITS["epochs"] // 10}
    assert {trial["epochs"] for trial in done.trials if trial["rung"] == 1} == {LIMITS["epochs"] // 2}
    assert len({trial["seed"] for trial in done.trials}) == len(done.trials)


def test_the_winner_and_its_baselines_are_trained_alike_and_never_on_test_images(
    forged: tuple[Done, Spy],
) -> None:
    done, spy = forged
    parts = rows(done.path)
    finals = spy.calls[len(spy.tasks) :]
    assert len(finals) == len({call.graph.fingerprint for call in finals}) >= 2
    spared = parts["validation"] - finals[0].pictures
    rule = json.loads((done.path / "answer_rule.json").read_text())
    with np.load(done.path / "split.npz") as kept:
        of = len(kept["validation"])
        many = sum(int(row) % (COUNT - TWICE) in spared for row in kept["validation"])
    assert 20 <= many <= of / 3  # the rule of answering is fitted on these
    assert rule["fitted_on"].startswith(f"{many} validation images that it did not learn from")
    for call in finals:
        assert call.pictures == (parts["train"] | parts["validation"]) - spared
        assert is_whole(call)
        assert call.options["epochs"] == LIMITS["epochs"] == len(call.history)
    alike = [
        {name: value for name, value in call.options.items() if name not in ("checkpoint", "on_epoch")}
        for call in finals
    ]
    assert all(one == alike[0] for one in alike)
    assert (alike[0]["seed"], alike[0]["augment"]) == (3, "light")
    assert alike[0]["validation"] is None
    assert json.loads((done.path / "graph.json").read_text()) == finals[0].graph.to_json()


def test_with_a_clock_the_winner_and_its_baselines_have_the_same_seconds(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainings of very different speeds: the cheapest network's epoch is two seconds, others' up to nine."""
    from convsmith.jobs.running import clock
    from convsmith.nas.search import search as real

    spy = watched(
        monkeypatch, ends=False,
        cost=lambda graph, count: (2 + 7 * (graph.params or 0) / 3_000) * count / COUNT,
    )  # fmt: skip
    simulated = SimpleNamespace(monotonic=lambda: spy.now)
    monkeypatch.setattr(clock, "time", simulated)
    monkeypatch.setattr("convsmith.jobs.forge.time", simulated)
    monkeypatch.setitem(real.__kwdefaults__, "now", lambda: spy.now)
    done = forge(str(images), max_params=3_000, minutes=40, runs=str(tmp_path), **SMALL)
    plans = json.loads((done.path / "finals.json").read_text())
    finals = spy.calls[-len({call.graph.fingerprint for call in spy.calls[-len(plans) :]}) :]
    assert len(finals) >= 2
    seconds = [call.seconds for call in finals]
    slowest = max(call.seconds / len(call.history) for call in finals)
    assert max(seconds) - min(seconds) <= 2 * slowest + 0.04 * max(seconds)
    assert 0.85 * 2_400 <= spy.now <= 2_400  # and all of the time is used, and no more


def _searched(spy: Spy, images: Path, runs: Path, **options: Any) -> tuple[dict[str, Any], Call]:
    """What the search is called with, and what a candidate's training then is."""
    with pytest.raises(Enough):
        forge(str(images), runs=str(runs), **{**LIMITS, **SMALL, **options})
    return spy.searches[-1], spy.calls[-1]


FORGE: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any], Call], bool]]] = {
    "max_params": ({"max_params": 2_345}, lambda found, call: found["budget"] == Budget(params=2_345)),
    "max_macs": ({"max_macs": 98_765}, lambda found, call: found["budget"].macs == 98_765),
    "max_bytes": ({"max_bytes": 11_111}, lambda found, call: found["budget"].bytes == 11_111),
    "max_memory": ({"max_memory": 9_999}, lambda found, call: found["budget"].memory == 9_999),
    "memory_model": (
        {"max_memory": 9_999, "memory_model": "fused"},
        lambda found, call: found["budget"].memory_model == "fused",
    ),
    "precision": (
        {"max_bytes": 30_000, "precision": "int8"},
        lambda found, call: found["budget"].precision == "int8" and len(found["budget"].classes) > 1,
    ),
    "device": (
        {"device": "stm32f746"},
        lambda found, call: (found["budget"].memory, found["budget"].bytes) == (320 * 1024, 1024 * 1024),
    ),
    "trials": ({"trials": 5}, lambda found, call: found["trials"] == 5),
    "epochs": ({"epochs": 70}, lambda found, call: found["epochs"] == (7, 35)),
    "space": ({"space": "chain"}, lambda found, call: found["space"].name == "chain"),
    "algorithm": ({"algorithm": "local"}, lambda found, call: found["algorithm"] == "local"),
    "option": (
        {"algorithm": "evolution", "option": ["population=3"]},
        lambda found, call: found["options"] == {"population": 3},
    ),
    "stop_early": ({"stop_early": True}, lambda found, call: found["stop"] is should_stop),
    "augment": ({"augment": "light"}, lambda found, call: call.options["augment"] == "light"),
    "size": ({"size": (10, 12, 3)}, lambda found, call: call.x.shape[1:] == (10, 12, 3)),
    "seed": ({"seed": 5}, lambda found, call: found["seed"] == 5),
}  # fmt: skip
"""Option -> options with a value that is not its default, and what must be true of the search then."""
OTHERS = {
    "data", "runs", "quiet", "minutes", "validation", "test", "group", "strict", "outside", "resume",
    "more_trials", "more_minutes", "warm_start", "plan", "workers", "ray", "cpus_per_trial",
    "gpus_per_trial", "log", "threads", "max_latency_ms", "latency_batch", "latency_table", "pretrained",
    "teacher",
}  # fmt: skip
"""Options of `forge` with a test of their own: here, in test_going_on.py and in test_pretrained_arm.py."""


def test_no_option_of_forge_is_forgotten_here() -> None:
    missing = set(inspect.signature(forge).parameters) - set(FORGE) - OTHERS
    assert not missing


@pytest.mark.parametrize("name", FORGE)
def test_options_of_forge_reach_the_search(name: str, images: Path, tmp_path: Path, spy: Spy) -> None:
    options, arrives = FORGE[name]
    assert not arrives(*_searched(spy, images, tmp_path))
    found, call = _searched(spy, images, tmp_path, **options)
    assert arrives(found, call)
    assert found["seconds"] is None
    assert found["budget"].limits
    # of the spy's own task, whatever was asked for
    assert (call.options["epochs"], call.options["seed"]) == (2, 9)


def test_shares_of_the_images_are_those_of_the_search(images: Path, tmp_path: Path, spy: Spy) -> None:
    _, call = _searched(spy, images, tmp_path, validation=0.3, test=0.1)
    parts = rows(newest(tmp_path))
    assert call.pictures == parts["train"]
    assert _parts(call, 0.3, "validation", tmp_path)
    assert _parts(call, 0.1, "test", tmp_path)


def test_a_time_reaches_the_search_as_a_part_of_itself(images: Path, tmp_path: Path, spy: Spy) -> None:
    found, _ = _searched(spy, images, tmp_path, minutes=20, trials=None, epochs=None)
    assert 0.45 * 1200 <= found["seconds"] <= 0.5 * 1200
    assert found["trials"] is None
    assert found["epochs"] is None
    assert found["fewest_epochs"] > 1


def test_latency_is_measured_as_asked_and_with_its_margin(
    images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    def measured(graph: Any, weights: Any = None, *, batch: int = 1, seconds: float = 0.5) -> Any:
        batches.append(batch)
        return SimpleNamespace(median_ms=2.0)

    monkeypatch.setattr(latency, "latency_ms", measured)
    found, call = _searched(spy, images, tmp_path, max_latency_ms=3.25, latency_batch=4)
    assert found["budget"].latency_ms == 3.25
    assert found["latency_ms"](call.graph) == pytest.approx(2.0 * 1.05)
    assert set(batches) == {4}
    _searched(spy, images, tmp_path, max_latency_ms=3.25)
    assert batches[-1] == 1


def test_the_latency_of_a_table_reaches_the_search(
    images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Table:
        machine, margin, coverage, space = "planted", 1.2, 0.95, "stages"
        of: tuple[Any, ...] = ()

        def is_of(self, space: str) -> bool:
            return True

        def check(self, *of: Any) -> None:
            Table.of = of

        def at_most_ms(self, graph: Any) -> float:
            return 1.75

    monkeypatch.setattr(latency_table, "read_table", lambda path: Table())
    found, call = _searched(spy, images, tmp_path, max_latency_ms=3, latency_table="there.json")
    assert found["latency_ms"](call.graph) == 1.75
    assert Table.of == ("stages", (8, 8, 1), 3)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"workers": 3, "threads": 2}, "processes"),
        ({"ray": "local", "cpus_per_trial": 2.0, "gpus_per_trial": 0.25, "threads": 2}, "ray"),
    ],
)
def test_workers_are_given_the_same_images(
    options: dict[str, Any], kind: str, images: Path, tmp_path: Path, spy: Spy
) -> None:
    with pytest.raises(Enough):
        forge(str(images), augment="light", runs=str(tmp_path), **{**LIMITS, **SMALL, **options})
    ((was, crew),) = spy.crews
    portable = crew["portable"]
    assert was == kind
    assert portable.settings == {"augment": "light", "threads": 2}
    with np.load(newest(tmp_path) / "split.npz") as kept:
        for part in ("train", "validation"):
            assert np.array_equal(portable.arrays[part], kept[part])
    x, y = numbered()
    assert np.array_equal(np.asarray(portable.arrays["pixels"])[..., 0], x)
    assert np.array_equal(portable.arrays["labels"], y)
    if kind == "processes":
        assert (crew["given"], crew["threads"]) == ((3,), 2)
    else:
        assert (crew["given"], crew["cpus"], crew["gpus"]) == (("local",), 2.0, 0.25)


def test_logs_that_are_asked_for_are_opened(
    images: Path, tmp_path: Path, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    for name in LOGS:

        def absent(folder: Path, name: str = name) -> Any:
            opened.append(name)
            raise Enough

        monkeypatch.setattr(logs, f"_{name}", absent)
    for log in LOGS:
        with pytest.raises(Enough):
            forge(str(images), log=log, runs=str(tmp_path), seed=len(opened), **LIMITS, **SMALL)
    assert opened == list(LOGS)


def test_earlier_runs_reach_the_search(
    forged: tuple[Done, Spy], images: Path, tmp_path: Path, spy: Spy
) -> None:
    run = forged[0].path
    found, _ = _searched(spy, images, tmp_path)
    assert not found["warm"].trials
    assert found["plan"] is None
    found, _ = _searched(spy, images, tmp_path, warm_start=str(run))
    assert not found["warm"].same  # another seed, another split
    assert {one.fingerprint for one in found["warm"].trials} == {
        one["fingerprint"] for one in forged[0].trials
    }
    found, _ = _searched(spy, images, tmp_path, warm_start=str(run), seed=3, augment="light", validation=0.45)
    assert found["warm"].same
    found, _ = _searched(spy, images, tmp_path, plan=str(run), seed=3)
    assert found["plan"] == json.loads((run / "plan.json").read_text())


def test_a_run_goes_on_with_its_own_images_only(images: Path, tmp_path: Path, spy: Spy) -> None:
    options = {**LIMITS, **SMALL, "runs": str(tmp_path)}
    with pytest.raises(Enough):
        forge(str(images), **options)
    run = newest(tmp_path)
    x, y = numbered()
    other = tmp_path / "other.npz"
    np.savez(other, x=255 - x, y=y)
    before = len(spy.searches)
    with pytest.raises(BadInput, match=r"the images in .* are not those of"):
        forge(str(other), resume=str(run), quiet=True)
    np.savez(tmp_path / "trained.npz", x=x, y=y)
    with pytest.raises(Enough):
        train("course_cnn", str(tmp_path / "trained.npz"), **SMALL, runs=str(tmp_path / "t"))
    np.savez(tmp_path / "trained.npz", x=255 - x, y=y)  # the same file, other images
    with pytest.raises(BadInput, match=r"the images in .* are not those of"):
        train("course_cnn", resume=str(newest(tmp_path / "t")), quiet=True)
    assert len(spy.searches) == before
    with pytest.raises(Enough):
        forge(resume=str(run), quiet=True)
    assert spy.searches[-1]["run"].path == run


def test_search_hands_every_option_to_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(search_module, "forged", lambda *groups: given.extend(groups))
    parameters = inspect.signature(search).parameters
    values: dict[str, Any] = {name: f"a {name}" for name in parameters}
    values |= {"hours": 2.0, "minutes": 7.0}
    search(values["space"], values["data"], **{k: v for k, v in values.items() if k not in ("space", "data")})
    found = {"data": given[0]} | {
        name: value for group in given[1:] for name, value in group.to_json().items()
    }
    assert found.pop("minutes") == 127.0
    assert found == {name: f"a {name}" for name in parameters if name not in ("hours", "minutes")}
    assert set(parameters) - set(inspect.signature(forge).parameters) == {"hours"}
    assert set(inspect.signature(forge).parameters) <= set(parameters)
