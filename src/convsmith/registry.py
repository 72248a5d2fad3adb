"""Names to things: one file each, found in a package, or added by somebody else's package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .errors import BadInput, BadName

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping from names to things, filled by importing every module of a package on first use.

    Where a module cannot be imported, every use of the registry says so.
    Modules whose names begin with an underscore are not imported: they hold what is heavy.

    Args:
        noun: what the things are, singular, for messages ("network").
        package: the package whose modules register themselves when imported; None for none.

    Example:
        >>> shapes = Registry("shape")
        >>> shapes.add("square", 4)
        4
        >>> shapes["square"]
        4
        >>> shapes["sqare"]
        Traceback (most recent call last):
        convsmith.errors.BadName: shape: no 'sqare'; did you mean 'square'?; known: square
    """

    def __init__(self, noun: str, package: str | None = None) -> None:
        self.noun = noun
        self._package = package
        self._things: dict[str, T] = {}
        self._failure: Exception | None = None

    def add(self, name: str, thing: T) -> T:
        """Register `thing` under `name`; a name is taken once."""
        if name in self._things and self._things[name] is not thing:
            raise BadInput(
                f"{self.noun} '{name}'", "is registered twice", "one name for one thing", "another name"
            )
        self._things[name] = thing
        return thing

    def remove(self, name: str) -> None:
        """Forget a name, such as one that a module registered before it failed."""
        self._things.pop(name, None)

    def register(self, name: str | None = None) -> Callable[[T], T]:
        """Decorator form of `add`; without a name, the thing's ``__name__``."""
        return lambda thing: self.add(name or thing.__name__, thing)  # type: ignore[attr-defined]

    def _fill(self) -> None:
        if self._failure is not None:  # half filled, it would say "no such name" of what is there
            raise self._failure
        if self._package is None:
            return
        name, self._package = self._package, None  # its modules may ask for each other's things
        try:
            package = importlib.import_module(name)
            for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
                if not module.startswith("_"):
                    importlib.import_module(f"{name}.{module}")
        except Exception as error:
            self._failure = error
            raise
        except BaseException:  # Ctrl-C: it is filled the next time
            self._package = name
            raise

    def __getitem__(self, name: str) -> T:
        self._fill()
        try:
            return self._things[name]
        except KeyError:
            raise BadName(self.noun, name, self._things) from None

    def __contains__(self, name: object) -> bool:
        self._fill()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return iter(sorted(self._things))

    def __len__(self) -> int:
        self._fill()
        return len(self._things)

    def items(self) -> list[tuple[str, T]]:
        """Every (name, thing), sorted by name."""
        return [(name, self._things[name]) for name in self]
