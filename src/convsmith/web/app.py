"""The studio's application: which address answers with what. What is behind each stands in its own file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import BadInput
from ..runs.files import CannotWrite
from . import uploads
from .guard import Guard, TooMuch
from .image_pages import ImagePages
from .order_pages import OrderPages
from .pages import STATIC, refused
from .refusal import Refused
from .run_pages import RunPages
from .run_work import RunWork
from .state import Studio

PHOTO = 64_000_000
"""Bytes of an image that is tried, at most."""
UPLOADS = {
    ("/data/", "/files.json"): uploads.BATCH,
    ("/data/", "/piece.json"): uploads.BATCH,
    ("/data/", "/have.json"): 64_000_000,
    ("/data/", "/fixes.json"): 64_000_000,
    ("/runs/", "/answer.json"): PHOTO,
    ("/runs/", "/keep.json"): PHOTO,
}


def application(studio: Studio, *, token: str, port: int) -> Guard:
    """The application behind its guard.

    Args:
        studio: what the pages stand on.
        token: the secret of the address.
        port: that it answers at.
    """

    def get(path: str, handler: Callable[[Request], Response], *, beside: bool = True) -> list[Route]:
        async def asked(request: Request) -> Response:
            return await run_in_threadpool(handler, request)

        addresses = [path, f"{path}.json"] if beside and path != "/" else [path]
        return [Route(one, asked, methods=["GET"]) for one in addresses]

    def post(path: str, handler: Callable[[Request, dict[str, Any]], Response]) -> list[Route]:
        async def asked(request: Request) -> Response:
            try:
                sent = await request.json()
            except (ValueError, RecursionError):
                raise Refused(400, "request", "is not JSON", "an object") from None
            if not isinstance(sent, dict):
                raise Refused(400, "request", "is no object", "an object")
            return await run_in_threadpool(handler, request, sent)

        return [Route(path, asked, methods=["POST"])]

    async def answer(request: Request) -> Response:
        image = await request.body()
        return await run_in_threadpool(work.answer, request.path_params["run"], image)

    async def keep(request: Request) -> Response:
        image, label = await request.body(), request.query_params.get("label", "")
        return await run_in_threadpool(work.keep, request.path_params["run"], label, image)

    async def runs_json(request: Request) -> Response:
        return await run_in_threadpool(runs.runs, request)

    runs, work = RunPages(studio), RunWork(studio)
    images, orders = ImagePages(studio), OrderPages(studio)
    run = "/runs/{run}"
    routes: list[Any] = [
        *get("/", runs.runs),
        Route("/runs.json", runs_json),
        Route("/runs", lambda request: RedirectResponse("/")),
        *get("/runs/compare", runs.compare),
        *get(f"{run}/live.json", runs.live, beside=False),
        *get(f"{run}/cell.json", work.cell, beside=False),
        *get(f"{run}/network.svg", runs.network, beside=False),
        *get(f"{run}/report", runs.report, beside=False),
        *get(f"{run}/heatmap/{{at:int}}.png", runs.heatmap, beside=False),
        *get(f"{run}/class/{{at:int}}.png", runs.example, beside=False),
        *get(f"{run}/units/{{at:int}}.png", runs.sheet_of_units, beside=False),
        *get(f"{run}/pictures/{{sheet}}", runs.picture, beside=False),
        *get(f"{run}/get/{{file}}", runs.file, beside=False),
        *get(f"{run}/try", runs.try_it),
        *get(f"{run}/setup.json", runs.setup, beside=False),
        *get("/net/{name}.js", runs.script, beside=False),
        *get(f"{run}/units", runs.units),
        *get(f"{run}/fool", runs.fool),
        Route(f"{run}/answer.json", answer, methods=["POST"]),
        Route(f"{run}/keep.json", keep, methods=["POST"]),
        *post(f"{run}/note.json", work.note),
        *post(f"{run}/delete.json", work.delete),
        *post(f"{run}/go-on.json", work.go_on),
        *post(f"{run}/look.json", work.look),
        *get(f"{run}.json", runs.run, beside=False),
        *get(run, runs.run, beside=False),
        *post("/bin.json", work.bin),
        *get("/data", images.sets_page),
        *post("/data/new.json", images.add_set),
        *get("/data/{set}/images.json", images.images, beside=False),
        Route("/data/{set}/files.json", images.files, methods=["POST"]),
        Route("/data/{set}/piece.json", images.piece, methods=["POST"]),
        *post("/data/{set}/have.json", images.have),
        *post("/data/{set}/seal.json", images.seal),
        *post("/data/{set}/look.json", images.look_again),
        *post("/data/{set}/fixes.json", images.mend),
        *post("/data/{set}/forget.json", images.forget_set),
        *post("/data/{set}/drawn.json", images.drawn),
        *get("/data/{set}/{sheet}", images.sheet, beside=False),
        *get("/data/{set}.json", images.set, beside=False),
        *get("/data/{set}", images.set, beside=False),
        *get("/new", orders.budget),
        *post("/new/order.json", orders.order),
        *get("/jobs", orders.all_jobs),
        *post("/jobs/{job}/stop.json", orders.stop),
        *get("/jobs/{job}.json", orders.job, beside=False),
        *get("/jobs/{job}", orders.job, beside=False),
        *get("/help", orders.help),
        *get("/course", orders.course),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]

    async def on_refused(request: Request, error: Any) -> Response:
        return refused(request, error)

    async def on_http(request: Request, error: Any) -> Response:
        what = {404: "is not there", 405: "takes another kind of request"}.get(
            error.status_code, error.detail
        )
        return refused(
            request, Refused(error.status_code, request.url.path[:80], what, way="the list of runs")
        )

    async def on_bad(request: Request, error: Any) -> Response:
        status = 507 if isinstance(error, CannotWrite) else 400
        return refused(request, Refused(status, error.where, error.came, error.expected, error.hint))

    async def on_much(request: Request, error: Any) -> Response:
        return refused(request, Refused(413, "request", str(error), "less at once"))

    async def on_any(request: Request, error: Any) -> Response:
        way = "the same again; what runs is not touched"
        return refused(request, Refused(500, "studio", f"{type(error).__name__}: {error}"[:300], way=way))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async def ticking() -> None:
            while True:
                await asyncio.sleep(1.0)
                with suppress(Exception):  # a full disk, say: the next second may be better
                    await run_in_threadpool(studio.jobs.tick)
                    await run_in_threadpool(studio.answers.tidy)

        task = asyncio.create_task(ticking())
        yield
        task.cancel()
        studio.answers.close()

    handlers: dict[Any, Any] = {
        Refused: on_refused, HTTPException: on_http, BadInput: on_bad, TooMuch: on_much,
        ClientDisconnect: on_much, OSError: on_any, Exception: on_any,
    }  # fmt: skip
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return Guard(app, token=token, port=port, uploads=UPLOADS)
