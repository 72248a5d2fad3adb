"""Pictures that were painted with the run's network."""

from __future__ import annotations

from typing import Any

from ..facts import Facts

TITLE = "Style transfer"
FOLDER = "explain/style"
MOST = 6


def build(facts: Facts) -> dict[str, Any] | None:
    """Content, style and result of the newest transfers; None without any."""
    entries = []
    for one in facts.listed(f"{FOLDER}/style.json")[-MOST:][::-1]:
        files = one.get("files") or {}
        pictures = [
            (kind, facts.picture(f"{FOLDER}/{files.get(kind)}")) for kind in ("content", "style", "painted")
        ]
        if all(picture for _, picture in pictures):
            entries.append(
                {
                    "pictures": pictures,
                    "content": str(one["content"]),
                    "style": str(one["style"]),
                    "content_layers": ", ".join(one["content_layers"]),
                    "style_layers": ", ".join(one["style_layers"]),
                    "first": one["first"]["style"],
                    "last": one["last"]["style"],
                    "steps": one["steps"],
                }
            )
    return {"entries": entries} if entries else None
