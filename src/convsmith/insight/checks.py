"""The evidence of an explanation: does it follow the weights, and do its places matter to the class?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .explain import batch_for, explain_again
from .method import method as by_name
from .target import Aim

if TYPE_CHECKING:
    import numpy as np

    from ..engine.lower import Lowered
    from .explanation import Explanation

RISE, UNLIKE, STILL_ALIKE = 0.1, 0.4, 0.7


def randomisation(net: Lowered, found: Explanation, *, stages: int = 4, seed: int = 0) -> dict[str, Any]:
    """Explain again with ever more layers random, from the last to the first, and compare the maps.

    J. Adebayo et al., "Sanity Checks for Saliency Maps", 2018. The likeness is Spearman's rank correlation of
    the maps' sizes, mean over the images. A random network still shares the image's edges and the layers'
    geometry, so it stays above 0; asked for is a fall: no stage more than 0.1 above the one before (below 0.4
    maps are as unlike as chance makes them, and nothing more is asked), and at most 0.7 at the end.

    Args:
        net: the network that was explained.
        found: the explanation.
        stages: in how many steps the layers are made random.
        seed: of the random weights.

    Returns:
        stages (layers made random so far, spearman), images (those whose map may be drawn), passed.
    """
    import torch

    from ..engine.lower import lower
    from ..engine.weights import dump, initial

    good = [index for index, problem in enumerate(found.problems) if not problem]
    method, x_NCHW = by_name(found.method), torch.from_numpy(found.images_NCHW)
    own, other = dump(net), initial(net.graph, seed + 1)
    owners = list(dict.fromkeys(name.rpartition("/")[0] for name in own))[::-1]
    aimed = Aim(found.target, found.versus, found.output)
    rows = []
    for stage in range(1, stages + 1):
        gone = set(owners[: -(-stage * len(owners) // stages)])
        mixed = {name: (other if name.rpartition("/")[0] in gone else own)[name] for name in own}
        again = explain_again(method, lower(net.graph, mixed), x_NCHW, aimed, layer=found.layer)
        alike = [spearman(found.maps_NHW[index], again.maps_NHW[index]) for index in good]
        rows.append({"layers": len(gone), "spearman": sum(alike) / max(1, len(alike))})
    falls = all(b["spearman"] <= max(a["spearman"] + RISE, UNLIKE) for a, b in itertools.pairwise(rows))
    passed = bool(good) and falls and rows[-1]["spearman"] <= STILL_ALIKE
    return {"stages": rows, "images": len(good), "passed": passed}


def deletion_insertion(
    net: Lowered,
    found: Explanation,
    *,
    steps: int = 12,
    draws: int = 19,
    batch_size: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Take away the map's strongest places first, and bring them back first; watch the class's output.

    V. Petsiuk et al., "RISE", 2018; what is taken away is blurred. A map that matters has a low area under
    the deletion curve and a high one under the insertion curve. Beside it: the same maps flipped and moved to
    somewhere else, of equal mass and equal smoothness. Passed: insertion minus deletion is larger than for
    every one of `draws` such random sets (with 19, by chance in 1 of 20 cases). This separates an explanation
    from a random one; it does not rank methods.

    Args:
        net: the network that was explained.
        found: the explanation; images whose map must not be drawn are left out.
        steps: in how many steps the places go.
        draws: how many random sets.
        batch_size: images at a time; as many as fit into a gigabyte without it.
        seed: of the random sets.

    Returns:
        deletion, insertion, random_deletion, random_insertion (means of the areas, in units of the output),
        draws, images, passed; None and not passed where no image has a map that may be drawn.
    """
    import numpy as np

    good = [index for index, problem in enumerate(found.problems) if not problem]
    if not good:
        empty = dict.fromkeys(("deletion", "insertion", "random_deletion", "random_insertion"))
        return {**empty, "draws": draws, "images": 0, "passed": False}
    many = batch_size or batch_for(net.graph)
    rng, (rows, columns) = np.random.default_rng(seed), found.maps_NHW.shape[1:]
    areas = np.zeros((1 + draws, 2))
    for index in good:
        image_CHW, map_HW = found.images_NCHW[index], found.maps_NHW[index]
        blurred = _blurred(image_CHW)
        for draw in range(1 + draws):
            moved = map_HW
            if draw:
                moved = map_HW[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
                moved = np.roll(moved, (rng.integers(rows), rng.integers(columns)), (0, 1))
            order = np.lexsort((rng.random(map_HW.size), -moved.ravel()))
            for side, (start, end) in enumerate(((image_CHW, blurred), (blurred, image_CHW))):
                curve = _outputs(net, _replaced(start, end, order, steps), found.target[index], many)
                areas[draw, side] += (curve[1:] + curve[:-1]).sum() / 2 / steps / len(good)
    gaps = areas[:, 1] - areas[:, 0]
    return {
        "deletion": float(areas[0, 0]),
        "insertion": float(areas[0, 1]),
        "random_deletion": float(areas[1:, 0].mean()),
        "random_insertion": float(areas[1:, 1].mean()),
        "draws": draws,
        "images": len(good),
        "passed": bool(gaps[0] > gaps[1:].max()),
    }


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of the sizes of two maps; 0 where one of them is the same everywhere or not finite.

    Example:
        >>> import numpy as np
        >>> spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 40]))
        1.0
    """
    import numpy as np

    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0
    ranks = []
    for map_ in (a, b):
        _, place, counts = np.unique(np.abs(map_).ravel(), return_inverse=True, return_counts=True)
        middle = np.cumsum(counts) - (counts - 1) / 2  # equal numbers share the mean of their ranks
        ranks.append(middle[place] - middle[place].mean())
    size = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return round(float((ranks[0] * ranks[1]).sum()) / size, 12) if size else 0.0


def _blurred(image_CHW: np.ndarray) -> np.ndarray:
    """The image with a Gaussian of a sixth of its side, edges repeated."""
    import numpy as np

    out = image_CHW.astype(np.float64)
    for axis in (1, 2):
        n = out.shape[axis]
        apart = np.arange(n)[:, None] - np.arange(-n, 2 * n)[None]
        weight = np.exp(-((6 * apart / n) ** 2) / 2)
        weight /= weight.sum(1, keepdims=True)
        near = weight[:, n : 2 * n].copy()
        near[:, 0] += weight[:, :n].sum(1)
        near[:, -1] += weight[:, 2 * n :].sum(1)
        out = np.moveaxis(np.tensordot(near, out, (1, axis)), 0, axis)
    return out.astype(np.float32)


def _replaced(start: np.ndarray, end: np.ndarray, order: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """The image from start to end, the places changed in this order, in equal steps, both ends included."""
    now = start.reshape(len(start), -1).copy()
    to = end.reshape(len(end), -1)
    done = 0
    for step in range(steps + 1):
        until = round(step * len(order) / steps)
        now[:, order[done:until]] = to[:, order[done:until]]
        done = until
        yield now.reshape(start.shape).copy()


def _outputs(net: Lowered, images: Iterator[np.ndarray], target: int, batch_size: int) -> np.ndarray:
    import numpy as np
    import torch

    x_NCHW = torch.from_numpy(np.stack(list(images)))
    with torch.inference_mode():
        parts = [net(part)[:, target] for part in x_NCHW.split(batch_size)]
    return torch.cat(parts).double().numpy()
