"""Sets by name: mnist, fashion_mnist, kmnist, cifar10, cifar100; fetched once, checked, kept in the cache."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..decoding.memory import cache_folder
from ..files.download import Remote, fetch
from ..images import Images
from . import READERS
from .cifar import cifar
from .idx import idx

_MNIST_LIKE = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _four(places: tuple[str, ...], *found: tuple[str, int]) -> tuple[Remote, ...]:
    return tuple(
        Remote(name, sha256, size, tuple(place + name for place in places))
        for name, (sha256, size) in zip(_MNIST_LIKE, found, strict=True)
    )


SETS: dict[str, tuple[Remote, ...]] = {
    # Y. LeCun, C. Cortes, C. J. C. Burges, 1998
    "mnist": _four(
        ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
    # H. Xiao, K. Rasul, R. Vollgraf, 2017; MIT
    "fashion_mnist": _four(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ),
    # T. Clanuwat and others, 2018; CC BY-SA 4.0
    "kmnist": _four(
        ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
        ("51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", 18_165_135),
        ("e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", 29_497),
        ("edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", 3_041_136),
        ("20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", 5_120),
    ),
    # A. Krizhevsky, 2009
    "cifar10": (
        Remote(
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", 170_498_071,
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/cifar-10-python.tar.gz",
            ),
        ),
    ),
    "cifar100": (
        Remote(
            "cifar-100-python.tar.gz",
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7", 169_001_437,
            (
                "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
                "https://cave.cs.toronto.edu/kriz/cifar-100-python.tar.gz",
            ),
        ),
    ),
}  # fmt: skip
"""What to fetch for each set; sizes and checksums as Keras and TensorFlow Datasets publish them."""


@READERS.register()
def named(source: object, *, folder: str | Path | None = None) -> Images | None:
    """Read a well-known set by its name, fetching it the first time.

    Args:
        source: mnist, fashion_mnist, kmnist, cifar10 or cifar100.
        folder: where to keep the files; None for ``sets/`` in the cache folder.

    Returns:
        The set with its own test part; None for other names, and when there is a file or folder of that name.

    Raises:
        NoNetwork: when a file cannot be fetched; says which, and where to put it.
    """
    if not isinstance(source, str) or source not in SETS or os.path.lexists(source):
        return None
    place = Path(folder or cache_folder() / "sets") / source
    for remote in SETS[source]:
        path = fetch(remote, place)
    images = cifar(path) if source.startswith("cifar") else idx(place)
    return None if images is None else replace(images, source=source, reader="named")
