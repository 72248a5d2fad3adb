"""Whether maps foretell what covering does, better than they do turned, moved or on another image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .covering import Covered, blurred, on_grid

if TYPE_CHECKING:
    import numpy as np

PLACES, DRAWS, POOL = 127, 999, 3
"""Turned and moved copies of each map, random sets of them, the fewest maps to draw those of others from."""


@dataclass(frozen=True)
class Faithfulness:
    """How well maps foretell what covering does.

    Args:
        correlation: of the map's mass in what is kept with the number that is explained, mean over the
            images; what edges, local contrast and nearness to the centre foretell is taken out of both first.
        each: the same for each image.
        moved: the mean of the same maps turned, mirrored and moved at random.
        p_moved: how often such random sets do as well, by chance.
        turned: the best of the seven other turnings of all maps together.
        p_others: how often maps of other images do as well; None with fewer than three maps.
    """

    correlation: float
    each: tuple[float, ...]
    moved: float
    p_moved: float
    turned: float
    p_others: float | None


class Scale:
    """What covering did to some images, ready to weigh maps on.

    Args:
        images_NCHW: the images.
        covered: what covering them did.
    """

    def __init__(self, images_NCHW: np.ndarray, covered: Covered) -> None:
        import numpy as np

        self.kept_NPgg = covered.kept_NPgg
        self._plain, self._left = [], []
        for image_CHW, kept_Pgg, change_P in zip(
            images_NCHW, covered.kept_NPgg, covered.change_NP, strict=True
        ):
            known = on_grid(_known_without_a_network(image_CHW))
            columns = np.einsum("pgh,bgh->pb", kept_Pgg, known, optimize=True)
            scale = np.abs(columns).max(0, keepdims=True)
            columns = np.column_stack([np.ones(len(change_P)), columns / np.where(scale > 0, scale, 1)])
            basis = np.linalg.svd(columns, full_matrices=False)
            self._plain.append(basis[0][:, basis[1] > 1e-9 * basis[1][0]])
            self._left.append(self._rest(len(self._plain) - 1, change_P[None])[0])

    def __len__(self) -> int:
        return len(self.kept_NPgg)

    def weigh(self, image: int, maps_Mgg: np.ndarray) -> np.ndarray:
        """The correlation of each of several maps with what covering one image did, (M,)."""

        kept_Pgg = self.kept_NPgg[image]
        masses_MP = maps_Mgg.reshape(len(maps_Mgg), -1) @ kept_Pgg.reshape(len(kept_Pgg), -1).T
        return self._correlations(image, masses_MP)

    def elsewhere(self, image: int, map_gg: np.ndarray, where_D3: np.ndarray) -> np.ndarray:
        """The same for one map turned and moved, (D,).

        Args:
            image: which image.
            map_gg: the map.
            where_D3: which of the eight `turnings`, and how far down and across it is moved then; what leaves
                the grid on one side comes in on the other.
        """
        import numpy as np

        side, turned = np.arange(len(map_gg)), np.stack(turnings(map_gg))
        turn, down, across = where_D3.T
        rows, columns = (side[None] - far[:, None] for far in (down, across))
        moved = turned[turn[:, None, None], rows[:, :, None] % len(side), columns[:, None] % len(side)]
        return self.weigh(image, moved)

    def _rest(self, image: int, rows_MP: np.ndarray) -> np.ndarray:
        plain = self._plain[image]
        return rows_MP - (rows_MP @ plain) @ plain.T

    def _correlations(self, image: int, masses_MP: np.ndarray) -> np.ndarray:
        import numpy as np

        rest, left = self._rest(image, masses_MP), self._left[image]
        size = np.linalg.norm(rest, axis=1) * np.linalg.norm(left)
        nothing = np.linalg.norm(rest, axis=1) <= 1e-9 * np.linalg.norm(masses_MP, axis=1)
        return np.where(nothing | (size == 0), 0.0, rest @ left / np.where(size == 0, 1, size))


def faithfulness(
    scale: Scale, maps_Ngg: np.ndarray, *, others_Mgg: np.ndarray | None = None, seed: int = 0
) -> Faithfulness:
    """Weigh maps, and the same maps elsewhere.

    U. Bhatt et al., "Evaluating and Aggregating Feature-based Model Explanations", 2020 (faithfulness
    correlation); M. Ancona et al., 2018 (sensitivity-n with n a half). The p-values are permutation tests:
    the same number of maps, each turned and moved at random, or of another image.

    Args:
        scale: what covering the images did.
        maps_Ngg: a map for each of its images, on its grid.
        others_Mgg: all maps that another image's map may be drawn from, the images' own first; their own
            alone without it.
        seed: of the draws.
    """
    import numpy as np

    rng, count = np.random.default_rng(seed), len(scale)
    side = maps_Ngg.shape[1]
    turned = np.array([(turn, 0, 0) for turn in range(8)])
    turnings_N8 = np.stack([scale.elsewhere(k, maps_Ngg[k], turned) for k in range(count)])
    own = turnings_N8[:, 0]
    places = [rng.integers(0, (8, side, side), (PLACES, 3)) for _ in range(count)]
    moved_ND = np.stack([scale.elsewhere(k, maps_Ngg[k], places[k]) for k in range(count)])
    drawn = moved_ND[np.arange(count), rng.integers(0, PLACES, (DRAWS, count))].mean(1)
    if count == 1:
        drawn = moved_ND[0]
    pool, p_others = maps_Ngg if others_Mgg is None else others_Mgg, None
    if len(pool) >= POOL:
        crossed = np.stack([scale.weigh(image, pool) for image in range(count)])
        which = rng.integers(1, len(pool), (DRAWS, count))
        foreign = crossed[np.arange(count), (np.arange(count) + which) % len(pool)].mean(1)
        p_others = _share_above(foreign, own.mean())
    return Faithfulness(
        correlation=float(own.mean()),
        each=tuple(own.tolist()),
        moved=float(moved_ND.mean()),
        p_moved=_share_above(drawn, own.mean()),
        turned=float(turnings_N8[:, 1:].mean(0).max()),
        p_others=p_others,
    )


def turnings(map_gg: np.ndarray) -> list[np.ndarray]:
    """A square map as it is, turned by 90, 180 and 270 degrees, and the mirror images of these four."""
    import numpy as np

    turned = [np.rot90(map_gg, quarter) for quarter in range(4)]
    return turned + [one[:, ::-1] for one in turned]


def _share_above(drawn: np.ndarray, value: float) -> float:
    """How often draws reach a value, the value itself counted as one of them."""
    return (1 + int((drawn >= value).sum())) / (1 + len(drawn))


def _known_without_a_network(image_CHW: np.ndarray) -> np.ndarray:
    """Maps that anybody can draw: edges, local contrast, nearness to the centre, (3, H, W)."""
    import numpy as np

    pixels = image_CHW.astype(np.float64)
    edges = np.hypot(*(np.gradient(pixels, axis=axis) for axis in (1, 2))).sum(0)
    contrast = np.abs(pixels - blurred(image_CHW)).sum(0)
    across = [(np.arange(n) - (n - 1) / 2) / (n / 3) for n in pixels.shape[1:]]
    centre = np.exp(-(across[0][:, None] ** 2 + across[1][None] ** 2) / 2)
    return np.stack([edges, contrast, centre])
