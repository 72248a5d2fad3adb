"""The door to the methods of explanation: by name, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..own_code import is_in_file
from ..registry import Registry

if TYPE_CHECKING:
    import torch

    from ..engine.lower import Lowered
    from .explanation import Explanation
    from .target import Target


class Method(Protocol):
    """A method of explanation; further settings are keyword-only, with defaults."""

    def __call__(
        self, net: Lowered, images_NCHW: torch.Tensor, target: Target = None, *, layer: str | None = None
    ) -> Explanation:
        """Explain a batch.

        Args:
            net: a network from `engine.lower`; not changed.
            images_NCHW: raw pixels, float32.
            target: what is explained; see `Target`.
            layer: the layer whose output is looked at, where the method looks at one.

        Raises:
            Refused: where the method is not valid for the network, with the reason.
        """


METHODS: Registry[Method] = Registry(
    "explanation", package="convsmith.insight.methods", group="convsmith.explanations"
)


def method(name: str) -> Method:
    """The method of that name, or of ``file.py:name``; dashes and underscores are the same.

    Raises:
        BadName: for an unknown name, with the nearest one.

    Example:
        >>> method("grad-cam").__name__
        'grad_cam'
    """
    return METHODS.find(name if is_in_file(name) else name.replace("-", "_"))
