"""Whether a method follows the weights: its maps as the network becomes random, layer by layer."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ..explain import explain_again
from ..method import method as by_name
from ..target import Aim

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ..explanation import Explanation

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

    from ...engine.lower import lower
    from ...engine.weights import dump, initial, load

    good = [index for index, problem in enumerate(found.problems) if not problem]
    method, x_NCHW = by_name(found.method), torch.from_numpy(found.images_NCHW)
    own, other = dump(net), initial(net.graph, seed + 1)
    owners = list(dict.fromkeys(name.rpartition("/")[0] for name in own))[::-1]
    aimed = Aim(found.target, found.versus, found.output)
    rows, module = [], lower(net.graph, other)
    for stage in range(1, stages + 1):
        gone = set(owners[: -(-stage * len(owners) // stages)])
        mixed = {name: (other if name.rpartition("/")[0] in gone else own)[name] for name in own}
        load(module, mixed)
        again = explain_again(method, module, x_NCHW, aimed, layer=found.layer)
        alike = [spearman(found.maps_NHW[index], again.maps_NHW[index]) for index in good]
        rows.append({"layers": len(gone), "spearman": sum(alike) / max(1, len(alike))})
    falls = all(b["spearman"] <= max(a["spearman"] + RISE, UNLIKE) for a, b in itertools.pairwise(rows))
    passed = bool(good) and falls and rows[-1]["spearman"] <= STILL_ALIKE
    return {"stages": rows, "images": len(good), "passed": passed}


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
