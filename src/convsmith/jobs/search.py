"""Search a space for the best network within a budget."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..signatures import composed
from .forge import forged
from .options.common import Data, Running
from .options.effort import Hours, More
from .options.forge import ForgeOptions
from .options.searching import Crew
from .running.run_result import Done

if TYPE_CHECKING:
    from ..nas.choose import SpaceFunction


@composed
def search(
    space: str | SpaceFunction,
    data: Data = None,
    *,
    long: Hours,
    options: ForgeOptions,
    more: More,
    crew: Crew,
    running: Running,
) -> Done:
    """Search a space for the best network within a budget; what forge does, for a space that is named first.

    Its run is one of forge, and either command goes on with it.

    Returns:
        ``.best`` is the network found, ``.trials`` every trial.

    Raises:
        BadInput: as `forge`.
    """
    minutes = long.checked().added(options.minutes)
    return forged(data, replace(options, minutes=minutes), more, crew, running)
