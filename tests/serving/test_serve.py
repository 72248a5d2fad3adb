"""`serve`: over HTTP the answers of `cs.load(...).predict`, limits in one line, a clean end."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from starlette.testclient import TestClient

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.data.given import Given
from convsmith.engine.weights import initial
from convsmith.formats.weights_file import write_weights_file
from convsmith.jobs.using.classifier import Classifier
from convsmith.jobs.using.predictions import Prediction, Predictions
from convsmith.serving.app import Limits, application
from convsmith.serving.batches import Batches
from convsmith.serving.body import Image, images
from convsmith.serving.metrics import Metrics
from convsmith.serving.refusal import Refused
from convsmith.zoo import network

CLASSES = ("cat", "dog", "<b>", "d", "e", "f", "g", "h", "i", "j")
LIMITS = Limits(bytes=200_000, images=4, pixels=1_000_000, seconds=20, waiting=8)


FORM = "multipart/form-data"


def picture(seed: int = 0, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    rng = np.random.default_rng(seed)
    file = io.BytesIO()
    Pillow.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(file, kind)
    return file.getvalue()


FLAT = io.BytesIO()
Pillow.new("L", (1200, 1000)).save(FLAT, "PNG")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LeNet-5 with random weights."""
    graph, path = network("lenet5"), tmp_path_factory.mktemp("serving") / "lenet5.safetensors"
    write_weights_file(str(path), graph, initial(graph, 0), classes=CLASSES)
    return path


@pytest.fixture(scope="module")
def net(file: Path) -> Classifier:
    return cs.load(file)


@pytest.fixture(scope="module")
def client(net: Classifier) -> Iterator[TestClient]:
    with TestClient(application(net, LIMITS, decoders=1)) as found:
        yield found


def said(response: httpx.Response, status: int) -> str:
    """The one line of a refusal."""
    assert response.status_code == status, response.text
    line = response.json()["error"]
    assert "\n" not in line
    assert set(response.json()) == {"error"}
    return line


def test_the_answers_are_those_of_predict(client: TestClient, net: Classifier, tmp_path: Path) -> None:
    files = [tmp_path / f"{k}.{kind}" for k, kind in enumerate(("png", "jpg", "gif"))]
    for k, path in enumerate(files):
        path.write_bytes(picture(k, kind={"jpg": "JPEG"}.get(path.suffix[1:], path.suffix[1:].upper())))
    want = net.predict(files)
    form = [("image", (path.name, path.read_bytes(), "image/png")) for path in files]
    rows = client.post("/predict?top=3", files=form).json()["predictions"]
    alone = [client.post("/predict", content=path.read_bytes()).json()["predictions"] for path in files]
    for k, row in enumerate(rows):
        one = want.top(k, 3)
        assert (row["name"], row["class"], row["answer"]) == (files[k].name, one.label, one.answer)
        assert row["probability"] == pytest.approx(one.probability, abs=2e-6)
        assert [found["class"] for found in row["top"]] == [name for name, _ in one.top]
        assert [len(alone[k]), alone[k][0]["class"], len(alone[k][0]["top"])] == [1, one.label, 1]


def test_a_file_that_cannot_be_read_is_a_row_with_the_reason(client: TestClient) -> None:
    form = [("a", ("good.png", picture(), "image/png")), ("a", ("bad.png", b"nothing", "image/png"))]
    good, bad = client.post("/predict", files=form).json()["predictions"]
    assert good["class"] in CLASSES
    assert (bad["name"], bad["answer"]) == ("bad.png", None)
    assert bad["error"]


@pytest.mark.parametrize(
    ("status", "matching", "asked"),
    [
        (422, "image cannot be read: text, not an image", {"content": b"hello"}),
        (422, "no image came", {"content": b""}),
        (415, "got application/json; expected an image", {"json": {"a": 1}}),
        (413, "more than 200,000 bytes", {"content": bytes(200_001)}),
        (413, "more than 4 parts", {"files": [("a", (f"{k}.png", b"x")) for k in range(6)]}),
        (422, "cannot be read: .*pixels", {"content": FLAT.getvalue()}),
        (422, "without a boundary", {"content": b"a", "headers": {"content-type": FORM}}),
        (422, "form is damaged", {"content": b"a", "headers": {"content-type": f"{FORM}; boundary=b"}}),
        (400, "asked as 'evil.example'", {"content": picture(), "headers": {"host": "evil.example"}}),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_one_line(
    client: TestClient, status: int, matching: str, asked: dict[str, Any]
) -> None:
    assert re.search(matching, said(client.post("/predict", **asked), status))


def test_other_addresses_methods_and_options(client: TestClient) -> None:
    assert "try: POST /predict" in said(client.get("/"), 404)
    assert "GET /predict: not here" in said(client.get("/predict"), 405)
    for top in ("0", "-1", "many", "²"):
        assert "expected a whole number from 1" in said(client.post(f"/predict?top={top}"), 422)
    assert len(client.post("/predict?top=10000", content=picture()).json()["predictions"][0]["top"]) == 10


def test_a_body_that_grows_is_cut_off(client: TestClient) -> None:
    """Without a Content-Length, as chunked bodies come."""
    assert "more than 200,000 bytes" in said(
        client.post("/predict", content=(bytes(50_000) for _ in range(100))), 413
    )


def test_what_it_is_and_what_it_counts(net: Classifier) -> None:
    with TestClient(application(net, LIMITS, decoders=1)) as client:
        about = client.get("/health").json()
        assert about["status"] == "ok"
        assert about["classes"] == list(CLASSES)
        assert about["input"] == {"rows": 32, "columns": 32, "channels": 1}
        assert client.post("/predict", content=picture()).status_code == 200
        said(client.post("/predict", content=b"x"), 422)
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = counts(response.text)
    assert found['convsmith_requests_total{path="/predict",status="200"}'] == 1
    assert found['convsmith_requests_total{path="/predict",status="422"}'] == 1
    assert (
        found['convsmith_images_total{answer="class"}']
        == found['convsmith_images_total{answer="unreadable"}']
    )
    assert (
        found["convsmith_request_seconds_count"] == found['convsmith_request_seconds_bucket{le="+Inf"}'] == 2
    )
    assert found["convsmith_batches_total"] == 2
    assert found["convsmith_waiting_requests"] == 0


def counts(text: str) -> dict[str, float]:
    """Prometheus's text form, read strictly: a help and a type before the values of each family."""
    found: dict[str, float] = {}
    family = ""
    for line in text.splitlines():
        if line.startswith("#"):
            family = re.fullmatch(r"# (?:HELP|TYPE) ([a-z_]+) .+", line)[1]  # type: ignore[index]
            continue
        name, value = re.fullmatch(
            r'([a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) (\S+)', line
        ).groups()  # type: ignore[union-attr]
        assert name.startswith(family)
        found[name] = float(value)
    return found


@given(st.lists(st.floats(0.0001, 20), min_size=1, max_size=30))
def test_buckets_count_what_is_at_most_their_bound(seconds: list[float]) -> None:
    metrics = Metrics()
    for each in seconds:
        metrics.request("/predict", 200, each)
    found = counts(metrics.text())
    for bound in (0.005, 0.1, 1.0, 10.0):
        wanted = sum(each <= bound for each in seconds)
        assert found[f'convsmith_request_seconds_bucket{{le="{bound:g}"}}'] == wanted
    assert found["convsmith_request_seconds_sum"] == pytest.approx(sum(seconds), abs=1e-5)


def test_the_description_is_of_what_is_there(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    routes = {route.path for route in client.app.routes} - {"/openapi.json"}  # type: ignore[attr-defined]
    assert set(found["paths"]) == routes
    row = client.post("/predict", content=picture()).json()["predictions"][0]
    responses = found["paths"]["/predict"]["post"]["responses"]
    said_of = responses["200"]["content"]["application/json"]["schema"]["properties"]["predictions"]["items"]
    assert set(row) <= set(said_of["properties"])
    assert row["class"] in said_of["properties"]["class"]["enum"]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.text("ab.é ü", min_size=1, max_size=9), st.binary(max_size=60)), min_size=1, max_size=4
    )
)
def test_forms_are_read_as_httpx_writes_them(files: list[tuple[str, bytes]]) -> None:
    files = [(name.strip() or "a", data + b"\r\n--x--" * (len(data) % 2)) for name, data in files]
    request = httpx.Request("POST", "http://a/", files=[("image", file) for file in files])
    body, kind = request.read(), request.headers["content-type"]
    if not any(data for _, data in files):
        with pytest.raises(Refused, match="no image came"):
            images(body, kind, 4)
        return
    assert [one.data for one in images(body, kind, 4)] == [data for _, data in files]


@settings(max_examples=150)
@given(
    st.binary(max_size=80),
    st.sampled_from(
        [
            "multipart/form-data; boundary=b",
            'multipart/form-data; boundary="',
            "image/png",
            "a/b",
            "",
            ";;",
            "multipart/form-data; boundary=" + "x" * 300,
        ]
    ),
)
def test_no_body_is_worse_than_a_refusal(body: bytes, kind: str) -> None:
    for whole in (body, b"--b\r\n" + body + b"\r\n--b--"):
        try:
            found = images(whole, kind, 3)
        except Refused as refused:
            found, status = [], refused.status
        else:
            status = 200
        assert status in (200, 413, 415, 422)
        assert all(isinstance(one, Image) for one in found)


@dataclass
class Held:
    """A network that answers when it is let."""

    path: Path = Path("held")
    classes: tuple[str, ...] = ("a", "b")
    shape: tuple[int, int, int] = (4, 4, 1)
    batch_size: int = 6

    def __post_init__(self) -> None:
        self.let, self.begun, self.sizes = threading.Event(), threading.Event(), list[int]()
        self.fails = False

    def ask(self, photos: Given, **_: Any) -> Iterator[Predictions]:
        self.sizes.append(len(photos))
        self.begun.set()
        assert self.let.wait(20)
        if self.fails:
            raise RuntimeError("broken\nnetwork")
        n = len(photos)
        p = np.tile(np.float32([[0.25, 0.75]]), (n, 1))
        yield Predictions([photos.name(i) for i in range(n)], self.classes, p, np.zeros(n, bool), {})


def test_more_than_may_wait_are_sent_away() -> None:
    held = Held()
    with TestClient(application(held, Limits(waiting=1))) as client, ThreadPoolExecutor(1) as other:  # type: ignore[arg-type]
        first = other.submit(client.post, "/predict", content=b"a")
        assert held.begun.wait(20)
        refused = client.post("/predict", content=b"b")
        assert "1 requests are waiting" in said(refused, 429)
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200
        held.let.set()
        assert first.result().json()["predictions"][0]["class"] == "b"
        assert client.post("/predict", content=b"c").status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    held = Held()
    with TestClient(application(held, Limits(seconds=0.2))) as client:  # type: ignore[arg-type]
        assert "no answer within 0.2 s" in said(client.post("/predict", content=b"a"), 503)
        held.let.set()
        assert client.post("/predict", content=b"b").status_code == 200
        held.fails = True
        assert "the network failed" in said(client.post("/predict", content=b"c"), 500)
        held.fails = False
        assert client.post("/predict", content=b"d").status_code == 200
    assert "RuntimeError: broken network" in capsys.readouterr().err


def test_what_gathers_is_the_next_batch() -> None:
    held, counted = Held(), list[int]()

    def answer(photos: Given, top: int) -> list[Prediction]:
        return [part.top(i, top) for part in held.ask(photos) for i in range(len(part))]

    async def several() -> list[list[Prediction]]:
        with Batches(answer, held.batch_size, counted.append) as batches:
            first = asyncio.create_task(batches.ask([Image("0", b"")], 1))
            while not held.begun.is_set():
                await asyncio.sleep(0.001)
            rest = [asyncio.create_task(batches.ask([Image(f"{k}", b"")] * k, 1)) for k in (1, 2, 3, 4)]
            await asyncio.sleep(0)
            held.let.set()
            return [await one for one in (first, *rest)]

    found = asyncio.run(several())
    assert held.sizes == counted == [1, 6, 4]
    assert [[one.name for one in each] for each in found] == [["0"], ["1"], ["2"] * 2, ["3"] * 3, ["4"] * 4]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--queue", "0"], "--queue: got 0"),
        (["--seconds", "0"], "--seconds: got 0"),
        (["--port", "70000"], "--port: got 70000"),
        (["--host", "192.0.2.1"], "192.0.2.1:0"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    file: Path, options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["serve", str(file), "--port", "0", *options]) == 2
    assert line in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_signal_ends_it_when_what_has_come_is_answered(file: Path) -> None:
    """A request whose head is there when SIGTERM comes is answered; then the process ends, without a word."""
    process = subprocess.Popen(
        [sys.executable, "-m", "convsmith", "serve", str(file), "--port", "0", "--decoders", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])  # type: ignore[index]
        data = picture()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(400):
                try:
                    if client.get("/health").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
        begun = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        begun.putrequest("POST", "/predict")
        begun.putheader("Content-Length", str(len(data)))
        begun.endheaders(data[:10])
        waiting = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:  # until the server has its head
            waiting.request("GET", "/metrics")
            if counts(waiting.getresponse().read().decode())["convsmith_waiting_requests"] == 1:
                break
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        begun.send(data[10:])
        answer = begun.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["predictions"][0]["class"] in CLASSES
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
