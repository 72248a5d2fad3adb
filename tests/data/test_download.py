"""Downloads against a local HTTP server that breaks off, lies, or is not there."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from convsmith.data import read
from convsmith.data.files.download import NoNetwork, Remote, checksum, fetch
from convsmith.data.readers import named as named_module
from convsmith.errors import BadInput

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves ``files``; ``ranges`` whether it knows them, ``stop`` after how many bytes it breaks off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/a.bin": CONTENT}
        self.ranges, self.stop = True, 0
        self.asked: list[tuple[str, str | None]] = []
        self.base = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = int(wanted[6:].rstrip("-")) if wanted and self.server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = start + self.server.stop if self.server.stop else len(data)
        self.wfile.write(data[start:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def remote(*urls: str, content: bytes = CONTENT) -> Remote:
    return Remote("a.bin", hashlib.sha256(content).hexdigest(), len(content), urls)


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    path = fetch(remote(f"{server.base}/a.bin"), tmp_path / "sets", progress=lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == ("fetching a.bin", len(CONTENT), len(CONTENT))
    fetch(remote(f"{server.base}/a.bin"), tmp_path / "sets")
    assert len(server.asked) == 1
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["a.bin"]


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.stop = 300_000
    with pytest.raises(NoNetwork, match=r"stopped after|IncompleteRead|incomplete"):
        fetch(remote(f"{server.base}/a.bin"), tmp_path)
    server.stop = 0
    assert fetch(remote(f"{server.base}/a.bin"), tmp_path).read_bytes() == CONTENT
    start = int(str(server.asked[1][1])[6:-1])
    assert 0 < start <= 300_000


def test_a_server_without_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    assert fetch(remote(f"{server.base}/a.bin"), tmp_path).read_bytes() == CONTENT


def test_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    server.files["/wrong.bin"] = CONTENT[::-1]
    urls = (
        f"{server.base}/gone.bin",
        "http://127.0.0.1:9/a.bin",
        f"{server.base}/wrong.bin",
        f"{server.base}/a.bin",
    )
    assert fetch(remote(*urls), tmp_path).read_bytes() == CONTENT


def test_a_wrong_file_is_never_kept(server: Server, tmp_path: Path) -> None:
    server.files["/a.bin"] = CONTENT[::-1]
    with pytest.raises(NoNetwork, match=r"another content \(checksum\)"):
        fetch(remote(f"{server.base}/a.bin"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    server.files["/a.bin"] = CONTENT + b"more"
    with pytest.raises(NoNetwork, match="sends more than 1,024,000 bytes"):
        fetch(remote(f"{server.base}/a.bin"), tmp_path)


def test_a_damaged_draft_does_not_spoil_the_next_try(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.part").write_bytes(b"x" * 1000)
    urls = (f"{server.base}/a.bin", f"{server.base}/a.bin")
    assert fetch(remote(*urls), tmp_path).read_bytes() == CONTENT


def test_without_a_network_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoNetwork) as caught:
        fetch(remote("http://127.0.0.1:9/a.bin"), tmp_path / "sets")
    text = str(caught.value)
    assert text.startswith("a.bin: could not be fetched (http://127.0.0.1:9/a.bin: ")
    assert f"try: fetch http://127.0.0.1:9/a.bin on another machine and put it in {tmp_path}/sets" in text
    (tmp_path / "sets" / "a.bin").write_bytes(CONTENT)  # as told
    assert fetch(remote("http://127.0.0.1:9/a.bin"), tmp_path / "sets").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="cannot be written"):
        fetch(remote("http://127.0.0.1:9/a.bin"), tmp_path / "file" / "sets")


def test_mnist_by_name(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8), np.arange(6, dtype=np.uint8) % 2
    files = []
    for part in ("train", "t10k"):
        images = struct.pack(">BBBBIII", 0, 0, 8, 3, *x.shape) + x.tobytes()
        labels = struct.pack(">BBBBI", 0, 0, 8, 1, len(y)) + y.tobytes()
        files += [(f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)]
    remotes = []
    for name, data in files:
        packed = gzip.compress(data, mtime=0)
        server.files[f"/{name}"] = packed
        remotes.append(
            Remote(name, hashlib.sha256(packed).hexdigest(), len(packed), (f"{server.base}/{name}",))
        )
    monkeypatch.setitem(named_module.SETS, "mnist", tuple(remotes))
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path))
    images = read("mnist")
    assert (images.source, images.reader) == ("mnist", "named")
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 6}
    assert np.array_equal(images.pixels((28, 28), 1)[:6, ..., 0], x)


def test_the_checksums_are_well_formed() -> None:
    for remotes in named_module.SETS.values():
        for one in remotes:
            assert len(bytes.fromhex(one.sha256)) == 32
            assert all(url.endswith(one.name) for url in one.urls)


def test_checksum_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert checksum(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
