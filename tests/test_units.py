"""Numbers with units: what people write, and what they read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput, nearest
from convsmith.units import counted, parse_bytes, parse_count, parse_size, show_bytes, show_count


@pytest.mark.parametrize(
    ("text", "value"),
    [("50k", 50_000), ("1.5M", 1_500_000), ("20_000", 20_000), ("20,000", 20_000), ("2G", 2 * 10**9), (7, 7)],
)
def test_counts(text: str | int, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize(("text", "value"), [("80kB", 80_000), ("64KiB", 65_536), ("1.5 MB", 1_500_000)])
def test_bytes(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize(
    "text", ["", "k", "-5", "0", "5x", "1e5", "nan", "five", True, float("nan"), "9" * 30]
)
def test_what_is_no_number_is_one_clear_line(text: object) -> None:
    with pytest.raises(BadInput, match=r"^--max-params: got .*; expected .*; try: 50k$") as caught:
        parse_count(text, "--max-params")  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@given(st.integers(1, 10**15))
def test_shown_counts_read_back_within_their_digits(value: int) -> None:
    assert abs(parse_count(show_count(value)) - value) <= 0.006 * value


def test_shown_bytes() -> None:
    assert [show_bytes(n) for n in (12, 246_824, 1_500_000)] == ["12 B", "247 kB", "1.50 MB"]


def test_sizes() -> None:
    assert parse_size("32x32x3") == (32, 32, 3)
    with pytest.raises(BadInput, match="--input: got '32xx3'"):
        parse_size("32xx3", "--input")


def test_nearest_name() -> None:
    assert nearest("evolutoin", ["random", "evolution"]) == "evolution"
    assert nearest("zzz", ["random", "evolution"]) is None


def test_one_alone_is_singular() -> None:
    said = [counted(number, "class", "classes") for number in (0, 1, 2, 1000)]
    assert said == ["0 classes", "1 class", "2 classes", "1,000 classes"]
    assert counted(1, "epoch") == "1 epoch"
