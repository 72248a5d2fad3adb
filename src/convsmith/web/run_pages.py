"""Pages about runs: the table, one while it works and when it is done, several side by side, their files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from . import results
from .inpage import network_of, script_of
from .jobs import shown as command_line
from .pages import count_of, json_of, png_of, sheet_of, shown
from .refusal import Refused
from .run_work import EXPORTS, LOOKS, jobs_on, pictures_of
from .state import Studio
from .tail import records, tail


class RunPages:
    """What is shown of runs.

    Args:
        studio: what the pages stand on.
    """

    def __init__(self, studio: Studio) -> None:
        self.home, self.jobs, self.shelf = studio.home, studio.jobs, studio.shelf

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
            jobs=jobs_on(self.jobs, name), command=self._again(name),
        )  # fmt: skip

    def live(self, request: Request) -> Response:
        """What is new of a run since the bytes that a page knows."""
        name = request.path_params["run"]
        path, about = self.home.run(name), self.shelf.one(name)
        job = self.shelf.driver(name)
        at = {key: count_of(request, key) for key in ("trials", "curve", "log")}
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

    def compare(self, request: Request) -> Response:
        """Two to eight runs side by side."""
        names = list(dict.fromkeys(request.query_params.get("runs", "").split(",")))
        if not 2 <= len(names) <= 8:
            raise Refused(400, "compare", f"got {len(names)}", "two to eight runs", "tick them in the table")
        about = [self.shelf.one(name) for name in names]
        return shown(
            request, "compare.html", runs=about, sides=results.beside([self.home.run(n) for n in names])
        )

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

    def units(self, request: Request) -> Response:
        """What each unit of a run's network responds to."""
        name = request.path_params["run"]
        facts = results.facts_of(self.home.run(name))
        found = facts.found("explain/units/units.json")
        return shown(
            request, "units.html", run=self.shelf.one(name), units=found, jobs=jobs_on(self.jobs, name)
        )

    def fool(self, request: Request) -> Response:
        """How a run's network fails: fooled on purpose, and on worse images."""
        name = request.path_params["run"]
        found = results.failures(self.home.run(name))
        return shown(
            request, "fool.html", run=self.shelf.one(name), found=found, jobs=jobs_on(self.jobs, name)
        )

    def setup(self, request: Request) -> Response:
        """A run's network for the page itself; nothing where no page was exported."""
        return json_of(network_of(self.home.run(request.path_params["run"])))

    def script(self, request: Request) -> Response:
        """A script that runs a network."""
        return Response(script_of(request.path_params["name"]), media_type="text/javascript")

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
        return png_of(results.picture(path, f"explain/{rows[at].get('file', '')}"))

    def example(self, request: Request) -> Response:
        """An image of a class, by the class's number."""
        path = self.home.run(request.path_params["run"])
        facts = results.facts_of(path)
        at, held = int(request.path_params["at"]), facts.data.get("thumbnails") or {}
        name = held.get(facts.classes[at]) if at < len(facts.classes) and isinstance(held, dict) else None
        if not isinstance(name, str):
            raise Refused(404, "picture", "is not there", "one that the run lists")
        return png_of(results.picture(path, name))

    def sheet_of_units(self, request: Request) -> Response:
        """The sheet of a layer, by its place."""
        path = self.home.run(request.path_params["run"])
        layers = results.facts_of(path).found("explain/units/units.json").get("layers") or []
        at = int(request.path_params["at"])
        if at >= len(layers):
            raise Refused(404, "picture", "is not there", f"one of {len(layers)}")
        return png_of(results.picture(path, f"explain/units/{layers[at].get('sheet', '')}"))

    def picture(self, request: Request) -> Response:
        """A sheet of thumbnails of a run's images."""
        return sheet_of(pictures_of(self.home, request.path_params["run"]), request.path_params["sheet"])

    def _again(self, name: str) -> str:
        command = self.shelf.one(name)["command"]
        return command_line([str(word) for word in command[1:]]) if command else ""
