"""Fixtures that several test folders share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
hypothesis.settings.register_profile("convsmith", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("convsmith")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and published figures beside the checkout; tests without it are skipped."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "truth").is_dir():
        pytest.skip("no ../shared folder with real images and published figures beside this checkout")
    return folder
