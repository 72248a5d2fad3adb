"""`choose`: the one mechanism behind a space's sampling, replay, mutation, crossover and enumeration.

A space is a function ``(choose, input_shape, classes) -> network`` that asks
``choose("width", (16, 32, 64))`` wherever it could go on in several ways. Who answers decides what
happens: a random generator samples, a dict of answers replays, both together mutate. A question may
be asked only after some answers, and its options may depend on earlier answers.
"""

from __future__ import annotations

import gc
import json
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsmith.errors import BadInput, nearest
from convsmith.graph import Graph

from ..units import counted
from .space.options import Options, SpaceError, checked_options, index_of, is_number, is_ordered, thawed

if TYPE_CHECKING:
    import numpy as np

Answers = dict[str, Any]
Choose = Callable[[str, Iterable[Any]], Any]
SpaceFunction = Callable[[Choose, tuple[int, int, int], int], Any]
Pick = Callable[[str, Options], int]

_KEPT_GRAPHS = 512


class WrongAnswers(BadInput):
    """The answers do not belong to this space."""


@dataclass(frozen=True)
class Walk:
    """One way through a space.

    Args:
        answers: the genotype, a plain JSON dict: question -> answer, in the order asked.
        asked: question -> its options, in the order asked.
        graph: the network at the end of the way.
    """

    answers: Answers
    asked: dict[str, Options]
    graph: Graph


class Space:
    """A space function for one input shape and number of classes.

    Args:
        function: ``(choose, input_shape, classes) -> network``.
        input_shape: rows, columns, channels.
        classes: how many classes the network tells apart.
        name: for messages; without it the function's name.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> def tiny(choose, input_shape, classes):
        ...     x = inputs = keras.Input(input_shape)
        ...     for number in range(choose("depth", (1, 2))):
        ...         x = keras.layers.Conv2D(choose(f"width{number}", (4, 8)), 3)(x)
        ...     x = keras.layers.GlobalAveragePooling2D()(x)
        ...     return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
        >>> import numpy as np
        >>> space = Space(tiny, (8, 8, 1), 10)
        >>> answers = space.sample(np.random.default_rng(0)); answers
        {'depth': 2, 'width0': 8, 'width1': 8}
        >>> space.graph(answers).params
        754
    """

    def __init__(
        self, function: SpaceFunction, input_shape: Sequence[int], classes: int, *, name: str | None = None
    ) -> None:
        rows, columns, channels = input_shape
        self.function, self.classes = function, classes
        self.input_shape = (int(rows), int(columns), int(channels))
        self.name = name or str(getattr(function, "__name__", "space"))
        self._kept: OrderedDict[str, Walk] = OrderedDict()

    def __repr__(self) -> str:
        return f"Space({self.name!r}, {self.input_shape}, {counted(self.classes, 'class', 'classes')})"

    def walk(self, pick: Pick) -> Walk:
        """Go through the space; `pick(question, options)` gives the index of each answer.

        Raises:
            SpaceError: the space function raised, or asked what nobody can answer.
        """
        asked: dict[str, Options] = {}
        answers: Answers = {}
        given: dict[str, Any] = {}

        def choose(name: str, options: Iterable[Any]) -> Any:
            checked = checked_options(self.name, name, options)
            if name in asked:
                if asked[name] != checked:
                    where = f"space '{self.name}', choice '{name}'"
                    came = f"asked again with options {checked}, before {asked[name]}"
                    raise SpaceError(where, came, "the same options, or another name", f"'{name}_2'")
                return given[name]
            asked[name] = checked
            given[name] = checked[pick(name, checked)]
            answers[name] = thawed(given[name])
            return given[name]

        try:
            with _uncollected():
                graph = _graph(self.function(choose, self.input_shape, self.classes))
        except (SpaceError, WrongAnswers):
            raise
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            came = f"raised {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
            shown = json.dumps(answers)
            hint = f"build it alone with the answers {shown if len(shown) < 300 else shown[:300] + '...'}"
            raise SpaceError(f"space '{self.name}'", came, "a network for every answer", hint) from error
        return Walk(answers, asked, graph)

    def sample(self, rng: np.random.Generator) -> Answers:
        """Answers drawn uniformly, question by question."""
        return self._keep(self.walk(lambda _, options: int(rng.integers(len(options))))).answers

    def replay(self, answers: Answers) -> Walk:
        """The way through the space with exactly these answers.

        Raises:
            WrongAnswers: a question is not answered, an answer is not an option or was never asked for.
        """
        key = genotype_key(answers)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]

        def pick(name: str, options: Options) -> int:
            where = f"space '{self.name}', choice '{name}'"
            if name not in answers:
                near = nearest(name, answers)
                hint = f"rename '{near}'" if near else "answers of this space and input shape"
                raise WrongAnswers(where, "is not answered", f"one of {options}", hint)
            index = index_of(answers[name], options)
            if index is None:
                raise WrongAnswers(where, f"got {answers[name]!r}", f"one of {options}")
            return index

        walk = self.walk(pick)
        extra = [name for name in answers if name not in walk.asked]
        if extra:
            came = f"answers {extra} to questions that were not asked"
            raise WrongAnswers(f"space '{self.name}'", came, f"answers to {list(walk.asked)}")
        return self._keep(walk)

    def complete(
        self, answers: Answers, rng: np.random.Generator | None = None, *, place: float = 0.5
    ) -> Answers:
        """The nearest answers that fit: those that can be kept are kept, the others are found anew.

        A number that is not among the options becomes the nearest one that is. A question without an
        answer is drawn with `rng`; without one it gets the option at `place`, from 0, the first, to 1.
        """

        def pick(name: str, options: Options) -> int:
            if name in answers:
                index = index_of(answers[name], options)
                if index is not None:
                    return index
                if is_ordered(options) and is_number(answers[name]):
                    return min(range(len(options)), key=lambda i: abs(options[i] - answers[name]))
            return int((len(options) - 1) * place) if rng is None else int(rng.integers(len(options)))

        return self._keep(self.walk(pick)).answers

    def graph(self, answers: Answers) -> Graph:
        """The network of these answers; raises as `replay`."""
        return self.replay(answers).graph

    def options(self, answers: Answers) -> dict[str, Options]:
        """The questions that are asked on this way, with their options; raises as `replay`."""
        return self.replay(answers).asked

    def mutate(self, answers: Answers, rng: np.random.Generator) -> Answers:
        """One answer changed to another option, then completed; the same answers where nothing can change.

        Among more than three numbers every second change goes to a neighbour, so that fine-grained
        widths are also searched finely.
        """
        asked = {name: options for name, options in self.options(answers).items() if len(options) > 1}
        if not asked:
            return dict(answers)
        name = list(asked)[int(rng.integers(len(asked)))]
        options = asked[name]
        index = index_of(answers[name], options)
        others = [other for other in range(len(options)) if other != index]
        if index is not None and len(options) > 3 and is_ordered(options) and rng.random() < 0.5:
            ranks = sorted(range(len(options)), key=lambda i: options[i])
            place = ranks.index(index)
            others = [ranks[at] for at in (place - 1, place + 1) if 0 <= at < len(ranks)]
        chosen = options[others[int(rng.integers(len(others)))]]
        return self.complete({**answers, name: thawed(chosen)}, rng)

    def crossover(self, first: Answers, second: Answers, rng: np.random.Generator) -> Answers:
        """Each answer from one parent or the other, evenly; what only one parent has comes from it."""
        mixed = {**first, **second}
        for name in first:
            if name in second and rng.random() < 0.5:
                mixed[name] = first[name]
        return self.complete(mixed, rng)

    def check(self, rng: np.random.Generator, *, samples: int = 3) -> None:
        """Sample a few networks and replay each: the same answers must give the same network.

        Raises:
            SpaceError: the space function is not deterministic, or raises.
        """
        where = f"space '{self.name}'"
        for _ in range(samples):
            first = self.walk(lambda _, options: int(rng.integers(len(options))))
            self._kept.clear()
            try:
                second = self.replay(first.answers)
            except WrongAnswers as error:
                came = f"asks other questions the second time ({error})"
                raise SpaceError(
                    where, came, "only choose() to decide", "remove random numbers and state"
                ) from None
            if (first.asked, first.graph.fingerprint) != (second.asked, second.graph.fingerprint):
                came = "gives another network for the same answers"
                raise SpaceError(where, came, "only choose() to decide", "remove random numbers and state")

    def _keep(self, walk: Walk) -> Walk:
        self._kept[genotype_key(walk.answers)] = walk
        if len(self._kept) > _KEPT_GRAPHS:
            self._kept.popitem(last=False)
        return walk


def genotype_key(answers: Answers) -> str:
    """Canonical text of a genotype: equal answers, equal text."""
    return json.dumps(answers, sort_keys=True)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No look for cycles meanwhile: a network is thousands of objects, of which none is garbage yet."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _graph(network: Any) -> Graph:
    if isinstance(network, Graph):
        return network
    from convsmith.graph import read

    return read(network)
