"""The factors of Keras's regularizers, from what a layer's settings say."""

from __future__ import annotations

import json

from ...errors import BadInput
from ...kinds import Kind
from ...kinds.activity_regularization import ActivityRegularization
from ...kinds.origin import is_keras, title

DEFAULT = 0.01
"""Keras's factor where only the name is given."""


def activity_factors(kind: Kind, where: str) -> tuple[float, float] | None:
    """The factors l1 and l2 of the penalty on a layer's output; None where there is none.

    Raises:
        BadInput: a regularizer that is not known here.
    """
    if isinstance(kind, ActivityRegularization):
        return (kind.l1, kind.l2) if kind.l1 or kind.l2 else None
    given = getattr(kind, "activity_regularizer", None)
    return None if given is None else factors(given, where)


def factors(regularizer: str, where: str) -> tuple[float, float]:
    """The factors l1 and l2 of a regularizer.

    Args:
        regularizer: Keras's name (``"l2"``) or its serialised form as JSON.
        where: whose it is, for the message.

    Example:
        >>> factors('{"class_name":"L1L2","config":{"l1":0.5,"l2":0.25}}', "layer a")
        (0.5, 0.25)
    """
    name = regularizer
    config: dict[str, float] = {}
    if regularizer.startswith("{"):
        found = json.loads(regularizer)
        name, config = str(found.get("class_name")), found.get("config") or {}
        if not is_keras(found, "regularizers"):
            raise BadInput(
                where, f"regularizer {title(found)} of the program's own", "L1, L2 or L1L2 of Keras",
                "model.fit of Keras itself",
            )  # fmt: skip
    plain = name.lower().replace("_", "")
    if plain not in ("l1", "l2", "l1l2"):
        raise BadInput(where, f"regularizer {name}", "L1, L2 or L1L2", "model.fit of Keras itself")
    usual = DEFAULT if plain != "l1l2" else 0.0
    l1 = float(config.get("l1", usual)) if plain != "l2" else 0.0
    l2 = float(config.get("l2", usual)) if plain != "l1" else 0.0
    return l1, l2
