"""Where in a space a layer stands, whatever it is numbered: what candidates share weights by.

A space says `with place("stage_1", "residual"):` around layers that are the same ones in all its networks.
Where it says nothing, a layer's place is the question that was answered last before it was made. Nobody notes
places but who asks for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Places:
    """The places of the layers of one network.

    Args:
        nodes: name of a node that owns weights -> its place: scope, kind of layer, its number there.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.asked = "start"
        self._scopes: list[str] = []
        self._met: Counter[str] = Counter()

    def of_next(self, kind: str) -> str:
        """The place of a layer of this kind that is made now."""
        scope = "/".join(self._scopes) if self._scopes else f"after {self.asked}"
        key = f"{scope}:{kind}"
        self._met[key] += 1
        return f"{key}:{self._met[key]}"

    @contextmanager
    def within(self, names: tuple[object, ...]) -> Iterator[None]:
        """A scope inside the present one."""
        self._scopes += map(str, names)
        try:
            yield
        finally:
            del self._scopes[len(self._scopes) - len(names) :]


_NOTED: ContextVar[Places | None] = ContextVar("places", default=None)


def noted() -> Places | None:
    """The places that are being noted; None where nobody asked."""
    return _NOTED.get()


@contextmanager
def noting() -> Iterator[Places]:
    """Note the places of the layers of the network that is made inside.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> with noting() as places:
        ...     x = inputs = keras.Input((8, 8, 1))
        ...     with place("stem"):
        ...         x = keras.layers.Conv2D(4, 3)(x)
        ...     graph = keras.Model(inputs, keras.layers.Flatten()(x))
        >>> places.nodes["conv2d"]
        'stem:Conv2D:1'
    """
    places = Places()
    token = _NOTED.set(places)
    try:
        yield places
    finally:
        _NOTED.reset(token)


@contextmanager
def place(*names: object) -> Iterator[None]:
    """The layers made inside stand at this place; places may stand inside each other.

    Args:
        names: what tells the place from others: a part of the network, an operation, a repeat; not what may
            be wider or narrower there.
    """
    places = _NOTED.get()
    if places is None:
        yield
        return
    with places.within(names):
        yield
