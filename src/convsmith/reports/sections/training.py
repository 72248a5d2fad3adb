"""The training of the final network: loss and accuracy over the epochs."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts
from ..plots import curves

TITLE = "Training"


def build(facts: Facts) -> dict[str, Any] | None:
    """Two plots and a line of figures; None before the second epoch."""
    lines = [line for line in facts.history if isinstance(line.get("epoch"), int | float)]
    if len(lines) < 2:
        return None
    loss = curves(_pair(lines, "loss"), "loss", share=False)
    accuracy = curves(_pair(lines, "accuracy"), "accuracy", share=True)
    spent = lines[-1].get("seconds")  # since the training began
    rows = [("epochs", words.count(len(lines)))]
    if spent:
        rows.append(("time", f"{words.seconds(spent)}, {words.seconds(spent / len(lines))} an epoch"))
    if rates := [line["learning_rate"] for line in lines if line.get("learning_rate") is not None]:
        text = words.number(rates[0])
        rows.append(
            ("learning rate", text if len(set(rates)) == 1 else f"{text} to {words.number(rates[-1])}")
        )
    for name, label in (("loss", "last loss"), ("val_loss", "last validation loss")):
        if lines[-1].get(name) is not None:
            rows.append((label, words.number(lines[-1][name])))
    validated = any(
        line.get("val_loss") is not None or line.get("val_accuracy") is not None for line in lines
    )
    return {"plots": [plot for plot in (loss, accuracy) if plot], "facts": rows, "validated": validated}


def _pair(lines: list[dict[str, Any]], name: str) -> list[tuple[str, str, list[tuple[float, float]]]]:
    return [
        ("training", "shared", _values(lines, name)),
        ("validation", "search", _values(lines, f"val_{name}")),
    ]


def _values(lines: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(line["epoch"], line[name]) for line in lines if line.get(name) is not None]
