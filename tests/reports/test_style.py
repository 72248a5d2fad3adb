"""The page's colours: readable in the light, the dark and the printed page."""

from __future__ import annotations

import re

import pytest

from convsmith.reports.page import TEMPLATES


@pytest.mark.parametrize(
    ("ink", "paper"),
    [(ink, paper) for ink in ("ink", "quiet", "search", "good", "bad") for paper in ("paper", "raised")],
)
def test_contrast_of_text_is_at_least_4_5(ink: str, paper: str) -> None:
    """WCAG 2.2 level AA, in the light, the dark and the printed page."""
    style = (TEMPLATES / "style.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", style, flags=re.S)
    assert len(themes) == 3
    for theme in themes:
        colours = {n: tuple(map(int, v.split())) for n, v in re.findall(r"--(\w+): (\d+ \d+ \d+)", theme)}
        light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper, theme)


def luminance(colour: tuple[int, ...]) -> float:
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
