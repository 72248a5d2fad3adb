"""The command `predict`: what a finished network says of files, folders and archives, written as it comes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..endings import ending_of
from ..errors import BadInput
from ..units import counted

if TYPE_CHECKING:
    from ..data.given import Given
    from .using.classifier import Classifier
    from .using.predictions import Prediction

ENDINGS = {".csv": "csv", ".json": "json", ".txt": "text"}
"""Ending of the file that is written -> its form."""
STDIN = "-"


@dataclass
class Answering:
    """A network and photographs; asked while the answers are written, so that memory stays flat.

    Args:
        net: the network.
        photos: the photographs.
        top: classes of each row.
        out: the file to write; standard output without it.
        quiet: no progress.
        lost: how many photographs could not be read, as far as it has come.
    """

    net: Classifier
    photos: Given
    top: int
    out: Path | None = None
    quiet: bool = False
    lost: int = field(init=False, default=0)

    def write(self, wanted: str, say: Callable[[str], None]) -> None:
        """Ask, and write each answer as it comes.

        Args:
            wanted: "text", "csv" or "json"; of a file as its ending says where it is "text".
            say: takes each piece of what goes to standard output.

        Raises:
            BadInput: a form that contradicts the file's ending, a file that cannot be written, or none of the
                photographs can be read; then no file is written.
        """
        from ..data.files.wholefile import whole
        from .using.rows import pieces

        head = {"network": str(self.net.path), "rule": self.net.rule.told()}
        if self.out is None:
            for piece in pieces(self._rows(), wanted, top=self.top, head=head):
                say(piece)
            self._end()
            return
        form = ENDINGS[self.out.suffix.lower()]
        if wanted not in ("text", form):
            raise BadInput(
                "--out", f"got {self.out.name} with --{wanted}", "one form",
                str(self.out.with_suffix(f".{wanted}")),
            )  # fmt: skip
        with whole(self.out) as draft, open(draft, "w", encoding="utf-8", newline="") as file:
            for piece in pieces(self._rows(), form, top=self.top, head=head):
                file.write(piece)
            self._end()
        say(f"{self.out}: {counted(len(self.photos), 'image')}\n")

    def _rows(self) -> Iterator[Prediction]:
        from .running.progress import Display

        shown = self.out is not None or not sys.stdout.isatty()
        display, done = Display(1, quiet=self.quiet or not shown), 0
        with display.bar("answering") as bar:
            for part in self.net.ask(self.photos):
                self.lost += len(part.reasons)
                for k in range(len(part)):
                    yield part.top(k, self.top)
                done += len(part)
                bar.count("image", done, len(self.photos))

    def _end(self) -> None:
        """Say what was left out."""
        if self.lost == len(self.photos):
            came = f"none of {counted(self.lost, 'file')} can be read"
            raise BadInput("images", came, "JPEG, PNG or other photographs")
        if self.lost and not self.quiet:
            print(f"{self.lost:,} of {counted(len(self.photos), 'file')} cannot be read", file=sys.stderr)


def predict_photos(
    run: str, *photos: str, top: int = 1, out: str | None = None, outside: bool = False, quiet: bool = False
) -> Answering:
    """Say what a finished network sees in photographs: a row for each, with the class and its probability.

    Probabilities are calibrated, and "none of these" is said, where the network has a rule for it. A file
    that cannot be read is a row with the reason.

    Args:
        run: a run folder, or an exported .onnx, .tflite, .keras or .safetensors file, which needs nothing
            beside it.
        photos: image files, folders and archives (zip, tar) of them, or - for a list of paths on standard
            input, one on a line.
        top: how many of the likeliest classes each row shows.
        out: a .csv, .json or .txt file for the rows instead of standard output, written whole at the end.
        outside: also follow links that lead out of a folder.
        quiet: no progress and notes on standard error.

    Returns:
        The rows, in the order of the photographs; they are worked out while they are written.

    Raises:
        BadInput: for a network or photographs that cannot be used, or a file that cannot be written.
    """
    from ..data.given import given, paths_in
    from .load import load

    if top < 1:
        raise BadInput("--top", f"got {top}", "at least 1", "--top 3")
    target = None if out is None else _target(out)
    if STDIN in photos:
        if len(photos) > 1:
            raise BadInput(STDIN, "given with other photographs", "one of them")
        listed = paths_in(os.fsdecode(text) for text in sys.stdin.buffer)
        found = given(listed, outside=outside, must_be_there=False)
    else:
        found = given(list(photos), outside=outside)
    net = load(run)
    notes = list(net.notes)
    if top > len(net.classes):
        notes.append(f"--top {top}: the network has {counted(len(net.classes), 'class', 'classes')}")
    for note in () if quiet else notes:
        print(note, file=sys.stderr)
    return Answering(net, found, min(top, len(net.classes)), target, quiet)


def _target(out: Any) -> Path:
    """The file to write, where it may be one.

    Raises:
        BadInput: another ending, a folder, or a place that is none.
    """
    path = Path(out)
    ending_of(path, ENDINGS, "--out")
    if path.is_dir():
        raise BadInput("--out", f"'{out}' is a folder", "a file", f"{out}/answers{path.suffix}")
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir():
        raise BadInput("--out", f"'{out}' cannot be written: {above} is a file", "a folder for it")
    return path
