"""Random trees as an ensemble: for hundreds of trials, and for answers that matter only together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .gaussian import Prediction

if TYPE_CHECKING:
    import numpy as np

_TREES = 50
_SHARE = 0.5  # of the columns, looked at for each split
_MOST = 2_000  # trials that are learnt from: the newest


class Trees:
    """Extremely randomised trees, whose disagreement says how sure they are.

    Source: Geurts, Ernst, Wehenkel, "Extremely Randomized Trees", 2006; trees as a predictor in architecture
    search: White et al., "How Powerful are Performance Predictors in Neural Architecture Search?", 2021.

    Args:
        rows: of the networks that were trained, n x columns.
        scores: n numbers, higher is better.
        seed: of the trees.
        least: trials in a leaf, at least: more where trainings are noisy.

    Example:
        >>> import numpy as np
        >>> rows = np.arange(20.0)[:, None]
        >>> model = Trees(rows, rows[:, 0] / 20, seed=0)
        >>> bool(model(np.array([[18.0]])).mean[0] > model(np.array([[2.0]])).mean[0])
        True
    """

    def __init__(self, rows: np.ndarray, scores: np.ndarray, *, seed: int, least: int = 2) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self._trees = ExtraTreesRegressor(
            _TREES, max_features=_SHARE, min_samples_leaf=least, random_state=seed, n_jobs=1
        )
        self._trees.fit(rows[-_MOST:], scores[-_MOST:])

    def __call__(self, rows: np.ndarray) -> Prediction:
        """What is expected of these networks, in the unit of the scores."""
        import numpy as np

        rows = np.asarray(rows, dtype=np.float32)
        each = np.array([tree.predict(rows, check_input=False) for tree in self._trees.estimators_])
        return Prediction(each.mean(0), each.std(0))
