"""Every verb that reads images says the same of a layout, and trains no class that it has no images of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convsmith as cs
from convsmith.errors import BadInput
from convsmith.jobs.doctor import doctor

VERBS: dict[str, Callable[..., object]] = {
    "train": lambda data, runs, **more: cs.train("lenet5", data, epochs=1, runs=runs, quiet=True, **more),
    "forge": lambda data, runs, **more: cs.forge(
        data, max_params=9_000, minutes=1, pretrained="none", runs=runs, quiet=True, **more
    ),
    "search": lambda data, runs, **more: cs.search(
        "chain", data, max_params=9_000, trials=2, runs=runs, quiet=True, **more
    ),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))


def pictures(root: Path, *folders: str, each: int = 4) -> Path:
    rng = np.random.default_rng(0)
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for k in range(each):
            Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(root / folder / f"{k}.png")
    return root


@pytest.mark.parametrize("verb", VERBS)
def test_a_class_without_training_images_is_not_trained(verb: str, tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", "train/cat", "train/dog", "test/cat", "test/emu")
    with pytest.raises(BadInput, match="no training image of 'emu', only others"):
        VERBS[verb](str(root), str(tmp_path / "runs"))


@pytest.mark.parametrize("verb", VERBS)
def test_numbers_at_several_sites_are_refused(verb: str, tmp_path: Path) -> None:
    root = pictures(tmp_path / "set", *(f"site{s}/{d}" for s in "AB" for d in range(3)))
    said = "'siteA', 'siteB' hold the same folders '0', '1', '2': either may be the classes"
    with pytest.raises(BadInput, match=said):
        VERBS[verb](str(root), str(tmp_path / "runs"))
    with pytest.raises(BadInput, match=said):
        doctor(str(root))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("0*"))


@pytest.mark.parametrize("way", ["table", "links"])
@pytest.mark.parametrize("verb", [*VERBS, "check"])
def test_images_outside_are_asked_for(verb: str, way: str, tmp_path: Path) -> None:
    away = pictures(tmp_path / "away", "cat", "dog", each=1)
    root = tmp_path / "set"
    root.mkdir()
    if way == "table":
        rows = [f"../away/{name}/0.png,{name}\n" for name in ("cat", "dog")]
        (root / "a.csv").write_text("path,label\n" + "".join(rows))
        source, refused = root / "a.csv", "2 of 2 images lie outside its folder .*--outside"
    else:
        for name in ("cat", "dog"):
            (root / name).symlink_to(away / name)
        source, refused = root, "2 symbolic links lead out of the folder .*--outside"
    go = (lambda data, _, **more: doctor(data, **more)) if verb == "check" else VERBS[verb]
    with pytest.raises(BadInput, match=refused):
        go(str(source), str(tmp_path / "runs"))
    if verb == "check":
        assert set(doctor(str(source), outside=True).checkup.classes) == {"cat", "dog"}
        return
    with pytest.raises(BadInput, match="has only one usable image"):  # read, and too few
        go(str(source), str(tmp_path / "runs"), outside=True)
