"""MAP-Elites: the best picture of every class is kept, and every child competes in every class.

J.-B. Mouret, J. Clune, "Illuminating search spaces by mapping elites", 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import BadInput

if TYPE_CHECKING:
    import numpy as np

INITIAL = CHILDREN = 200
GENERATIONS = 200
"""The original's numbers for MNIST."""


class Genome(Protocol):
    """How pictures are written down as genotypes."""

    @property
    def name(self) -> str: ...
    def random(self, count: int, rng: np.random.Generator) -> list[Any]: ...
    def children(self, parents: Sequence[Any], generation: int, rng: np.random.Generator) -> list[Any]: ...
    def images(self, genotypes: Sequence[Any]) -> np.ndarray: ...
    def pack(self, genotypes: Sequence[Any]) -> np.ndarray: ...
    def unpack(self, packed: np.ndarray) -> list[Any]: ...


@dataclass
class Elites:
    """The best picture of each class so far.

    Args:
        generation: how many generations it took; 0 after the random ones.
        genotypes: one for each class.
        confidence: what the network says of it for its class, (classes,).
        history: the classes' confidences after each generation, from generation 0 on.
    """

    generation: int
    genotypes: list[Any]
    confidence: np.ndarray
    history: list[np.ndarray] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median confidence over the classes."""
        import numpy as np

        return float(np.median(self.confidence))

    def packed(self, encoding: Genome) -> dict[str, np.ndarray]:
        """Everything as arrays: what `evolve` can go on from."""
        import numpy as np

        return {
            "generation": np.array(self.generation),
            "genotypes": encoding.pack(self.genotypes),
            "history": np.stack(self.history),
        }

    @classmethod
    def unpacked(cls, arrays: Any, encoding: Genome) -> Elites:
        """What `packed` made, as it was."""
        history = list(arrays["history"])
        genotypes = encoding.unpack(arrays["genotypes"])
        return cls(int(arrays["generation"]), genotypes, history[-1].copy(), history)


def evolve(
    encoding: Genome,
    confidences: Callable[[np.ndarray], np.ndarray],
    *,
    generations: int = GENERATIONS,
    children: int = CHILDREN,
    seed: int = 0,
    start: Elites | None = None,
    on_generation: Callable[[Elites], None] | None = None,
) -> Elites:
    """Evolve a picture for every class that the network is sure of.

    The random numbers of a generation come from the seed and its number alone, so that a stopped evolution
    goes on to the same pictures.

    Args:
        encoding: `Direct` or `Cppn`.
        confidences: uint8 (N, H, W, C) -> (N, classes): what the network says.
        generations: how many in all.
        children: how many a generation has; as many random ones begin.
        seed: of every random number.
        start: go on from here.
        on_generation: called after each one, and after the random ones.

    Raises:
        BadInput: for numbers that mean nothing, or confidences that are not finite.
    """
    import numpy as np

    for name, value, least in (("--generations", generations, 0), ("--children", children, 1)):
        if value < least:
            raise BadInput(name, f"got {value}", f"at least {least}", f"{name} 200")
    if start is None:
        first = encoding.random(children, np.random.default_rng([seed, 0]))
        said = _checked(confidences(encoding.images(first)))
        best = said.argmax(0)
        elites = Elites(0, [first[row] for row in best], said.max(0).copy())
        elites.history.append(elites.confidence.copy())
        if on_generation:
            on_generation(elites)
    else:
        elites = Elites(start.generation, list(start.genotypes), start.confidence.copy(), list(start.history))
    while elites.generation < generations:
        number = elites.generation + 1
        rng = np.random.default_rng([seed, number])
        parents = rng.integers(0, len(elites.genotypes), children)
        made = encoding.children([elites.genotypes[row] for row in parents], number, rng)
        said = _checked(confidences(encoding.images(made)))
        for label, row in enumerate(said.argmax(0)):
            if said[row, label] > elites.confidence[label]:
                elites.confidence[label], elites.genotypes[label] = said[row, label], made[row]
        elites.generation = number
        elites.history.append(elites.confidence.copy())
        if on_generation:
            on_generation(elites)
    return elites


def _checked(said_NK: np.ndarray) -> np.ndarray:
    import numpy as np

    if not np.isfinite(said_NK).all():
        raise BadInput("the network's answers", "not finite", "numbers", "a network that trained well")
    return said_NK
