"""Fetching a file once: mirrors, checksum, resume; and what to do by hand where there is no network."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ...errors import BadInput
from ..decoding.record import Progress
from .wholefile import full_disk

SECONDS = 30.0
PIECE = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file on the network.

    Args:
        name: what the file is called here.
        sha256: 64 hex digits.
        size: bytes.
        urls: where it is, in the order in which they are tried.
    """

    name: str
    sha256: str
    size: int
    urls: tuple[str, ...]


class NoNetwork(BadInput):
    """A file could not be fetched from any of its addresses."""


def fetch(remote: Remote, folder: Path, *, progress: Progress | None = None) -> Path:
    """The file in `folder`, fetched when it is not there whole.

    Args:
        remote: what to fetch.
        folder: where to keep it.
        progress: called as ``progress(what, done, total)``.

    Returns:
        Its path. An interrupted download goes on where it stopped, perhaps from another mirror.

    Raises:
        NoNetwork: when no address gives the right file; says what to do by hand.
    """
    path = folder / remote.name
    if path.is_file() and checksum(path) == remote.sha256:
        return path
    draft = folder / f".{remote.name}.part"
    reasons = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for url in remote.urls:
            try:
                _continue(url, draft, remote, progress)
                if checksum(draft) == remote.sha256:
                    os.replace(draft, path)
                    return path
                draft.unlink()  # the next mirror starts anew
                reasons.append(f"{url}: another content (checksum)")
            except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
    except OSError as error:
        if error.errno == 28:
            raise full_disk(path, remote.size) from None
        raise BadInput(
            str(folder), f"cannot be written: {error.strerror}", "a folder that can be written"
        ) from None
    raise NoNetwork(
        remote.name, f"could not be fetched ({'; '.join(reasons)})", f"a file with SHA-256 {remote.sha256}",
        f"fetch {remote.urls[0]} on another machine and put it in {folder}",
    )  # fmt: skip


def _continue(url: str, draft: Path, remote: Remote, progress: Progress | None) -> None:
    """Fetch what `draft` misses; a server that knows no ranges sends all of it again."""
    done = draft.stat().st_size if draft.exists() else 0
    if done >= remote.size:
        draft.unlink()
        done = 0
    request = urllib.request.Request(url, headers={"User-Agent": "convsmith"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=SECONDS) as response:
        if response.status != 206 or not str(response.headers.get("Content-Range", "")).startswith(
            f"bytes {done}-"
        ):
            done = 0
        with open(draft, "ab" if done else "wb") as file:
            while piece := response.read(PIECE):
                done += len(piece)
                if done > remote.size:
                    raise http.client.HTTPException(f"sends more than {remote.size:,} bytes")
                file.write(piece)
                if progress:
                    progress(f"fetching {remote.name}", done, remote.size)
    if done < remote.size:
        raise http.client.HTTPException(f"stopped after {done:,} of {remote.size:,} bytes")


def checksum(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
