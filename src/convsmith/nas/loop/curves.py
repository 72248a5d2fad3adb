"""Learning curves: whether a training that runs is worth going on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FEWEST_EPOCHS = 3  # of a curve, before anything is said about where it goes
GRACE = 0.3  # of the planned epochs are trained in any case
FEWEST_CURVES = 5  # finished trainings to compare with
SURE = 2.0  # standard deviations between the hoped-for end and what would still count
_POWERS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class CurveForecast:
    """Where a learning curve is expected to end.

    Args:
        mean: the score expected.
        sd: standard deviation of what is not known about it.
    """

    mean: float
    sd: float


def extrapolate(curve: Sequence[float], epochs: int) -> CurveForecast:
    """The score after `epochs`, from the scores so far.

    Power laws ``a - b t^-c`` with several c are fitted by least squares with b >= 0, and averaged by how
    well they fit; the spread of their forecasts, the noise around them and how far ahead they look make
    the standard deviation.

    Source: Domhan, Springenberg, Hutter, "Speeding up Automatic Hyperparameter Optimization of Deep Neural
    Networks by Extrapolation of Learning Curves", IJCAI 2015; of its eleven families the power law alone.

    Args:
        curve: validation score after each epoch, two or more.
        epochs: how many are planned.

    Example:
        >>> curve = [0.9 - 0.5 / epoch for epoch in range(1, 7)]
        >>> forecast = extrapolate(curve, 25)
        >>> abs(forecast.mean - 0.88) < 2 * forecast.sd + 0.01 and forecast.sd < 0.05
        True
    """
    import numpy as np

    scores = np.asarray(curve, dtype=float)
    times = np.arange(1, len(scores) + 1, dtype=float)
    ends, errors, spreads = [], [], []
    for power in _POWERS:
        falling = times**-power
        centred = falling - falling.mean()
        slope = min(0.0, float(centred @ scores / (centred @ centred)))
        level = float(scores.mean() - slope * falling.mean())
        residual = scores - level - slope * falling
        variance = max(float(residual @ residual) / max(1, len(scores) - 2), 1e-8)
        ahead = epochs**-power - falling.mean()
        ends.append(level + slope * epochs**-power)
        errors.append(variance)
        spreads.append(variance * (1 / len(scores) + ahead**2 / float(centred @ centred)))
    likelihood = -0.5 * len(scores) * np.log(errors)
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    mean = float(weights @ ends)
    variance = float(weights @ (np.asarray(spreads) + np.asarray(errors) + (np.asarray(ends) - mean) ** 2))
    return CurveForecast(mean, variance**0.5)


def should_stop(curve: Sequence[float], epochs: int, history: Sequence[dict[str, Any]]) -> bool:
    """Whether a training may stop now, because it will not be among the better half.

    It may when both say so: its best score so far is below the median of the others' best after as many
    epochs (the median rule), and even the hopeful end of its forecast is below the median of their ends.

    Source of the median rule: Golovin et al., "Google Vizier", KDD 2017, section 3.2.2.

    Args:
        curve: validation score after each epoch so far, higher is better.
        epochs: how many are planned.
        history: trials; those that finished with as many epochs and have a "curve" count.

    Example:
        >>> good = [{"score": 0.8, "curve": [0.08 * epoch for epoch in range(1, 11)]}] * 6
        >>> should_stop([0.1, 0.11, 0.11, 0.1], 10, good), should_stop([0.1, 0.2, 0.3, 0.4], 10, good)
        (True, False)
    """
    done = len(curve)
    if done >= epochs or done < max(FEWEST_EPOCHS, GRACE * epochs):
        return False
    others = [
        trial["curve"]
        for trial in history
        if trial.get("score") is not None and len(trial.get("curve") or ()) == epochs
    ]
    if len(others) < FEWEST_CURVES:
        return False
    import numpy as np

    if max(curve) >= float(np.median([max(other[:done]) for other in others])):
        return False
    forecast = extrapolate(curve, epochs)
    return forecast.mean + SURE * forecast.sd < float(np.median([other[epochs - 1] for other in others]))
