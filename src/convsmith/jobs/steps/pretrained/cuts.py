"""Every cut of a pretrained network that keeps the budget, judged by a linear head on its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....errors import BadInput
from ...running.job import ForgeJob
from ..searching.earlier import earlier_plan
from ..searching.latency import measure_or_predict
from ..searching.own_space import has_members
from ..searching.searched import part
from .places import LARGE, Place, features, member_at, places_for, seconds_each
from .thinning import next_ones, pooled, thinned_rows

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....pretrained import Source

FILE = "pretrained.json"
SHARE = 0.15
"""Of the time, for the features of all sizes together."""
LARGER_SHARE = 0.45
"""Of the time, where the whole network fits: only larger images can then make it better."""
MEASURED = 3
"""Networks of each kind, thinned or not, whose latency is measured and kept, the most promising first."""
BUILT = 30.0
"""Images whose time through the network is what making its Graph and reading the pixels takes, about."""


@dataclass(frozen=True)
class Judged:
    """A source's cuts, judged on a job's images.

    Args:
        source: the pretrained network.
        train: positions of the training images that heads learn from.
        validation: positions of the validation images.
        record: what is written to pretrained.json.
    """

    source: Source
    train: np.ndarray
    validation: np.ndarray
    record: dict[str, Any]

    @property
    def fitting(self) -> list[dict[str, Any]]:
        """The rows of the table that keep the whole budget, the best first."""
        return sorted((row for row in self.record["table"] if row["fits"]), key=_rank)

    def whole(self) -> list[dict[str, Any]]:
        """The rows of the whole source, whatever it costs, the best first."""
        last = self.source.cuts[-1].name
        rows = (row for row in self.record["table"] if row["cut"] == last and "keep" not in row)
        return sorted(rows, key=_rank)

    def seconds_each(self, row: dict[str, Any]) -> float:
        """Seconds that an image takes through the whole source at a row's size."""
        return float(next(one["each"] for one in self.record["sizes"] if one["sides"] == row["sides"]))

    def seconds_to(self, row: dict[str, Any]) -> float:
        """Seconds that an image takes through the network of a row."""
        whole = next(
            one
            for one in self.record["table"][::-1]
            if one["sides"] == row["sides"] and one["cut"] == self.source.cuts[-1].name and "keep" not in one
        )
        return float(self.seconds_each(row) * row["macs"] / whole["macs"])

    def graph(self, job: ForgeJob, row: dict[str, Any]) -> Graph:
        """The network of a row of the table."""
        return member_at(job, self.source, row["cut"], place_of(row), keep=row.get("keep"))

    def seen(
        self, job: ForgeJob, row: dict[str, Any], rows: np.ndarray
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What the network of a row makes of images before any training, and its weights, with a new head.

        Args:
            job: the job.
            row: of the table.
            rows: positions of the images.

        Returns:
            Features (images, channels), full name -> array.
        """
        from ....pretrained.inherit import inherited

        if row.get("keep"):
            return pooled(job, self.source, row, rows, self.train)
        whole = len(rows) == len(self.train) + len(self.validation)  # those were looked at, at every cut
        found = features(job, self.source, place_of(row), rows, cuts=None if whole else [row["cut"]])
        return found[row["cut"]], inherited(self.graph(job, row), self.source, seed=job.options.seed)


def judge_cuts(job: ForgeJob, source: Source) -> Judged | None:
    """Judge every cut at the sizes that the images and the time allow; writes pretrained.json.

    Each training image is judged by a ridge regression made without it, the validation images by one made of
    the training images. What keeps the budget is checked as for candidates of a search.

    Returns:
        The table; None where nothing of the source keeps the budget, which is said.

    Raises:
        BadInput: the same, for a source that was asked for.
    """
    if not job.run.has(FILE):
        earlier = earlier_plan(job.options.plan, FILE)
        if earlier is not None and earlier["source"]["sha256"] != source.sha256:
            came = f"{job.options.plan} started from {earlier['source']['name']}"
            raise BadInput("--plan", came, f"{source.name}, or a run of its own", "the same --pretrained")
        job.run.write_json(FILE, earlier or _measured(job, source))
    record = job.run.read_json(FILE)
    if not record["table"] or not any(row["fits"] for row in record["table"]):
        asked = job.options.pretrained != "auto" and not has_members(job)
        came, expected = f"no cut of {source.name} keeps the budget", record["smallest"]
        if asked:
            raise BadInput("--pretrained", came, expected, "a larger limit, or --pretrained none")
        if has_members(job):  # with fewer channels one may
            job.display.say(f"{came} with all its channels; {expected}")
        else:
            job.display.say(f"no pretrained network: {came}; {expected}")
        return None
    found = Judged(
        source, some(job, "train", record["images"]), some(job, "validation", record["images"]), record
    )
    _say(job, found)
    return found


def place_of(row: dict[str, Any]) -> Place:
    """The size of a row of the table."""
    return Place(tuple(row["size"]), tuple(row["sides"]))  # type: ignore[arg-type]


def some(job: ForgeJob, name: str, share: float) -> np.ndarray:
    """Positions of a share of a part's images, each class with its own share."""
    rows = job.rows(name)
    count = max(1, round(share * len(rows)))
    return rows if count >= len(rows) else rows[part(job.images.y[rows], count, job.options.seed)]


def _measured(job: ForgeJob, source: Source) -> dict[str, Any]:
    began, limit = job.clock.seconds, job.clock.limit or float("inf")
    tried = places_for(job, source)
    count = len(job.rows("train", "validation"))
    first = seconds_each(job, source, tried[0])
    share = min(1.0, 0.5 * SHARE * limit / (first * count))
    train, validation = some(job, "train", share), some(job, "validation", share)
    images = len(train) + len(validation)
    sizes: list[dict[str, Any]] = []
    table: list[dict[str, Any]] = []
    each = first / tried[0].pixels
    for number, place in enumerate(tried):
        rows = _costs(job, source, place)
        keeps = [row for row in rows if row["fits"]]
        predicted = each * place.pixels * (images + BUILT)
        spent = job.clock.seconds - began
        if number and not _is_worth_it(place, keeps, table, source, spent + predicted, limit):
            continue
        passed = job.clock.seconds
        found = features(job, source, place, np_concatenated(train, validation))
        _judge(job, found, rows, train, validation)
        seconds = job.clock.seconds - passed
        each = max(each, min(2 * each, seconds / (images + BUILT) / place.pixels))
        sizes.append({
            "size": list(place.size), "sides": list(place.sides), "seconds": round(seconds, 2),
            "each": each * place.pixels,
        })  # fmt: skip
        table += rows
    thin = [] if _whole_fits(table, source) else thinned_rows(job, source, table)
    _judge_thinned(job, source, thin, train, validation, began + SHARE * limit)
    table += [row for row in thin if "left_out" in row]
    _measure_latency(job, source, table)
    return {
        "source": source.record(), "top1": source.top1, "images": share, "sizes": sizes, "table": table,
        "smallest": _smallest(job, source, tried), "seconds": round(job.clock.seconds - began, 2),
    }  # fmt: skip


def np_concatenated(*parts: np.ndarray) -> np.ndarray:
    """Positions of several parts, in order of the parts."""
    import numpy as np

    return np.concatenate(parts)


def _is_worth_it(
    place: Place,
    keeps: list[dict[str, Any]],
    table: list[dict[str, Any]],
    source: Source,
    until: float,
    limit: float,
) -> bool:
    """Whether a further size may have something better, and there is time to see it."""
    if not keeps:
        return False
    known = sorted((row for row in table if row["fits"]), key=_rank)
    largest = max(row["sides"][0] * row["sides"][1] for row in table)
    is_whole = bool(known) and known[0]["cut"] == source.cuts[-1].name
    if is_whole and place.pixels < largest:
        return False
    if is_whole:  # larger images helped so far
        best = known[0]["sides"]
        return best[0] * best[1] == largest and until <= LARGER_SHARE * limit
    return max(place.sides) <= LARGE and until <= SHARE * limit


def _costs(job: ForgeJob, source: Source, place: Place) -> list[dict[str, Any]]:
    """A row for each cut with what it costs; the latency is measured later, of the best."""
    found = []
    budget = job.budget.without_latency()
    for cut in source.cuts:
        graph = member_at(job, source, cut.name, place)
        verdict = budget.check(graph)
        figures = {name: verdict.figures[name] for name in ("params", "macs", "bytes", "memory")}
        found.append({
            "cut": cut.name, "size": list(place.size), "sides": list(place.sides), **figures,
            "latency_ms": None, "fits": verdict.kept,
        })  # fmt: skip
    return found


def _judge(
    job: ForgeJob,
    found: dict[str, np.ndarray],
    rows: list[dict[str, Any]],
    train: np.ndarray,
    validation: np.ndarray,
) -> None:
    """Write into rows how many images a linear head gets right: of what fits, what may when thinned."""
    from ....pretrained.heads import ridge

    y, classes, many = job.images.y, len(job.images.classes), len(train)
    beyond = next_ones(rows)
    for row in rows:
        if row["fits"] or row is rows[-1] or row in beyond:
            seen = found[row["cut"]]
            judged = ridge(seen[:many], y[train], seen[many:], y[validation], classes)
            row |= {"validation": judged.accuracy, "left_out": judged.left_out}


def _judge_thinned(
    job: ForgeJob,
    source: Source,
    rows: list[dict[str, Any]],
    train: np.ndarray,
    validation: np.ndarray,
    until: float,
) -> None:
    """Write into each row how many images a linear head gets right, until the time is up; one at least."""
    from ....pretrained.heads import ridge

    y, classes, many = job.images.y, len(job.images.classes), len(train)
    for number, row in enumerate(rows):
        if number and job.clock.seconds > until:
            break
        seen, _ = pooled(job, source, row, np_concatenated(train, validation), train)
        judged = ridge(seen[:many], y[train], seen[many:], y[validation], classes)
        row |= {"validation": judged.accuracy, "left_out": judged.left_out}


def _whole_fits(table: list[dict[str, Any]], source: Source) -> bool:
    return any(row["fits"] and row["cut"] == source.cuts[-1].name for row in table)


def _measure_latency(job: ForgeJob, source: Source, table: list[dict[str, Any]]) -> None:
    """Where latency is limited, measure the best until some keep the limit; the others count as over it."""
    if job.budget.latency_ms is None:
        return
    latency_ms, kept = measure_or_predict(job, source.sha256), {True: 0, False: 0}
    for row in sorted((row for row in table if row["fits"]), key=_rank):
        kind = "keep" in row
        if kept[kind] < MEASURED:
            graph = member_at(job, source, row["cut"], place_of(row), keep=row.get("keep"))
            row["latency_ms"] = latency_ms(graph)
        row["fits"] = row["latency_ms"] is not None and row["latency_ms"] <= job.budget.latency_ms
        kept[kind] += row["fits"]


def _smallest(job: ForgeJob, source: Source, tried: list[Place]) -> str:
    """What the least of the source costs, as a sentence says it."""
    from ....ledger.budget import show

    least = min(tried, key=lambda place: place.pixels)
    costs = job.budget.figures(member_at(job, source, source.cuts[0].name, least))
    asked = [name for name in job.budget.limits if costs.get(name) is not None]
    return "at least " + ", ".join(f"{name} {show(name, costs[name])}" for name in asked)


def _rank(row: dict[str, Any]) -> tuple[float, float]:
    return -row.get("left_out", 0.0), row["macs"]


def _say(job: ForgeJob, found: Judged) -> None:
    best, sizes = found.fitting[0], found.record["sizes"]
    whole = found.whole()[0]
    thin = ", with fewer channels" if "keep" in best else ""
    job.display.say(
        f"{found.source.name}: {len(found.source.cuts)} cuts judged at {len(sizes)} size"
        f"{'' if len(sizes) == 1 else 's'} on {len(found.train) + len(found.validation):,} images "
        f"in {found.record['seconds']:.0f} s"
    )
    job.display.say(
        f"the best that fits: up to {best['cut']} at {place_of(best)}{thin}, {best['params']:,} parameters, "
        f"{best['left_out']:.1%} of images left out right; the whole at {place_of(whole)}: "
        f"{whole['left_out']:.1%}"
    )
