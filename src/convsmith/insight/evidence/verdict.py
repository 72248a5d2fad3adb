"""The evidence of an explanation summed up: what was tested, on how many images, passed or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...strict_json import parse
from ..explain import batch_for, explain_again
from ..method import method as by_name
from ..target import Aim, Refused, outputs, untouched
from .checks import STILL_ALIKE, randomisation, spearman
from .covering import cover, on_grid
from .faithfulness import Faithfulness, Scale, faithfulness
from .learned import LITTLE, Answered, learned

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ...graph import Graph
    from ..explanation import Explanation

MACS = 8e10
"""Multiply-adds that the evidence may take, about; the fewest images and pairs are taken on any network."""
FEWEST, PAIRS, MOST_PAIRS = 2, 16, 64
"""Images, and pairs of covered copies of each, at least; and pairs at most."""
FLOOR, CHANCE, CHANCE_OTHERS, GAIN = 0.25, 0.01, 0.05, 0.1
"""The least correlation, how often chance may reach it, and by how much random weights fall short of it."""
CLEAR, SURE = 0.3, 0.002
"""A correlation and a chance that end the measuring early (J. Haybittle, R. Peto, 1971 and 1976)."""
OFF = 0.05
"""How far the parts may be from adding up, as a share, where a method promises that they do."""
SUMS = {"completeness_error_N": "completeness", "conservation_error_N": "conservation"}
LOOKS = {"occlusion": 122}
"""How often a method beside runs the network for an image, where it is more than a few."""
FEW_LOOKS = 4


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Args:
        images: how many maps.
        pairs: of covered copies of each image, at most.
    """

    images: int
    pairs: int


def plan(graph: Graph, images: int) -> Plan:
    """What is measured of a network: as much as `MACS` allow, fewer images before fewer pairs.

    Args:
        graph: the network.
        images: how many maps there are.

    Example:
        >>> from convsmith.zoo import network
        >>> plan(network("lenet5"), 8), plan(network("vgg16"), 8)
        (Plan(images=8, pairs=64), Plan(images=2, pairs=16))
    """
    pairs = max(FEWEST * PAIRS, int(0.6 * MACS / (2 * max(1, graph.macs or 1))))
    some = max(1, min(images, max(FEWEST, pairs // PAIRS)))
    return Plan(some, max(PAIRS, min(MOST_PAIRS, pairs // some)))


def looks(graph: Graph, images: int = 8) -> int:
    """How often the network runs for an image, at most, for the evidence of a method of few looks."""
    most = plan(graph, images)
    beside = sum(LOOKS.values()) if _is_affordable(graph, most.images, max(LOOKS.values())) else 0
    return most.images * (2 * most.pairs + FEW_LOOKS * 5 + beside)


def evidence(
    net: Lowered,
    found: Explanation,
    *,
    images: int = 8,
    answered: Answered | None = None,
    beside: Sequence[str] = ("occlusion", "grad_cam"),
    cache: str | Path | None = None,
    seed: int = 0,
    on_step: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Test an explanation, and sum it up in a badge.

    First whether the network learned anything: if not, no map of it means something, and nothing else is
    asked. Then whether the maps foretell what covering parts of the images does, better than the same maps
    turned, moved or on other images, better than edges, contrast and the middle, and better than the same
    method's maps with random weights; the randomisation cascade; and, where the method promises it, whether
    the parts add up. How well the map agrees with other methods is measured and not judged: methods ask
    different questions.

    Args:
        net: the network that was explained.
        found: the explanation.
        images: on how many of its images, at most.
        answered: how the network did on labelled images that it was not trained on; without it, whether it
            learned is told from its weights and from its answers.
        beside: methods to compare with; those that are not valid for the network, or would cost too much, are
            left out.
        cache: a folder where the cascade, a question to the network and the method and not to one image, is
            kept by the weights' hash: asked once, on the first images, and again only for more images than
            it was asked on. Computed anew without it.
        seed: of what is random.
        on_step: told how far it is, 0 to 1, and what comes.

    Returns:
        method, layer, images, tests (name, passed, images, figures, says), agreement (method -> mean
        Spearman), passed, badge.
    """
    from ...engine.lower import lower
    from ...engine.weights import dump, initial

    tell = on_step or (lambda share, note: None)
    good = [index for index, problem in enumerate(found.problems) if not problem]
    asked = plan(net.graph, min(images, len(found)))
    some = found.take((good or list(range(len(found))))[: asked.images])
    tell(0.0, "whether the network learned")
    weights, first = dump(net), initial(net.graph, seed + 1)
    blank = lower(net.graph, first)
    knows = learned(
        net.graph, weights, _logits(net, some.images_NCHW), [_logits(blank, some.images_NCHW)], answered
    )
    tests = [_test("learned", {**knows, "images": len(some)}, "the network knows more than chance", LITTLE)]
    said = {"method": found.method, "layer": found.layer, "images": len(some)}
    if not knows["passed"]:
        return {**said, "tests": tests, "agreement": {}, "passed": False, "badge": f"not shown: {LITTLE}"}
    if good:
        tell(0.1, "maps with random weights")
        random_maps, each = _with_random_weights(blank, some, net.graph)
        cascade = _cascade(net, some, random_maps, each, cache, seed)
        measured = _measured(net, some, found.take(good), random_maps, asked, seed, tell)
        tests += judged(cascade, *measured, images=len(some))
    else:
        tests += judged({"stages": [], "images": 0, "passed": False}, None, 0.0, 0, images=0)
    for name, called in SUMS.items():
        if name in found.arrays:
            tests.append(_adds_up(some.arrays[name].tolist(), called, found.output))
    tell(0.95, "other methods")
    passed = sum(test["passed"] for test in tests)
    tested = f"{len(some)} image{'' if len(some) == 1 else 's'}"
    return {
        **said,
        "tests": tests,
        "agreement": _agreement(net, some, beside),
        "passed": passed == len(tests),
        "badge": f"{passed} of {len(tests)} checks passed on {tested}",
    }


def judged(
    cascade: dict[str, Any], measured: Faithfulness | None, by_chance: float, pairs: int, *, images: int
) -> list[dict[str, Any]]:
    """The tests of the maps themselves, from what was measured.

    Args:
        cascade: as `randomisation` gives it.
        measured: how well the maps foretell what covering does; None where no map may be drawn.
        by_chance: how well the same method's maps with random weights do.
        pairs: of covered copies of each image.
        images: how many maps.
    """
    follows = "changes as the weights are made random, and says less with random ones"
    matters = "marks places that matter, which edges, contrast, the middle and moved maps do not tell"
    if measured is None:
        nothing = {"images": 0, "passed": False}
        return [_test("randomisation", cascade, follows), _test("places", nothing, matters)]
    correlation = measured.correlation
    figures = {"correlation": correlation, "pairs": pairs, "images": images}
    tests = [
        _test(
            "randomisation",
            {
                **cascade,
                "correlation": correlation,
                "random_weights": by_chance,
                "passed": bool(cascade["passed"] and correlation >= by_chance + GAIN),
            },
            follows,
        ),
        _test(
            "places",
            {
                **figures,
                "each": list(measured.each),
                "moved": measured.moved,
                "p_moved": measured.p_moved,
                "turned": measured.turned,
                "passed": bool(
                    correlation >= FLOOR and measured.p_moved <= CHANCE and correlation > measured.turned
                ),
            },
            matters,
        ),
    ]
    if measured.p_others is not None:
        tests.append(
            _test(
                "own image",
                {
                    **figures,
                    "p_others": measured.p_others,
                    "passed": measured.p_others <= CHANCE_OTHERS,
                },
                "belongs to its image: the maps of other images tell less of it",
            )
        )
    return tests


def _measured(
    net: Lowered,
    some: Explanation,
    drawable: Explanation,
    random_maps: np.ndarray,
    asked: Plan,
    seed: int,
    tell: Callable[[float, str], None],
) -> tuple[Faithfulness, float, int]:
    """How well the maps foretell what covering does, and those with random weights; and the pairs it took."""
    aimed, many = _aim_of(some), batch_for(net.graph)
    maps, blank = on_grid(some.maps_NHW), on_grid(random_maps)
    pool, covered, pairs = on_grid(drawable.maps_NHW), None, PAIRS
    while True:
        pairs = min(pairs, asked.pairs)
        tell(0.3 + 0.6 * pairs / asked.pairs, f"parts covered {2 * pairs * len(some)} times")
        covered = cover(net, some.images_NCHW, aimed, pairs=pairs, before=covered, batch_size=many, seed=seed)
        found, by_chance = weighed(Scale(some.images_NCHW, covered), maps, pool, blank, seed)
        if pairs == asked.pairs or is_clear(found, pairs):
            return found, by_chance, pairs
        pairs *= 2


def weighed(
    scale: Scale,
    maps_Ngg: np.ndarray,
    pool_Mgg: np.ndarray,
    blank_Ngg: np.ndarray,
    seed: int,
) -> tuple[Faithfulness, float]:
    """How well maps foretell what covering did, and how well those of random weights do.

    Args:
        scale: what covering the images did.
        maps_Ngg: their maps.
        pool_Mgg: the same and further maps of the method for other images.
        blank_Ngg: maps with random weights of some of the images, the first.
        seed: of the draws.

    Returns:
        The maps' faithfulness; and the correlation of those with random weights, moved by what the maps' own
        is over all images more than over these.
    """
    import numpy as np

    found = faithfulness(scale, maps_Ngg, others_Mgg=pool_Mgg, seed=seed)
    some = range(len(blank_Ngg))
    by_chance = float(np.mean([scale.weigh(image, blank_Ngg[image : image + 1])[0] for image in some]))
    return found, by_chance + found.correlation - float(np.mean(found.each[: len(blank_Ngg)]))


def is_clear(found: Faithfulness, pairs: int) -> bool:
    """Whether more pairs would hardly change what is said."""
    spread = (len(found.each) * max(1, pairs - 4)) ** -0.5
    if found.correlation + 3 * spread < FLOOR:
        return True
    others = found.p_others is None or found.p_others <= CHANCE
    away = found.correlation > found.turned + GAIN
    return found.correlation >= CLEAR and found.p_moved <= SURE and others and away


def _logits(net: Lowered, images_NCHW: np.ndarray) -> np.ndarray:
    import torch

    with untouched(net), torch.inference_mode():
        parts = torch.from_numpy(images_NCHW).split(batch_for(net.graph))
        return torch.cat([outputs(net, part) for part in parts]).numpy()


def _aim_of(found: Explanation) -> Aim:
    return Aim(found.target, found.versus, found.output)


@contextmanager
def _counted(net: Lowered) -> Iterator[list[int]]:
    """How many images run through the network inside the block, those with gradients for three."""
    import torch

    count = [0]

    def look(module: Any, inputs: Any) -> None:
        count[0] += len(inputs[0]) * (3 if torch.is_grad_enabled() else 1)

    first = next(node.name for node in net.graph.nodes if node.name not in net.graph.inputs)
    handle = net.steps_by_name[first].register_forward_pre_hook(look)  # `logits` calls no hook of the whole
    try:
        yield count
    finally:
        handle.remove()


def _with_random_weights(blank: Lowered, some: Explanation, graph: Graph) -> tuple[np.ndarray, float]:
    """The method's maps with random weights, of as many images as a fifth of `MACS` allows; MACs of one."""
    import numpy as np
    import torch

    method, aimed = by_name(some.method), _aim_of(some)
    x_NCHW = torch.from_numpy(some.images_NCHW)

    def maps(rows: slice) -> np.ndarray:
        again = explain_again(method, blank, x_NCHW[rows], aimed.take(rows), layer=some.layer)
        return np.nan_to_num(again.maps_NHW)

    with _counted(blank) as count:
        one = maps(slice(0, 1))
    each = max(1.0, count[0] * float(graph.macs or 1))
    more = min(len(some), int(MACS / 5 / each))
    return (np.concatenate([one, maps(slice(1, more))]) if more > 1 else one), each


def _cascade(
    net: Lowered, some: Explanation, random_maps: np.ndarray, each: float, cache: Any, seed: int
) -> dict[str, Any]:
    """The randomisation cascade; only its last stage where a map costs too much."""
    allowed = int(MACS / 5 / each)
    if allowed < 2:
        alike = spearman(some.maps_NHW[0], random_maps[0])
        layers = len({name.rpartition("/")[0] for name in net.graph.weights})
        rows = [{"layers": layers, "spearman": alike}]
        return {"stages": rows, "images": 1, "passed": alike <= STILL_ALIKE}
    stages = 4 if allowed >= 4 * min(len(some), FEWEST) else 2
    few = some[: max(1, min(len(some), allowed // stages))]
    compute = lambda: randomisation(net, few, stages=stages, seed=seed)  # noqa: E731
    return _cached(cache, _key(net, few, seed), len(few), compute)


def _adds_up(errors: list[float], called: str, output: str) -> dict[str, Any]:
    off = sorted(errors)
    middle = off[len(off) // 2]
    figures = {"median_error": middle, "worst_error": off[-1], "images": len(off), "passed": middle <= OFF}
    return _test(called, figures, f"its parts add up to the {output} within {OFF:.0%}")


def _test(name: str, figures: dict[str, Any], meaning: str, otherwise: str | None = None) -> dict[str, Any]:
    rest = {key: value for key, value in figures.items() if key not in ("passed", "images")}
    return {
        "name": name,
        "passed": bool(figures["passed"]),
        "images": figures["images"],
        "figures": rest,
        "says": meaning if figures["passed"] else otherwise or f"NOT shown: {meaning}",
    }


def _is_affordable(graph: Graph, images: int, each: int) -> bool:
    """Whether a method to compare with, of so many looks at each image, costs at most an eighth of `MACS`."""
    return images * each * (graph.macs or 1) <= MACS / 8


def _agreement(net: Lowered, found: Explanation, beside: Sequence[str]) -> dict[str, float]:
    """Mean rank correlation with the maps of other methods, where they do not cost too much."""
    import torch

    x_NCHW, said = torch.from_numpy(found.images_NCHW), {}
    for name in beside:
        if name == found.method or not _is_affordable(net.graph, len(found), LOOKS.get(name, FEW_LOOKS)):
            continue
        try:
            other = explain_again(by_name(name), net, x_NCHW, _aim_of(found))
        except Refused:
            continue
        pairs = zip(found.maps_NHW, other.maps_NHW, strict=True)
        said[name] = sum(spearman(a.clip(0), b.clip(0)) for a, b in pairs) / len(found)
    return said


def _key(net: Lowered, found: Explanation, seed: int) -> str:
    """What the cascade is asked of: the network with its weights, the method and the layer."""
    from ...engine.weights import dump

    digest = hashlib.sha256(f"{net.graph.fingerprint} {found.method} {found.layer} {seed}".encode())
    for name, array in dump(net).items():
        digest.update(name.encode() + array.tobytes())
    return f"{found.method}-{digest.hexdigest()[:24]}"


def _cached(folder: str | Path | None, key: str, images: int, compute: Any) -> dict[str, Any]:
    if folder is None:
        return compute()
    from ...runs.files import to_json, write_whole

    path = Path(folder) / f"{key}.json"
    try:
        kept: dict[str, Any] = parse(path.read_bytes(), str(path))
        if (
            kept["images"] >= images
            and kept["passed"] in (True, False)
            and kept["stages"][-1]["spearman"] <= 1
        ):
            return kept
    except (OSError, BadInput, LookupError, TypeError):
        pass  # absent or damaged: computed below
    computed: dict[str, Any] = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, to_json(computed, indent=1) + "\n")
    return computed
