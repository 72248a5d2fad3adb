"""What is done with runs: named, binned, gone on with, looked into, asked; longer work is a command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from . import orders, results
from .home import Home
from .jobs import DRIVING, Jobs, _object
from .pages import json_of, maybe_of
from .refusal import Refused
from .state import Studio

EXPORTS = {
    "onnx": ["model.onnx"], "keras": ["model.keras"], "int8": ["model.tflite", "--precision", "int8"],
    "c": ["model.c", "--precision", "int8"], "page": ["model.html"],
}  # fmt: skip
"""Button of the result's page -> file, and options of `export`."""
LOOKS = {
    "units": "what each unit responds to", "mistakes": "where it is wrong", "robustness": "worse images",
    "fool": "pictures that fool it", "report": "the report again",
}  # fmt: skip
"""Jobs on a finished run, by command."""
OWN_CODE = ("space.py", "network.py", "algorithm.py")
"""Files of a run that commands on it may run."""


class RunWork:
    """What a page can ask for about a run.

    Args:
        studio: what the pages stand on.
    """

    def __init__(self, studio: Studio) -> None:
        self.home, self.jobs, self.sets, self.shelf, self.answers = (
            studio.home,
            studio.jobs,
            studio.sets,
            studio.shelf,
            studio.answers,
        )

    def note(self, request: Request, sent: dict[str, Any]) -> Response:
        """Name a run, or write about it."""
        name = request.path_params["run"]
        self.shelf.write_note(name, str(sent.get("title", "")), str(sent.get("note", "")))
        return json_of(self.shelf.one(name))

    def delete(self, request: Request, sent: dict[str, Any]) -> Response:
        """Move a run to the bin."""
        return json_of({"bin": self.shelf.delete(request.path_params["run"])})

    def bin(self, request: Request, sent: dict[str, Any]) -> Response:
        """Restore a run from the bin, or empty it."""
        if sent.get("empty") is True:
            self.shelf.empty_bin()
            return json_of({"binned": []})
        return json_of({"go": f"/runs/{self.shelf.restore(str(sent.get('restore', '')))}"})

    def go_on(self, request: Request, sent: dict[str, Any]) -> Response:
        """Go on with a run that stopped, for more minutes, or to an end within fewer."""
        name = request.path_params["run"]
        path, about = self.home.run(name), self.shelf.one(name)
        if about["state"] == "running":
            raise Refused(409, f"run {name}", "is being worked on", "one that rests", "stop it first")
        if about["kind"] not in DRIVING:
            raise Refused(400, f"run {name}", f"is of '{about['kind']}'", " or ".join(DRIVING))
        self._without_code(path)
        argv = ["forge", "--resume", str(path)]
        if about["kind"] == "train":
            network = _object(path / "recipe.json").get("network")
            if not isinstance(network, str) or not re.fullmatch(r"[a-z]\w{0,60}", network):
                way = f"convsmith train NETWORK --resume {path}"
                raise Refused(400, f"run {name}", "is of a network that was a file", "one of the zoo", way)
            argv = ["train", network, "--resume", str(path)]
        more = sent.get("minutes")
        if more:
            argv.append(f"--more-minutes={orders.number(more, 'minutes', -60 * 24 * 14, 60 * 24 * 14)}")
        job = self.jobs.start(
            argv, kind=about["kind"], title=f"go on with {name}", nonce=str(sent.get("nonce", "")),
            run=name, data=None,
        )  # fmt: skip
        return json_of({"go": f"/runs/{name}", "job": job.id})

    def look(self, request: Request, sent: dict[str, Any]) -> Response:
        """Start a job on a finished run: units, mistakes, an export, ..."""
        name = request.path_params["run"]
        path = self.home.run(name)
        what, nonce = str(sent.get("what", "")), str(sent.get("nonce", ""))
        self._without_code(path)
        if what in LOOKS:
            job = self.jobs.start(
                [what, str(path)], kind=what, title=f"{name}: {LOOKS[what]}", nonce=nonce, run=name
            )
        elif what in EXPORTS:
            file, *more = EXPORTS[what]
            argv = ["export", str(path), str(path / file), *more]
            job = self.jobs.start(argv, kind="export", title=f"{name}: {file}", nonce=nonce, run=name)
        elif what == "pictures":
            argv = [
                "check",
                self.shelf.one(name)["source"],
                "--json",
                "--thumbnails",
                str(pictures_of(self.home, name)),
                "--outside",
            ]
            job = self.jobs.start(argv, kind="check", title=f"{name}: its images", nonce=nonce, run=name)
        else:
            raise Refused(400, "job", f"got {what!r:.40}", ", ".join((*LOOKS, *EXPORTS, "pictures")))
        return json_of({"job": job.to_json()})

    def cell(self, request: Request) -> Response:
        """The test images of a cell of the confusion matrix, and where their thumbnails lie."""
        name = request.path_params["run"]
        true, said = (maybe_of(request, key) for key in ("true", "said"))
        place, held = self._thumbnails(name)
        if not held:
            return json_of({"images": None})
        found = results.cell(self.home.run(name), held["labels"], held["classes"], true, said)
        for one in found[:500]:
            one["name"] = held["names"][one["row"]]
        grid = {key: held[key] for key in ("side", "across", "down", "sheets")}
        return json_of({"images": found[:500], "count": len(found), "sheets": place, "grid": grid})

    def answer(self, run: str, image: bytes) -> Response:
        """What a run's network says of an image."""
        path = self.home.run(run)
        said = self.answers.ask(path, image)
        classes = results.facts_of(path).classes
        return json_of({**said, "classes": classes if len(classes) == len(said["p"]) else []})

    def keep(self, run: str, label: str, image: bytes) -> Response:
        """Keep an image that a network was wrong about, with its label."""
        facts = results.facts_of(self.home.run(run))
        if not label.isdigit() or int(label) >= len(facts.classes):
            raise Refused(
                400, "label", f"got {label!r:.40}", f"the number of one of {len(facts.classes)} classes"
            )
        kept = self.sets.keep(run, self.shelf.one(run)["source"], facts.classes[int(label)], image)
        return json_of({"id": kept.id, "title": kept.about["title"], "go": f"/data/{kept.id}"})

    def _thumbnails(self, name: str) -> tuple[str, dict[str, Any]]:
        """Address and list of the thumbnails of a run's images; an empty list where none were made."""
        source = self.shelf.one(name)["source"]
        for one in self.sets.all():
            held = one.thumbnails() if one.source == source else {}
            if held:
                return f"/data/{one.id}/", held
        held = _object(pictures_of(self.home, name) / "images.json")
        return f"/runs/{name}/pictures/", held

    def _without_code(self, path: Path) -> None:
        """See that a command on a run would run no code that the run brings along: it may be a stranger's."""
        found = [name for name in OWN_CODE if (path / name).exists()]
        if found:
            came = f"brings code of its own ({found[0]})"
            way = "in a terminal, where you know whose it is"
            raise Refused(409, f"run {path.name}", came, "a run without", way)


def jobs_on(jobs: Jobs, run: str) -> list[dict[str, Any]]:
    """The newest jobs that are about a run."""
    return [job.to_json() for job in jobs.all()[:60] if job.about.get("run") == run]


def pictures_of(home: Home, run: str) -> Path:
    """Where the thumbnails of a run's images are, or would be."""
    data = results.facts_of(home.run(run)).data
    mark = re.sub(r"[^0-9a-f]", "", str(data.get("fingerprint", "")))[:32]
    return home.own / "pictures" / (mark or "none")
