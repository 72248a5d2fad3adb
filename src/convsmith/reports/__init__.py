"""Reports: one page from the plain files of a run folder, readable anywhere and for good."""

from .card import card
from .page import report

__all__ = ["card", "report"]
