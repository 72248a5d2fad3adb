"""A Gaussian process that also finds out how noisy the trainings are: for some ten to some hundred trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LENGTHS = (1.0, 2.0, 4.0, 8.0)  # in answers changed: after so many, a network says 1/e as much
SHARES = (0.3, 0.6, 0.9)  # of the variance that size alone does not explain
NOISES = (0.003, 0.03, 0.1, 0.3, 1.0)  # variance of a training's noise, over that of the networks
_FEWEST = 1e-4  # weight below which a model is left out of the mean


@dataclass(frozen=True)
class Prediction:
    """What a predictor expects.

    Args:
        mean: of each row's score, noise apart.
        sd: standard deviation of what is not known about it.
    """

    mean: np.ndarray
    sd: np.ndarray

    def improvement(self, on: float) -> np.ndarray:
        """By how much each is expected to exceed a score, those below it counted as 0.

        Source: Jones, Schonlau, Welch, "Efficient global optimization", 1998, equation 15.

        Example:
            >>> import numpy as np
            >>> Prediction(np.array([0.5, 0.5]), np.array([0.1, 0.2])).improvement(0.5).round(4).tolist()
            [0.0399, 0.0798]
        """
        from scipy.stats import norm

        above = (self.mean - on) / self.sd
        found: np.ndarray = self.sd * (above * norm.cdf(above) + norm.pdf(above))
        return found


class GaussianProcess:
    """Bayesian mean over Gaussian processes of several lengths, noises and shares of size.

    The covariance of two networks is ``v (w exp(-d / length) + (1 - w) <size, size'> / sizes)``, where d
    counts the answers in which they differ and the sizes are standardised; each observation adds noise. The
    variance v is integrated out under an inverse gamma prior; length, w and noise are averaged over a grid
    by their marginal likelihood, which with few trials is safer than its maximum.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, sections 2.2, 2.7, 5.4.1.

    Args:
        rows: of the networks that were trained, n x columns, the last `sizes` of them sizes.
        scores: n numbers, higher is better.
        sizes: how many of the last columns are sizes.

    Example:
        >>> import numpy as np
        >>> rows = np.array([[1.0, 0, 5], [0, 1, 6], [1, 0, 7], [0, 1, 8]])
        >>> model = GaussianProcess(rows, np.array([0.5, 0.6, 0.7, 0.8]), sizes=1)
        >>> prediction = model(np.array([[1.0, 0, 5], [1, 0, 9]]))
        >>> bool(prediction.mean[1] > prediction.mean[0]), bool(prediction.sd[1] > prediction.sd[0])
        (True, True)
    """

    def __init__(self, rows: np.ndarray, scores: np.ndarray, *, sizes: int) -> None:
        import numpy as np
        from scipy.linalg import cho_solve, cholesky

        self._rows, self._sizes = np.asarray(rows, dtype=float), sizes
        size = self._rows[:, -sizes:]
        self._size_mean, self._size_sd = size.mean(0), np.maximum(size.std(0), 1e-6)
        self._mean, self._sd = float(scores.mean()), float(max(scores.std(), 1e-9))
        values = (scores - self._mean) / self._sd
        count = len(values)
        near, line = self._covariances(self._rows)
        self._models = []
        for length, share, noise in product(LENGTHS, SHARES, NOISES):
            matrix = share * near[length] + (1 - share) * line
            matrix[np.diag_indices(count)] += noise
            lower = cholesky(matrix, lower=True, check_finite=False)
            weights = cho_solve((lower, True), values, check_finite=False)
            shape, rate = 2 + count / 2, 1 + float(values @ weights) / 2
            likelihood = -float(np.log(np.diag(lower)).sum()) - shape * math.log(rate)
            self._models.append((likelihood, length, share, lower, weights, rate / (shape - 1)))
        best = max(model[0] for model in self._models)
        total = sum(math.exp(model[0] - best) for model in self._models)
        self._models = [
            (math.exp(model[0] - best) / total, *model[1:])
            for model in self._models
            if math.exp(model[0] - best) / total > _FEWEST
        ]

    def _covariances(self, rows: np.ndarray) -> tuple[dict[float, np.ndarray], np.ndarray]:
        import numpy as np
        from scipy.spatial.distance import cdist

        sizes = self._sizes
        apart = cdist(rows[:, :-sizes], self._rows[:, :-sizes], "cityblock") / 2
        mine = (rows[:, -sizes:] - self._size_mean) / self._size_sd
        theirs = (self._rows[:, -sizes:] - self._size_mean) / self._size_sd
        return {length: np.exp(-apart / length) for length in LENGTHS}, (1 + mine @ theirs.T) / (sizes + 1)

    def __call__(self, rows: np.ndarray) -> Prediction:
        """What is expected of these networks, in the unit of the scores."""
        import numpy as np
        from scipy.linalg import solve_triangular

        rows = np.asarray(rows, dtype=float)
        near, line = self._covariances(rows)
        mine = (rows[:, -self._sizes :] - self._size_mean) / self._size_sd
        itself = (1 + (mine**2).sum(1)) / (self._sizes + 1)
        mean, square = np.zeros(len(rows)), np.zeros(len(rows))
        for weight, length, share, lower, weights, variance in self._models:
            to = share * near[length] + (1 - share) * line
            expected = to @ weights
            explained = solve_triangular(lower, to.T, lower=True, check_finite=False)
            left = variance * np.maximum(share + (1 - share) * itself - (explained**2).sum(0), 1e-9)
            mean += weight * expected
            square += weight * (left + expected**2)
        sd = np.sqrt(np.maximum(square - mean**2, 1e-12))
        return Prediction(self._mean + self._sd * mean, self._sd * sd)
