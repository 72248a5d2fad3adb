"""The studio's application: which address answers with what. What is behind each stands in its own file."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..device.devices import DEVICES
from ..errors import BadInput
from ..runs.files import CannotWrite
from . import course, orders, results, uploads
from .answers import Answers
from .guard import Guard, TooMuch
from .home import Home
from .inpage import network_of, script_of
from .jobs import DRIVING, Jobs, _object
from .pages import STATIC, json_of, refused, shown
from .refusal import Refused
from .sets import NAMED, ImageSet, Sets
from .shelf import Shelf
from .tail import records, tail

PHOTO = 64_000_000
"""Bytes of an image that is tried, at most."""
UPLOADS = {
    ("/data/", "/files.json"): uploads.BATCH,
    ("/data/", "/piece.json"): uploads.BATCH,
    ("/data/", "/have.json"): 64_000_000,
    ("/data/", "/fixes.json"): 64_000_000,
    ("/runs/", "/answer.json"): PHOTO,
    ("/runs/", "/keep.json"): PHOTO,
}
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
SHEET = re.compile(r"sheet-\d{4}\.jpg")


class Studio:
    """What the pages stand on.

    Args:
        home: the folders.
        at_once: jobs that may run at the same time.
    """

    def __init__(self, home: Home, at_once: int = 1) -> None:
        self.home = home
        self.jobs = Jobs(home, at_once)
        self.sets = Sets(home, self.jobs)
        self.shelf = Shelf(home, self.jobs)
        self.answers = Answers()

    # -- runs ------------------------------------------------------------------------------------------

    def runs(self, request: Request) -> Response:
        """Every run; what is being worked on stands first."""
        runs = self.shelf.all()
        runs.sort(key=lambda run: run["state"] != "running")
        jobs = [job.to_json() for job in self.jobs.all() if job.is_open]
        return shown(request, "runs.html", runs=runs, jobs=jobs, binned=self.shelf.binned())

    def run(self, request: Request) -> Response:
        """One run: while it works, what it does; afterwards, what it came to."""
        name = request.path_params["run"]
        about = self.shelf.one(name)
        job = self.shelf.driver(name)
        path = self.home.run(name)
        is_done = about["state"] == "done"
        found = results.result(path) if is_done else None
        own = job is not None and job.state == "running"
        return shown(
            request, "result.html" if is_done else "live.html", run=about, result=found,
            job=None if job is None else job.to_json(), can_stop=own, looks=LOOKS, exports=list(EXPORTS),
            jobs=self._jobs_on(name), command=self._again(name),
        )  # fmt: skip

    def live(self, request: Request) -> Response:
        """What is new of a run since the bytes that a page knows."""
        name = request.path_params["run"]
        path, about = self.home.run(name), self.shelf.one(name)
        job = self.shelf.driver(name)
        at = {key: _count(request, key) for key in ("trials", "curve", "log")}
        gen = f"{path.stat().st_ino}-{about['created']}"
        if request.query_params.get("gen", gen) != gen:
            at = dict.fromkeys(at, 0)
        log = {"lines": [], "next": 0, "more": False, "reset": False}
        return json_of({
            "gen": gen, "state": about["state"], "said": about["said"], "now": about["now"],
            "message": about["message"], "job": None if job is None else job.to_json(),
            "trials": records(path / "trials.jsonl", at["trials"]),
            "curve": records(path / "curve.jsonl", at["curve"]),
            "log": log if job is None else tail(job.path / "log", at["log"]),
        })  # fmt: skip

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
                str(self._pictures(name)),
                "--outside",
            ]
            job = self.jobs.start(argv, kind="check", title=f"{name}: its images", nonce=nonce, run=name)
        else:
            raise Refused(400, "job", f"got {what!r:.40}", ", ".join((*LOOKS, *EXPORTS, "pictures")))
        return json_of({"job": job.to_json()})

    def _without_code(self, path: Path) -> None:
        """See that a command on a run would run no code that the run brings along: it may be a stranger's."""
        found = [name for name in OWN_CODE if (path / name).exists()]
        if found:
            came = f"brings code of its own ({found[0]})"
            way = "in a terminal, where you know whose it is"
            raise Refused(409, f"run {path.name}", came, "a run without", way)

    def cell(self, request: Request) -> Response:
        """The test images of a cell of the confusion matrix, and where their thumbnails lie."""
        name = request.path_params["run"]
        true, said = (_maybe(request, key) for key in ("true", "said"))
        place, held = self._thumbnails(name)
        if not held:
            return json_of({"images": None})
        found = results.cell(self.home.run(name), held["labels"], held["classes"], true, said)
        for one in found[:500]:
            one["name"] = held["names"][one["row"]]
        grid = {key: held[key] for key in ("side", "across", "down", "sheets")}
        return json_of({"images": found[:500], "count": len(found), "sheets": place, "grid": grid})

    def _pictures(self, name: str) -> Any:
        data = results.facts_of(self.home.run(name)).data
        mark = re.sub(r"[^0-9a-f]", "", str(data.get("fingerprint", "")))[:32]
        return self.home.own / "pictures" / (mark or "none")

    def _thumbnails(self, name: str) -> tuple[str, dict[str, Any]]:
        """Address and list of the thumbnails of a run's images; an empty list where none were made."""
        source = self.shelf.one(name)["source"]
        for one in self.sets.all():
            held = one.thumbnails() if one.source == source else {}
            if held:
                return f"/data/{one.id}/", held
        held = _object(self._pictures(name) / "images.json")
        return f"/runs/{name}/pictures/", held

    def picture(self, request: Request) -> Response:
        """A sheet of thumbnails of a run's images."""
        return _sheet(self._pictures(request.path_params["run"]), request.path_params["sheet"])

    def file(self, request: Request) -> Response:
        """A file of a run to fetch: one of the table."""
        name = request.path_params["file"]
        path = self.home.run(request.path_params["run"]) / name
        if name not in results.FILES or not path.is_file() or path.is_symlink():
            raise Refused(404, f"file {name:.40}", "is not there", ", ".join(results.FILES))
        headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
        return FileResponse(path, media_type=results.FILES[name][0], filename=name, headers=headers)

    def report(self, request: Request) -> Response:
        """The run's report, which may be a stranger's: it can do nothing here."""
        path = self.home.run(request.path_params["run"]) / "report.html"
        if not path.is_file() or path.is_symlink():
            raise Refused(404, "report", "is not there", "a finished run", "wait for its end")
        policy = (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
        )
        headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
        return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)

    def network(self, request: Request) -> Response:
        """The drawing of a run's network."""
        svg = results.drawing(self.home.run(request.path_params["run"]))
        headers = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    def heatmap(self, request: Request) -> Response:
        """A heatmap, by its place among those of the run."""
        path = self.home.run(request.path_params["run"])
        rows = results.facts_of(path).explained
        at = int(request.path_params["at"])
        if at >= len(rows):
            raise Refused(404, "picture", "is not there", f"one of {len(rows)}")
        return _png(results.picture(path, f"explain/{rows[at].get('file', '')}"))

    def example(self, request: Request) -> Response:
        """An image of a class, by the class's number."""
        path = self.home.run(request.path_params["run"])
        facts = results.facts_of(path)
        at, held = int(request.path_params["at"]), facts.data.get("thumbnails") or {}
        name = held.get(facts.classes[at]) if at < len(facts.classes) and isinstance(held, dict) else None
        if not isinstance(name, str):
            raise Refused(404, "picture", "is not there", "one that the run lists")
        return _png(results.picture(path, name))

    def units(self, request: Request) -> Response:
        """What each unit of a run's network responds to."""
        name = request.path_params["run"]
        facts = results.facts_of(self.home.run(name))
        found = facts.found("explain/units/units.json")
        return shown(request, "units.html", run=self.shelf.one(name), units=found, jobs=self._jobs_on(name))

    def fool(self, request: Request) -> Response:
        """How a run's network fails: fooled on purpose, and on worse images."""
        name = request.path_params["run"]
        found = results.failures(self.home.run(name))
        return shown(request, "fool.html", run=self.shelf.one(name), found=found, jobs=self._jobs_on(name))

    def sheet_of_units(self, request: Request) -> Response:
        """The sheet of a layer, by its place."""
        path = self.home.run(request.path_params["run"])
        layers = results.facts_of(path).found("explain/units/units.json").get("layers") or []
        at = int(request.path_params["at"])
        if at >= len(layers):
            raise Refused(404, "picture", "is not there", f"one of {len(layers)}")
        return _png(results.picture(path, f"explain/units/{layers[at].get('sheet', '')}"))

    def try_it(self, request: Request) -> Response:
        """Show the network a picture."""
        name = request.path_params["run"]
        about = self.shelf.one(name)
        if about["state"] != "done" and not (self.home.run(name) / "model.onnx").is_file():
            raise Refused(
                409, f"run {name}", "has no finished network yet", "a finished run", "wait for its end"
            )
        facts = results.facts_of(self.home.run(name))
        size = list(facts.graph.input_shape) if facts.graph is not None else []
        return shown(request, "try.html", run=about, classes=facts.classes, size=size)

    def setup(self, request: Request) -> Response:
        """A run's network for the page itself; nothing where no page was exported."""
        return json_of(network_of(self.home.run(request.path_params["run"])))

    def script(self, request: Request) -> Response:
        """A script that runs a network."""
        return Response(script_of(request.path_params["name"]), media_type="text/javascript")

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

    def compare(self, request: Request) -> Response:
        """Two to eight runs side by side."""
        names = list(dict.fromkeys(request.query_params.get("runs", "").split(",")))
        if not 2 <= len(names) <= 8:
            raise Refused(400, "compare", f"got {len(names)}", "two to eight runs", "tick them in the table")
        about = [self.shelf.one(name) for name in names]
        return shown(
            request, "compare.html", runs=about, sides=results.beside([self.home.run(n) for n in names])
        )

    # -- images ----------------------------------------------------------------------------------------

    def sets_page(self, request: Request) -> Response:
        """Sets of images, and where to drop more."""
        listed = [self._set(one) for one in self.sets.all()]
        roots = [str(root) for root in self.home.roots]
        limits = {"file": uploads.FILE, "files": uploads.FILES, "batch": 8_000_000}
        return shown(request, "data.html", sets=listed, named=NAMED, roots=roots, limits=limits)

    def set(self, request: Request) -> Response:
        """One set: what the doctor says, its images, what was mended."""
        one = self.sets.get(request.path_params["set"])
        job, said = self.sets.checked(one)
        return shown(
            request, "set.html", set=self._set(one), check=said, fixes=one.fixes,
            job=None if job is None else job.to_json(), log=None if job is None else job.log(1500),
        )  # fmt: skip

    def images(self, request: Request) -> Response:
        """The list of all its images."""
        held = self.sets.get(request.path_params["set"]).thumbnails()
        if not held:
            raise Refused(404, "images", "have no thumbnails yet", "a look at them", "wait for the doctor")
        return json_of(held)

    def sheet(self, request: Request) -> Response:
        """A sheet of thumbnails."""
        one = self.sets.get(request.path_params["set"])
        return _sheet(one.path / "thumbnails", request.path_params["sheet"])

    def add_set(self, request: Request, sent: dict[str, Any]) -> Response:
        """A new set."""
        title, source = str(sent.get("title", "")), str(sent.get("source", ""))
        one = self.sets.add(str(sent.get("kind", "")), title, source)
        return json_of({"id": one.id, "go": f"/data/{one.id}"})

    def have(self, request: Request, sent: dict[str, Any]) -> Response:
        """Which files of a folder are not there yet."""
        one = self._open_set(request)
        wanted = sent.get("files")
        if not isinstance(wanted, list) or len(wanted) > uploads.FILES:
            raise Refused(
                413, "upload", "too many files", f"at most {uploads.FILES:,}", "name the folder by its path"
            )
        return json_of({"missing": uploads.missing(one.images, wanted)})

    def seal(self, request: Request, sent: dict[str, Any]) -> Response:
        """Nothing more comes: have the doctor look."""
        one = self.sets.get(request.path_params["set"])
        self.sets.seal(one)
        return json_of({"go": f"/data/{one.id}"})

    def look_again(self, request: Request, sent: dict[str, Any]) -> Response:
        """Have the doctor look once more."""
        one = self.sets.get(request.path_params["set"])
        self.sets.look(one)
        return json_of({"go": f"/data/{one.id}"})

    def mend(self, request: Request, sent: dict[str, Any]) -> Response:
        """Keep what is left out or labelled otherwise."""
        out, labels = sent.get("out"), sent.get("labels")
        if not isinstance(out, list) or not isinstance(labels, dict):
            raise Refused(400, "fixes", "are none", '{"out": [names], "labels": {name: class}}')
        return json_of(self.sets.mend(self.sets.get(request.path_params["set"]), out, labels))

    def drawn(self, request: Request, sent: dict[str, Any]) -> Response:
        """What networks of each space would cost here."""
        return json_of(self.sets.drawn(self.sets.get(request.path_params["set"])))

    def forget_set(self, request: Request, sent: dict[str, Any]) -> Response:
        """Take a set from the list; its files stay where they are."""
        self.sets.change(self.sets.get(request.path_params["set"]), gone=True)
        return json_of({"go": "/data"})

    async def files(self, request: Request) -> Response:
        """Files of a folder that is being sent."""
        one = await run_in_threadpool(self._open_set, request)
        room = uploads.Room(one.images, int(one.about.get("files", 0)))
        try:
            found = await uploads.receive(request.stream(), one.images, room)
        finally:
            self.sets.change(one, files=room.files)
        return json_of(found)

    async def piece(self, request: Request) -> Response:
        """A piece of an archive that is being sent."""
        from .sets import ARCHIVE

        one = await run_in_threadpool(self._open_set, request)
        at = await uploads.receive_piece(request.stream(), one.path / ARCHIVE, _count(request, "from"))
        return json_of({"next": at})

    def _open_set(self, request: Request) -> ImageSet:
        one = self.sets.get(request.path_params["set"])
        if one.about.get("sealed"):
            raise Refused(
                409, f"images {one.id}", "were sent whole already", "a new set", "drop the folder again"
            )
        return one

    def _set(self, one: ImageSet) -> dict[str, Any]:
        job, said = self.sets.checked(one)
        found = said.get("found") or {}
        counts = [
            sum(f["severity"] == s for f in said.get("findings", ())) for s in ("error", "warning", "note")
        ]
        return {
            "id": one.id, "title": one.about["title"], "kind": one.about["kind"], "source": one.source,
            "made": one.about["made"], "sealed": bool(one.about.get("sealed")), "can_mend": one.can_mend,
            "state": "waiting" if job is None else job.state, "images": found.get("images"),
            "classes": len(said.get("classes") or ()), "hurts": bool(said.get("hurts")), "counts": counts,
            "message": "" if job is None or job.state != "failed" else job.message(),
        }  # fmt: skip

    # -- budget and jobs -------------------------------------------------------------------------------

    def budget(self, request: Request) -> Response:
        """Choose a budget."""
        sets = [self._set(one) for one in self.sets.all()]
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
        from .jobs import shown as told

        if sent.get("start") is not True:
            return json_of({"command": told(argv)})
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

    def _jobs_on(self, name: str) -> list[dict[str, Any]]:
        return [job.to_json() for job in self.jobs.all()[:60] if job.about.get("run") == name]

    def _again(self, name: str) -> str:
        command = self.shelf.one(name)["command"]
        from .jobs import shown as told

        return told([str(word) for word in command[1:]]) if command else ""


def application(studio: Studio, *, token: str, port: int) -> Guard:
    """The application behind its guard.

    Args:
        studio: what the pages stand on.
        token: the secret of the address.
        port: that it answers at.
    """

    def get(path: str, handler: Callable[[Request], Response], *, beside: bool = True) -> list[Route]:
        async def asked(request: Request) -> Response:
            return await run_in_threadpool(handler, request)

        addresses = [path, f"{path}.json"] if beside and path != "/" else [path]
        return [Route(one, asked, methods=["GET"]) for one in addresses]

    def post(path: str, handler: Callable[[Request, dict[str, Any]], Response]) -> list[Route]:
        async def asked(request: Request) -> Response:
            try:
                sent = await request.json()
            except (ValueError, RecursionError):
                raise Refused(400, "request", "is not JSON", "an object") from None
            if not isinstance(sent, dict):
                raise Refused(400, "request", "is no object", "an object")
            return await run_in_threadpool(handler, request, sent)

        return [Route(path, asked, methods=["POST"])]

    async def answer(request: Request) -> Response:
        image = await request.body()
        return await run_in_threadpool(studio.answer, request.path_params["run"], image)

    async def keep(request: Request) -> Response:
        image, label = await request.body(), request.query_params.get("label", "")
        return await run_in_threadpool(studio.keep, request.path_params["run"], label, image)

    async def runs_json(request: Request) -> Response:
        return await run_in_threadpool(studio.runs, request)

    run = "/runs/{run}"
    routes: list[Any] = [
        *get("/", studio.runs),
        Route("/runs.json", runs_json),
        Route("/runs", lambda request: RedirectResponse("/")),
        *get("/runs/compare", studio.compare),
        *get(f"{run}/live.json", studio.live, beside=False),
        *get(f"{run}/cell.json", studio.cell, beside=False),
        *get(f"{run}/network.svg", studio.network, beside=False),
        *get(f"{run}/report", studio.report, beside=False),
        *get(f"{run}/heatmap/{{at:int}}.png", studio.heatmap, beside=False),
        *get(f"{run}/class/{{at:int}}.png", studio.example, beside=False),
        *get(f"{run}/units/{{at:int}}.png", studio.sheet_of_units, beside=False),
        *get(f"{run}/pictures/{{sheet}}", studio.picture, beside=False),
        *get(f"{run}/get/{{file}}", studio.file, beside=False),
        *get(f"{run}/try", studio.try_it),
        *get(f"{run}/setup.json", studio.setup, beside=False),
        *get("/net/{name}.js", studio.script, beside=False),
        *get(f"{run}/units", studio.units),
        *get(f"{run}/fool", studio.fool),
        Route(f"{run}/answer.json", answer, methods=["POST"]),
        Route(f"{run}/keep.json", keep, methods=["POST"]),
        *post(f"{run}/note.json", studio.note),
        *post(f"{run}/delete.json", studio.delete),
        *post(f"{run}/go-on.json", studio.go_on),
        *post(f"{run}/look.json", studio.look),
        *get(f"{run}.json", studio.run, beside=False),
        *get(run, studio.run, beside=False),
        *post("/bin.json", studio.bin),
        *get("/data", studio.sets_page),
        *post("/data/new.json", studio.add_set),
        *get("/data/{set}/images.json", studio.images, beside=False),
        Route("/data/{set}/files.json", studio.files, methods=["POST"]),
        Route("/data/{set}/piece.json", studio.piece, methods=["POST"]),
        *post("/data/{set}/have.json", studio.have),
        *post("/data/{set}/seal.json", studio.seal),
        *post("/data/{set}/look.json", studio.look_again),
        *post("/data/{set}/fixes.json", studio.mend),
        *post("/data/{set}/forget.json", studio.forget_set),
        *post("/data/{set}/drawn.json", studio.drawn),
        *get("/data/{set}/{sheet}", studio.sheet, beside=False),
        *get("/data/{set}.json", studio.set, beside=False),
        *get("/data/{set}", studio.set, beside=False),
        *get("/new", studio.budget),
        *post("/new/order.json", studio.order),
        *get("/jobs", studio.all_jobs),
        *post("/jobs/{job}/stop.json", studio.stop),
        *get("/jobs/{job}.json", studio.job, beside=False),
        *get("/jobs/{job}", studio.job, beside=False),
        *get("/help", studio.help),
        *get("/course", studio.course),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]

    async def on_refused(request: Request, error: Any) -> Response:
        return refused(request, error)

    async def on_http(request: Request, error: Any) -> Response:
        what = {404: "is not there", 405: "takes another kind of request"}.get(
            error.status_code, error.detail
        )
        return refused(
            request, Refused(error.status_code, request.url.path[:80], what, way="the list of runs")
        )

    async def on_bad(request: Request, error: Any) -> Response:
        status = 507 if isinstance(error, CannotWrite) else 400
        return refused(request, Refused(status, error.where, error.came, error.expected, error.hint))

    async def on_much(request: Request, error: Any) -> Response:
        return refused(request, Refused(413, "request", str(error), "less at once"))

    async def on_any(request: Request, error: Any) -> Response:
        way = "the same again; what runs is not touched"
        return refused(request, Refused(500, "studio", f"{type(error).__name__}: {error}"[:300], way=way))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async def ticking() -> None:
            while True:
                await asyncio.sleep(1.0)
                with suppress(Exception):  # a full disk, say: the next second may be better
                    await run_in_threadpool(studio.jobs.tick)
                    await run_in_threadpool(studio.answers.tidy)

        task = asyncio.create_task(ticking())
        yield
        task.cancel()
        studio.answers.close()

    handlers: dict[Any, Any] = {
        Refused: on_refused, HTTPException: on_http, BadInput: on_bad, TooMuch: on_much,
        ClientDisconnect: on_much, OSError: on_any, Exception: on_any,
    }  # fmt: skip
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return Guard(app, token=token, port=port, uploads=UPLOADS)


def _count(request: Request, name: str) -> int:
    text = request.query_params.get(name, "0")
    if not re.fullmatch(r"\d{1,15}", text):
        raise Refused(400, name, f"got {text!r:.40}", "a whole number")
    return int(text)


def _maybe(request: Request, name: str) -> int | None:
    return _count(request, name) if request.query_params.get(name) else None


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=60"})


def _sheet(folder: Any, name: str) -> Response:
    if not SHEET.fullmatch(name) or not (folder / name).is_file() or (folder / name).is_symlink():
        raise Refused(404, "picture", "is not there", "a sheet that the list names")
    return FileResponse(
        folder / name, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"}
    )
