"""What there is to choose from, by name."""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from ..notebooks import InNotebooks, frame_of, framed, table
from ..registry import Registry
from ..units import Size

if TYPE_CHECKING:
    import pandas

    from ..device.devices import Device

What = Literal[
    "runs",
    "networks",
    "pretrained",
    "spaces",
    "algorithms",
    "explanations",
    "kinds",
    "readers",
    "recipes",
    "devices",
]

_HOMES = {
    "spaces": "convsmith.nas.spaces:SPACES",
    "algorithms": "convsmith.nas.algorithms:ALGORITHMS",
    "explanations": "convsmith.insight.method:METHODS",
    "kinds": "convsmith.kinds:KINDS",
    "readers": "convsmith.data.readers:READERS",
}


@dataclass(frozen=True, repr=False)
class Listed(InNotebooks):
    """Names, and one line about each.

    Args:
        what: which names.
        rows: name -> the line.
        figures: name -> what the line says as numbers, where a program wants them.
    """

    what: str
    rows: dict[str, str]
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def in_short(self) -> str:
        """How many of what."""
        return f"{len(self.rows)} {self.what}"

    def _repr_html_(self) -> str:
        named = [{"name": name, "about": line} for name, line in self.rows.items()]
        return framed(table(named, ["name", "about"]))

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each name, with its figures where there are any, else with the line about it.

        Raises:
            BadInput: pandas is not installed.
        """
        about = self.figures or {name: {"about": line} for name, line in self.rows.items()}
        return frame_of([{"name": name, **row} for name, row in about.items()])

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps({self.what: self.figures or self.rows})
        width = max(map(len, self.rows), default=0)
        return "\n".join(f"{name:{width}}  {note}" for name, note in self.rows.items())


def listing(
    what: What, *, input_shape: Size | None = None, classes: int = 10, sample: int = 0, runs: str = "runs"
) -> Listed:
    """List what there is to choose from: runs, networks, pretrained networks, spaces, algorithms,
    explanations, kinds, readers, recipes of a training or devices.

    Args:
        what: which names to list.
        input_shape: rows, columns and channels that the sizes of spaces are counted for; 32x32x3 without it.
        classes: how many classes they are counted for.
        sample: with --json, also what so many networks cost that are drawn at random from each space:
            parameters, multiply-adds and bytes of activations.
        runs: the folder of run folders that "runs" lists.

    Example:
        >>> "evolution" in listing("algorithms").rows
        True
    """
    if what != "spaces" and (input_shape is not None or classes != 10):
        flag = "--classes" if input_shape is None else "--input"
        raise BadInput(flag, f"given for {what}, which have no size", "spaces", "convsmith list spaces")
    if not 0 <= sample <= 10_000 or (sample and what != "spaces"):
        raise BadInput(
            "--sample", f"got {sample} for {what}", "0 to 10,000 networks of spaces", "--sample 100"
        )
    if what == "runs":
        return Listed(what, _runs(Path(runs)))
    if what == "networks":
        return Listed(what, _published())
    if what == "pretrained":
        from ..pretrained.table import table

        figures = table()
        return Listed(what, {name: _weights(row) for name, row in figures.items()}, figures)
    if what == "devices":
        from ..device.devices import DEVICES

        return Listed(
            what, {name: _device(row) for name, row in DEVICES.items()},
            {name: row.to_json() for name, row in DEVICES.items()},
        )  # fmt: skip
    if what == "spaces":
        shape = input_shape or (32, 32, 3)
        return Listed(what, _spaces(shape, classes), _drawn(shape, classes, sample) if sample else {})
    if what == "recipes":
        from ..engine.train.presets import PRESETS

        return Listed(what, {name: preset.note for name, preset in PRESETS.items()})
    module, name = _HOMES[what].split(":")
    registry: Registry[object] = getattr(importlib.import_module(module), name)
    return Listed(what, {key: _line(thing) for key, thing in registry.items()})


def _spaces(input_shape: tuple[int, ...], classes: int) -> dict[str, str]:
    """The spaces with how many networks each has, counted or estimated."""
    import numpy as np

    from ..nas.choose import Space
    from ..nas.space.encoding import space_size
    from ..nas.spaces import SPACES, space
    from ..pretrained.package import without_weights
    from ..pretrained.space import NAME, members_of
    from .steps.pretrained.source import DEFAULT

    if len(input_shape) != 3:
        raise BadInput("--input", f"got {input_shape}", "rows, columns and channels", "--input 64x64x3")
    rows = {}
    for name, function in SPACES.items():
        size = space_size(space(name, input_shape, classes), np.random.default_rng(0), limit=0, walks=60)
        rows[name] = f"{size!s:22}  {_line(function)}"
    members = Space(members_of(without_weights(DEFAULT)), input_shape, classes)
    size = space_size(members, np.random.default_rng(0), limit=0, walks=60)
    rows[NAME] = f"{size!s:22}  {_line(members_of)} Of {DEFAULT}, or of what --pretrained names."
    return dict(sorted(rows.items()))


def _drawn(input_shape: tuple[int, ...], classes: int, count: int) -> dict[str, dict[str, Any]]:
    """What networks cost that are drawn at random: figure -> its values, in the same order."""
    import numpy as np

    from ..ledger.budget import Budget
    from ..nas.spaces import SPACES, space

    names, budget = ("params", "macs", "memory"), Budget()
    found = {}
    for name in SPACES:
        rng, one = np.random.default_rng(0), space(name, input_shape, classes)
        rows = [budget.figures(one.graph(one.sample(rng)), names) for _ in range(count)]
        found[name] = {figure: [row[figure] for row in rows] for figure in names}
    return found


def _runs(folder: Path) -> dict[str, str]:
    """The runs of a folder: kind, when, how far, on what; a damaged one says what is wrong."""
    from ..runs import Run

    rows = {}
    for path in sorted(one.parent for one in folder.glob("*/run.json")):
        try:
            run = Run.open(path)
            data = run.read_json("recipe.json").get("data") or ""
            done = run.read_json("result.json")["test_accuracy"] if run.has("result.json") else None
        except BadInput as error:
            rows[str(path)] = str(error)
            continue
        state = run.ended.get("how", "unfinished") if done is None else f"{done:.1%} on test"
        rows[str(path)] = f"{run.kind:7} {run.created[:16].replace('T', ' ')}  {state:15}  {data}"
    return rows


def _published() -> dict[str, str]:
    """The networks with what their papers published: parameters, multiply-adds, accuracy, year."""
    from ..units import show_count
    from ..zoo import NETWORKS, published

    rows = {}
    for name, build in NETWORKS.items():
        known = published(name)
        if known is None:
            rows[name] = _line(build)
            continue
        params = f"{show_count(known.params)} params" if known.params else ""
        macs = f"{show_count(known.macs)} MACs" if known.macs else ""
        top1 = f"{known.top1:.1f}% {known.trained_on}" if known.top1 else ""
        rows[name] = f"{params:>12}  {macs:>10}  {top1:>15}  {known.paper}, {known.year}"
    return rows


def _device(row: Device) -> str:
    """A device: what it holds, what it runs, who says so."""
    from ..units import show_bytes

    flash = "flash –" if row.flash is None else f"flash {show_bytes(row.flash)}"
    ram = "RAM –" if row.ram is None else f"RAM {show_bytes(row.ram)}"
    clock = "–" if row.mhz is None else f"{row.mhz:,} MHz"
    return f"{row.part:30}  {flash:14}  {ram:12}  {clock:9}  {row.target:12}  {row.source}"


def _weights(row: dict[str, Any]) -> str:
    """A pretrained network: what it costs, how good it is, under which licence, whether it is here."""
    from ..units import show_count

    free = "" if row["commercial"] else ", NOT FOR COMMERCIAL USE"
    about = "" if row["bytes_exact"] else "about "
    size = f"{about}{row['bytes'] / 1e6:.1f} MB" + ("" if row["checked"] else ", no checksum published")
    here = "on this machine" if row["here"] else f"not here: {row['get'].partition(', or ')[0]}"
    return (
        f"{show_count(row['params']):>5} params ({show_count(row['trunk_params']):>5} without the head)  "
        f"{show_count(row['macs']):>5} MACs  {row['top1']:.1f}% ImageNet at {row['side']} px  "
        f"{row['licence'] + free:12}  {size}  {here}  ({row['origin']}; accuracy: {row['published']})"
    )


def _line(thing: object) -> str:
    doc = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return " ".join(doc.split())
