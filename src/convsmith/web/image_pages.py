"""Pages about sets of images: sent, named, looked at, mended."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from . import uploads
from .pages import count_of, json_of, sheet_of, shown
from .refusal import Refused
from .sets import ARCHIVE, NAMED, ImageSet, Sets
from .state import Studio


class ImagePages:
    """What is shown of images, and done with them.

    Args:
        studio: what the pages stand on.
    """

    def __init__(self, studio: Studio) -> None:
        self.home, self.sets = studio.home, studio.sets

    def sets_page(self, request: Request) -> Response:
        """Sets of images, and where to drop more."""
        listed = [summary(self.sets, one) for one in self.sets.all()]
        roots = [str(root) for root in self.home.roots]
        limits = {"file": uploads.FILE, "files": uploads.FILES, "batch": 8_000_000}
        return shown(request, "data.html", sets=listed, named=NAMED, roots=roots, limits=limits)

    def set(self, request: Request) -> Response:
        """One set: what the doctor says, its images, what was mended."""
        one = self.sets.get(request.path_params["set"])
        job, said = self.sets.checked(one)
        return shown(
            request, "set.html", set=summary(self.sets, one), check=said, fixes=one.fixes,
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
        return sheet_of(one.path / "thumbnails", request.path_params["sheet"])

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
        one = await run_in_threadpool(self._open_set, request)
        at = await uploads.receive_piece(request.stream(), one.path / ARCHIVE, count_of(request, "from"))
        return json_of({"next": at})

    def _open_set(self, request: Request) -> ImageSet:
        one = self.sets.get(request.path_params["set"])
        if one.about.get("sealed"):
            raise Refused(
                409, f"images {one.id}", "were sent whole already", "a new set", "drop the folder again"
            )
        return one


def summary(sets: Sets, one: ImageSet) -> dict[str, Any]:
    """A set in a few words: what it is, how far the doctor is, what it found."""
    job, said = sets.checked(one)
    found = said.get("found") or {}
    counts = [sum(f["severity"] == s for f in said.get("findings", ())) for s in ("error", "warning", "note")]
    return {
        "id": one.id, "title": one.about["title"], "kind": one.about["kind"], "source": one.source,
        "made": one.about["made"], "sealed": bool(one.about.get("sealed")), "can_mend": one.can_mend,
        "state": "waiting" if job is None else job.state, "images": found.get("images"),
        "classes": len(said.get("classes") or ()), "hurts": bool(said.get("hurts")), "counts": counts,
        "message": "" if job is None or job.state != "failed" else job.message(),
    }  # fmt: skip
