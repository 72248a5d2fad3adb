"""The evidence of an explanation summed up: what was tested, on how many images, passed or not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..strict_json import parse
from .checks import deletion_insertion, randomisation, spearman
from .explain import explain_again
from .method import method as by_name
from .target import Aim, Refused

if TYPE_CHECKING:
    from ..engine.lower import Lowered
    from .explanation import Explanation

OFF = 0.05
"""How far the parts may be from adding up, as a share, where a method promises that they do."""
SUMS = {"completeness_error_N": "completeness", "conservation_error_N": "conservation"}


def evidence(
    net: Lowered,
    found: Explanation,
    *,
    images: int = 8,
    beside: Sequence[str] = ("occlusion", "grad_cam"),
    cache: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Test an explanation, and sum it up in a badge.

    The tests are the randomisation cascade, deletion and insertion against random maps of equal mass, and,
    where the method promises it, whether the parts add up. How well the map agrees with other methods is
    measured and not judged: methods ask different questions.

    Args:
        net: the network that was explained.
        found: the explanation.
        images: on how many of its images, at most.
        beside: methods to compare with; those that are not valid for the network are left out.
        cache: a folder where the cascade, a question to the network and the method and not to one image, is
            kept by the weights' hash: asked once, on the first images, and again only for more images than
            it was asked on. Computed anew without it.
        seed: of what is random.

    Returns:
        method, layer, images, tests (name, passed, images, figures, says), agreement (method -> mean
        Spearman), passed, badge.
    """
    some = found[:images]
    cascade = _cached(cache, _key(net, some, seed), len(some), lambda: randomisation(net, some, seed=seed))
    areas = deletion_insertion(net, some, seed=seed)
    tests = [
        _test("randomisation", cascade, "changes as the weights are made random"),
        _test("deletion and insertion", areas, "marks places that matter more than random ones"),
    ]
    for name, called in SUMS.items():
        if name in found.arrays:
            off = sorted(some.arrays[name].tolist())
            middle = off[len(off) // 2]
            tests.append(
                _test(
                    called,
                    {
                        "median_error": middle,
                        "worst_error": off[-1],
                        "images": len(off),
                        "passed": middle <= OFF,
                    },
                    f"its parts add up to the {found.output} within {OFF:.0%}",
                )
            )
    passed = sum(test["passed"] for test in tests)
    tested = f"{len(some)} image{'' if len(some) == 1 else 's'}"
    return {
        "method": found.method,
        "layer": found.layer,
        "images": len(some),
        "tests": tests,
        "agreement": _agreement(net, some, beside),
        "passed": passed == len(tests),
        "badge": f"{passed} of {len(tests)} checks passed on {tested}",
    }


def _test(name: str, figures: dict[str, Any], meaning: str) -> dict[str, Any]:
    rest = {key: value for key, value in figures.items() if key not in ("passed", "images")}
    says = meaning if figures["passed"] else f"NOT shown: {meaning}"
    return {
        "name": name,
        "passed": bool(figures["passed"]),
        "images": figures["images"],
        "figures": rest,
        "says": says,
    }


def _agreement(net: Lowered, found: Explanation, beside: Sequence[str]) -> dict[str, float]:
    """Mean rank correlation with the maps of other methods."""
    import torch

    x_NCHW, said = torch.from_numpy(found.images_NCHW), {}
    for name in beside:
        if name == found.method:
            continue
        try:
            aimed = Aim(found.target, found.versus, found.output)
            other = explain_again(by_name(name), net, x_NCHW, aimed)
        except Refused:
            continue
        pairs = zip(found.maps_NHW, other.maps_NHW, strict=True)
        said[name] = sum(spearman(a.clip(0), b.clip(0)) for a, b in pairs) / len(found)
    return said


def _key(net: Lowered, found: Explanation, seed: int) -> str:
    """What the cascade is asked of: the network with its weights, the method and the layer."""
    from ..engine.weights import dump

    digest = hashlib.sha256(f"{net.graph.fingerprint} {found.method} {found.layer} {seed}".encode())
    for name, array in dump(net).items():
        digest.update(name.encode() + array.tobytes())
    return f"{found.method}-{digest.hexdigest()[:24]}"


def _cached(folder: str | Path | None, key: str, images: int, compute: Any) -> dict[str, Any]:
    if folder is None:
        return compute()
    from ..runs.files import to_json, write_whole

    path = Path(folder) / f"{key}.json"
    try:
        kept: dict[str, Any] = parse(path.read_bytes(), str(path))
        if kept["images"] >= images:
            return kept
    except (OSError, BadInput, LookupError, TypeError):
        pass  # absent or damaged: computed below
    computed: dict[str, Any] = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, to_json(computed, indent=1) + "\n")
    return computed
