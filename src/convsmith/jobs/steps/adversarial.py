"""Adversarial examples of a run's network: curves against the size of the change, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fooling import FOLDER

if TYPE_CHECKING:
    import numpy as np

    from ...runs import Run
    from ..answers import Answers
    from ..heldout import HeldOut
    from ..progress import Display

EXAMPLES = 8
CURVES = (("fgsm", "linf"), ("pgd", "linf"), ("pgd", "l2"))


def attacked(
    asked: Answers, run: Run, display: Display, known: HeldOut, *, epsilon: float, seed: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Attack held-out images with FGSM and PGD.

    Args:
        known: images that the network was not trained on.
        epsilon: of the example pictures, in pixel units 0..255.

    Returns:
        What fool.json says, and arrays: the examples before and after.
    """
    from ...insight.adversarial import L2, LINF, accuracy_against_epsilon

    curves = []
    for attack, norm in CURVES:
        display.say(f"{attack.upper()}, {norm}: accuracy against epsilon on {len(known):,} images")
        rows = accuracy_against_epsilon(
            asked.module,
            known.x_NHWC,
            known.y,
            attack=attack,  # type: ignore[arg-type]
            norm=norm,  # type: ignore[arg-type]
            epsilons=LINF if norm == "linf" else L2,
            batch_size=asked.batch_size,
            seed=seed,
        )
        curves.append({"attack": attack, "norm": norm, "rows": rows})
    examples, arrays = _examples(asked, run, known, epsilon, seed)
    fooled = sum(one["fooled"] for one in examples)
    display.say(f"changed by at most {epsilon:g} of 255: {fooled} of {len(examples)} examples fool it")
    return {
        "epsilon": epsilon,
        "images": len(known),
        "curves": curves,
        "examples": examples,
    }, arrays


def _examples(
    asked: Answers, run: Run, known: HeldOut, epsilon: float, seed: int
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Images that are recognised, one of each class first, attacked with PGD; the changed ones first."""
    import numpy as np
    import torch

    from ...engine.predict import to_NCHW
    from ...insight.adversarial import pgd
    from ...insight.tiles import png, row

    before = asked.probabilities(known.x_NHWC)
    right = np.flatnonzero(before.argmax(1) == known.y)
    first = [right[known.y[right] == label][:1] for label in np.unique(known.y[right])]
    several = np.concatenate([*first, right])
    _, place = np.unique(several, return_index=True)
    chosen = several[np.sort(place)][: 3 * EXAMPLES]
    if not len(chosen):
        return [], {}
    x, y = known.x_NHWC[chosen], known.y[chosen]
    labels = torch.from_numpy(y.astype(np.int64))
    parts = [
        pgd(asked.module, to_NCHW(x[rows]), labels[rows], epsilon=epsilon, seed=seed)
        for rows in (slice(b, b + asked.batch_size) for b in range(0, len(y), asked.batch_size))
    ]
    changed = np.clip(np.rint(torch.cat(parts).permute(0, 2, 3, 1).numpy()), 0, 255).astype(np.uint8)
    after = asked.probabilities(changed)
    order = np.argsort(after.argmax(1) == y, kind="stable")[:EXAMPLES]
    names, classes, found = known.names, asked.net.classes, []
    for number, at in enumerate(order):
        said, truth = int(after[at].argmax()), int(y[at])
        change = changed[at].astype(np.float32) - x[at]
        largest = float(np.abs(change).max())
        shown = np.rint(127.5 + change * 127 / max(largest, 1)).astype(np.uint8)
        file = f"adversarial/{number}.png"
        run.write(f"{FOLDER}/{file}", png(row([x[at], shown, changed[at]])))
        found.append(
            {
                "file": file,
                "name": names[int(chosen[at])],
                "true": classes[truth],
                "confidence": float(before[chosen[at], truth]),
                "predicted": classes[said],
                "confidence_after": float(after[at, said]),
                "fooled": said != truth,
                "largest_change": largest,
                "amplified": 127 / max(largest, 1),
            }
        )
    return found, {"adversarial_before_NHWC": x[order], "adversarial_after_NHWC": changed[order]}
