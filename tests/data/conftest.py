"""Image folders made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def noise(seed: int, height: int = 20, width: int = 24, channels: int = 3) -> np.ndarray:
    """Random uint8 pixels: no two alike."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a folder with PNG images: ``make_folder(cat=4, dog=3)``."""

    def make(name: str = "photos", **counts: int) -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        seed = 0
        for label, count in counts.items():
            (root / label).mkdir(parents=True, exist_ok=True)
            for k in range(count):
                Image.fromarray(noise(seed)).save(root / label / f"{k:03}.png")
                seed += 1
        return root

    return make
