"""A run's images again: in the parts that they had in the run, whatever decided on these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convsmith as cs
from convsmith.errors import BadInput
from convsmith.jobs.inputs.run_images import own_images
from convsmith.jobs.inputs.trained import trained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on images that were grouped by the program: the recipe does not know of it."""
    root = tmp_path_factory.mktemp("grouped")
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / "photos" / name).mkdir(parents=True)
        for k in range(24):
            picture = Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8))
            picture.save(root / "photos" / name / f"patient{k // 4}_{k}.png")
    photos = cs.read(str(root / "photos"), group=r"(\w+/patient\d+)")
    done = cs.train("lenet5", photos, epochs=1, size=(32, 32), runs=str(root / "runs"), threads=1, quiet=True)
    return done.path


def test_test_images_are_of_no_group_that_was_trained_on(run: Path) -> None:
    own = own_images(trained(str(run)))
    of = [name.rsplit("_", 1)[0] for name in own.images.names]
    train, validation, test = ({of[i] for i in own.parts[part]} for part in ("train", "validation", "test"))
    assert test
    assert not test & (train | validation)
    assert own.learned == ("train",)


def test_a_split_that_cannot_be_read_is_said(run: Path) -> None:
    kept = (run / "split.npz").read_bytes()
    for damage in (b"", kept[: len(kept) // 2], kept.replace(b"test.npy", b"tesx.npy")):
        (run / "split.npz").write_bytes(damage)
        with pytest.raises(BadInput, match=r"split\.npz: cannot be read .*give images with --data"):
            own_images(trained(str(run)))
    (run / "split.npz").write_bytes(kept)


class Asked(Exception):
    """The reader was asked."""


VERBS = {
    "mistakes": lambda run, data, outside: cs.mistakes(run, data=data, outside=outside, quiet=True),
    "units": lambda run, data, outside: cs.see_units(run, data=data, outside=outside),
    "robustness": lambda run, data, outside: cs.robustness(run, data=data, outside=outside, quiet=True),
    "fool": lambda run, data, outside: cs.fool(
        run, what="adversarial", data=data, outside=outside, quiet=True
    ),
    "fool, others": lambda run, data, outside: cs.fool(
        run, what="unknown", others=data, outside=outside, quiet=True
    ),
    "explain": lambda run, data, outside: cs.explain(run, data, outside=outside),
}


@pytest.mark.parametrize("verb", VERBS)
def test_images_outside_are_asked_for_in_every_verb(
    run: Path, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "away.csv"
    table.write_text("path,label\n../photos/cat/1.png,cat\n")
    asked: list[bool] = []

    def read(source: object, *, outside: bool = False, **_: object) -> None:
        asked.append(outside)
        raise Asked

    monkeypatch.setattr("convsmith.data.read", read)
    for outside in (False, True):
        with pytest.raises(Asked):
            VERBS[verb](str(run), str(table), outside)
    assert asked == [False, True]


@pytest.mark.parametrize("verb", ["mistakes", "units", "robustness", "fool"])
def test_outside_without_other_images_is_refused(run: Path, verb: str) -> None:
    with pytest.raises(BadInput, match="--outside: given without --data"):
        VERBS[verb](str(run), None, True)


def test_outside_with_image_files_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--outside: given with image files"):
        cs.explain(str(run), str(tmp_path / "cat.png"), outside=True)
    with pytest.raises(BadInput, match="--outside: given without --data"):
        cs.explain(str(run), split="test", outside=True)
