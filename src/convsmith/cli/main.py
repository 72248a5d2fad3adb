"""`convsmith`: runs the command, and says what went wrong in one line.

Light until it runs, so that signals are answered from the first moment.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings

from ..errors import ConvsmithError, ConvsmithWarning
from ..installed import missing
from ..printable import printable
from ..verbs import COMMANDS
from .stopping import Stopped, Stopping

INTERRUPTED = 130
_plain_warning = warnings.formatwarning


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 over a budget or failed check, 2 bad input, 130 stopped."""
    arguments = sys.argv[1:]
    stopping = Stopping(_way_on(arguments))
    try:
        stopping.install()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        warnings.formatwarning = _warning
        code = run(arguments)
        stopping.is_ending = True
    except Stopped as stopped:
        stopping.end(stopped.number)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The command line with these arguments; returns the exit code.

    Example:
        >>> run(["--version"])
        convsmith 0.1.0
        0
    """
    try:
        from .app import USAGE_ERROR, usage, work

        try:
            code = work(arguments)
            sys.stdout.flush()
        except USAGE_ERROR as error:
            return _fail(usage(error))
    except ConvsmithError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        refused = missing(error, next((word for word in arguments if word[:1] != "-"), "convsmith"))
        if refused is None:
            raise
        return _fail(str(refused))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _no_more_output()
        return 0
    except OSError as error:
        return _fail(_of_system(error))
    if code == INTERRUPTED:
        print(f"convsmith: interrupted{_way_on(arguments)}", file=sys.stderr)
    return code


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Our own warnings as one line, those of libraries as Python shows them."""
    if issubclass(category, ConvsmithWarning):
        return f"convsmith: {message}\n"
    return _plain_warning(message, category, filename, lineno, line)


def _of_system(error: OSError) -> str:
    """What the system refused, as one line: the file, and why."""
    why = (error.strerror or str(error)).lower()
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EIO, errno.EFBIG):
        _no_more_output()
        return f"standard output: cannot be written: {why}; expected a place with room"
    named = str(error.filename or "system")
    return f"{named if len(named) < 200 else named[:200] + '…'}: {why}"


def _no_more_output() -> None:
    """What is left unwritten goes nowhere, else Python complains of it when it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a descriptor


def _way_on(arguments: list[str]) -> str:
    """How to go on: the same command, unless that would ask for still more."""
    verb = COMMANDS.get(arguments[0]) if arguments else None
    if verb is None or not verb.goes_on:
        return ""
    if any(argument.startswith("--more-") for argument in arguments):
        return "; forge --resume RUN without --more-... goes on where it stopped"
    return "; the same command again goes on where it stopped"


def _fail(line: str) -> int:
    print(f"convsmith: {printable(' '.join(line.split()))}", file=sys.stderr)
    return 2
