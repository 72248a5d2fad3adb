"""Pages that order: a budget, the command line that it comes to, jobs; and those that explain."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..device.devices import DEVICES
from . import course, orders
from .image_pages import summary
from .jobs import shown as command_line
from .pages import json_of, shown
from .refusal import Refused
from .state import Studio
from .tail import records


class OrderPages:
    """Budgets, jobs, help and the course.

    Args:
        studio: what the pages stand on.
    """

    def __init__(self, studio: Studio) -> None:
        self.home, self.jobs, self.sets, self.shelf = studio.home, studio.jobs, studio.sets, studio.shelf

    def budget(self, request: Request) -> Response:
        """Choose a budget."""
        sets = [summary(self.sets, one) for one in self.sets.all()]
        chosen = request.query_params.get("data") or (sets[0]["id"] if sets else "")
        one = next((row for row in sets if row["id"] == chosen), None)
        if chosen and one is None:
            raise Refused(404, f"images {chosen:.40}", "are not there", "one of the list", "choose images")
        check = self.sets.checked(self.sets.get(chosen))[1] if one else {}
        return shown(
            request, "budget.html", sets=sets, chosen=one, check={"found": check.get("found") or {}},
            devices={name: row.to_json() for name, row in DEVICES.items()}, choices=orders.CHOICES,
            nonce=secrets.token_hex(12),
        )  # fmt: skip

    def order(self, request: Request, sent: dict[str, Any]) -> Response:
        """The command line of what is chosen; started where that is asked for."""
        one = self.sets.get(str(sent.get("data", "")))
        source, is_outside = one.to_train_on()
        runs = str(self.home.runs)
        argv = orders.forge(sent, source, runs, outside=is_outside)
        if sent.get("start") is not True:
            return json_of({"command": command_line(argv)})
        job = self.jobs.start(
            argv, kind="forge", title=f"a network for {one.about['title']}", data=one.id,
            nonce=str(sent.get("nonce", "")),
        )  # fmt: skip
        return json_of({"go": f"/jobs/{job.id}"})

    def all_jobs(self, request: Request) -> Response:
        """Jobs: what runs, what waits, what ended."""
        return shown(request, "jobs.html", jobs=[job.to_json() for job in self.jobs.all()[:200]])

    def job(self, request: Request) -> Response:
        """One job: its log, and where its run is."""
        job = self.jobs.get(request.path_params["job"])
        return shown(request, "job.html", job=job.to_json(), log=job.log())

    def stop(self, request: Request, sent: dict[str, Any]) -> Response:
        """Ask a job to end."""
        return json_of(self.jobs.stop(request.path_params["job"]).to_json())

    def course(self, request: Request) -> Response:
        """How it works, on the images of the newest finished run, or of the one that is named."""
        runs = [run for run in self.shelf.all() if run["state"] == "done" and run["classes"]]
        wanted = request.query_params.get("run")
        run = self.shelf.one(wanted) if wanted else next(iter(runs), None)
        trials, pictures, limit = [], [], None
        if run is not None:
            lines = records(self.home.run(run["name"]) / "trials.jsonl", 0)["lines"]
            keep = ("index", "arm", "rung", "params", "score")
            kept = [t for t in lines if t.get("status") == "ok" and isinstance(t.get("params"), int)]
            trials = [{name: t.get(name) for name in keep} for t in kept][:500]
            names = run["classes"][:8]
            pictures = [{"src": f"/runs/{run['name']}/class/{k}.png", "name": n} for k, n in enumerate(names)]
            limit = run["limits"].get("max_params")
        return shown(
            request, "course.html", run=run, trials=trials, pictures=pictures, limit=limit,
            table=course.table(), compared=course.compared(),
        )  # fmt: skip

    def help(self, request: Request) -> Response:
        """Words, keys, addresses."""
        return shown(
            request, "help.html", folder=str(self.home.runs), roots=[str(r) for r in self.home.roots]
        )
