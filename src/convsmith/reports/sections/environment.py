"""What the run ran on."""

from __future__ import annotations

from typing import Any

from ..facts import Facts

TITLE = "Environment"


def build(facts: Facts) -> dict[str, Any] | None:
    """Machine, system and versions."""
    env = facts.env
    if not env:
        return None
    cores = env.get("cores")
    if env.get("usable_cores") not in (None, cores):
        cores = f"{env['usable_cores']} of {cores}"
    rows = [
        ("processor", env.get("cpu")),
        ("cores", cores),
        ("machine", env.get("machine")),
        ("system", env.get("system")),
        ("python", env.get("python")),
        ("compiled kernels", _kernels(env.get("kernels"))),
        *((str(name), value) for name, value in (env.get("settings") or {}).items()),
    ]
    versions = sorted((str(name), str(value)) for name, value in (env.get("packages") or {}).items())
    return {"facts": [(name, str(value)) for name, value in rows if value is not None], "versions": versions}


def _kernels(found: Any) -> str | None:
    """Whose code trained: the compiled kernels with their build, or torch's own; None: not recorded."""
    if not isinstance(found, dict):
        return None
    why = f" ({found['why']})" if found.get("why") else ""
    if not found.get("compiled"):
        return f"none, torch's own operations{why}"
    return f"{found['compiled']}, build {found.get('build')}{why}"
