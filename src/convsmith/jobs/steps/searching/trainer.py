"""How a candidate is trained and judged: in this process, in a worker, or on another machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..pretrained.inheriting import fine_tuning

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....nas.workers.protocol import Evaluate, Evaluation


def trainer(
    *,
    augment: str,
    threads: int | None,
    pixels: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    source: Mapping[str, Any] | None = None,
    numbers: np.ndarray | None = None,
    told: Callable[[dict[str, Any], int], None] | None = None,
) -> Evaluate:
    """What trains a candidate on the training images and judges it on the validation images.

    A network with a smaller input gets smaller images, each size made once.

    Args:
        augment: the policy's name.
        threads: of torch; None leaves them as they are.
        pixels: (N, H, W, C) uint8, may be memory-mapped.
        labels: class numbers (N,).
        train: rows to train on.
        validation: rows to judge by.
        source: the pretrained network whose members are trained, packed; None for networks that begin with
            random numbers.
        numbers: its weights.
        told: called with each epoch's record and the number of epochs, in this process alone.
    """
    import numpy as np
    import torch

    from ....data.view import selected
    from ....engine.loop import fit
    from ....engine.predict import evaluate as judge
    from ....nas.lesson import Material, WithImages
    from ....nas.workers.protocol import Evaluation
    from ....pretrained.packed import unpacked

    if threads is not None:
        torch.set_num_threads(threads)
    known = None if source is None or numbers is None else unpacked(source, numbers)
    full = selected(pixels, train), selected(pixels, validation)
    y, y_validation = np.asarray(labels[train]), np.asarray(labels[validation])
    sized = {pixels.shape[1:3]: full}

    def evaluate(
        graph: Graph, /, *, epochs: int, seed: int, on_epoch: Callable[[float], bool] | None = None
    ) -> Evaluation:
        rows, columns = (int(side or 0) for side in graph.input_shape[:2])
        if (rows, columns) not in sized:
            sized[rows, columns] = resized(full[0], rows, columns), resized(full[1], rows, columns)
        x, x_validation = sized[rows, columns]

        def watch(record: dict[str, Any]) -> int | None:
            if told is not None:
                told(record, epochs)
            ends = on_epoch is not None and on_epoch(record["val_accuracy"])
            return record["epoch"] if ends else None

        begun = {} if known is None else fine_tuning(graph, known, x, y, seed=seed)
        watched: dict[str, Any] = {} if on_epoch is None and told is None else {"on_epoch": watch}
        if on_epoch is not None:
            watched["validation"] = (x_validation, y_validation)
        fitted = fit(graph, x, y, epochs=epochs, seed=seed, augment=augment, **begun, **watched)
        judged = judge(graph, x_validation, y_validation, weights=fitted.weights)
        more = {"train_loss": fitted.history[-1]["loss"]}
        return Evaluation(judged["accuracy"], fitted.seconds, judged["loss"], more)

    return WithImages(evaluate, Material(full[0], y, full[1], y_validation, augment))


def resized(x_NHWC: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Images at another size, bilinear with antialiasing, uint8."""
    import numpy as np
    import torch
    from torch.nn import functional as F

    found = np.empty((len(x_NHWC), rows, columns, x_NHWC.shape[-1]), np.uint8)
    for start in range(0, len(x_NHWC), 1024):
        part = torch.from_numpy(np.array(x_NHWC[start : start + 1024])).permute(0, 3, 1, 2).float()
        small = F.interpolate(part, (rows, columns), mode="bilinear", antialias=True)
        found[start : start + 1024] = small.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return found
