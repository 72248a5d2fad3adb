"""A finished network, ready to be asked about photographs: what `convsmith.load` gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...insight.answer_rule import AnswerRule
from ...units import counted
from ..inputs.logits import batch_size
from .asking import ask, together
from .backends import Backend, Engine
from .predictions import Predictions

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images
    from ...data.decoding.workers import Decoders
    from ...data.given import Given
    from ...engine.lower import Lowered
    from ...graph import Graph
    from ..explain import Explained
    from ..export import Exported
    from ..inputs.trained import Trained


@dataclass(frozen=True, repr=False, eq=False)
class Classifier:
    """A network that tells classes of images apart.

    Args:
        path: the run folder or the file that it is from.
        classes: the classes' names.
        backend: who computes its answers.
        rule: how its logits become what is said.
        notes: what a person should know, such as that the file says nothing of its classes.
    """

    path: Path
    classes: tuple[str, ...]
    backend: Backend
    rule: AnswerRule = field(default_factory=AnswerRule)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.classes) != self.backend.answers:
            raise BadInput(
                str(self.path),
                f"a network of {counted(self.backend.answers, 'answer')} for "
                f"{counted(len(self.classes), 'class', 'classes')}",
                "one number for each class",
            )

    def __repr__(self) -> str:
        rows, columns, channels = self.shape
        classes = counted(len(self.classes), "class", "classes")
        return f"<classifier {self.path}: {classes}, images of {rows}x{columns}x{channels}>"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its images."""
        return self.backend.shape

    @property
    def batch_size(self) -> int:
        """Images at a time, so that memory stays bounded."""
        return batch_size(self.shape)

    @property
    def classes_(self) -> np.ndarray:
        """The classes' names as scikit-learn has them."""
        import numpy as np

        return np.array(self.classes)

    @property
    def net(self) -> Trained:
        """Its Graph and weights.

        Raises:
            BadInput: for a file that is run as it is.
        """
        from ..inputs.trained import Trained

        if not isinstance(self.backend, Engine):
            raise BadInput(
                str(self.path), "is run as it is, and not taken apart", "a run folder, or a .keras file"
            )
        return Trained(self.path, self.backend.graph, self.backend.weights, self.classes, self.rule)

    @property
    def graph(self) -> Graph:
        """Its Graph; of an .onnx file as it is read from it."""
        from ...graph import read

        if isinstance(self.backend, Engine):
            return self.backend.graph
        if self.path.suffix.lower() == ".onnx":
            return read(self.path)
        return self.net.graph

    @property
    def module(self) -> Lowered:
        """Its torch module: raw pixels as float32 (N, C, H, W) in, (N, classes) out, in evaluation mode."""
        assert self.net
        assert isinstance(self.backend, Engine)
        return self.backend.module

    def keras(self) -> Any:
        """A live ``keras.Model`` with its weights: raw pixels (N, H, W, C) in."""
        from ...formats.keras import to_keras

        return to_keras(self.net.graph, self.net.weights)

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        """The numbers before the final softmax for raw pixels at its size, float32 (N, classes)."""
        import numpy as np

        size = self.batch_size
        parts = [self.backend.logits(x_NHWC[k : k + size]) for k in range(0, len(x_NHWC), size)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

    def probabilities(self, x_NHWC: np.ndarray) -> np.ndarray:
        """The softmax of the logits, without its rule, float32 (N, classes)."""
        return AnswerRule().apply(self.logits(x_NHWC))[0]

    def ask(
        self,
        photos: Given,
        *,
        at_once: int | None = None,
        workers: int | None = None,
        decoders: Decoders | None = None,
        max_pixels: int | None = None,
    ) -> Iterator[Predictions]:
        """What is said of photographs, batch by batch in their order, in flat memory.

        Args:
            photos: what `data.given.given` lists.
            at_once: images at a time; its own choice without it.
            workers: processes that decode; None for one per core, fewer for a few files.
            decoders: processes that are there already, which a server keeps, instead of `workers`.
            max_pixels: larger photographs are not decoded; as everywhere without it.
        """

        def answer(x_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return self.rule.apply(self.backend.logits(x_NHWC))

        size = at_once or self.batch_size
        yield from ask(
            photos, answer, self.classes, shape=self.shape, batch_size=size, workers=workers,
            decoders=decoders, max_pixels=max_pixels,
        )  # fmt: skip

    def predict(self, images: Any, *, outside: bool = False, at_once: int | None = None) -> Predictions:
        """What the network says of images.

        Args:
            images: the path of a file, a folder or an archive; a Pillow image; uint8 pixels (H, W, C) or
                (N, H, W, C) of any size; what `convsmith.read` returns; or several of these in a list.
            outside: also follow links that lead out of a folder.
            at_once: images at a time; its own choice without it.

        Returns:
            Class, probabilities and whether it is none of the classes, for each; ``numpy.asarray`` of it are
            the class names. Files that cannot be read are said with the reason.

        Raises:
            BadInput: nothing was given, or nothing of it can be read.

        Example:
            >>> import numpy as np
            >>> from convsmith.engine.weights import initial
            >>> from convsmith.zoo import network
            >>> graph = network("lenet5")
            >>> engine = Engine(graph, initial(graph, 0), "lenet5")
            >>> net = Classifier(Path("lenet5"), tuple("abcdefghij"), engine)
            >>> said = net.predict(np.zeros((3, 20, 30), np.uint8))
            >>> said.probabilities.shape, said.names
            ((3, 10), ['image[0]', 'image[1]', 'image[2]'])
        """
        from ...data.given import given

        return together(list(self.ask(given(images, outside=outside), at_once=at_once)))

    def predict_proba(self, images: Any) -> np.ndarray:
        """The probabilities of `predict`, (N, classes), in the order of `classes_`."""
        return self.predict(images).probabilities

    def score(self, images: Any, y: Any = None) -> float:
        """The share of images whose likeliest class is the right one.

        Args:
            images: as for `predict`.
            y: the class of each, by name, or by number where names are no numbers; of `Images` and of a data
                set its own without it.

        Raises:
            BadInput: another number of classes than images, or classes that the network does not have.
        """
        from ...data import Images, read

        if y is None:
            known: Images = images if isinstance(images, Images) else read(images)
            images, y = known, [known.classes[k] for k in known.y]
        wanted = [self._name(one) for one in y]
        said = self.predict(images)
        if len(wanted) != len(said):
            raise BadInput("y", f"{len(wanted)} classes for {counted(len(said), 'image')}", "one for each")
        return sum(a == b for a, b in zip(said.labels, wanted, strict=True)) / len(wanted)

    def explain(self, *images: Any, **options: Any) -> Explained:
        """`convsmith.explain` of its run.

        Args:
            images: files, folders or images that were read.
            options: those of `convsmith.explain`.

        Raises:
            BadInput: for a network that is from a file and has no run folder.
        """
        from ..explain import explain

        return explain(str(self.path), *images, **options)

    def export(self, path: str | None = None, **options: Any) -> Exported:
        """`convsmith.export` of its run.

        Args:
            path: the file to write.
            options: those of `convsmith.export`.

        Raises:
            BadInput: for a network that is from a file and has no run folder.
        """
        from ..export import export

        return export(str(self.path), path, **options)

    def without_rule(self) -> Classifier:
        """The same network, whose probabilities are the plain softmax and which answers every image."""
        return replace(self, rule=AnswerRule())

    def _name(self, given: Any) -> str:
        if str(given) in self.classes:
            return str(given)
        if str(given).isdigit() and int(given) < len(self.classes):
            return self.classes[int(given)]
        return str(given)
