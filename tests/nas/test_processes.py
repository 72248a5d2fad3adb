"""Several workers: nothing finished is lost or done twice, nobody waits, and nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from convsmith.errors import BadInput, ConvsmithError
from convsmith.ledger.budget import Budget
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.portable import Portable
from convsmith.nas.workers.processes import Processes
from convsmith.nas.workers.protocol import Task
from convsmith.runs import Run, RunBusy
from convsmith.zoo import network

DIGITS = space("stages", (8, 8, 1), 10)
BUDGET = Budget(params=20_000)

MODULE = textwrap.dedent(
    """
    import os, signal, time, zlib
    from pathlib import Path
    from convsmith.nas.workers.protocol import Evaluation

    def make(folder, sleep=0.0, numbers=None):
        def evaluate(graph, *, epochs, seed):
            time.sleep(sleep)
            with open(Path(folder) / "calls.txt", "a") as calls:
                calls.write(f"{os.getpid()} {seed}\\n")
            total = 0.0 if numbers is None else float(numbers.sum())
            score = zlib.crc32(f"{graph.fingerprint} {epochs} {seed}".encode()) / 2**32
            return Evaluation(score, 0.01 * epochs, more={"total": total})
        return evaluate

    def make_deadly(folder, once):
        def evaluate(graph, *, epochs, seed):
            mark = Path(folder) / "died"
            if not (once and mark.exists()):
                mark.write_text("")
                os.kill(os.getpid(), signal.SIGKILL)
            return Evaluation(0.5, 1.0)
        return evaluate

    def make_loud(folder):
        def evaluate(graph, *, epochs, seed):
            for _ in range(40_000):
                print("a line of its own, over and over")
            print("the last line", flush=True)
            os.abort()
        return evaluate

    def make_prints(folder):
        print("made")
        def evaluate(graph, *, epochs, seed):
            print("a line of its own")
            raise MemoryError("no room")
        return evaluate

    def make_nothing():
        raise OSError("no such images")

    def falls(curve, epochs, history):
        return len(curve) > 1 and curve[-1] < curve[-2]

    def make_curve():
        def evaluate(graph, *, epochs, seed, on_epoch):
            for epoch in range(epochs):
                score = 0.5 - 0.1 * epoch
                if on_epoch(score):
                    break
            return Evaluation(score, 1.0)
        return evaluate
    """
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "for_workers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "for_workers"


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until and any(map(is_alive, pids)):
        time.sleep(0.02)
    return not any(map(is_alive, pids))


def test_two_workers_train_the_same_trials_as_one(module: str, tmp_path: Path) -> None:
    """With random search a trial depends on no other: the sets are equal, whoever trained them."""
    numbers = np.arange(5.0)
    portable = Portable(f"{module}:make", {"folder": str(tmp_path), "sleep": 0.01}, {"numbers": numbers})
    limit = {"budget": BUDGET, "algorithm": "random", "trials": 12, "epochs": (2, 3), "top": 2}
    one = search(DIGITS, portable.build(), **limit)
    pool = Processes(portable, 2)
    two = search(DIGITS, pool, **limit)
    of = {t.key: (t.score, t.answers, t.seed, t.more) for t in one.trials}
    assert {t.key: (t.score, t.answers, t.seed, t.more) for t in two.trials} == of
    assert two.best.answers == one.best.answers
    assert two.trials[0].more == {"total": 10.0}
    assert len({line.split()[0] for line in (tmp_path / "calls.txt").read_text().splitlines()}) == 3
    assert gone(pool.pids)


def test_a_worker_lost_once_is_a_trial_run_again(module: str, tmp_path: Path) -> None:
    pool = Processes(Portable(f"{module}:make_deadly", {"folder": str(tmp_path), "once": True}), 1)
    try:
        for _ in range(2):  # as probes do, both with the same number
            pool.submit(Task(3, network("lenet5"), 1, 0))
            assert pool.wait().evaluation.score == 0.5
            (tmp_path / "died").unlink()
    finally:
        pool.close()


def test_a_network_that_kills_every_worker_is_a_failed_trial(module: str, tmp_path: Path) -> None:
    pool = Processes(Portable(f"{module}:make_deadly", {"folder": str(tmp_path), "once": False}), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        assert pool.wait().error == "its worker was lost 2 times: killed by SIGKILL, as where memory is short"
    finally:
        pool.close()


def test_what_a_lost_worker_printed_last(module: str, tmp_path: Path) -> None:
    """Far more than a pipe holds is printed, and nobody waits for ever."""
    pool = Processes(Portable(f"{module}:make_loud", {"folder": str(tmp_path)}), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        error = pool.wait().error
    finally:
        pool.close()
    assert error == "its worker was lost 2 times: killed by SIGABRT; it printed last: the last line"


def test_what_a_training_prints_and_raises(module: str, tmp_path: Path) -> None:
    pool = Processes(Portable(f"{module}:make_prints", {"folder": str(tmp_path)}), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        outcome = pool.wait()
        assert outcome.number == 3
        assert outcome.error.strip().endswith("MemoryError: no room")
        assert "Traceback" in outcome.error
    finally:
        pool.close()


def test_a_learning_curve_ends_a_training_in_a_worker(module: str) -> None:
    import for_workers

    pool = Processes(Portable(f"{module}:make_curve"), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 9, 0, stop=for_workers.falls))
        outcome = pool.wait()
        assert outcome.curve == pytest.approx((0.5, 0.4))
        pool.submit(Task(4, network("lenet5"), 9, 0))
        assert "on_epoch" in pool.wait().error
    finally:
        pool.close()


def test_workers_that_cannot_begin_are_one_line(module: str) -> None:
    pool = Processes(Portable(f"{module}:make_nothing"), 2)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        with pytest.raises(ConvsmithError, match=r"a worker cannot begin: .*OSError: no such images"):
            pool.wait()
    finally:
        pool.close()


OWN = """
from convsmith.graph import notation as keras
from convsmith.kinds import Kind, kind

@kind
class Doubled{n}(Kind):
    def shape(self, *inputs):
        return inputs[0]

def mine(choose, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Doubled{n}()(x))
"""


def test_layers_of_ones_own_in_workers(tmp_path: Path) -> None:
    """A worker that was told the file knows its kinds; one that was not says which it lacks."""
    from convsmith.kinds import KINDS

    path = tmp_path / "mine.py"
    path.write_text(OWN.format(n=1))
    graph = space(f"{path}:mine", (8, 8, 1), 3).graph({})
    try:
        for code, wanted in (({}, None), ({str(path): path.read_text()}, 0.5)):
            pool = Processes(
                Portable("convsmith.nas.workers.portable:constant", {"score": 0.5}, code=code), 1
            )
            try:
                pool.submit(Task(3, graph, 1, 0))
                outcome = pool.wait()
                pool.submit(Task(4, network("lenet5"), 1, 0))  # the same worker goes on
                assert pool.wait().evaluation.score == 0.5
            finally:
                pool.close()
            if wanted is None:
                assert "layer kind: no 'Doubled1'" in outcome.error
                assert "SIGKILL" not in outcome.error
            else:
                assert outcome.evaluation.score == wanted
    finally:
        KINDS.remove("Doubled1")


def test_a_worker_killed_while_it_begins_is_begun_again(tmp_path: Path, module: str) -> None:
    """make_slow kills its own process the first time, before it is ready."""
    (tmp_path / "for_starts.py").write_text(
        "import os, signal\nfrom pathlib import Path\nfrom convsmith.nas.workers.portable import constant\n"
        "def make(folder, most):\n"
        "    starts = Path(folder) / 'starts'\n"
        "    starts.open('a').write('x')\n"
        "    if len(starts.read_text()) <= most:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return constant(0.5)\n"
    )
    pool = Processes(Portable("for_starts:make", {"folder": str(tmp_path), "most": 1}), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        assert pool.wait().evaluation.score == 0.5
    finally:
        pool.close()
    pool = Processes(Portable("for_starts:make", {"folder": str(tmp_path), "most": 99}), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        with pytest.raises(
            ConvsmithError, match=r"a worker ended while it began \(killed by SIGKILL.*2 times"
        ):
            pool.wait()
    finally:
        pool.close()


def test_a_worker_that_ends_by_itself_is_told_by_its_own_exit_code(module: str, tmp_path: Path) -> None:
    """Its output ends a moment before it does; that moment is waited for."""
    (tmp_path / "for_ends.py").write_text(
        "import os, time\n"
        "def make():\n"
        "    def evaluate(graph, *, epochs, seed):\n"
        "        for descriptor in range(3, 64):\n"
        "            try:\n"
        "                os.close(descriptor)\n"
        "            except OSError:\n"
        "                pass\n"
        "        time.sleep(0.2)\n"
        "        os._exit(7)\n"
        "    return evaluate\n"
    )
    pool = Processes(Portable("for_ends:make"), 1)
    try:
        pool.submit(Task(3, network("lenet5"), 1, 0))
        assert pool.wait().error == "its worker was lost 2 times: exit code 7"
    finally:
        pool.close()


def test_less_than_one_worker() -> None:
    with pytest.raises(BadInput, match="--workers: got 0; expected at least 1"):
        Processes(Portable("convsmith.nas.workers.portable:constant", {"score": 1}), 0)


DRIVER = textwrap.dedent(
    """
    import json, sys
    from convsmith.ledger.budget import Budget
    from convsmith.nas.workers.portable import Portable
    from convsmith.nas.workers.processes import Processes
    from convsmith.nas.search import search
    from convsmith.nas.spaces import space
    from convsmith.runs import Run

    folder, sleep = sys.argv[1], float(sys.argv[2])
    run = Run.find(folder, key="k") or Run.create(folder, kind="search", recipe={}, key="k")
    portable = Portable("for_workers:make", {"folder": str(folder), "sleep": sleep})
    pool = Processes(portable, 2)
    tell = lambda event: event["event"] == "trial_begins" and print(json.dumps(pool.pids), flush=True)
    search(space("stages", (8, 8, 1), 10), pool, run=run, budget=Budget(params=20_000),
           algorithm="random", trials=10, epochs=(2, 3), top=2, progress=tell)
    run.finish()
    """
)


def launch(folder: Path, sleep: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder.parent)}
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(sleep)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        # A shell lets what it starts in the background ignore Ctrl-C, and so would the driver.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def keys(folder: Path) -> list[tuple[int, str, int, float]]:
    lines = Run.open(folder / "0001").lines("trials.jsonl")
    return [(line["rung"], line["arm"], line["arm_index"], line["score"]) for line in lines]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_dies_leaves_nobody_and_loses_nothing(module: str, tmp_path: Path, how: int) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    calm = launch(whole, 0.0)
    calm.communicate()
    assert calm.returncode == 0
    driver = launch(broken, 0.3)
    pids: list[int] = []
    for line in driver.stdout:
        pids = json.loads(line)
        file = broken / "0001" / "trials.jsonl"
        if len(pids) == 2 and file.exists() and len(file.read_text().splitlines()) >= 4:
            break
    with pytest.raises(RunBusy):
        Run.resume(broken / "0001")
    driver.send_signal(how)
    driver.communicate()
    Run.resume(broken / "0001").close()  # at once: no worker holds the lock
    assert gone(pids)
    before = keys(broken)
    assert 4 <= len(before) < len(keys(whole))
    again = launch(broken, 0.0)
    again.communicate()
    assert again.returncode == 0
    assert keys(broken)[: len(before)] == before
    assert sorted(keys(broken)) == sorted(keys(whole))


def test_nobody_waits(module: str, tmp_path: Path) -> None:
    """A slow training holds up nobody: the others go on meanwhile."""
    portable = Portable(f"{module}:make", {"folder": str(tmp_path), "sleep": 0.0})
    pool = Processes(portable, 2)
    try:
        for number in range(3):
            pool.submit(Task(number, network("lenet5"), 1, number))
        for pid in [pool.pids[0]]:
            os.kill(pid, signal.SIGSTOP)
        done = {pool.wait().number for _ in range(2)}
        assert done in ({1, 2}, {0, 1}, {0, 2})
        os.kill(pool.pids[0], signal.SIGCONT)
        assert done | {pool.wait().number} == {0, 1, 2}
    finally:
        with suppress(ProcessLookupError, IndexError):
            os.kill(pool.pids[0], signal.SIGCONT)
        pool.close()
