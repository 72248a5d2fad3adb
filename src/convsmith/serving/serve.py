"""`convsmith serve`: a finished network that answers over HTTP."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import BadInput
from ..installed import need
from ..units import Bytes, Count

PORT = 8000
LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    run: str,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    max_bytes: Bytes = 10_000_000,
    max_images: int = 32,
    max_pixels: Count = 50_000_000,
    seconds: float = 30.0,
    queue: int = 64,
    decoders: int | None = None,
    threads: int | None = None,
) -> None:
    """Answer images over HTTP with a finished network, until it is stopped.

    POST /predict takes one image as the body, or several in a form, and answers in JSON; GET /health,
    /metrics (Prometheus) and /openapi.json say what it is and how it does. Images are decoded in processes of
    their own. Ctrl-C and SIGTERM end it after what has come is answered.

    Args:
        run: a run folder, or an .onnx, .tflite, .keras or .safetensors file; in Python also what load gives.
        host: the address to listen on; nobody is asked who they are, so others than this machine only behind
            something that does.
        port: of the address; 0 for any that is free.
        max_bytes: of the body of a request.
        max_images: of a request.
        max_pixels: of an image; larger ones are not decoded.
        seconds: for a body to come, for an image to be decoded, for an answer to be there.
        queue: requests that are answered at a time; more are refused.
        decoders: processes that decode images; one per core without it.
        threads: of the network; torch's own number without it.

    Raises:
        BadInput: no network there, an address that is taken, a limit below 1, packages that are missing.
    """
    need("serve", "starlette", "uvicorn", extra="serve")
    for name, value in (
        ("--max-bytes", max_bytes), ("--max-images", max_images), ("--max-pixels", max_pixels),
        ("--queue", queue), ("--decoders", 1 if decoders is None else decoders),
        ("--threads", 1 if threads is None else threads),
    ):  # fmt: skip
        if value < 1:
            raise BadInput(name, f"got {value}", "at least 1", f"{name} 1")
    if not 0 < seconds < 86_400:
        raise BadInput("--seconds", f"got {seconds:g}", "more than 0, and less than a day", "--seconds 30")
    if not 0 <= port <= 65_535:
        raise BadInput("--port", f"got {port}", "0 to 65,535", f"--port {PORT}")
    from ..jobs.load import load
    from .app import Limits, application

    net = load(run)
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    limits = Limits(max_bytes, max_images, max_pixels, seconds, queue)
    listening = _listening(host, port)
    try:
        app = application(net, limits, decoders=decoders, local=host in LOCAL)
        shown = f"[{host}]" if ":" in host else host
        at = f"http://{shown}:{listening.getsockname()[1]}"
        print(f"convsmith serve: {net!r} at {at}", flush=True)
        print(
            f"    curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' '{at}/predict?top=3'",
            flush=True,
        )
        _server(app, seconds).run(sockets=[listening])
    finally:
        listening.close()


def _listening(host: str, port: int) -> socket.socket:
    """A socket at this address.

    Raises:
        BadInput: it is taken, or no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise BadInput(f"{host}:{port}", why, "a free address of this machine", "--port 0") from None
    return listening


def _server(app: Any, seconds: float) -> Any:
    """uvicorn, which ends of itself after a signal instead of passing it on."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            try:
                before = {
                    each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)
                }
            except ValueError:  # not the main thread, where no signals come
                before = {}
            try:
                yield
            finally:
                for each, handler in before.items():
                    signal.signal(each, handler)

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="on",
        timeout_graceful_shutdown=int(seconds) + 1, timeout_keep_alive=30,
        h11_max_incomplete_event_size=65_536,
    )  # fmt: skip
    return Server(config)
