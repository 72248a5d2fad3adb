"""Sets of images: sent by a page, named by a path or by a name; what the doctor says, and what was mended.

Images are never touched: what is left out or labelled otherwise stands in a table, which is trained on.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runs.files import saying_why, write_whole
from .home import Home, next_folder
from .jobs import Job, Jobs, _object
from .refusal import Refused
from .uploads import safe

NAMED = {
    "digits": "1,797 handwritten digits, 8 × 8 pixels; come along, nothing is fetched",
    "mnist": "70,000 handwritten digits, 28 × 28; fetched once, or from a folder of yours",
    "fashion_mnist": "70,000 pieces of clothing, 28 × 28; fetched once",
    "cifar10": "60,000 photos of ten things, 32 × 32; fetched once",
}
"""Sets by name, and a line on each."""
ARCHIVE = "archive.zip"
MAGIC = {
    b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"BM": ".bmp", b"RIFF": ".webp",
}  # fmt: skip
SAMPLE = 150
"""Networks of each space that are drawn, to say how many would fit."""
FIXES, TABLE = "fixes.json", "images.csv"


@dataclass(frozen=True)
class ImageSet:
    """One set of images.

    Args:
        path: its folder in the studio.
        about: about.json: "kind" ("named", "path", "folder" or "zip"), "title", "source", "made", "sealed".
    """

    path: Path
    about: dict[str, Any]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def source(self) -> str:
        """What a command reads it from, before anything was mended."""
        kind = self.about["kind"]
        if kind in ("named", "path"):
            return str(self.about["source"])
        if kind == "zip":
            return str(self.path / ARCHIVE)
        return str(self.path / "images")

    @property
    def images(self) -> Path:
        """Where files go that are sent."""
        return self.path / "images"

    @property
    def fixes(self) -> dict[str, Any]:
        """``{"out": [name], "labels": {name: class}}``."""
        found = _object(self.path / FIXES)
        return {"out": found.get("out", []), "labels": found.get("labels", {})}

    @property
    def can_mend(self) -> bool:
        """Whether its images are files of their own, which a table can name."""
        return self.about["kind"] == "folder" or (
            self.about["kind"] == "path" and Path(self.about["source"]).is_dir()
        )

    def thumbnails(self) -> dict[str, Any]:
        """The doctor's list of images; empty before it has looked."""
        return _object(self.path / "thumbnails" / "images.json")

    def to_train_on(self) -> tuple[str, bool]:
        """What a training reads, and whether that is a table of images that lie elsewhere."""
        fixes = self.fixes
        if self.can_mend and (fixes["out"] or fixes["labels"]):
            return str(self.path / TABLE), self.about["kind"] == "path"
        return self.source, False


class Sets:
    """The sets of images of a studio."""

    def __init__(self, home: Home, jobs: Jobs) -> None:
        self._home, self._jobs = home, jobs
        self._lock = threading.Lock()

    def all(self) -> list[ImageSet]:
        """Every set that was sent whole, the newest first."""
        names = sorted((path.name for path in self._home.data.iterdir()), reverse=True)
        found = []
        for name in names:
            about = _object(self._home.data / name / "about.json")
            if about.get("kind") and not about.get("gone"):
                found.append(ImageSet(self._home.data / name, about))
        return found

    def get(self, name: str) -> ImageSet:
        """The set of that number."""
        path = self._home.set(name)
        about = _object(path / "about.json")
        if not about.get("kind") or about.get("gone"):
            raise Refused(404, f"images {name:.40}", "are not there any more", "one of the list")
        return ImageSet(path, about)

    def add(self, kind: str, title: str, source: str = "") -> ImageSet:
        """A new set; one that is only named is looked at right away."""
        if kind == "named" and source not in NAMED:
            raise Refused(400, "images", f"no set is named {source!r:.60}", ", ".join(NAMED))
        if kind == "path":
            source = str(self._home.named(source))
        if kind not in ("named", "path", "folder", "zip"):
            raise Refused(400, "images", f"got {kind!r:.40}", "a folder, a zip file, a path or a name")
        if kind in ("named", "path"):
            for known in self.all():
                if known.about["kind"] == kind and known.about["source"] == source:
                    return known
        with self._lock:
            path = next_folder(self._home.data)
        about = {
            "kind": kind, "title": (title.strip() or source or "images")[:120], "source": source,
            "made": time.time(), "sealed": kind in ("named", "path"), "files": 0,
        }  # fmt: skip
        (path / "images").mkdir()
        write_whole(path / "about.json", json.dumps(about))
        made = ImageSet(path, about)
        if about["sealed"]:
            self.look(made)
        return self.get(made.id)

    def change(self, one: ImageSet, **more: Any) -> ImageSet:
        """Other entries of about.json."""
        with self._lock:
            about = _object(one.path / "about.json") | more
            write_whole(one.path / "about.json", json.dumps(about))
        return ImageSet(one.path, about)

    def seal(self, one: ImageSet) -> Job:
        """Nothing more is sent: the doctor looks."""
        return self.look(self.change(one, sealed=True))

    def look(self, one: ImageSet) -> Job:
        """Have the doctor look at it."""
        argv = ["check", one.source, "--json", "--thumbnails", str(one.path / "thumbnails")]
        if one.about["kind"] == "path" and Path(one.source).is_file():
            argv.append("--outside")
        job = self._jobs.start(argv, kind="check", title=f"look at {one.about['title']}", data=one.id)
        self.change(one, check=job.id, drawn=None)
        return job

    def checked(self, one: ImageSet) -> tuple[Job | None, dict[str, Any]]:
        """The job that looks at it, and what it said; empty before that."""
        number = one.about.get("check")
        try:
            job = self._jobs.get(str(number)) if number else None
        except Refused:
            job = None
        said = job.out() if job is not None and job.state == "done" else None
        return job, said if isinstance(said, dict) else {}

    def drawn(self, one: ImageSet) -> dict[str, Any]:
        """What networks for these images cost that are drawn at random from each space, as a job finds out.

        Returns:
            ``state`` of the job, ``working`` (the size that they are counted for), and ``spaces``: name ->
            figure -> values; None before the job has ended.
        """
        said = self.checked(one)[1]
        working = said.get("working") or {}
        if not working:
            return {"state": "waiting", "working": None, "spaces": None}
        number = one.about.get("drawn")
        try:
            job = self._jobs.get(str(number)) if number else None
        except Refused:
            job = None
        if job is None:
            shape = f"{working['height']}x{working['width']}x{working['channels']}"
            argv = ["list", "spaces", "--input", shape, "--classes", str(max(2, len(said["classes"])))]
            argv += ["--sample", str(SAMPLE), "--json"]
            job = self._jobs.start(argv, kind="list", title=f"networks for {one.about['title']}", data=one.id)
            self.change(one, drawn=job.id)
        out = job.out() if job.state == "done" else None
        return {"state": job.state, "working": working, "spaces": (out or {}).get("spaces")}

    def keep(self, run: str, source: str, label: str, image: bytes) -> ImageSet:
        """Keep an image with the label that a person gives it: in the run's own set where that was sent here,
        else in a set beside it; images that lie elsewhere stay as they are.

        Args:
            run: whose network was wrong.
            source: what its images were read from.
            label: the class that it shows.
            image: the file; of a kind that is decoded.

        Raises:
            Refused: for what is no image by its first bytes.
        """
        ending = next((end for magic, end in MAGIC.items() if image.startswith(magic)), None)
        steps = None if ending is None else safe(f"{label}/kept{ending}")
        if steps is None or ending is None:
            raise Refused(415, "image", "cannot be kept", "a JPEG, PNG, GIF, BMP or WebP file", "another one")
        mine = [one for one in self.all() if one.about["kind"] == "folder"]
        home = next((one for one in mine if source in (str(one.images), str(one.path / TABLE))), None)
        home = home or next((one for one in mine if one.about.get("kept_for") == run), None)
        if home is None:
            home = self.change(self.add("folder", f"kept from {run}"), kept_for=run, sealed=True)
        name = f"kept-{hashlib.sha256(image).hexdigest()[:12]}{ending}"
        with saying_why(home.images):
            (home.images / steps[0]).mkdir(exist_ok=True)
        write_whole(home.images / steps[0] / name, image)
        return home

    def mend(self, one: ImageSet, out: list[Any], labels: dict[Any, Any]) -> dict[str, Any]:
        """Keep what is left out and labelled otherwise, and write the table that is trained on.

        Args:
            one: the set.
            out: names of images that are left out.
            labels: name of an image -> the class that it shows.

        Raises:
            Refused: for a name or a class that is not among the set's, or images that are no files.
        """
        if not one.can_mend:
            raise Refused(400, "images", "are no files of their own", "a folder of images", "unpack it")
        held = one.thumbnails()
        names, classes = held.get("names", []), held.get("classes", [])
        known = set(names)
        wrong = [name for name in (*out, *labels) if name not in known]
        wrong += [label for label in labels.values() if label not in classes]
        if wrong:
            raise Refused(400, "images", f"{wrong[0]!r:.80} is not among them", "names of the list")
        fixes = {"out": sorted(set(out)), "labels": dict(labels)}
        home, left_out = Path(one.source), set(out)
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["path", "label"])
        kept = 0
        for name, label in zip(names, held["labels"], strict=True):
            if name not in left_out:
                at = home / name
                where = at.relative_to(one.path) if at.is_relative_to(one.path) else at
                table.writerow([str(where), labels.get(name, classes[label])])
                kept += 1
        with self._lock:
            write_whole(one.path / TABLE, text.getvalue())
            write_whole(one.path / FIXES, json.dumps(fixes))
        return {**fixes, "kept": kept}
