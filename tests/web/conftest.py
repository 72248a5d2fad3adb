"""A studio on a folder with one finished run and one that failed, and a browser for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from convsmith.runs import Run
from convsmith.web.app import application
from convsmith.web.home import Home
from convsmith.web.state import Studio

from ..reports.conftest import write_run

PORT = 8765
HOST = f"http://127.0.0.1:{PORT}"
OWN = {"Sec-Fetch-Site": "same-origin"}
CLASSES = ["<b>cat</b>", "dog"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, whose names want to be HTML."""
    folder = tmp_path_factory.mktemp("finished") / "0001"
    folder.mkdir()
    write_run(folder, classes=CLASSES)
    (folder / "report.html").write_text("<script>alert(1)</script>")
    (folder / "model.onnx").write_bytes(b"no network")
    return folder


@pytest.fixture
def home(tmp_path: Path, finished: Path) -> Home:
    runs = tmp_path / "runs"
    runs.mkdir()
    shutil.copytree(finished, runs / "0001")
    with pytest.raises(ValueError, match="bad"), Run.create(runs, kind="forge", recipe={"data": "digits"}):
        raise ValueError("bad <i>luck</i>")
    photos = tmp_path / "photos"
    for number in range(8):
        path = photos / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), number * 30, np.uint8)).save(path)
    return Home(runs, (photos,)).made()


@pytest.fixture
def studio(home: Home) -> Studio:
    """With no job ever begun: what would be started is only noted."""
    return Studio(home, at_once=0)


@pytest.fixture
def stranger(studio: Studio) -> Iterator[TestClient]:
    """Somebody without the token."""
    app = application(studio, token=studio.home.token(), port=PORT)
    with TestClient(app, base_url=HOST, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser(studio: Studio, stranger: TestClient) -> TestClient:
    """The studio's own page in a browser."""
    answer = stranger.get(f"/?token={studio.home.token()}")
    assert answer.status_code == 303
    stranger.headers.update(OWN)
    return stranger


def told(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")
