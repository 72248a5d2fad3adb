"""Requests that wait are answered together: one thread, a batch at a time, in their order."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from ..data.given import Given
from ..jobs.using.predictions import Prediction
from .body import Image
from .refusal import Refused

Answer = Callable[[Given, int], list[Prediction]]
"""From photographs, and how many classes are wanted, to what is said of each."""


class Files:
    """Image files in memory; an `Items`."""

    def __init__(self, images: list[Image]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def name(self, i: int) -> str:
        return self.images[i].name

    def raw(self, i: int) -> bytes:
        return self.images[i].data


@dataclass
class _Waiting:
    """The images of one request, and where its answer is awaited."""

    images: list[Image]
    top: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Prediction]] = field(init=False)

    def __post_init__(self) -> None:
        self.future = self.loop.create_future()

    def tell(self, answer: list[Prediction] | None) -> None:
        """Hand the answer over, from another thread; None: it failed."""

        def told() -> None:
            if self.future.done():  # nobody waits any more
                return
            if answer is None:
                self.future.set_exception(Refused(500, "the network failed on these images; see the log"))
            else:
                self.future.set_result(answer)

        self.loop.call_soon_threadsafe(told)


class Batches:
    """A thread that asks the network; a context manager.

    While it computes, requests gather; what has gathered is the next batch. Nothing waits for one to fill.

    Args:
        answer: asks the network.
        size: images of a batch at most, as long as one request has not more.
        counted: told how many images each batch has.
    """

    def __init__(self, answer: Answer, size: int, counted: Callable[[int], object]) -> None:
        self._answer, self._size, self._counted = answer, size, counted
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="network", daemon=True)

    def __enter__(self) -> Batches:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()

    async def ask(self, images: list[Image], top: int) -> list[Prediction]:
        """What the network says of these images.

        Args:
            images: of one request.
            top: how many classes are wanted of each.
        """
        waiting = _Waiting(images, top, asyncio.get_running_loop())
        self._queue.put(waiting)
        return await waiting.future

    def _work(self) -> None:
        kept: _Waiting | None = None
        while True:
            first = kept if kept is not None else self._queue.get()
            if first is None:
                return
            batch, kept, is_last = [first], None, False
            count = len(first.images)
            while count < self._size:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    is_last = True
                    break
                if count + len(following.images) > self._size:
                    kept = following
                    break
                batch.append(following)
                count += len(following.images)
            self._do([one for one in batch if not one.future.cancelled()])
            if is_last:
                return

    def _do(self, batch: list[_Waiting]) -> None:
        images = [image for one in batch for image in one.images]
        if not images:
            return
        self._counted(len(images))
        try:
            said = self._answer(Given([Files(images)]), max(one.top for one in batch))
        except Exception as error:  # whatever it is, the next requests are answered
            print(f"convsmith serve: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
            for one in batch:
                one.tell(None)
            return
        start = 0
        for one in batch:
            one.tell(said[start : start + len(one.images)])
            start += len(one.images)
