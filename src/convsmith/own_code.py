"""Code of one's own: a Python file that a person named, ``file.py:name``, run once in a process.

Nothing else is ever run: what is read as a network or as images is data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import BadInput, BadName

_DONE: dict[str, tuple[ModuleType, bool]] = {}
"""What was run in this process, by content: the module, and whether it registered anything."""
_ADDED: list[tuple[dict[str, Any], str, object]] = []
"""What the file that runs now registered: where, under which name, what."""
_INSTEAD: dict[str, Path] = {}
"""Path as it is written -> the copy that a run keeps of it."""


def is_in_file(name: object) -> bool:
    """Whether a name is ``file.py:name``.

    Example:
        >>> is_in_file("mine.py:hill"), is_in_file("hill"), is_in_file("mine.py")
        (True, False, False)
    """
    return isinstance(name, str) and name.rpartition(":")[0].endswith(".py")


def thing_of(name: str, noun: str) -> Any:
    """What ``file.py:name`` names, the file being run for it.

    Args:
        name: the file and the name in it.
        noun: what it is, for messages ("space").

    Raises:
        BadInput: no such file, whatever it raises, or a name in it that is nothing to call.
    """
    path, _, wanted = name.rpartition(":")
    file = _INSTEAD.get(path, Path(path))
    if not file.is_file():
        raise BadInput(f"{noun} '{name}'", f"there is no file {path}", "file.py:name", "mine.py:mine")
    module = run_source(file.read_bytes(), file, f"{noun} '{name}'")
    found = getattr(module, wanted, None)
    if not callable(found):
        raise BadName(f"function of {path}", wanted, [key for key in vars(module) if not key.startswith("_")])
    return found


def keep(name: str, copy: Path) -> bytes | None:
    """From now on `copy` is run where ``file.py:name`` is meant.

    Args:
        name: the file and the name in it.
        copy: a file that is there, or is to be written.

    Returns:
        What has to be written into `copy`, which is not there yet; None where it is.

    Raises:
        BadInput: neither is there.
    """
    path = name.rpartition(":")[0]
    _INSTEAD.pop(path, None)
    if copy.exists():
        _INSTEAD[path] = copy
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        came = f"cannot be read ({error.strerror})"
        raise BadInput(path, came, "the file that was there before") from None


def run_source(source: bytes, path: str | Path, where: str) -> ModuleType:
    """Run the text of a Python file as a module.

    What registers something is run once in a process, from whatever path: a name is registered once.

    Args:
        source: the text.
        path: where it lies, for tracebacks and as its ``__file__``.
        where: what it is, for messages.

    Raises:
        BadInput: whatever it raises; what it registered is forgotten.
    """
    digest = hashlib.sha256(source).hexdigest()
    if digest in _DONE:
        module, registers = _DONE[digest]
        if registers or module.__file__ == str(path):
            return module
    spec = importlib.util.spec_from_loader(f"space_{Path(path).stem}_{digest[:8]}", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    before = len(_ADDED)
    sys.modules[spec.name] = module  # classes look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # whatever somebody's own file does
        del sys.modules[spec.name]
        for things, name, thing in _own(spec.name, before):
            if things.get(name) is thing:
                del things[name]
        came = f"{path} raised {type(error).__name__}: {error}"
        raise BadInput(where, came, "a file that Python runs", f"python {path}") from error
    else:
        _DONE[digest] = module, bool(_own(spec.name, before))
    finally:
        del _ADDED[before:]
    return module


def added(things: dict[str, Any], name: str, thing: object) -> None:
    """Tell that something was registered: a registry does."""
    _ADDED.append((things, name, thing))


def _own(module: str, before: int) -> list[tuple[dict[str, Any], str, object]]:
    """Of what was registered meanwhile, what a module defines itself; the rest it only led to."""
    return [one for one in _ADDED[before:] if getattr(one[2], "__module__", module) in (module, "functools")]
