"""The rule by which logits become answers, as C: calibrated probabilities, and "none of the classes"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .c_calls import as_float

if TYPE_CHECKING:
    from .program import Tensor


class Answer:
    """The function ``NAME_answer`` of a network that ends in a softmax.

    Args:
        name: begins every name that others see.
        logits: the number of the tensor that the softmax takes; its numbers stand until the next image.
        rule: temperature, score ("max_logit", "energy" or None) and threshold.
    """

    def __init__(self, name: str, logits: int, rule: Mapping[str, Any]) -> None:
        self.name, self.logits = name, logits
        self.temperature, self.score = float(rule["temperature"]), rule["score"]
        self.threshold = rule["threshold"]

    @property
    def turns_away(self) -> bool:
        """Whether there is a threshold."""
        return self.score is not None and self.threshold is not None

    def header(self) -> str:
        """Its lines of the .h file."""
        upper = self.name.upper()
        says = "0: this rule turns nothing away"
        constants = f"#define {upper}_TEMPERATURE {as_float(self.temperature)}\n"
        if self.turns_away:
            what = "largest logit" if self.score == "max_logit" else "energy, log of the sum of exp(logit),"
            says = f"1 where the {what} is below the threshold: the image is none of the classes"
            constants += f"#define {upper}_THRESHOLD {as_float(self.threshold)}\n"
        return (
            f"{constants}/* What the last run is worth. Writes {upper}_OUTPUTS calibrated probabilities,\n"
            f"   unless p is 0; returns {says}. */\nint {self.name}_answer(float *p);\n"
        )

    def source(self, at: str, tensor: Tensor) -> str:
        """Its lines of the .c file.

        Args:
            at: the C expression of the logits.
            tensor: these logits.
        """
        upper = self.name.upper()
        value = "(float)z[i]"
        if tensor.scale is not None:
            value = f"{as_float(tensor.scale.scales[0])} * (float)(z[i] - ({tensor.scale.zero_point}))"
        score = "top + logf(all)" if self.score == "energy" else "top"
        away = f"!({score} >= {upper}_THRESHOLD)" if self.turns_away else "0"
        return (
            f"\nint {self.name}_answer(float *p)\n{{\n    const number *z = {at};\n"
            f"    float top = 0.0f, all = 0.0f, sum = 0.0f, v;\n    int i;\n"
            f"    for (i = 0; i < {upper}_OUTPUTS; i++) {{\n        v = {value};\n"
            "        if (i == 0 || !(v <= top))\n            top = v;\n    }\n"
            f"    for (i = 0; i < {upper}_OUTPUTS; i++) {{\n        v = {value} - top;\n"
            f"        all += expf(v);\n        sum += expf(v / {upper}_TEMPERATURE);\n    }}\n"
            f"    for (i = 0; p && i < {upper}_OUTPUTS; i++) {{\n        v = {value} - top;\n"
            f"        p[i] = expf(v / {upper}_TEMPERATURE) / sum;\n    }}\n"
            f"    (void)all;\n    return {away};\n}}\n"
        )
