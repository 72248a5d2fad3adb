"""What the pages of a studio stand on: its folders, jobs, images and runs, and the networks that answer."""

from __future__ import annotations

from .answers import Answers
from .home import Home
from .jobs import Jobs
from .sets import Sets
from .shelf import Shelf


class Studio:
    """One studio.

    Args:
        home: the folders.
        at_once: jobs that may run at the same time.
    """

    def __init__(self, home: Home, at_once: int = 1) -> None:
        self.home = home
        self.jobs = Jobs(home, at_once)
        self.sets = Sets(home, self.jobs)
        self.shelf = Shelf(home, self.jobs)
        self.answers = Answers()
