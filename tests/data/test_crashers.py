"""Damaged files that fuzzing kept (bench/fuzz_images.py): each gets an answer, and the worker lives on."""

from __future__ import annotations

from pathlib import Path

import pytest

from convsmith.data.decoding.workers import Decoders

KEPT = sorted((Path(__file__).parent / "crashers").glob("*.bin"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_kept_file_gets_an_answer(path: Path) -> None:
    job = {"do": "scan", "name": path.name, "max_pixels": 50_000_000}
    with Decoders(1) as decoders:
        answers = {n: answer for n, answer, _ in decoders.map([(job, path.read_bytes()), (job, b"text\n")])}
    assert answers[0]["ok"] or answers[0]["reason"]
    assert answers[1] == {"ok": False, "reason": "text, not an image"}
