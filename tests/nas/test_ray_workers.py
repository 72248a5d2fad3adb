"""A cluster of two machines, one of them killed in mid-search: every trial is there once."""

from __future__ import annotations

import socket
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convsmith.errors import BadInput, ConvsmithError
from convsmith.ledger.budget import Budget
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers import ray_workers
from convsmith.nas.workers.portable import Portable
from convsmith.nas.workers.protocol import Task
from convsmith.runs import Run
from convsmith.zoo import network

pytest.importorskip("ray", reason="the extra convsmith[ray] is not installed")

MODULE = textwrap.dedent(
    """
    import os, time, zlib
    from convsmith.nas.workers.protocol import Evaluation

    def make(numbers, folder):
        def evaluate(graph, *, epochs, seed):
            with open(f"{folder}/calls.txt", "a") as calls:
                calls.write(f"{seed}\\n")
            with open(f"{folder}/calls.txt") as calls:
                number = len(calls.read().split())
            time.sleep(0.4)
            until = time.monotonic() + 30
            while number > 6 and os.path.exists(f"{folder}/hold") and time.monotonic() < until:
                time.sleep(0.05)
            assert not numbers.flags.writeable
            score = zlib.crc32(f"{graph.fingerprint} {epochs} {seed}".encode()) / 2**32
            return Evaluation(score, 0.01 * epochs, more={"sum": float(numbers.sum())})
        return evaluate

    def make_where_there_is_room(machine):
        if os.environ.get("MACHINE") == machine:
            raise OSError("no images here")
        return lambda graph, *, epochs, seed: Evaluation(0.5, 1.0, more={"where": os.environ.get("MACHINE")})
    """
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Begins a cluster of two machines; MODULE can be imported there."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    (tmp_path / "for_the_cluster.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Ray takes 127.0.0.1 to mean the address by which others see this machine; any other loopback stays.
    small = {"object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.2"}
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **small}
    )
    try:
        cluster.second = cluster.add_node(num_cpus=2, env_vars={"MACHINE": "second"}, **small)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_machine_dies_in_mid_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster) -> None:
    portable = Portable("for_the_cluster:make", {"folder": str(tmp_path)}, {"numbers": np.arange(100_000.0)})
    pool = ray_workers.RayWorkers(portable, cluster.address)
    slots, before = [pool.slots], []
    run = Run.create(tmp_path, kind="search", recipe={})

    hold = tmp_path / "hold"
    hold.touch()  # from the seventh on trainings do not end while it is there

    def progress(event):
        """Two of three at once are held when the machine with two places dies: it has one of them."""
        lines = run.lines("trials.jsonl") if event["event"] == "trial" else []
        if len(lines) == 6 and not before:
            before.extend(lines)
            until = time.monotonic() + 60
            while len((tmp_path / "calls.txt").read_text().split()) < 8 and time.monotonic() < until:
                time.sleep(0.05)
            cluster.remove_node(cluster.second, allow_graceful=False)
            hold.unlink()

    limit = {"budget": Budget(params=20_000), "algorithm": "random", "trials": 14, "epochs": (2, 3)}
    digits = space("stages", (8, 8, 1), 10)
    found = search(digits, pool, run=run, progress=progress, **limit)
    deadline = time.monotonic() + 150  # Ray takes a machine for dead after up to a minute of silence
    while slots[-1] != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
        slots.append(pool.slots)
    assert (slots[0], slots[-1]) == (3, 1)
    after = run.lines("trials.jsonl")
    assert len(before) == 6
    assert after[:6] == before
    assert all(trial["status"] == "ok" and trial["more"]["sum"] == 4999950000.0 for trial in after)

    def alone(graph, *, epochs, seed):
        from for_the_cluster import make

        monkeypatch.setattr("time.sleep", lambda seconds: None)
        numbers = np.arange(100_000.0)
        numbers.flags.writeable = False
        return make(numbers, tmp_path)(graph, epochs=epochs, seed=seed)

    calls = (tmp_path / "calls.txt").read_text().split()
    assert len(calls) > len(after)  # what the lost machine had was begun again
    expected = search(digits, alone, **limit)
    assert {t.key: (t.score, t.answers) for t in found.trials} == {
        t.key: (t.score, t.answers) for t in expected.trials
    }
    assert len(after) == len(found.trials) == len({trial.key for trial in found.trials})


def test_a_machine_that_cannot_begin_is_left_out(cluster) -> None:
    said: list[str] = []
    portable = Portable("for_the_cluster:make_where_there_is_room", {"machine": "second"})
    pool = ray_workers.RayWorkers(portable, cluster.address, warn=said.append)
    assert pool.slots == 3
    for number in range(9):
        pool.submit(Task(number, network("lenet5"), 1, 0))
    outcomes = [pool.wait() for _ in range(9)]
    assert sorted(one.number for one in outcomes) == list(range(9))
    assert all(one.evaluation and one.evaluation.more == {"where": None} for one in outcomes)
    assert len(said) == 1
    assert "is given nothing more: OSError: no images here" in said[0]
    pool._counted = 0.0
    assert pool.slots == 1


def test_a_cluster_of_which_no_machine_can_begin(cluster) -> None:
    pool = ray_workers.RayWorkers(
        Portable("for_the_cluster:missing"), cluster.address, warn=lambda said: None
    )
    with pytest.raises(
        ConvsmithError, match=r"a worker cannot begin: for_the_cluster:missing: AttributeError"
    ):
        pool.evaluate(network("lenet5"), epochs=1, seed=0)


def test_an_address_that_nobody_answers_at(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Portable("convsmith.nas.workers.portable:constant", {"score": 1})
    for address, text in [
        ("127.0.0.1:1", r"--ray 127.0.0.1:1: does not answer \(.*refused"),
        ("somewhere", "--ray somewhere: is no address; expected host:port"),
        ("127.0.0.1:99999", "is no address"),
    ]:
        with pytest.raises(BadInput, match=text):
            ray_workers.RayWorkers(nothing, address)
    monkeypatch.setattr(ray_workers, "HEALTHY_WITHIN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BadInput, match="answers, but not as a Ray cluster"):
            ray_workers.RayWorkers(nothing, address)


def test_numbers_that_mean_nothing() -> None:
    nothing = Portable("convsmith.nas.workers.portable:constant", {"score": 1})
    with pytest.raises(BadInput, match="--cpus-per-trial: got -1"):
        ray_workers.RayWorkers(nothing, cpus=-1)


def test_a_process_that_joined_one_cluster_does_not_pretend_to_join_another(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="10.0.0.1:6379"))
    assert ray_workers._join("10.0.0.1:6379") is ray_workers._join("auto") is ray
    with pytest.raises(BadInput, match=r"has joined the cluster at 10\.0\.0\.1:6379.*--ray auto"):
        ray_workers._join("10.0.0.2:6379")
