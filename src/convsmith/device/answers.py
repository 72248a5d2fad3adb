"""What a device file answers, run in LiteRT where it is installed, else by the arithmetic kept here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .file import DeviceFile
from .floats import run_floats
from .integers import run_integers

if TYPE_CHECKING:
    import numpy as np

SLOW_MOST = 200
"""Images that the reference in numpy is asked about, at most: it is slow."""
SECONDS, LEAST_RUNS = 0.3, 10


def runtime() -> str | None:
    """LiteRT's name and version, where it is installed."""
    from importlib import metadata

    try:
        return f"LiteRT {metadata.version('ai-edge-litert')}"
    except metadata.PackageNotFoundError:
        return None


def answers(
    file: DeviceFile, x_NHWC: np.ndarray, *, on_each: Callable[[float], None] = lambda share: None
) -> tuple[np.ndarray, str, float | None]:
    """The answers to raw pixels, as floating-point numbers.

    Args:
        file: the file.
        x_NHWC: raw pixels, (N, rows, columns, channels); without LiteRT int8 files are asked about the first
            200 alone.
        on_each: called with the share of the images that are done.

    Returns:
        (n, classes); what answered; milliseconds for an image on one thread (the median), where LiteRT did.
    """
    import numpy as np

    scale = file.program.tensors[file.program.outputs[0]].scale
    found = []
    name = runtime()
    if name is None:
        if scale is None:
            return run_floats(file.program, x_NHWC), "the engine's operators", None
        x_NHWC = x_NHWC[:SLOW_MOST]
        for place, image in enumerate(_signed(x_NHWC)):
            found.append(run_integers(file.program, image[None])[0])
            on_each((place + 1) / len(x_NHWC))
        each = None
    else:
        ask, each = _interpreter(file.content, _entered(file, x_NHWC[:1]))
        for place in range(len(x_NHWC)):
            found.append(ask(_entered(file, x_NHWC[place : place + 1])))
            on_each((place + 1) / len(x_NHWC))
    got = np.array(found)
    if scale is not None:
        got = (got.astype(np.float32) - scale.zero_point) * np.float32(scale.scales[0])
    return got, name or "the int8 reference", each


def _signed(x_NHWC: np.ndarray) -> np.ndarray:
    import numpy as np

    return (x_NHWC.astype(np.int16) - 128).astype(np.int8)


def _entered(file: DeviceFile, x_NHWC: np.ndarray) -> np.ndarray:
    import numpy as np

    return _signed(x_NHWC) if file.precision == "int8" else x_NHWC.astype(np.float32)


def _interpreter(content: bytes, example: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """A function that asks LiteRT about one image, and how many milliseconds it takes on one thread."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    goes_in = interpreter.get_input_details()[0]["index"]
    comes_out = interpreter.get_output_details()[0]["index"]

    def ask(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(goes_in, x)
        interpreter.invoke()
        return interpreter.get_tensor(comes_out)[0]

    ask(example)
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        began = time.perf_counter()
        interpreter.invoke()
        times.append(1000 * (time.perf_counter() - began))
    return ask, float(np.median(times))
