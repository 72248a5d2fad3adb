"""The application: four addresses, and what is refused before any work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..data.decoding.workers import Decoders
from ..jobs.using.predictions import Prediction
from .batches import Answer, Batches
from .body import images, received
from .described import described
from .metrics import TYPE, Metrics
from .refusal import Refused

if TYPE_CHECKING:
    from ..data.given import Given
    from ..jobs.using.classifier import Classifier

LOCAL = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Limits:
    """What one request, and all that wait, may take.

    Args:
        bytes: of a body.
        images: of one request.
        pixels: of one image; larger ones are not decoded.
        seconds: for the body to come, for one image to be decoded, for the answer to be there.
        waiting: requests at a time.
    """

    bytes: int = 10_000_000
    images: int = 32
    pixels: int = 50_000_000
    seconds: float = 30.0
    waiting: int = 64


def application(
    net: Classifier, limits: Limits, *, decoders: int | None = None, local: bool = True
) -> Starlette:
    """What answers for a network.

    Args:
        net: what `convsmith.load` gives.
        limits: see there.
        decoders: processes that decode images; one per core without it.
        local: refuse requests that ask for another host than this machine, as a page of elsewhere does whose
            name turned into 127.0.0.1.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def alive(app: Starlette) -> AsyncIterator[None]:
        with Decoders(decoders, seconds=limits.seconds) as processes:
            asks = answerer(net, processes, limits.pixels)
            with Batches(asks, net.batch_size, metrics.batch) as app.state.batches:
                app.state.is_open = True
                yield
                app.state.is_open = False

    async def predict(request: Request) -> Response:
        if metrics.waiting >= limits.waiting:
            raise Refused(429, f"{limits.waiting} requests are waiting; try: again in a second")
        metrics.waiting += 1
        try:
            return JSONResponse({"predictions": await _predicted(request)})
        finally:
            metrics.waiting -= 1

    async def _predicted(request: Request) -> list[dict[str, Any]]:
        top = _top(request.query_params.get("top", "1"), len(net.classes))
        headers = request.headers
        coming = received(request.stream(), headers.get("content-length"), limits.bytes)
        try:
            body = await asyncio.wait_for(coming, limits.seconds)
        except TimeoutError:
            raise Refused(408, f"the body did not come within {limits.seconds:g} s") from None
        found = images(body, headers.get("content-type", ""), limits.images)
        try:
            said = await asyncio.wait_for(request.app.state.batches.ask(found, top), limits.seconds)
        except TimeoutError:
            raise Refused(503, f"no answer within {limits.seconds:g} s; try: fewer at once") from None
        for one in said:
            metrics.image("unreadable" if one.reason else "none" if one.rejected else "class")
        if all(one.reason for one in said):
            raise Refused(422, f"{said[0].name} cannot be read: {said[0].reason}")
        return [told(one, top) for one in said]

    async def health(request: Request) -> Response:
        rows, columns, channels = net.shape
        return JSONResponse(
            {"status": "ok", "network": str(net.path), "classes": list(net.classes),
             "input": {"rows": rows, "columns": columns, "channels": channels}}
        )  # fmt: skip

    async def counts(request: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type=TYPE)

    async def description(request: Request) -> Response:
        return JSONResponse(described(net.classes, net.shape, limits.images))

    def counted(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Any]:
        """The endpoint with its seconds and status counted, and refusals as one line of JSON."""

        async def answered(request: Request) -> Response:
            began, status = time.perf_counter(), 499  # the status of nginx for who has gone
            try:
                if local and not _is_local(request.headers.get("host", "")):
                    raise Refused(
                        400, f"asked as {request.headers.get('host', '')!r:.60}; expected 127.0.0.1"
                    )
                answer = await endpoint(request)
                status = answer.status_code
            except Refused as refused:
                status, answer = refused.status, _refused(refused.status, refused.line)
            except ClientDisconnect:
                answer = _refused(status, "the client has gone")
            finally:
                metrics.request(request.scope["path"], status, time.perf_counter() - began)
            return answer

        return answered

    return Starlette(
        routes=[
            Route("/predict", counted(predict), methods=["POST"]),
            Route("/health", counted(health)),
            Route("/metrics", counted(counts)),
            Route("/openapi.json", counted(description)),
        ],
        exception_handlers={HTTPException: _unknown, 500: _broken},
        lifespan=alive,
    )


def answerer(net: Classifier, decoders: Decoders, pixels: int) -> Answer:
    """What asks the network, with images decoded in processes that are bounded in memory and time."""

    def asks(photos: Given, top: int) -> list[Prediction]:
        parts = net.ask(photos, decoders=decoders, max_pixels=pixels)
        return [part.top(i, top) for part in parts for i in range(len(part))]

    return asks


def told(one: Prediction, top: int) -> dict[str, Any]:
    """An answer as JSON.

    Args:
        one: of one image.
        top: how many classes are wanted of it.
    """
    if one.reason:
        return {"name": one.name, "answer": None, "class": None, "probability": None, "error": one.reason}
    likeliest = [{"class": name, "probability": round(p, 6)} for name, p in one.top[:top]]
    return {
        "name": one.name,
        "answer": one.answer,
        "class": one.label,
        "probability": round(one.probability, 6),
        "rejected": one.rejected,
        "top": likeliest,
    }


def _top(text: str, classes: int) -> int:
    """How many classes are wanted; more than there are: all."""
    if not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise Refused(422, f"top: got {text[:40]!r}; expected a whole number from 1; try: ?top=3")
    return min(int(text[:9]), classes)


def _is_local(host: str) -> bool:
    name, colon, port = host.lower().rpartition(":")
    return (name if colon and port.isdigit() else host.lower()) in (*LOCAL, "testserver")


def _refused(status: int, line: str) -> JSONResponse:
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    return JSONResponse({"error": line}, status, headers)


async def _unknown(request: Request, error: Exception) -> Response:
    """Another address or another method."""
    status = getattr(error, "status_code", 404)
    there = "POST /predict, GET /health, GET /metrics, GET /openapi.json"
    return _refused(status, f"{request.method} {request.scope['path']:.60}: not here; try: {there}")


async def _broken(request: Request, error: Exception) -> Response:
    return _refused(500, f"{type(error).__name__}; see the log of the server")
