"""How a job reads its images: together by name where asked, and strictly where asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.errors import BadInput
from convsmith.jobs.forge import forge
from convsmith.jobs.options.common import Running
from convsmith.jobs.options.train import TrainOptions
from convsmith.jobs.running.begin import begin
from convsmith.jobs.train import train
from convsmith.runs import Run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(12):
            picture = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
            picture.save(tmp_path / "photos" / name / f"patient{k // 3}_{k}.png")
    return tmp_path / "photos"


def _begin(photos: Path, **recipe: object) -> object:
    running = Running(runs=str(photos.parent / "runs"), quiet=True)
    options = TrainOptions(network="lenet5", **recipe)  # type: ignore[arg-type]
    return begin("train", str(photos), options, running, steps=1, started=0.0)


def test_images_of_one_group_stay_in_one_part(photos: Path) -> None:
    job = _begin(photos, group=r"((?:cat|dog)/patient\d+)", strict=False)
    with job.run:
        split = job.images.split(seed=0)
        of = [name.rsplit("_", 1)[0] for name in job.images.names]
        parts = [{of[i] for i in getattr(split, part)} for part in ("train", "validation", "test")]
        assert all(parts)
        assert not (parts[0] & parts[1])
        assert not (parts[0] & parts[2])
        assert not (parts[1] & parts[2])


def test_strict_stops_at_a_broken_image(photos: Path) -> None:
    (photos / "cat" / "broken.png").write_bytes(b"")
    with _begin(photos, group=None, strict=False).run as run:
        assert run.path.is_dir()
    with pytest.raises(BadInput, match=r"1 image cannot be read, such as cat/broken\.png: empty file"):
        _begin(photos, group=None, strict=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"network": "course_cnn"}, "^network: got course_cnn, and .* was given lenet5; .* --resume"),
        ({"optimizer": "sgd"}, "^--optimizer: got sgd, and .* was given auto"),
    ],
)
def test_a_resumed_training_refuses_what_would_be_another(tmp_path, asked, said):
    recipe = {"data": "digits", "network": "lenet5", "optimizer": "auto"}
    with Run.create(tmp_path, kind="train", recipe=recipe) as made:
        path = made.path
    with pytest.raises(BadInput, match=said):
        train(**({"network": "lenet5", "resume": str(path), "quiet": True} | asked))
    with pytest.raises(BadInput, match="is a run of 'train'; expected a run of 'forge'"):
        forge(resume=str(path), quiet=True)
