"""Packages that may not be installed: what needs one is refused in a line that says how it is installed."""

from __future__ import annotations

import importlib.util
import sys

from .errors import BadInput

CORE = {
    "PIL": "pillow", "flatbuffers": "flatbuffers", "h5py": "h5py", "jinja2": "jinja2", "keras": "keras",
    "numpy": "numpy", "onnx": "onnx", "onnxruntime": "onnxruntime", "rich": "rich",
    "safetensors": "safetensors", "scipy": "scipy", "simplejpeg": "simplejpeg", "sklearn": "scikit-learn",
    "torch": "torch", "typer": "typer",
}  # fmt: skip
"""Modules of the packages that come along, unless somebody chose the light parts alone."""

EXTRAS = {
    "ai_edge_litert": "device", "mlflow": "mlflow", "optuna": "optuna", "pandas": "pandas",
    "pyarrow": "parquet", "ray": "ray", "starlette": "studio", "uvicorn": "studio",
    "tensorboard": "tensorboard", "umap": "umap",
}  # fmt: skip
"""Modules that few people need -> the extra that brings them."""


def is_installed(module: str) -> bool:
    """Whether a module could be imported; nothing of it is.

    Example:
        >>> is_installed("json"), is_installed("no_such_module")
        (True, False)
    """
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def need(where: str, *modules: str, extra: str = "") -> None:
    """Refuse, before any work, what cannot be done without modules that are not here.

    Args:
        where: the option or the command that needs them.
        modules: names of `CORE` or `EXTRAS`.
        extra: the one that brings them, where it is another than that of `EXTRAS`.

    Raises:
        BadInput: for the first that is not installed, with the command that installs it.
    """
    for module in modules:
        if not is_installed(module):
            raise not_installed(where, module, extra)


def not_installed(where: str, module: str, extra: str = "") -> BadInput:
    """The refusal of what needs a module that is not here.

    Args:
        where: the option or the command that needs it.
        module: a name of `CORE` or `EXTRAS`.
        extra: as for `need`.

    Example:
        >>> print(not_installed("--algorithm tpe", "optuna"))
        --algorithm tpe: optuna is not installed; expected the extra; try: pip install 'convsmith[optuna]'
        >>> print(not_installed("train", "torch"))
        train: torch is not installed; expected every part of convsmith; try: pip install convsmith
    """
    if module in CORE:
        came = f"{CORE[module]} is not installed"
        return BadInput(where, came, "every part of convsmith", "pip install convsmith")
    way = f"pip install 'convsmith[{extra or EXTRAS[module]}]'"
    return BadInput(where, f"{module} is not installed", "the extra", way)


def missing(error: ModuleNotFoundError, where: str) -> BadInput | None:
    """The refusal where an import found one of these packages missing; None where it was another module.

    Args:
        error: what the import raised.
        where: the command that needs it.
    """
    module = (error.name or "").partition(".")[0]
    return not_installed(where, module) if module in CORE or module in EXTRAS else None
