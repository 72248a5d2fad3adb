"""A module's operators, as torch.export records them on images that hold no numbers."""

from __future__ import annotations

import inspect
import io
import linecache
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from ...errors import BadInput, meant, nearest
from ..keras.reader import InputShape

BATCH = 1009
"""Images of the batch that is recorded: a prime, so that a size that it divides holds the batch."""
ONCE = "the same operators for every image"


def title_of(module: Any) -> str:
    """What a message calls a module."""
    return f"module {type(module).__name__}"


def exported(module: Any, input_shape: InputShape) -> Any:
    """The program that a module runs in evaluation mode, as torch's ``ExportedProgram``.

    Args:
        module: the module; its mode is put back afterwards, and none of its numbers is changed.
        input_shape: rows, columns, channels; for several inputs by the names of ``forward``'s arguments.

    Raises:
        BadInput: where the sizes are missing, or the module cannot be recorded, with the line of its code.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    shapes = _shapes(module, input_shape)
    kind, device = _numbers(module)
    with _undisturbed(module), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with FakeTensorMode():
                given = {
                    name: torch.empty(BATCH, *_torch_order(shape), dtype=kind, device=device)
                    for name, shape in shapes.items()
                }
            if isinstance(input_shape, Mapping):
                return torch.export.export(module, (), given, strict=False)
            return torch.export.export(module, tuple(given.values()), strict=False)
        except BadInput:
            raise
        except Exception as error:  # a module runs its author's code, which may raise anything
            raise _refusal(module, error, shapes) from None


def _shapes(module: Any, input_shape: InputShape) -> dict[str, tuple[int, ...]]:
    """Each input's sizes by its name."""
    names = _arguments(module)
    if input_shape is None:
        raise BadInput(
            title_of(module), "is a torch module, which does not say the size of its images",
            "rows, columns and channels",
            "input_shape=(224, 224, 3), or convsmith.graph.read(module, input_shape=(224, 224, 3))",
        )  # fmt: skip
    if not isinstance(input_shape, Mapping):
        needed = [name for name, is_needed in names.items() if is_needed]
        if len(needed) > 1:
            raise BadInput(
                "input shape", f"one shape for the inputs {', '.join(needed)}", "a shape by input name",
                f"input_shape={{'{needed[0]}': (224, 224, 3), ...}}",
            )  # fmt: skip
        input_shape = {next(iter(names), "x"): input_shape}
    found = {}
    for name, sizes in input_shape.items():
        if name not in names:
            listed = ", ".join(names)
            raise BadInput(
                "input shape", f"names '{name}'", f"an input: {listed}", meant(nearest(str(name), names))
            )
        whole = isinstance(sizes, Sequence) and all(type(size) is int and size > 0 for size in sizes)
        if not whole or not 1 <= len(sizes) <= 4:
            raise BadInput(
                "input shape", f"got {sizes!r}", "known sizes: rows, columns, channels", "(224, 224, 3)"
            )
        found[name] = tuple(int(size or 0) for size in sizes)
    return found


def _arguments(module: Any) -> dict[str, bool]:
    """The arguments of ``forward``, and whether each is needed."""
    found = {}
    for name, item in inspect.signature(module.forward).parameters.items():
        if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY):
            found[name] = item.default is item.empty
    return found or {"x": True}


def _torch_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Channels in front of rows and columns; one or two sizes as they come."""
    return (shape[-1], *shape[:-1]) if len(shape) > 2 else shape


def _numbers(module: Any) -> tuple[Any, Any]:
    """The type of the module's numbers, and where they are."""
    import torch

    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.float32, torch.device("cpu")


@contextmanager
def _undisturbed(module: Any) -> Iterator[None]:
    """Evaluation mode, and every part in its own mode again; attention as the operators that it is."""
    import torch

    modes = [(part, part.training) for part in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    module.eval()
    loud = logging.root.manager.disable
    logging.disable(logging.WARNING)  # torch logs what it could not record before it raises it
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(loud)
        torch.backends.mha.set_fastpath_enabled(fast)
        for part, mode in modes:
            part.training = mode


def _refusal(module: Any, error: Exception, shapes: Mapping[str, tuple[int, ...]]) -> BadInput:
    where = title_of(module)
    line = user_line(traceback.extract_tb(error.__traceback__))
    where = f"{where}, {line}" if line else where
    if _is_data_dependent(error):
        return BadInput(
            where, "what it computes depends on the numbers of its images", ONCE,
            "torch.where(condition, a, b), or exporting the part that does not",
        )  # fmt: skip
    first = next((text for text in str(error).splitlines() if text.strip()), type(error).__name__)
    came = f"cannot be run on {', '.join(map(str, shapes.values()))}: {first.strip()[:300]}"
    expected, hint = "rows, columns, channels that it takes", ""
    for shape in shapes.values():
        if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4):
            hint = f"input_shape={(*shape[1:], shape[0])}: rows and columns first, as in Keras"
    return BadInput(where, came, expected, hint)


def _is_data_dependent(error: BaseException | None) -> bool:
    """Whether torch says that a decision needs numbers that it does not have."""
    while error is not None:
        name, text = type(error).__name__, str(error).lower()
        if "DataDependent" in name or "data-dependent" in text or "data dependent" in text:
            return True
        error = error.__cause__
    return False


def user_line(frames: Sequence[Any]) -> str:
    """The last line of code outside torch and of convsmith that frames go through; empty for none.

    Example:
        >>> import traceback
        >>> user_line([traceback.FrameSummary("nets/tiny.py", 7, "forward", line="return self.conv(x)")])
        'tiny.py line 7 (return self.conv(x))'
    """
    for frame in reversed(frames):
        if not _is_library(frame.filename):
            code = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
            shown = f" ({code[:120]})" if code else ""
            return f"{Path(frame.filename).name} line {frame.lineno}{shown}"
    return ""


def _is_library(file: str) -> bool:
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    homes = (_HOUSE, str(Path(torch).parent) + os.sep) if torch else (_HOUSE,)
    return file.startswith(("<", *homes)) or Path(file).name == "contextlib.py"


_HOUSE = str(Path(__file__).resolve().parents[2]) + os.sep
