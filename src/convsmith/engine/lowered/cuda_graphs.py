"""Training steps that are recorded once and replayed: a CUDA graph of forward, backward and optimizer.

A recorded step does the same operations on the same memory each time: batches are copied into the tensors
that it reads, and all that changes from step to step beside them (rates, corrections, the average's share) is
in tensors without axes. PyTorch's rules for it: "CUDA semantics", section "CUDA Graphs". It has not run on a
GPU yet; on a processor the tests replay steps by a stand-in of the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ...errors import ConvsmithError
from ..losses import shares
from ..optimizers.factors import Factor

Found = tuple[Tensor, Tensor]
Step = Callable[[Tensor, Tensor, Tensor, Sequence[Factor]], Found]
"""``(images, targets, class numbers, numbers) -> (loss, how many are right)``."""

WARM_UP = 3
"""Steps before one is recorded: libraries choose algorithms and take memory in the first ones."""


class Recorder(Protocol):
    """Records work on tensors and does it again, on the same memory."""

    def warm(self, work: Callable[[], Found]) -> Found:
        """Do the work without recording it."""

    def record(self, work: Callable[[], Found], generator: torch.Generator) -> Found:
        """Record the work, which is not done yet; random numbers from this generator stay new ones."""

    def replay(self) -> None:
        """Do what was recorded."""


class CudaGraph:
    """A recorder by ``torch.cuda.CUDAGraph``.

    Args:
        place: the CUDA device.
    """

    def __init__(self, place: torch.device) -> None:
        # Warm-up and capture on one stream beside the usual one, as PyTorch asks for.
        self.stream = torch.cuda.Stream(place)
        self.graph = torch.cuda.CUDAGraph()

    def warm(self, work: Callable[[], Found]) -> Found:
        usual = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            found = work()
        usual.wait_stream(self.stream)
        return found

    def record(self, work: Callable[[], Found], generator: torch.Generator) -> Found:
        self.graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(self.graph, stream=self.stream):
                return work()
        except RuntimeError as error:
            first = str(error).strip().split("\n")[0]
            raise ConvsmithError(
                f"cuda_graphs: a step of this network cannot be recorded ({first}); try: cuda_graphs=False"
            ) from error

    def replay(self) -> None:
        self.graph.replay()


class Recorded:
    """A step that is done as it is at first, and by replaying it from then on.

    Args:
        step: what is recorded; it reads and writes tensors only.
        recorder: by what.
        generator: of the random numbers that the step draws on the device.
        classes: how many, where targets may come as shares of classes; they then always do.
    """

    def __init__(
        self, step: Step, recorder: Recorder, generator: torch.Generator, *, classes: int | None = None
    ) -> None:
        self.step, self.recorder, self.generator, self.classes = step, recorder, generator, classes
        self.warm = 0
        self.inputs: list[Tensor] = []
        self.numbers: list[Tensor] = []
        self.found: Found | None = None

    def __call__(
        self, x_NCHW: Tensor, target: Tensor, labels: Tensor, numbers: Sequence[float], *, settled: bool
    ) -> Found:
        """Do a step.

        Args:
            x_NCHW: varied images, always as many.
            target: class numbers or shares of classes.
            labels: class numbers.
            numbers: what the step takes beside them.
            settled: whether nothing else will change in later steps.

        Returns:
            The step's own two tensors; the next replay overwrites them.
        """
        if self.classes and target.dim() == 1:
            target = shares(target, self.classes)
        given = [x_NCHW, target, labels]
        if self.found is None and (self.warm < WARM_UP or not settled):
            self.warm += 1
            return self.recorder.warm(lambda: self.step(x_NCHW, target, labels, numbers))
        if self.found is None:
            self.inputs = [one.clone() for one in given]
            self.numbers = [torch.zeros((), device=x_NCHW.device) for _ in numbers]
        for held, one in zip(self.inputs, given, strict=True):
            held.copy_(one)
        for place, number in zip(self.numbers, numbers, strict=True):
            place.fill_(number)  # a number goes along with the launch: nothing to wait for
        if self.found is None:
            x, t, y = self.inputs
            self.found = self.recorder.record(lambda: self.step(x, t, y, self.numbers), self.generator)
        self.recorder.replay()
        return self.found
