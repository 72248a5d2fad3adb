"""Step 4: the rule by which the network answers, and how it does on the test images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...insight.answer_rule import FILE, AnswerRule, fit
from ...units import counted
from ..inputs.heldout import evenly
from ..inputs.logits import logits
from ..inputs.trained import rule_of
from ..running.job import AnyJob
from .full import Final
from .judge import input_size
from .pretrained.known import FILE as CHOSEN
from .pretrained.linear import BEFORE
from .pretrained.linear import NAME as FITS

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ...graph import Graph

IMAGES, PICTURES = 1000, 100
"""Images that it is fitted on, and those of them that pictures of no class are made of, at most."""
TESTED = 2000
"""Test images that it is judged on, at most."""


def answer_rule(job: AnyJob, final: Final) -> AnswerRule:
    """Fit the rule of the network that came out and write answer_rule.json; read it where it is there.

    No image speaks for it that the weights which are asked have learned from: a network of `train` has left
    out all validation images, the winner of a search those that were spared; one that goes on from weights
    which have not seen them is asked with these, as it was before its last training.

    Args:
        job: the job.
        final: the network.
    """
    from ...engine.weights import open_weights

    if job.run.has(FILE):
        return rule_of(job.run.path)
    arm = _arm(job)
    part, weights, images = "validation", final.weights, "validation images"
    if arm == "search":
        part, images = "spared", "validation images that it did not learn from"
    elif arm is not None:
        file = BEFORE if arm == FITS else "weights.safetensors"
        weights = open_weights(job.run.path / "finals" / arm / file, final.graph)
        images = "validation images, as it was before it learned from these, too"
    if not len(job.rows(part)):
        many = counted(len(job.rows("validation")), "validation image")
        rule = AnswerRule(note=f"it learned from all {many}, too: of so few none could be spared")
    else:
        x_NHWC, y = job.part(part, size=input_size(final.graph))
        rule = fitted(final.graph, weights, x_NHWC, y, seed=job.options.seed, images=images)
    job.run.write_json(FILE, rule.to_json())
    job.display.say(f"answers: {rule.told()}")
    return rule


def _arm(job: AnyJob) -> str | None:
    """Where the network came from: "search", or a training of finals/; None where `train` made it."""
    if job.run.kind == "train":
        return None
    found = job.run.read_json(CHOSEN)["winner"] if job.run.has(CHOSEN) else "search"
    return str(found)


def fitted(
    graph: Graph, weights: dict[str, np.ndarray], x_NHWC: np.ndarray, y: np.ndarray, *, seed: int,
    images: str = "validation images",
) -> AnswerRule:  # fmt: skip
    """The rule that some images speak for, and pictures of no class that are made of them.

    Args:
        graph, weights: the network.
        x_NHWC: images that it has not learned from, uint8; of many a part is used.
        y: their class numbers, (N,).
        seed: of the pictures.
        images: what the images are called.
    """
    import numpy as np

    from ...engine.lower import lower

    net = lower(graph, weights)
    if not (net.ends_in_softmax or net.ends_in_one_sigmoid):
        return AnswerRule(note="the network does not end in a softmax")
    rows = evenly(np.arange(len(y)), IMAGES)
    x = np.array(x_NHWC[rows])
    return fit(y[rows], logits(net, x), of_no_class(net, x, seed=seed), images=images)


def of_no_class(net: Lowered, x_NHWC: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """Kind -> a network's logits on pictures of no class that are made of some of these images."""
    import numpy as np

    from ...insight.unknown import no_class

    some = x_NHWC[evenly(np.arange(len(x_NHWC)), PICTURES)]
    made = no_class(some, seed=seed) if len(some) else {}
    return {kind: logits(net, pictures) for kind, pictures in made.items()}


def judge_rule(job: AnyJob, final: Final, rule: AnswerRule) -> dict[str, Any]:
    """The rule on test images and on pictures of no class that are made of them.

    Returns:
        ``{"answers": ...}`` for metrics.json, as `insight.selective.judged` has it; nothing for a network
        that has no logits.
    """
    import numpy as np

    from ...engine.lower import lower
    from ...insight.selective import judged

    net = lower(final.graph, final.weights)
    if not (net.ends_in_softmax or net.ends_in_one_sigmoid):
        return {}
    x_NHWC, y = job.part("test", size=input_size(final.graph))
    rows = evenly(np.arange(len(y)), TESTED)
    x = np.array(x_NHWC[rows])
    found = judged(rule, y[rows], logits(net, x), of_no_class(net, x, seed=job.options.seed + 1))
    said = f"calibration error {found['ece']:.1%}, {found['calibrated_ece']:.1%} by the rule of answering"
    if "no_class" in found:
        away = found["no_class"]["rejected"]
        said += (
            f"; it turns away {found['rejected']:.1%} of the test images, {away:.1%} of pictures of no class"
        )
    job.display.say(said)
    return {"answers": found}
