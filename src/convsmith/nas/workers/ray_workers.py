"""Workers of many machines: a Ray cluster, through its core tasks."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from convsmith.errors import BadInput, ConvsmithError
from convsmith.installed import need
from convsmith.runs import to_json

from ..lesson import LessonTask
from .portable import Portable, outcome_from_json, task_to_json
from .protocol import Outcome, Pool, Task

TRIES = 4
"""How often a task is begun whose worker or machine is lost."""

ANSWERS_WITHIN = 5.0
"""Seconds in which an address accepts a connection, or there is nobody."""

HEALTHY_WITHIN = 45.0
"""Seconds in which a Ray cluster says that it is one; Ray itself would wait for minutes, in silence."""

_RECOUNTED = 1.0  # seconds between two looks at how large the cluster is


class RayWorkers(Pool):
    """Places of a Ray cluster that train at once; as many as its processors, or GPUs, allow.

    The arrays are put into the cluster's object store once, and each machine fetches them once. A task whose
    worker or machine is lost is begun again elsewhere. A machine that cannot begin (convsmith is missing
    there, a disk is full) is given nothing more. The cluster forgets the tasks of a driver that died; the
    trials that it had finished are in its run folder.

    Args:
        portable: how each makes the evaluation; convsmith must be installed on every machine.
        address: ``"local"`` begins a cluster of this machine alone; ``"auto"`` joins the one that runs here;
            else where one answers, such as ``"192.168.1.7:6379"``.
        cpus: processors of each trial.
        gpus: of each trial; may be a share of one.
        warn: is told of a machine that is given nothing more.

    Raises:
        BadInput: ray is not installed; the address does not answer; the cluster has no room for one trial.
    """

    def __init__(
        self,
        portable: Portable,
        address: str = "local",
        *,
        cpus: float = 1.0,
        gpus: float = 0.0,
        warn: Callable[[str], object] = warnings.warn,
    ) -> None:
        for name, number in (("--cpus-per-trial", cpus), ("--gpus-per-trial", gpus)):
            if not 0 <= number < 1e6 or cpus == gpus == 0:
                raise BadInput(name, f"got {number:g}", "at least 0, and not both 0", f"{name} 1")
        self._cpus, self._gpus, self._warn = cpus, gpus, warn
        self._ray = _join(address)
        self._is_ours = address == "local"
        self._unfit: set[str] = set()  # machines that cannot begin, by Ray's names
        room = self._count()
        if room < 1:
            self.close()
            has = ", ".join(f"{count:g} {name}" for name, count in sorted(self._resources().items()))
            raise BadInput(
                f"--ray {address}", f"has {has or 'nothing'}",
                f"room for one trial of {cpus:g} CPU and {gpus:g} GPU", "--cpus-per-trial 1",
            )  # fmt: skip
        self._counted, self._slots = time.monotonic(), room
        self._spec = {"make": portable.make, "settings": dict(portable.settings), "path": sys.path}
        self._spec["code"] = dict(portable.code)
        self._names = list(portable.arrays)
        self._arrays = [self._ray.put(array) for array in portable.arrays.values()]
        # What is lost is begun again here, not by Ray, which would do so for ever where memory is short.
        self._train = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_train_somewhere())
        self._running: dict[Any, Task | LessonTask] = {}
        self._tries: Counter[int] = Counter()
        self._done: deque[Outcome] = deque()

    @property
    def slots(self) -> int:
        if time.monotonic() - self._counted > _RECOUNTED:
            self._counted, self._slots = time.monotonic(), max(1, self._count())
        return self._slots

    def submit(self, task: Task | LessonTask) -> None:
        line = to_json(task_to_json(task))
        elsewhere = {"ray.io/node-id": f"!in({','.join(sorted(self._unfit))})"} if self._unfit else None
        train = self._train.options(label_selector=elsewhere)
        reference = train.remote(self._spec, line, self._names, *self._arrays)
        self._running[reference] = task
        self._tries[task.number] += 1

    def wait(self) -> Outcome:
        while not self._done:
            ready, _ = self._ray.wait(list(self._running), num_returns=1)
            self._take(ready[0])
        return self._done.popleft()

    def close(self) -> None:
        if self._is_ours:
            self._ray.shutdown()
            return
        for reference in getattr(self, "_running", {}):
            self._ray.cancel(reference, force=True)

    def _take(self, reference: Any) -> None:
        task = self._running.pop(reference)
        try:
            came = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if self._tries[task.number] < TRIES:
                self.submit(task)
            else:
                why = f"its worker was lost {TRIES} times: {type(error).__name__}"
                self._done.append(Outcome(task.number, None, 0.0, (), why))
            return
        if "unfit" in came:
            self._leave_out(came["unfit"], came["why"])
            self._tries[task.number] -= 1
            self.submit(task)
        else:
            self._done.append(outcome_from_json(came["outcome"]))
            self._tries.pop(task.number, None)  # every probe has the same number

    def _leave_out(self, number: str, why: str) -> None:
        """Give a machine nothing more.

        Raises:
            ConvsmithError: it was the last one.
        """
        last = why.strip().splitlines()[-1]
        if number in self._unfit:
            return  # it had several tasks
        self._unfit.add(number)
        if self._count() < 1:
            raise ConvsmithError(f"a worker cannot begin: {self._spec['make']}: {last}")
        name = next(node["NodeManagerHostname"] for node in self._ray.nodes() if node["NodeID"] == number)
        self._warn(f"machine {name} is given nothing more: {last}")

    def _resources(self) -> Mapping[str, float]:
        found = self._ray.cluster_resources()
        return {name: found[name] for name in ("CPU", "GPU") if found.get(name)}

    def _count(self) -> int:
        """How many trials have room at once, machine by machine."""
        places = 0
        for node in self._ray.nodes():
            if node["Alive"] and node["NodeID"] not in self._unfit:
                has = node["Resources"]
                of_each = [
                    int(has.get(name, 0) / wanted)
                    for name, wanted in (("CPU", self._cpus), ("GPU", self._gpus))
                    if wanted
                ]
                places += min(of_each)
        return places


def _train_somewhere() -> Callable[..., dict[str, Any]]:
    """What a machine does with a task.

    It travels as code, not by name, so that a machine without convsmith can still say what it lacks.
    """

    def train(spec: dict[str, Any], line: str, names: list[str], *arrays: Any) -> dict[str, Any]:
        """One task; `arrays` arrive read-only from the machine's object store."""
        import json
        import sys
        import traceback

        import ray

        try:
            sys.path += [path for path in spec["path"] if path not in sys.path]
            from convsmith.nas.workers.portable import Portable, outcome_to_json, performed

            portable = Portable(spec["make"], spec["settings"], code=spec["code"])
            evaluate = portable.build(dict(zip(names, arrays, strict=True)))
            return {"outcome": outcome_to_json(performed(evaluate, json.loads(line)))}
        except Exception:  # of a trial's own nothing comes here; a full disk does
            return {"unfit": ray.get_runtime_context().get_node_id(), "why": traceback.format_exc()}

    return train


def _join(address: str) -> Any:
    # Every machine of a cluster must say this alike; without it a second one does not start.
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    need("--ray", "ray")
    import ray

    if ray.is_initialized():
        joined = ray.get_runtime_context().gcs_address
        if address not in ("local", "auto", joined):
            came = f"this process has joined the cluster at {joined}"
            raise BadInput(f"--ray {address}", came, "the same one", "ray.shutdown() first, or --ray auto")
        return ray
    here: dict[str, Any] = {}
    if address == "local":
        here = {"include_dashboard": False}
    if address not in ("local", "auto"):
        _must_answer(address)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        last = str(error).strip().splitlines()[0]
        raise BadInput(
            f"--ray {address}", last, "a Ray cluster", "ray start --head, or --ray local"
        ) from None
    return ray


def _must_answer(address: str) -> None:
    """Say within a minute that nobody answers; `ray.init` would try for several."""
    where = f"--ray {address}"
    plain = address.removeprefix("ray://")
    host, _, port = plain.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadInput(where, "is no address", 'host:port, "auto" or "local"', "--ray 192.168.1.7:6379")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWERS_WITHIN).close()
    except OSError as error:
        why = error.strerror or str(error)
        came = f"does not answer ({why.lower()})"
        raise BadInput(where, came, "a running Ray cluster", "ray start --head, or --ray local") from None
    if address != plain:
        return
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", plain]
    try:
        checked = subprocess.run(command, capture_output=True, timeout=HEALTHY_WITHIN, check=False)
        healthy = checked.returncode == 0
    except subprocess.TimeoutExpired:
        healthy = False
    if not healthy:
        came = "answers, but not as a Ray cluster"
        raise BadInput(where, came, "the address that `ray start --head` printed", "--ray local")
