"""Keras's initializers with Keras's definitions, drawn with numpy."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import BadInput, BadName
from ...kinds.origin import is_keras, title

_TRUNCATED_STD = 0.87962566103423978
"""The standard deviation of a standard normal cut at two standard deviations."""

_SCALED: dict[str, tuple[float, str, str]] = {
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
}


def draw(
    initializer: str, shape: tuple[int, ...], seed: int, name: str, *, dtype: Any = np.float32
) -> np.ndarray:
    """A weight's first values.

    The numbers depend on the seed and the weight's name alone, not on what was drawn before.

    Args:
        initializer: Keras's short name (``"he_normal"``), class name, or its serialised form as JSON.
        shape: in Keras's layout (kernel HWIO, dense kernel IO); fans are counted as Keras does.
        seed: of the whole network.
        name: the weight's full name, e.g. ``"conv1/kernel"``.

    Raises:
        BadName: for an initializer that is not known here.

    Example:
        >>> draw("glorot_uniform", (3, 3, 1, 6), 0, "conv1/kernel").shape
        (3, 3, 1, 6)
    """
    kind, config = _parsed(initializer)
    digest = hashlib.sha256(f"{seed}\0{name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "little"))
    return np.asarray(_DRAW[kind](rng, shape, config), dtype=dtype).reshape(shape)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a weight as Keras counts them."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _parsed(initializer: str) -> tuple[str, dict[str, Any]]:
    if initializer.startswith("{"):
        found = json.loads(initializer)
        if not is_keras(found, "initializers"):
            raise BadInput(
                "initializer", f"got {title(found)} of the program's own", "one of keras.initializers",
                "weights of its own: a .keras file, or cs.fit, which starts from the model's",
            )  # fmt: skip
        name, config = str(found.get("class_name", "")), dict(found.get("config") or {})
    else:
        name, config = initializer, {}
    kind = _ALIASES.get(name.replace("_", "").lower())
    if kind is None:
        raise BadName("initializer", name, sorted(_DRAW))
    return kind, config


def _normal(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    return rng.normal(config.get("mean", 0.0), config.get("stddev", 0.05), shape)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    return rng.uniform(config.get("minval", -0.05), config.get("maxval", 0.05), shape)


def _truncated(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    found = rng.standard_normal(shape)
    while (outside := np.abs(found) >= 2.0).any():
        found[outside] = rng.standard_normal(int(outside.sum()))
    return found * config.get("stddev", 0.05) + config.get("mean", 0.0)


def _scaled(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    fan_in, fan_out = fans(shape)
    count = {"fan_in": fan_in, "fan_out": fan_out}.get(config.get("mode", "fan_in"), (fan_in + fan_out) / 2)
    variance = config.get("scale", 1.0) / max(1.0, count)
    distribution = config.get("distribution", "truncated_normal")
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return rng.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return rng.normal(0.0, math.sqrt(variance), shape)
    return _truncated(rng, shape, {"stddev": math.sqrt(variance) / _TRUNCATED_STD})


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    if len(shape) < 2:
        raise BadInput("initializer Orthogonal", f"a shape of {len(shape)} sizes", "at least two sizes")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return config.get("gain", 1.0) * (q if rows >= columns else q.T)


def _constant(rng: np.random.Generator, shape: tuple[int, ...], config: dict[str, Any]) -> np.ndarray:
    return np.full(shape, config.get("value", 0.0))


def _of_scale(name: str) -> Callable[..., np.ndarray]:
    scale, mode, distribution = _SCALED[name]
    return lambda rng, shape, config: _scaled(
        rng, shape, {"scale": scale, "mode": mode, "distribution": distribution}
    )


_DRAW: dict[str, Callable[[np.random.Generator, tuple[int, ...], dict[str, Any]], np.ndarray]] = {
    "Zeros": lambda rng, shape, config: np.zeros(shape),
    "Ones": lambda rng, shape, config: np.ones(shape),
    "Constant": _constant,
    "RandomNormal": _normal,
    "RandomUniform": _uniform,
    "TruncatedNormal": _truncated,
    "VarianceScaling": _scaled,
    "Orthogonal": _orthogonal,
    **{name: _of_scale(name) for name in _SCALED},
}
_ALIASES = {name.lower(): name for name in _DRAW} | {
    "zero": "Zeros", "one": "Ones", "normal": "RandomNormal", "uniform": "RandomUniform",
    "orthogonalinitializer": "Orthogonal",
}  # fmt: skip
