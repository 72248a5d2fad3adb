"""What a finished network may cost, and where it shall run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import BadInput
from ...limits import Limits
from ...options import Choices, define, flag_of, options_in

if TYPE_CHECKING:
    from ...ledger.budget import Budget

LIMITED = {
    "max_params": "params",
    "max_macs": "macs",
    "max_bytes": "bytes",
    "max_memory": "memory",
    "max_latency_ms": "latency_ms",
}
"""Option -> quantity of the budget."""


@dataclass(frozen=True, kw_only=True)
class Target(Limits):
    """The budget, and how what it limits is counted and measured."""

    max_latency_ms: float | None = define(
        None, "most milliseconds for one image, exported, on one thread of this machine.", unit="milliseconds"
    )
    memory_model: str = define(
        "liveness",
        'how memory is counted: "every" layer its own buffer, "liveness", "fused" or "in-place".',
        choices=Choices("convsmith.ledger.budget:MEMORY_MODELS"),
    )
    precision: str = define(
        "float32",
        'what limits on bytes and memory count: "float32", the weights and activations in fp32; or "int8", '
        "the .tflite file and its arena in TensorFlow Lite Micro, and the run ends with that file.",
        choices=Choices("convsmith.ledger.budget:PRECISIONS"),
    )
    device: str | None = define(
        None, 'a name of "convsmith list devices": its flash and RAM are the limits that are not given.'
    )
    latency_batch: int = define(
        1, "images at once; the limit on latency is then for all of them.", unit="images", least=1
    )
    latency_table: str | None = define(
        None,
        'a file that "convsmith latency-table" wrote on another machine; the limit on latency is then kept '
        "for that machine.",
    )

    @property
    def limits(self) -> dict[str, float | None]:
        """Each option of the budget."""
        return {name: getattr(self, name) for name in LIMITED}

    @property
    def budget(self) -> Budget:
        """The limits that were given.

        Raises:
            BadInput: for one that is no positive number.
        """
        from ...ledger.budget import Budget

        limits: dict[str, Any] = {LIMITED[name]: limit for name, limit in self.limits.items()}
        return Budget(**limits, memory_model=self.memory_model, precision=self.precision)

    def check(self) -> None:
        """Refuse no budget, and what means nothing in this one."""
        for name in ("latency_batch", "latency_table"):
            if self._is_given(name) and self.max_latency_ms is None:
                flag = flag_of(name)
                hint = f"--max-latency-ms 2 {flag} ..."
                raise BadInput(flag, "given without a limit on latency", "one", hint)
        if self.latency_batch != 1 and self.latency_table is not None:
            expected = "one of them; the table has its own batch"
            raise BadInput("--latency-batch and --latency-table", "both were given", expected)
        if self.memory_model != "liveness" and self.max_memory is None:
            came = "given without a limit on memory"
            raise BadInput("--memory-model", came, "one", "--max-memory 1MB --memory-model fused")
        if self.precision == "int8":
            for name, means in (
                ("memory_model", "means the arena"),
                ("max_latency_ms", "is measured in fp32"),
            ):
                if self._is_given(name):
                    raise BadInput(
                        flag_of(name), f"given with --precision int8, where it {means}", "one of them"
                    )
        if all(limit is None for limit in self.limits.values()):
            flags = ", ".join(map(flag_of, LIMITED))
            raise BadInput("budget", "no limit was given", f"at least one of {flags}", "--max-params 100k")
        _ = self.budget  # says a limit that means nothing before there is a run

    def _is_given(self, name: str) -> bool:
        idle = next(one.default for one in options_in(type(self)) if one.name == name)
        return bool(getattr(self, name) != idle)


T = TypeVar("T", bound=Target)


def for_device(target: T) -> T:
    """The options with what the device's name stands for, where that is not given.

    Raises:
        BadName: for a device that is not in the table.
        BadInput: for one whose limits nobody published.
    """
    if target.device is None:
        return target
    from ...device.devices import device

    found = device(target.device)
    if found.target == "tflite-micro":
        limits = {"max_bytes": found.flash, "max_memory": found.ram}
        given: dict[str, Any] = {
            name: limit for name, limit in limits.items() if getattr(target, name) is None
        }
        return replace(target, device=found.name, precision="int8", **given)
    if all(limit is None for limit in target.limits.values()):
        came = f"{found.name} has no limits that were published"
        raise BadInput("--device", came, "a limit beside it", "--max-latency-ms 20")
    return replace(target, device=found.name)
