"""Sliding windows: the arithmetic of kernel, stride, padding and dilation of convolutions and pools."""

from __future__ import annotations

from .kind import GIVE_SIZES, Reach, ShapeError

Pads = tuple[int, int, int, int]
"""Pixels added at the top, bottom, left and right."""
Sides = tuple[tuple[int, int], ...]
"""Places added before and behind, for each axis."""


def length(n: int | None, kernel: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """Output rows (or columns) of a window over `n` pixels.

    "valid": floor((n - f)/s) + 1; "same": ceil(n/s), where f counts the dilation's gaps.

    Raises:
        ShapeError: when the window does not fit.

    Example:
        >>> length(32, 5, 1, "valid"), length(5, 3, 2, "same")
        (28, 3)
    """
    if n is None:
        return None
    if padding in ("same", "causal"):
        return -(-n // stride)
    seen = (kernel - 1) * dilation + 1
    if seen > n:
        raise ShapeError(
            f"kernel {seen} on a {n}-pixel input",
            f"a kernel of at most {n} pixels, or padding",
            'padding="same", a smaller kernel, or fewer strides and pools before it',
        )
    return (n - seen) // stride + 1


def pads(
    rows: int | None,
    columns: int | None,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    dilation: tuple[int, int] = (1, 1),
) -> Pads:
    """Pixels of zeros at the top, bottom, left and right; an odd one goes to the bottom or right.

    Example:
        >>> pads(6, 6, (3, 3), (2, 2), "same")
        (0, 1, 0, 1)
    """
    if padding == "valid":
        return 0, 0, 0, 0
    sides: list[int] = []
    for n, f, s, d in zip((rows, columns), kernel, stride, dilation, strict=True):
        seen = (f - 1) * d + 1
        if n is None and s != 1:
            raise ShapeError(
                'padding "same" with a stride and an unknown size',
                "a known size",
                GIVE_SIZES,
            )
        total = seen - 1 if n is None else max((-(-n // s) - 1) * s + seen - n, 0)
        sides += [total // 2, total - total // 2]
    return sides[0], sides[1], sides[2], sides[3]


def reach(
    kernel: tuple[int, int], stride: tuple[int, int], padded: Pads, dilation: tuple[int, int] = (1, 1)
) -> Reach:
    """The window as a receptive field."""
    seen = ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1)
    return Reach(seen, stride, (padded[0], padded[2]))


def shape_formula(
    rows: int | None, kernel: int, stride: int, padding: str, padded: Pads, dilation: int = 1
) -> str:
    """The course's (n + 2p - f)/s + 1 with its numbers.

    Example:
        >>> shape_formula(32, 5, 1, "valid", (0, 0, 0, 0))
        '⌊(32 + 0 − 5)/1⌋ + 1 = 28'
    """
    if rows is None:
        return ""
    seen = (kernel - 1) * dilation + 1
    out = length(rows, kernel, stride, padding, dilation)
    return f"⌊({rows} + {padded[0] + padded[1]} − {seen})/{stride}⌋ + 1 = {out}"
