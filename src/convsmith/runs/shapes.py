"""The table of a run's files that are read again, and what must stand in each: a damaged one is one line.

A shape is a type; a tuple of alternatives; ``[shape]`` for a list; ``{"name": shape}`` for an object with
these entries and any others, where ``"name?"`` may be absent; or ``{str: shape}`` for one of any names.
"""

from __future__ import annotations

import math
from typing import Any

from ..errors import BadInput

NUMBER = (int, float)
COUNT = "a whole number of at least 0"
MAYBE = (int, float, None)
_RECORD = {"epoch": COUNT, "seconds?": NUMBER, "loss?": MAYBE}
_CORE = {"first?": {"epochs": COUNT, "cap_effort?": MAYBE}, "order?": [str], "shared?": COUNT}
_FINAL = {"top": COUNT, "epochs": COUNT}
_CUT = {
    "keep?": {str: NUMBER},
    "carried?": NUMBER,
    "cut": str,
    "size": [COUNT],
    "sides": [COUNT],
    "params": COUNT,
    "macs": COUNT,
}
_TRIAL_KEY = {"arm": str, "arm_index": COUNT, "rung": COUNT}

SHAPES: dict[str, Any] = {
    "run.json": {
        "format": int, "kind": str, "created": str, "finished": (str, None), "key": str, "command": [str],
        "ended?": {"how": str, "at": str, "message?": str, "traceback?": str},
    },
    "recipe.json": {
        "data?": (str, None), "minutes?": MAYBE, "trials?": MAYBE, "epochs?": MAYBE, "seed?": COUNT,
        "max_params?": MAYBE, "max_macs?": MAYBE, "max_bytes?": MAYBE, "max_memory?": MAYBE,
        "max_latency_ms?": MAYBE, "memory_model?": (str, None), "space?": str, "algorithm?": str,
        "option?": ([str], None), "augment?": str, "validation?": NUMBER, "test?": NUMBER,
        "size?": ([int], None), "group?": (str, None), "threads?": (int, None), "plan?": (str, None),
        "warm_start?": (str, None), "latency_batch?": (int, None), "latency_table?": (str, None),
        "strict?": bool, "stop_early?": bool, "pretrained?": (str, None), "teacher?": (str, None),
        "weights?": (str, None),
    },
    "data.json": {
        "source?": str, "fingerprint": str, "classes?": [str],
        "split?": {str: COUNT},
        "resolution?": {"height": COUNT, "width": COUNT, "channels": COUNT},
    },
    "graph.json": {},
    "answer_rule.json": {
        "temperature": NUMBER, "score": (str, None), "threshold": MAYBE, "false_rejection": MAYBE,
        "fitted_on": str, "note": str,
    },
    "clock.json": {"seconds": NUMBER},
    "times.json": {"search": NUMBER},
    "threads.json": {"threads": COUNT},
    "searched.json": {"images": COUNT},
    "rates.json": {"rate": NUMBER},
    "speed.json": {"each": NUMBER},
    "pretrained.json": {
        "source": {"name": str, "licence": str, "origin": str, "sha256": str}, "images": NUMBER,
        "sizes": [{"sides": [COUNT], "each": NUMBER}], "smallest": str, "seconds": NUMBER,
        "table": [_CUT | {"left_out?": NUMBER, "validation?": NUMBER, "fits": bool}],
    },
    "started.json": {
        "source": ({"name": str, "licence": str, "origin": str, "sha256": str}, None), "taken": str,
    },
    "arms.json": {"arm": str, "why": str},
    "teacher.json": {
        "views": COUNT, "why?": str, "name?": str, "sha256?": str, "cut?": str, "size?": [COUNT],
        "sides?": [COUNT], "params?": COUNT, "macs?": MAYBE, "validation?": NUMBER, "strength?": NUMBER,
        "seconds?": NUMBER,
    },
    "tuned.json": {"rows": [_CUT | {"seconds?": NUMBER}]},
    "chosen.json": {"winner": str, "validation": {str: MAYBE}, "teacher": (str, None), "inherits?": bool},
    "training.json": {"recipe": {"augment": {"flip": (bool, int, float)}}},
    "plan.json": {
        **_CORE, "of?": {str: object}, "final?": _FINAL, "forecast?": {str: MAYBE},
        "latencies_ms?": {str: NUMBER}, "reopened?": {"at": NUMBER, "largest": COUNT},
    },
    "finals.json": {str: {"epochs": COUNT, "changes": {str: COUNT}, "seconds": MAYBE}},
    "search.json": {
        "algorithm?": str,
        "finalists?": [{"arm": str, "fingerprint?": str}],
        "learnt?": ({"steps": COUNT, "seconds": NUMBER, "supernet?": {str: MAYBE}, "alarm?": [str],
                     "notes?": [str]}, None),
    },
    "exports.json": {
        "files": [{"file": str, "bytes": COUNT, "precision": str, "arena?": {str: COUNT}, "accuracy?": NUMBER,
                   "interval?": [NUMBER], "engine_accuracy?": NUMBER, "disagreements?": COUNT,
                   "largest_difference?": NUMBER, "milliseconds?": NUMBER}],
    },
    "result.json": {
        "test_accuracy": NUMBER, "interval": [NUMBER], "params": COUNT, "macs": COUNT, "weight_bytes": COUNT,
        "latency_ms": NUMBER, "seconds": NUMBER, "budget_kept?": bool,
        "int8?": {"bytes": COUNT, "memory": COUNT, "test_accuracy": NUMBER}, "weak?": str, "next?": str,
        "baselines?": {str: MAYBE}, "no_search?": str, "tta?": {"views": str, "test_accuracy": NUMBER},
    },
    "trials.jsonl": {
        **_TRIAL_KEY, "index": COUNT, "epochs": COUNT, "seed": COUNT, "answers": {str: object},
        "fingerprint": str, "status": str, "score": MAYBE, "loss": MAYBE, "params": COUNT, "macs": MAYBE,
        "bytes": COUNT, "memory": MAYBE, "latency_ms": MAYBE, "seconds": NUMBER, "at": NUMBER,
        "error?": (str, None), "more?": {str: object}, "size?": ([COUNT], None), "curve?": [NUMBER],
    },
    "learnt.jsonl": {
        "status": str, "ranked": [{str: object}], "steps": COUNT, "seconds": NUMBER, "at": NUMBER,
        "report": {str: object},
    },
    "proposed.jsonl": {**_TRIAL_KEY},
    "latency.jsonl": {"fingerprint": str, "latency_ms": NUMBER},
    "history.jsonl": _RECORD,
    "answers.json": {"rows": [COUNT], "predicted": [COUNT], "confidence": [NUMBER]},
    "now.json": {"at": NUMBER, "step": str, "seconds": NUMBER, "left": MAYBE},
    "curve.jsonl": {"training": str, **_RECORD},
    "result of a training": {
        "epochs": COUNT, "seconds": NUMBER, "history": [_RECORD], "recipe?": {str: object}, "graph?": {},
    },
    "explain/style/style.json": [{"files?": {str: str}}],
    "explain/fool/fool.json": {str: object},
}  # fmt: skip
"""File -> its shape; of a .jsonl file, the shape of each line."""


def check(value: Any, name: str, where: str) -> Any:
    """The value of a run's file, where it has the shape that the table says.

    Args:
        value: what was read.
        name: the file's name in the run.
        where: the file, for the message.

    Raises:
        BadInput: with the place in the file, what is there and what was expected.

    Example:
        >>> check({"seconds": 3.5}, "clock.json", "clock.json")
        {'seconds': 3.5}
        >>> check({"seconds": "x"}, "clock.json", "clock.json")
        Traceback (most recent call last):
        convsmith.errors.BadInput: clock.json, seconds: got 'x'; expected a number
    """
    if name.startswith("finals/"):
        name = "result of a training"
    if name in SHAPES:
        _check(value, SHAPES[name], where)
    return value


def _check(value: Any, shape: Any, where: str) -> None:
    if not _is(value, shape):
        raise BadInput(where, f"got {value!r:.60}", _said(shape))
    shape = _chosen(value, shape)
    if isinstance(shape, list):
        for number, item in enumerate(value, 1):
            _check(item, shape[0], f"{where}, entry {number}")
    elif isinstance(shape, dict) and str in shape:
        for key, item in value.items():
            _check(item, shape[str], f"{where}, {key}")
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            plain = key.removesuffix("?")
            if plain in value:
                _check(value[plain], inner, f"{where}, {plain}")
            elif plain == key:
                raise BadInput(where, f"has no '{plain}'", _said(inner))


def _chosen(value: Any, shape: Any) -> Any:
    """The alternative that the value is of."""
    if isinstance(shape, tuple):
        return next(one for one in shape if _is(value, one))
    return shape


def _is(value: Any, shape: Any) -> bool:
    """Whether it is of the outermost type of a shape."""
    if isinstance(shape, tuple):
        return any(_is(value, one) for one in shape)
    if shape is None:
        return value is None
    if shape == COUNT:
        return type(value) is int and 0 <= value < 2**63
    if isinstance(shape, dict | list):
        return isinstance(value, type(shape))
    if shape is float:
        return isinstance(value, float) and math.isfinite(value)
    if shape is int:
        return type(value) is int and abs(value) < 2**63
    return isinstance(value, shape)


def _said(shape: Any) -> str:
    if isinstance(shape, tuple):
        names = dict.fromkeys(_said(one) for one in shape)
        return " or ".join(names)
    if isinstance(shape, dict | list):
        return "an object" if isinstance(shape, dict) else "a list"
    known: dict[Any, str] = {
        None: "null", int: "a number", float: "a number", str: "text", bool: "true or false",
        object: "anything",
    }  # fmt: skip
    return shape if isinstance(shape, str) else known[shape]
