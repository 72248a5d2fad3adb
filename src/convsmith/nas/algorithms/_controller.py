"""The controller of reinforcement learning: an LSTM that answers a space's questions one after the other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..choose import Answers, Space
from ..predictors import Features
from ..space.options import Options, index_of

if TYPE_CHECKING:
    import numpy as np

Batch = list[tuple[Answers, float]]
"""Genotypes, each with its advantage over the moving average of scores."""

Squash = Callable[[Tensor, Options], Tensor]
_KEPT_STUDENTS = 4


class Controller(nn.Module):
    """Reads the last answer and the question, gives a number for each option.

    Args:
        space: asks the questions; those that 200 random walks did not meet are answered evenly.
        width: of the LSTM.
        layers: of the LSTM.
        reach: the first weights are drawn from -reach to reach, always the same.
        squash: what is made of the logits of a question before they become odds; None leaves them.
    """

    def __init__(
        self, space: Space, *, width: int, layers: int, reach: float, squash: Squash | None = None
    ) -> None:
        super().__init__()
        self._space, self._squash = space, squash or (lambda logits, options: logits)
        questions = Features.of(space).questions
        self._question = {name: place for place, name in enumerate(questions)}
        pairs = [(name, option) for name, options in questions.items() for option in options]
        self._option = {pair: place for place, pair in enumerate(pairs)}
        self.asked = nn.Embedding(len(self._question) + 1, width)
        self.answered = nn.Embedding(len(self._option) + 1, width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Linear(width, len(self._option))
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-reach, reach, generator=generator)

    def _places(self, name: str, options: Options) -> list[int]:
        return [self._option.get((name, option), -1) for option in options]

    def _input(self, name: str, last: int) -> Tensor:
        asked = self._question.get(name, len(self._question))
        return self.asked.weight[asked] + self.answered.weight[last]

    def draw(self, rng: np.random.Generator) -> Answers:
        """A genotype of the controller's taste; it may be over a budget."""
        import numpy as np

        state: Any = None
        last = len(self._option)

        def pick(name: str, options: Options) -> int:
            nonlocal state, last
            out, state = self.lstm(self._input(name, last)[None, None], state)
            places = self._places(name, options)
            if min(places) < 0:
                return int(rng.integers(len(options)))
            logits = self._squash(self.head(out[0, 0])[places], options)
            odds = logits.double().softmax(0).numpy()
            chosen = int(rng.choice(len(options), p=odds / np.sum(odds)))
            last = places[chosen]
            return chosen

        with torch.no_grad():
            return self._space.walk(pick).answers

    def judge(self, answers: Answers) -> tuple[Tensor, Tensor]:
        """ln of the probability of a genotype, and the entropy of its choices, both summed over questions."""
        inputs, asked = [], []
        last = len(self._option)
        for name, options in self._space.options(answers).items():
            inputs.append(self._input(name, last))
            places = self._places(name, options)
            if min(places) < 0:
                continue
            chosen = index_of(answers[name], options)
            asked.append((len(inputs) - 1, places, chosen, options))
            last = last if chosen is None else places[chosen]
        out = self.head(self.lstm(torch.stack(inputs)[None])[0][0])
        total, entropy = out.new_zeros(()), out.new_zeros(())
        for place, places, chosen, options in asked:
            logs = self._squash(out[place, places], options).log_softmax(0)
            total = total + logs[chosen]
            entropy = entropy - (logs.exp() * logs).sum()
        return total, entropy


class Student:
    """A controller, its optimizer, and the batches that it has learnt so far."""

    def __init__(self, controller: Controller, learning_rate: float) -> None:
        self.controller = controller
        self.adam = torch.optim.Adam(controller.parameters(), learning_rate)
        self.learnt: list[Batch] = []


_STUDENTS: dict[Hashable, Student] = {}


def taught(
    space: Space,
    batches: list[Batch],
    step: Callable[[Controller, torch.optim.Optimizer, Batch], None],
    *,
    width: int,
    layers: int,
    reach: float,
    learning_rate: float,
) -> Controller:
    """A controller that has learnt from batches, one after the other.

    The last few are remembered, so that a longer history costs its new batches alone; what was learnt is the
    same either way, bit for bit.

    Args:
        space: of the controller, whose `width`, `layers` and `reach` are its arguments.
        batches: oldest first.
        step: learns from one batch; equal ones learn alike, for the controller is remembered by it, too.
        learning_rate: Adam's.
    """
    key = (space, step, width, layers, reach, learning_rate)
    student = _STUDENTS.pop(key, None)  # gone if a step is interrupted halfway
    if student is None or student.learnt != batches[: len(student.learnt)]:
        student = Student(Controller(space, width=width, layers=layers, reach=reach), learning_rate)
    for batch in batches[len(student.learnt) :]:
        step(student.controller, student.adam, batch)
        student.learnt.append(batch)
    _STUDENTS[key] = student
    while len(_STUDENTS) > _KEPT_STUDENTS:
        _STUDENTS.pop(next(iter(_STUDENTS)))
    return student.controller


def batches_of(done: Sequence[dict[str, Any]], size: int, keep: float) -> list[Batch]:
    """Finished trials in full batches."""
    gains = advantages([trial["score"] for trial in done], keep)
    rows = [(trial["answers"], gain) for trial, gain in zip(done, gains, strict=True)]
    return [rows[begin : begin + size] for begin in range(0, len(rows) - size + 1, size)]


def advantages(scores: Sequence[float], keep: float) -> list[float]:
    """Each score less the moving average of those up to it, of which the past weighs `keep`.

    Example:
        >>> [round(one, 3) for one in advantages([0.5, 0.7], keep=0.9)]
        [0.0, 0.095]
    """
    found, total, weight = [], 0.0, 0.0
    for score in scores:
        total, weight = keep * total + (1 - keep) * score, keep * weight + 1 - keep
        found.append(score - total / weight)
    return found
