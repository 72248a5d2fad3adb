"""Images whose right explanation is known: a texture planted among equally contrasty decoys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..graph import Graph
from ..graph import notation as keras

if TYPE_CHECKING:
    import numpy as np

SIDE, PATCH, CONTRAST, NOISE = 32, 10, 55.0, 14.0
CLASSES = ("rows", "columns", "checks")


@dataclass(frozen=True)
class Planted:
    """Images with a patch of a class's texture, and decoys that belong to no class.

    Args:
        x_NHWC: uint8, (N, 32, 32, 1).
        y: class numbers, (N,).
        masks_NHW: True on the planted patch.
        decoys_NHW: True on the decoys.
    """

    x_NHWC: np.ndarray
    y: np.ndarray
    masks_NHW: np.ndarray
    decoys_NHW: np.ndarray


def planted(n: int, seed: int, *, decoys: int = 3) -> Planted:
    """Make such images; the same seed makes the same.

    All patches have the same size and the same contrast, so that neither edges nor variance tell them apart:
    without decoys an edge detector finds the patch nearly as well as an explanation.

    Args:
        n: how many.
        seed: of their randomness.
        decoys: patches of other textures in each image, at most 3.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    y = rng.integers(0, len(CLASSES), n)
    x = rng.normal(128, NOISE, (n, SIDE, SIDE))
    masks, others = np.zeros((2, n, SIDE, SIDE), dtype=bool)
    for index in range(n):
        quarters = rng.permutation(4)
        for number in range(1 + decoys):
            corner = np.array(divmod(int(quarters[number]), 2)) * (SIDE // 2)
            top, left = corner + rng.integers(0, SIDE // 2 - PATCH + 1, 2)
            texture = _texture(int(y[index]), rng) if number == 0 else _decoy(rng)
            patch = (slice(top, top + PATCH), slice(left, left + PATCH))
            x[index][patch] += CONTRAST * (texture - texture.mean()) / texture.std()
            (masks if number == 0 else others)[index][patch] = True
    pixels = np.clip(np.rint(x), 0, 255).astype(np.uint8)[..., None]
    return Planted(pixels, y, masks, others)


def _texture(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Stripes along rows or columns, or checks; two pixels each, with a random start."""
    import numpy as np

    rows, columns = np.mgrid[0:PATCH, 0:PATCH] + rng.integers(0, 4, (2, 1, 1))
    across, down = rows // 2 % 2, columns // 2 % 2
    return np.array((across, down, across ^ down)[kind], dtype=float)


def _decoy(rng: np.random.Generator) -> np.ndarray:
    """Slanted stripes, random dots or blots."""
    import numpy as np

    kind = rng.integers(0, 3)
    if kind == 0:
        rows, columns = np.mgrid[0:PATCH, 0:PATCH]
        return ((rows + rng.choice((1, -1)) * columns + rng.integers(0, 6)) // 3 % 2).astype(float)
    dots = rng.normal(size=(PATCH, PATCH))
    if kind == 2:
        dots = dots + np.roll(dots, 1, 0)
        dots = dots + np.roll(dots, 1, 1)
    return dots


def planted_network(
    seed: int = 0, *, epochs: int = 6, images: int = 800
) -> tuple[Graph, dict[str, np.ndarray]]:
    """A small network trained to name the planted texture, and its weights; a few seconds on one core.

    Returns:
        The Graph, and weights with which it names over nine in ten right.
    """
    import torch

    from ..engine.lower import lower
    from ..engine.weights import dump, initial

    x = inputs = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Rescaling(1 / 64, -2)(x)
    for number, filters in enumerate((8, 16, 24)):
        x = keras.layers.Conv2D(filters, 3, padding="same", name=f"conv{number + 1}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"norm{number + 1}")(x)
        x = keras.layers.ReLU(name=f"relu{number + 1}")(x)
        if number == 1:
            x = keras.layers.MaxPooling2D(2, name="pool")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    x = keras.layers.Dense(len(CLASSES), activation="softmax", name="classes")(x)
    graph = keras.Model(inputs, x, name="planted")
    data = planted(images, seed=10_000 + seed)
    net = lower(graph, initial(graph, seed)).train()
    x_NCHW = torch.from_numpy(data.x_NHWC).permute(0, 3, 1, 2).float()
    y = torch.from_numpy(data.y)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-images // 50))
    order = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(images, generator=order).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net.logits(x_NCHW[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    return graph, dump(net)


def mass_accuracy(map_HW: np.ndarray, mask_HW: np.ndarray) -> float:
    """The share of a map's positive mass that lies on the mask (L. Arras et al., CLEVR-XAI, 2022)."""
    positive = map_HW.clip(0)
    return float(positive[mask_HW].sum() / max(float(positive.sum()), 1e-30))


def rank_accuracy(map_HW: np.ndarray, mask_HW: np.ndarray) -> float:
    """The share of the map's highest pixels, as many as the mask has, that lie on the mask (as above)."""
    import numpy as np

    highest = np.argsort(-map_HW, axis=None, kind="stable")[: int(mask_HW.sum())]
    return float(mask_HW.ravel()[highest].mean())


def pointing(map_HW: np.ndarray, mask_HW: np.ndarray) -> float:
    """1 where the map's highest pixel lies on the mask, else 0: the pointing game (J. Zhang et al., 2016)."""
    return float(mask_HW.ravel()[int(map_HW.argmax())])


def edges(image_HW: np.ndarray) -> np.ndarray:
    """The size of the image's own gradient: what a detector of edges, which knows no class, points at."""
    import numpy as np

    rows, columns = np.gradient(image_HW.astype(np.float64))
    return np.hypot(rows, columns).astype(np.float32)
