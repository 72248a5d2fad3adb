"""Fooling images of a run's network: evolved ones, which can be gone on with, and of gradient ascent."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...reports.words import sure
from ...units import counted

if TYPE_CHECKING:
    import numpy as np

    from ...runs import Run
    from ..running.progress import Display
    from ..using.classifier import Classifier

FOLDER = "explain/fool"
KEPT_EVERY = 20
"""Generations between two savings of an evolution."""
AT_ONCE = 64
"""Classes that gradient ascent works on at once."""


def evolved(
    asked: Classifier,
    run: Run,
    display: Display,
    encoding: str,
    *,
    generations: int,
    children: int,
    seed: int,
    labels: list[int],
) -> tuple[dict[str, Any], np.ndarray]:
    """Evolve pictures with one encoding; the state is kept in the run, and a later call goes on with it.

    Args:
        encoding: direct or cppn.
        labels: the classes whose pictures are written.

    Returns:
        What fool.json says of it, and the pictures of all classes, uint8 (classes, H, W, C).
    """
    import numpy as np

    from ...insight.fooling.cppn import Cppn
    from ...insight.fooling.direct import Direct
    from ...insight.fooling.elites import Elites, Genome, evolve

    made: Genome = Direct(asked.shape) if encoding == "direct" else Cppn(asked.shape)
    state = run.path / FOLDER / f"{encoding}.state.npz"
    key = np.array(_key(asked, encoding, children, seed))
    start = _kept(state, key, made, generations)
    if start is not None and start.generation:
        display.say(f"{encoding}: resuming after generation {start.generation}")

    def keep(elites: Elites) -> None:
        bar.update(
            elites.generation / max(1, generations),
            f"{encoding}: generation {elites.generation}, median confidence {sure(elites.median)}",
        )
        if elites.generation % KEPT_EVERY == 0 or elites.generation == generations:
            buffer = io.BytesIO()
            np.savez_compressed(buffer, key=key, **elites.packed(made))  # type: ignore[arg-type]
            run.write(f"{FOLDER}/{encoding}.state.npz", buffer.getvalue())

    with display.bar(encoding) as bar:
        elites = evolve(
            made,
            asked.probabilities,
            generations=generations,
            children=children,
            seed=seed,
            start=start,
            on_generation=keep,
        )
    pictures = made.images(elites.genotypes)
    history = np.stack(elites.history)
    medians = np.median(history, 1)
    passed = np.flatnonzero(medians >= 0.9999)
    display.say(f"{encoding}: median confidence {sure(elites.median)} after {elites.generation} generations")
    return {
        "generations": elites.generation,
        "children": children,
        "median": elites.median,
        "lowest": float(elites.confidence.min()),
        "first_9999": int(passed[0]) if len(passed) else None,
        "curve": [[number, float(m)] for number, m in enumerate(medians)],
        "pictures": _written(run, encoding, asked, pictures, elites.confidence, labels),
    }, pictures


def ascended(
    asked: Classifier,
    run: Run,
    display: Display,
    mean_HWC: np.ndarray,
    *,
    steps: int,
    seed: int,
    labels: list[int],
) -> tuple[dict[str, Any], np.ndarray]:
    """Pictures of gradient ascent for the classes.

    Returns:
        What fool.json says of it, and the pictures, uint8 (labels, H, W, C).
    """
    import numpy as np

    from ...insight.fooling.ascent import DECAY, ascend

    found = []
    of = f"pictures of {counted(len(labels), 'class', 'classes')}"
    with display.bar("gradient ascent") as bar:
        for begin in range(0, len(labels), AT_ONCE):
            some = labels[begin : begin + AT_ONCE]

            def tell(share: float, done: int = begin, count: int = len(some)) -> None:
                bar.update(
                    (done + share * count) / len(labels),
                    of,
                )

            found.append(ascend(asked.module, some, mean_HWC=mean_HWC, steps=steps, seed=seed, on_share=tell))
    pictures = np.concatenate([part.images_NHWC for part in found])
    confidence = np.concatenate([part.confidence for part in found])
    median = float(np.median(confidence))
    display.say(f"gradient ascent: median confidence {sure(median)} after {steps} steps")
    by_label = dict(zip(labels, range(len(labels)), strict=True))
    return {
        "steps": steps,
        "decay": DECAY,
        "median": median,
        "lowest": float(confidence.min()),
        "pictures": [
            _picture(run, "gradient", asked, label, pictures[row], confidence[row])
            for label, row in by_label.items()
        ],
    }, pictures


def _written(
    run: Run, kind: str, asked: Classifier, pictures: np.ndarray, confidence: np.ndarray, labels: list[int]
) -> list[dict[str, Any]]:
    return [_picture(run, kind, asked, label, pictures[label], confidence[label]) for label in labels]


def _picture(
    run: Run, kind: str, asked: Classifier, label: int, pixels_HWC: np.ndarray, confidence: Any
) -> dict[str, Any]:
    """Write one picture, enlarged so that it can be looked at; what fool.json says of it."""
    from ...insight.pictures.tiles import png, tile

    name = f"{kind}/{label}.png"
    run.write(f"{FOLDER}/{name}", png(tile(pixels_HWC)))
    return {"file": name, "class": asked.classes[label], "confidence": float(confidence)}


def _key(asked: Classifier, encoding: str, children: int, seed: int) -> str:
    """What an evolution is of: the network with its weights, the encoding and its numbers."""
    digest = hashlib.sha256(f"{asked.net.graph.fingerprint} {encoding} {children} {seed}".encode())
    for name, array in asked.net.weights.items():
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()[:32]


def _kept(state: Path, key: np.ndarray, encoding: Any, generations: int) -> Any:
    """The evolution that a file holds; None where there is none, or it is of something else or further on."""
    import zipfile

    import numpy as np

    from ...insight.fooling.elites import Elites

    try:
        with np.load(state, allow_pickle=False) as arrays:
            if str(arrays["key"]) != str(key) or int(arrays["generation"]) > generations:
                return None
            return Elites.unpacked(arrays, encoding)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(
            str(state), f"cannot be read ({error})", "as convsmith wrote it", "remove that file"
        ) from None
