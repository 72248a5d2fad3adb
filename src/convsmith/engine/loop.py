"""Training from raw pixels by a recipe: deterministic, resumable bit for bit, re-plannable in length."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BadInput, ConvsmithError
from ..graph import Graph
from .augment import Policy
from .predict import check_images
from .recipe import recipe as make_recipe
from .train.stopping import best

if TYPE_CHECKING:
    from .train.teacher import Teacher


class TrainingFailed(ConvsmithError):
    """The training broke down: the loss is not a number any more."""


@dataclass(frozen=True)
class Fitted:
    """What a training gives back.

    Args:
        weights: full name -> float32 array in Keras's layout; averaged over the last epochs where asked, with
            the batch norms' statistics measured anew for them (see `engine.train.statistics`).
        history: one record per epoch: epoch (from 1), loss, accuracy, learning_rate, seconds, and with
            validation images val_loss and val_accuracy of the averaged weights. loss is what is trained by,
            smoothing and weights of classes included; val_loss is always the plain cross-entropy.
        seconds: of training, those before a crash included, validation and measured statistics included.
        epochs: how many were done.
        best: the number of the epoch whose weights these are.
        finished: False where the deadline came first.
        recipe: every setting with its value, JSON-able.
    """

    weights: dict[str, np.ndarray]
    history: list[dict[str, Any]]
    seconds: float
    epochs: int
    best: int
    finished: bool
    recipe: dict[str, Any]


def fit(
    graph: Graph,
    x: np.ndarray,
    y: np.ndarray,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    recipe: str = "auto",
    epochs: int | None = None,
    batch_size: int | None = None,
    optimizer: str = "auto",
    learning_rate: float | None = None,
    schedule: str | None = None,
    warm_up: float | None = None,
    weight_decay: float | None = None,
    layer_decay: float = 1.0,
    loss: str = "categorical_crossentropy",
    label_smoothing: float | None = None,
    ema: float | None = None,
    augment: str | Policy | Mapping[str, Any] | None = "auto",
    balance: str = "none",
    patience: int | None = None,
    until_accuracy: float | None = None,
    teacher: Teacher | None = None,
    views: int = 1,
    precision: str = "float32",
    device: str = "auto",
    cuda_graphs: bool = False,
    seed: int = 0,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[dict[str, Any]], int | None] | None = None,
    deadline: Callable[[], bool] | None = None,
) -> Fitted:
    """Train a network on images.

    What is left at None or "auto" is the recipe's, or chosen from the images (see `engine.recipe`). The same
    arguments on the same machine with the same number of threads give the same weights, bit for bit. Layers
    that the graph says are not trainable stay as they are (see `graph.head.frozen`).

    Args:
        graph: the network; it takes raw pixels and ends in a softmax over the classes.
        x: raw pixels (N, H, W, C), uint8 or float; may be memory-mapped, batches are read as needed.
        y: class numbers (N,).
        weights: what to start from; the layers' initializers without it.
        recipe: the name of a preset, which gives what the other arguments leave open.
        epochs: passes over the images.
        batch_size: images per step.
        optimizer: ``"auto"`` or a name: sgd, adam, adamw, nadam, lion, muon, adadelta,
            rmsprop, adagrad.
        learning_rate: the largest of the schedule.
        schedule: ``"one_cycle"``, ``"cosine"``, ``"linear"``, ``"step"`` or ``"constant"``.
        warm_up: share of the training in which the learning rate rises.
        weight_decay: decoupled, on kernels only.
        layer_decay: each stage of layers before the head learns slower than the next by this.
        loss: ``"categorical_crossentropy"``, ``"categorical_focal_crossentropy"`` or
            ``"mean_squared_error"``, as Keras defines them.
        label_smoothing: share of each target spread evenly over all classes.
        ema: how many epochs the average of the weights looks back, at most a twentieth of the training;
            0 for the last weights themselves.
        augment: ``"auto"``, ``"none"``, another policy's name, or a Policy.
        balance: for classes of different sizes: ``"none"``, ``"weights"`` in the loss, ``"sampling"`` each
            class as often, or ``"auto"``.
        patience: end the training when so many epochs were no better than the best one on the validation
            images, and give back the best one's weights.
        until_accuracy: end the training when this share of the validation images is right.
        teacher: whose opinion counts besides the labels.
        views: how many rows in a row are views of one image; an epoch takes one of each image, another one in
            the next epoch, and has seen each once after so many epochs. The first of them is the image as
            it will be judged: batch norms' statistics are measured on these.
        precision: of the network's products, ``"float32"`` or ``"bfloat16"``: faster where the machine has
            it, other numbers than Keras's.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: a CUDA device where there is one.
        cuda_graphs: record the training step once on a CUDA device and replay it; see
            `engine.lowered.cuda_graphs`.
        seed: of first weights, order, augmentation and dropout.
        validation: images and class numbers to judge the averaged weights on after each epoch.
        checkpoint: a file that holds the whole state after an epoch (not after each where epochs are so
            short that writing would take a tenth of the time); where it is there already, the training
            goes on from it.
        on_epoch: called with each epoch's record; a number that it returns is the new total of epochs,
            which the learning rate then reaches its end at. After a crash the epochs since the checkpoint
            are done, and told, once more.
        deadline: asked after each step; True ends the training at once.

    Returns:
        The trained weights and how it went.

    Raises:
        BadInput: images, labels or settings that do not fit; a checkpoint of another training.
        TrainingFailed: the loss became infinite or not a number.

    Example:
        >>> from convsmith.zoo import network
        >>> x = np.zeros((8, 32, 32, 1), np.uint8); x[4:] = 255
        >>> fitted = fit(network("lenet5", classes=2), x, np.arange(8) // 4, epochs=1, augment="none")
        >>> sorted(fitted.history[0])
        ['accuracy', 'epoch', 'learning_rate', 'loss', 'seconds']
    """
    from .device import device as place
    from .training import Training

    if validation is None and (patience is not None or until_accuracy is not None):
        raise BadInput("patience and until_accuracy", "given without validation images", "validation=(x, y)")
    check_images(graph, x)
    labels = check_labels(graph, y, len(x))
    check_views(labels, views)
    if validation is not None:
        check_images(graph, validation[0])
        check_labels(graph, validation[1], len(validation[0]))
    chosen = make_recipe(
        x,
        labels,
        name=recipe,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        schedule=schedule,
        warm_up=warm_up,
        weight_decay=weight_decay,
        layer_decay=layer_decay,
        loss=loss,
        label_smoothing=label_smoothing,
        ema=ema,
        augment=augment,
        balance=balance,
        patience=patience,
        until_accuracy=until_accuracy,
        precision=precision,
        cuda_graphs=cuda_graphs,
        seed=seed,
        views=views,
    )
    teacher = None if teacher is None else teacher.checked(graph, len(x))
    training = Training(graph, x, labels, chosen, weights, checkpoint, teacher, place(device))
    while not training.done:
        began = time.perf_counter()
        record = training.epoch(deadline)
        if record is None:
            break
        if not math.isfinite(record["loss"]):
            raise TrainingFailed(
                f"training of '{graph.name}': the loss became {record['loss']} in epoch {record['epoch']}; "
                f"try: a smaller learning rate than {chosen.learning_rate:g}, or a longer warm-up than "
                f"{chosen.warm_up:g}"
            )
        if validation is not None:
            judged = training.evaluate(*validation)
            record |= {"val_loss": judged["loss"], "val_accuracy": judged["accuracy"]}
        training.seconds += time.perf_counter() - began
        record["seconds"] = round(training.seconds, 3)
        training.history.append(record)
        training.keep_best()
        if on_epoch is not None:
            training.replan(on_epoch(dict(record)))
        training.save()
    began = time.perf_counter()
    found = training.averaged()
    training.seconds += time.perf_counter() - began
    return Fitted(
        found,
        training.history,
        training.seconds,
        len(training.history),
        best(training.history) + 1 if training.best else len(training.history),
        training.done,
        chosen.to_json(),
    )


def check_views(labels: np.ndarray, views: int) -> None:
    """Raise BadInput unless the rows are so many views of each image, side by side, of one class each."""
    if views < 1 or len(labels) % views:
        raise BadInput(
            "views", f"got {views} for {len(labels)} rows", "as many rows of each image", "views=1"
        )
    if (labels.reshape(-1, views) != labels[::views, None]).any():
        raise BadInput("views", "views of one image have several class numbers", "one for all of them")


def check_labels(graph: Graph, y: np.ndarray, images: int) -> np.ndarray:
    """The class numbers as int64, or BadInput where they do not fit the images and the network."""
    labels = np.asarray(y)
    if labels.shape != (images,) or labels.dtype.kind not in "iu":
        raise BadInput(
            "labels",
            f"{labels.dtype} of shape {labels.shape}",
            f"one whole number for each of the {images} images",
        )
    if not images:
        raise BadInput("images", "is empty", "at least one image")
    classes = graph.output_shape[-1] or 0
    if labels.min() < 0 or labels.max() >= classes:
        raise BadInput(
            "labels",
            f"class numbers {labels.min()} to {labels.max()}",
            f"0 to {classes - 1}: network '{graph.name}' has {classes} outputs",
            f"classes={labels.max() + 1}",
        )
    return labels.astype(np.int64)
