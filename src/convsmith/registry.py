"""Names to things: one file each, found in a package, offered by another, or in a file of one's own."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .errors import BadInput, BadName
from .own_code import added, is_in_file, thing_of

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping from names to things, filled by importing every module of a package on first use.

    Then come the entry points of its group: what other packages that are installed offer, under their names.
    Where a module or an entry point cannot be imported, every use of the registry says so.
    `find` takes ``file.py:name`` as well, and runs the file: for what a person wrote, never for what a file
    holds.
    Modules whose names begin with an underscore are not imported: they hold what is heavy.

    Args:
        noun: what the things are, singular, for messages ("network").
        package: the package whose modules register themselves when imported; None for none.
        group: of entry points, such as "convsmith.spaces"; None for none.

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

    def __init__(self, noun: str, package: str | None = None, group: str | None = None) -> None:
        self.noun = noun
        self._package = package
        self._group = group
        self._things: dict[str, T] = {}
        self._failure: Exception | None = None
        self._is_filled = False

    def add(self, name: str, thing: T) -> T:
        """Register `thing` under `name`; a name is taken once."""
        if name in self._things and self._things[name] is not thing:
            raise BadInput(
                f"{self.noun} '{name}'", "is registered twice", "one name for one thing", "another name"
            )
        self._things[name] = thing
        added(self._things, name, thing)
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
        if self._is_filled:
            return
        self._is_filled = True  # its modules may ask for each other's things
        try:
            if self._package is not None:
                package = importlib.import_module(self._package)
                for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
                    if not module.startswith("_"):
                        importlib.import_module(f"{self._package}.{module}")
            self._fill_from_others()
        except Exception as error:
            self._failure = error
            raise
        except BaseException:  # Ctrl-C: it is filled the next time
            self._is_filled = False
            raise

    def _fill_from_others(self) -> None:
        """Add what the packages that are installed offer."""
        from importlib.metadata import entry_points

        for point in entry_points(group=self._group) if self._group else ():
            try:
                self.add(point.name, point.load())
            except Exception as error:
                package = point.dist.name if point.dist else point.module
                raise BadInput(
                    f"{self.noun} '{point.name}' of the package {package}",
                    f"raised {type(error).__name__}: {error}", "a package that can be imported",
                    f"pip uninstall {package}",
                ) from error  # fmt: skip

    def __getitem__(self, name: str) -> T:
        self._fill()
        try:
            return self._things[name]
        except KeyError:
            raise BadName(self.noun, name, self._things) from None

    def find(self, name: str) -> T:
        """What a person named: one of the things, or ``file.py:name``, whose file is then run.

        Raises:
            BadName: for an unknown name, with the nearest one.
            BadInput: for a file that is not there or cannot be run.
        """
        if not is_in_file(name):
            return self[name]
        self._fill()  # so that what the file registers is not taken for one of the package's
        return thing_of(name, self.noun)  # type: ignore[no-any-return]

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
