"""The exam of a space: samples build, replay exactly, and stay in the space when changed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..nas.choose import Space, SpaceFunction
from ..nas.space.encoding import space_size


def exam_space(
    function: SpaceFunction,
    *,
    input_shapes: Sequence[tuple[int, int, int]] = ((8, 8, 1), (32, 32, 3)),
    classes: int = 10,
    samples: int = 200,
    seed: int = 0,
) -> dict[str, str]:
    """Examine a space function.

    Args:
        function: ``(choose, input_shape, classes) -> network``.
        input_shapes: rows, columns, channels of the images that it must serve.
        classes: how many classes.
        samples: genotypes drawn for each input shape.
        seed: of the draws.

    Returns:
        For each input shape a line: the space's size, and the smallest and largest sample.

    Raises:
        SpaceError: the function raises, asks what nobody can answer, or is not deterministic.
        AssertionError: a network takes or gives another shape, does not replay, or there is no choice.

    Example:
        >>> from convsmith.nas.spaces import SPACES
        >>> print(exam_space(SPACES["stages"], input_shapes=[(8, 8, 1)], samples=20)["8x8x1"])
        about 5.0e+09 networks; samples from 1,648 to 233,162 parameters
    """
    import numpy as np

    report = {}
    for shape in input_shapes:
        rng = np.random.default_rng(seed)
        space = Space(function, shape, classes)
        params = []
        for _ in range(samples):
            answers = space.sample(rng)
            graph = space.graph(answers)
            where = f"{space.name} at {shape} with {answers}"
            assert graph.input_shape == shape, f"{where}: takes {graph.input_shape}"
            assert graph.output_shape == (classes,), f"{where}: gives {graph.output_shape}, not ({classes},)"
            read = json.loads(json.dumps(answers))
            again = Space(function, shape, classes).replay(read)
            assert again.answers == answers, f"{where}: replays as {again.answers}"
            assert again.graph.fingerprint == graph.fingerprint, f"{where}: replays to another network"
            for changed in (space.mutate(answers, rng), space.crossover(answers, space.sample(rng), rng)):
                assert space.replay(changed).answers == changed, f"{where}: changes to {changed}"
            params.append(graph.params)
        space.check(rng)
        size = space_size(space, rng)
        assert size.count > 1, f"{space.name} at {shape}: asks nothing, so there is nothing to search"
        known = [count for count in params if count is not None]
        span = f"; samples from {min(known):,} to {max(known):,} parameters" if known else ""
        report["x".join(map(str, shape))] = f"{size}{span}"
    return report
