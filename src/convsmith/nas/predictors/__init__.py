"""Predictors: what a network that was not trained would score, and how sure that is."""

from .features import Features
from .gaussian import GaussianProcess, Prediction
from .trees import Trees

__all__ = ["Features", "GaussianProcess", "Prediction", "Trees"]
