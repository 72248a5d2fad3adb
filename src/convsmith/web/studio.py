"""`convsmith studio`: pages in the browser, on this machine alone."""

from __future__ import annotations

import fcntl
import os
import socket
import webbrowser
from pathlib import Path

from ..errors import BadInput
from ..installed import need
from ..runs.files import saying_why, write_whole
from .home import Home

PORT = 8765


def studio(
    runs: str = "runs",
    *,
    data: str = ".",
    port: int = PORT,
    at_once: int = 1,
    browser: bool = True,
) -> None:
    """Open the studio in the browser: from a folder of photos to a network, and what it sees.

    The pages are served to this machine alone, at the address that is printed; whoever has the address may
    use them. What is started there runs on when the studio ends, and is listed again when it begins.

    Args:
        runs: the folder that run folders are in.
        data: the folder below which images may be named by their path.
        port: of the address; the next free one where it is taken.
        at_once: how many jobs may run at the same time; the others wait.
        browser: open the browser.

    Raises:
        BadInput: no extra packages, a folder that is not there, or another studio on the same runs.
    """
    need("studio", "starlette", "uvicorn")
    import uvicorn

    for flag, value, low, high in (("--port", port, 1, 65535), ("--at-once", at_once, 1, 64)):
        if not low <= value <= high:
            raise BadInput(flag, f"got {value}", f"{low} to {high:,}")
    root = Path(data)
    if not root.is_dir():
        raise BadInput("--data", f"'{data}' is no folder", "a folder of images", "--data .")
    home = Home(Path(runs).resolve(), (root.resolve(),)).made()
    lock = _alone(home)
    try:
        listening = _listening(port)
        at = listening.getsockname()[1]
        token = home.token()
        address = f"http://127.0.0.1:{at}/?token={token}"
        write_whole(home.own / "address", address)
        (home.own / "address").chmod(0o600)
        from .app import application
        from .state import Studio

        app = application(Studio(home, at_once), token=token, port=at)
        print(f"convsmith studio on {home.runs}\n\n    {address}\n", flush=True)
        print("Ctrl-C ends it; jobs run on. The address is a key: give it to nobody.", flush=True)
        if browser:
            webbrowser.open(address)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, server_header=False,
            lifespan="on", timeout_keep_alive=30, h11_max_incomplete_event_size=65536,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        os.close(lock)


def _alone(home: Home) -> int:
    """The lock of the one studio on these runs; the system frees it whenever the process ends.

    Raises:
        BadInput: there is another one; its address is said.
    """
    with saying_why(home.own):
        lock = os.open(home.own / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        file = home.own / "address"
        there = file.read_text(encoding="ascii", errors="replace") if file.is_file() else "its address"
        raise BadInput(str(home.runs), "another studio is open on it", "one at a time", there) from None
    os.set_inheritable(lock, False)
    return lock


def _listening(port: int) -> socket.socket:
    """A socket on this machine's own address, at the port or the next that is free."""
    for at in range(port, min(port + 20, 65536)):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", at))
        except OSError:
            listening.close()
            continue
        listening.listen(128)
        return listening
    raise BadInput("--port", f"{port} and the next ones are taken", "a free one", "--port 9000")
