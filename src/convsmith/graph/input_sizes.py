"""Sizes that a person gives for a network's inputs."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadInput


def check_sizes(wanted: Sequence[int | None], own: Sequence[int | None]) -> None:
    """Say an input shape without its channels, or of another number of sizes.

    Args:
        wanted: what was asked for.
        own: the input that the network has.

    Raises:
        BadInput: another number of sizes, with the shape that was meant.
    """
    if len(wanted) == len(own):
        return
    missing = "rows, columns and channels" if len(own) == 3 else f"{len(own)} sizes"
    sizes = [*(size or 0 for size in wanted)]
    if len(own) == 3 and 0 < len(sizes) < 3:
        sizes = [*(sizes * 2)[:2], own[2] or 3]
    else:
        sizes = [size or 224 for size in own]
    raise BadInput(
        "--input", f"got {'x'.join(map(str, wanted))}", missing, f"--input {'x'.join(map(str, sizes))}"
    )
