"""Step 4: the rule by which the network answers, from images that its weights have not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...insight.answer_rule import FILE, AnswerRule, fit
from ..inputs.classifier import logits
from ..inputs.heldout import evenly
from ..inputs.trained import rule_of
from ..running.job import Job
from .full import Final
from .judge import input_size

if TYPE_CHECKING:
    import numpy as np

IMAGES, PICTURES = 1000, 100
"""Images that it is fitted on, and those of them that pictures of no class are made of, at most."""


def answer_rule(job: Job, final: Final) -> AnswerRule:
    """Fit the rule of the network that came out and write answer_rule.json; read it where it is there.

    Args:
        job: the job; its validation images count where the last training left them out.
        final: the network.
    """
    if job.run.has(FILE):
        return rule_of(job.run.path)
    if job.run.kind != "train":
        note = "its last training learned from the validation images, too: no images were left to fit it on"
        rule = AnswerRule(note=note)
    else:
        x_NHWC, y = job.part("validation", size=input_size(final.graph))
        rule = fitted(final, x_NHWC, y, seed=job.recipe["seed"])
    job.run.write_json(FILE, rule.to_json())
    job.display.say(f"answers: {rule.told()}")
    return rule


def fitted(final: Final, x_NHWC: np.ndarray, y: np.ndarray, *, seed: int) -> AnswerRule:
    """The rule that some images speak for, and pictures of no class that are made of them.

    Args:
        final: the network.
        x_NHWC: images that it has not learned from, uint8; a part of them is enough.
        y: their class numbers, (N,).
        seed: of the pictures.
    """
    import numpy as np

    from ...engine.lower import lower
    from ...insight.unknown import no_class

    net = lower(final.graph, final.weights)
    if not (net.ends_in_softmax or net.ends_in_one_sigmoid):
        return AnswerRule(note="the network does not end in a softmax")
    rows = evenly(np.arange(len(y)), IMAGES)
    some = np.array(x_NHWC[evenly(rows, PICTURES)])
    pictures = no_class(some, seed=seed) if len(some) else {}
    return fit(
        y[rows], logits(net, np.array(x_NHWC[rows])),
        {kind: logits(net, made) for kind, made in pictures.items()},
    )  # fmt: skip
