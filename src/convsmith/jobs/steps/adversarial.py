"""Adversarial examples of a run's network: curves against the size of the change, and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...units import counted
from .fooling import FOLDER

if TYPE_CHECKING:
    import numpy as np

    from ...runs import Run
    from ..inputs.heldout import HeldOut
    from ..running.progress import Display
    from ..using.classifier import Classifier

EXAMPLES = 8
CURVES = (("fgsm", "linf"), ("pgd", "linf"), ("pgd", "l2"))


def attacked(
    asked: Classifier, run: Run, display: Display, known: HeldOut, *, epsilon: float | None, seed: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Attack held-out images with FGSM and PGD.

    Args:
        known: images that the network was not trained on.
        epsilon: of the example pictures, in pixel units 0..255; the smallest that fools without it.

    Returns:
        What fool.json says, and arrays: the examples before and after.
    """
    from ...insight.adversarial import L2, LINF, accuracy_against_epsilon

    curves = []
    for attack, norm in CURVES:
        display.say(f"{attack.upper()}, {norm}: accuracy against epsilon on {counted(len(known), 'image')}")
        with display.bar(attack) as bar:
            rows = accuracy_against_epsilon(
                asked.module,
                known.x_NHWC,
                known.y,
                attack=attack,  # type: ignore[arg-type]
                norm=norm,  # type: ignore[arg-type]
                epsilons=LINF if norm == "linf" else L2,
                batch_size=asked.batch_size,
                seed=seed,
                on_share=lambda share: bar.update(share, "of the attacks"),
            )
        curves.append({"attack": attack, "norm": norm, "rows": rows})
    examples, arrays = _examples(asked, run, known, epsilon, seed)
    fooled = sum(one["fooled"] for one in examples)
    display.say(f"examples: {fooled} of {len(examples)} fool it")
    return {
        "epsilon": epsilon,
        "images": len(known),
        "curves": curves,
        "examples": examples,
    }, arrays


def _examples(
    asked: Classifier, run: Run, known: HeldOut, epsilon: float | None, seed: int
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Images that are recognised, one of each class first, each changed as little as it takes."""
    import numpy as np

    from ...insight.adversarial import LINF
    from ...insight.pictures.tiles import png, row

    before = asked.probabilities(known.x_NHWC)
    right = np.flatnonzero(before.argmax(1) == known.y)
    first = [right[known.y[right] == label][:1] for label in np.unique(known.y[right])]
    several = np.concatenate([*first, right])
    _, place = np.unique(several, return_index=True)
    chosen = several[np.sort(place)][:EXAMPLES]
    if not len(chosen):
        return [], {}
    x, y = known.x_NHWC[chosen], known.y[chosen]
    changed, after = x.copy(), before[chosen]
    used = np.zeros(len(y))
    for size in LINF[1:] if epsilon is None else (epsilon,):
        still = np.flatnonzero(after.argmax(1) == y)
        if not len(still):
            break
        changed[still] = _attacked(asked, x[still], y[still], size, seed)
        after[still] = asked.probabilities(changed[still])
        used[still] = size
    classes, found = asked.classes, []
    for at in range(len(y)):
        said, truth = int(after[at].argmax()), int(y[at])
        change = changed[at].astype(np.float32) - x[at]
        shown = np.rint(127.5 + change * 127 / used[at]).astype(np.uint8)
        file = f"adversarial/{at}.png"
        run.write(f"{FOLDER}/{file}", png(row([x[at], shown, changed[at]])))
        found.append(
            {
                "file": file,
                "name": known.names[int(chosen[at])],
                "epsilon": float(used[at]),
                "true": classes[truth],
                "confidence": float(before[chosen[at], truth]),
                "predicted": classes[said],
                "confidence_after": float(after[at, said]),
                "fooled": said != truth,
            }
        )
    return found, {"adversarial_before_NHWC": x, "adversarial_after_NHWC": changed}


def _attacked(asked: Classifier, x_NHWC: np.ndarray, y: np.ndarray, epsilon: float, seed: int) -> np.ndarray:
    """The images changed by PGD and rounded to whole pixels, uint8."""
    import numpy as np
    import torch

    from ...engine.predict import to_NCHW
    from ...insight.adversarial import pgd

    labels = torch.from_numpy(y.astype(np.int64))
    found = pgd(asked.module, to_NCHW(x_NHWC), labels, epsilon=epsilon, seed=seed)
    x = x_NHWC.astype(np.int64)
    whole = np.rint(found.permute(0, 2, 3, 1).numpy()).astype(np.int64)
    reach = int(np.floor(epsilon)) if epsilon >= 1 else 1
    return np.clip(np.clip(whole, x - reach, x + reach), 0, 255).astype(np.uint8)
