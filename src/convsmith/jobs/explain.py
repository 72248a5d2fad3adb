"""Explain what a run's network says of images: heatmaps over the photographs, saved with what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from ..insight.explanation import Explanation
    from .trained import Trained


@dataclass(frozen=True)
class Explained:
    """Heatmaps of one method for several images.

    Args:
        explanation: the maps, and all that the method says.
        folder: where `save` puts them by default.
        originals: the photographs at their own sizes.
        about: name, prediction and confidence of each image.
        classes: the classes' names.
    """

    explanation: Explanation
    folder: Path
    originals: list[np.ndarray]
    about: list[dict[str, Any]]
    classes: tuple[str, ...]

    def save(self, folder: str | Path | None = None) -> Path:
        """Write a PNG for each image, the arrays (explain.npz) and explain.json; returns the folder."""
        target = self.folder if folder is None else Path(folder)
        self.explanation.save(target, originals=self.originals, classes=self.classes, about=self.about)
        return target

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps({"folder": str(self.folder), "images": self.about})
        lines = [f"{one['name']}: {one['predicted']} ({one['confidence']:.1%})" for one in self.about]
        return "\n".join([*lines, f"{self.explanation.method}: pictures in {self.folder}"])


def explain(
    run: str, images: str | Images, *, method: str = "grad_cam", layer: str | None = None
) -> Explained:
    """Show what a network looked at: a heatmap for each image, for the class that the network says.

    Args:
        run: a run folder; in Python also what forge and train return.
        images: one image file; in Python also images that were read.
        method: how to explain; "convsmith list explanations" shows the methods.
        layer: the layer to look at; the method's own choice without it.

    Returns:
        The maps; ``save()`` writes them into the run's folder explain/METHOD.

    Raises:
        BadInput: for images or a run that cannot be used, and for a method that is not valid for the network.
    """
    from ..engine.lower import lower
    from ..engine.predict import predict
    from ..insight.explain import explain as explain_images
    from .trained import trained

    net = trained(run)
    names, originals, pixels_NHWC = _read(net, images)
    probabilities = predict(net.graph, pixels_NHWC, weights=net.weights)
    said = probabilities.argmax(1)
    module = lower(net.graph, net.weights)
    module.eval()
    found = explain_images(module, pixels_NHWC, method=method, target=tuple(map(int, said)), layer=layer)
    about = [
        {"name": name, "predicted": net.classes[label], "confidence": float(row[label])}
        for name, label, row in zip(names, said, probabilities, strict=True)
    ]
    return Explained(found, net.path / "explain" / found.method, originals, about, net.classes)


def _read(net: Trained, images: Any) -> tuple[list[str], list[np.ndarray], np.ndarray]:
    """Names, photographs at their own sizes, and raw pixels at the network's size (N, H, W, C)."""
    from ..data import Images
    from ..data.decode import Unreadable, decode
    from ..data.pixels import resized

    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    if isinstance(images, Images):
        originals = [images.image(position) for position in range(len(images))]
        return images.names, originals, images.pixels((rows, columns), channels)
    path = Path(images)
    try:
        photo = decode(path.read_bytes()).pixels
    except OSError as error:
        raise BadInput(
            str(path), f"cannot be read ({error.strerror})", "an image file", "a JPEG or PNG"
        ) from None
    except Unreadable as error:
        raise BadInput(str(path), str(error), "an image file", "a JPEG or PNG") from None
    return [path.name], [photo], resized(photo, (rows, columns), channels)[None]
