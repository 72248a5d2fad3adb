"""The limits that a person may give, as options."""

from __future__ import annotations

from dataclasses import dataclass

from .options import Options, define
from .units import Bytes, Count


@dataclass(frozen=True, kw_only=True)
class Limits(Options):
    """What a network may cost, known from its Graph."""

    max_params: Count | None = define(
        None, "most parameters, batch-norm statistics included, such as 50k.", unit="parameters"
    )
    max_macs: Count | None = define(
        None, "most multiply-adds for one image, such as 10M.", unit="multiply-adds"
    )
    max_bytes: Bytes | None = define(None, "most bytes of weights in fp32, such as 200kB.", unit="bytes")
    max_memory: Bytes | None = define(
        None, "most bytes of activations (fp32, one image), such as 1MB.", unit="bytes"
    )
