"""How to do it again: the command, the recipe, the fingerprints."""

from __future__ import annotations

import shlex
from typing import Any

from .. import words
from ..facts import Facts

TITLE = "How to repeat it"


def build(facts: Facts) -> dict[str, Any] | None:
    """The command and every option of the run."""
    command = facts.run.get("command")
    text = command if isinstance(command, str) else shlex.join(map(str, command)) if command else None
    recipe = [
        (str(name), words.number(value) if not isinstance(value, list | dict) else str(value))
        for name, value in facts.recipe.items()
        if value is not None
    ]
    if not text and not recipe:
        return None
    prints = [("images", facts.data.get("fingerprint"))]
    if facts.graph is not None:
        prints.append(("network", facts.graph.fingerprint))
    return {
        "command": text,
        "exactly": f"{text} --plan {shlex.quote(str(facts.path))}"
        if text and facts.recipe.get("minutes")
        else None,
        "recipe": recipe,
        "seed": facts.recipe.get("seed"),
        "prints": [(name, value) for name, value in prints if value],
    }
