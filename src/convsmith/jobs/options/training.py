"""How one network is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import BadInput
from ...options import Choices, Options, define, flag_of


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """The training of one network."""

    recipe: str = define(
        "auto",
        'what the options of the training are where they are not given: "auto" (from the images), "fast" (as '
        'few epochs as possible) or "plain" (Keras\'s defaults).',
        choices=Choices("convsmith.engine.train.presets:PRESETS"),
    )
    epochs: int | None = define(
        None,
        'passes over the training images; without it 10 in the recipe "fast", 20 in the others.',
        unit="epochs",
        least=1,
    )
    patience: int | None = define(
        None,
        "end when so many epochs were no better than the best one on the validation images, and take the "
        "best one's weights.",
        unit="epochs",
        span=(1, 1e6),
    )
    until_accuracy: str | float | None = define(
        None,
        "end when this share of the validation images is right, such as 99%.",
        unit="share",
        span=(0.01, 1),
    )
    tta: str | None = define(
        None,
        'also judge the mean of several views of each test image, as a figure of its own: "flip", "shift", '
        '"flip_shift", "auto" by how images were varied in training, or "none".',
        choices=Choices("convsmith.engine.tta:TTA", "auto"),
    )
    balance: str = define(
        "auto",
        'for classes of very different sizes: "weights" in the loss, "sampling" each class as often, "none", '
        'or "auto": weights where the largest class is at least 5 times the smallest.',
        choices=Choices("convsmith.engine.train.balance:BALANCES"),
        before="none",
    )
    batch_size: int | None = define(
        None, "images per step; chosen from the images without it.", unit="images", least=1
    )
    optimizer: str = define(
        "auto",
        '"auto", or sgd, adam, adamw, nadam, lion, muon, adadelta, rmsprop, adagrad.',
        choices=Choices("convsmith.engine.optimizers:OPTIMIZERS", "auto"),
    )
    learning_rate: str | float | None = define(
        None,
        'the largest of the schedule; "find" sweeps over rates first; the optimizer\'s own without it.',
        span=(0, 1e6),
    )
    layer_decay: float = define(
        1.0,
        "each stage of layers before the head learns slower than the next by this, such as 0.8.",
        span=(0.01, 1),
    )
    schedule: str | None = define(
        None,
        'of the learning rate: "one_cycle", "cosine", "linear", "step" or "constant".',
        choices=Choices("convsmith.engine.train.schedule:SCHEDULES"),
    )
    warm_up: float | None = define(
        None, "share of the training in which the learning rate rises.", unit="share", span=(0, 1)
    )
    weight_decay: float | None = define(None, "decoupled, on kernels only.", span=(0, 1e6))
    loss: str = define(
        "categorical_crossentropy",
        '"categorical_crossentropy", "categorical_focal_crossentropy" (what is hard counts more) or '
        '"mean_squared_error" of the probabilities.',
        choices=Choices("convsmith.engine.train.objective:OBJECTIVES"),
    )
    label_smoothing: float | None = define(
        None, "share of each target spread over all classes.", unit="share", span=(0, 1)
    )
    ema: float | None = define(
        None,
        "how many epochs the moving average of the weights, which is what counts, looks back; 0 for the last "
        "weights themselves.",
        unit="epochs",
        span=(0, 1e6),
    )

    def settle(self) -> Training:
        """Numbers from text, per cent too."""
        rate = self.learning_rate
        if rate != "find":
            rate = _number("learning_rate", rate, 'or "find"')
        until = _number("until_accuracy", self.until_accuracy, "such as 99%")
        return replace(self, learning_rate=rate, until_accuracy=until)


@dataclass(frozen=True, kw_only=True)
class FineTuning(Options):
    """What a training starts from."""

    pretrained: str = define(
        "auto",
        'what to start from instead of random numbers: "auto" takes the published weights of this very '
        'network where they are on this machine ("convsmith list pretrained") and the images are large '
        'enough; "none"; "imagenet": the same, fetched by Keras where need be, or a file of them (.h5, '
        ".pth); a name of that list, or NAME=PATH; the run folder, .keras or .safetensors file of a network "
        "of your own. Layers that are the same in the same place take them; a head of other classes is new.",
        before="none",
        once="weights",
    )
    freeze: str | None = define(
        None, 'what stays as it is: "body" (all but the head), or all up to the layer of this name.'
    )

    def check(self) -> None:
        """Refuse a pretrained network that does not exist."""
        from .networks import check_pretrained

        check_pretrained(self.pretrained, "imagenet", endings=(".h5", ".pth"))


@dataclass(frozen=True, kw_only=True)
class Distillation(Options):
    """Another network whose opinion is learned as well."""

    teacher: str = define(
        "none",
        "the run folder or file of a network for the same classes, which takes raw pixels and whose opinion "
        'is learned as well (knowledge distillation); or "none".',
        before="none",
    )
    temperature: float = define(
        2.0, "by which both opinions' logits are divided before they are compared.", span=(0.1, 100)
    )
    teacher_weight: float = define(0.5, "the teacher's share of the loss.", unit="share", span=(0, 1))

    def check(self) -> None:
        """Refuse a teacher that does not exist, and settings without one."""
        from .networks import check_teacher

        check_teacher(self.teacher)
        for name, value, idle in (
            ("temperature", self.temperature, 2.0),
            ("teacher_weight", self.teacher_weight, 0.5),
        ):
            if self.teacher == "none" and value != idle:
                flag = flag_of(name)
                raise BadInput(flag, "given without a teacher", "--teacher too", "--teacher runs/0001")


@dataclass(frozen=True, kw_only=True)
class Engine(Options):
    """What the training runs on."""

    precision: str = define(
        "float32",
        "of the network's products while it trains, float32 or bfloat16: faster where the machine has it, "
        "not the same numbers as Keras's.",
        choices=Choices("convsmith.engine.device:PRECISIONS"),
    )
    device: str = define("auto", "cpu, cuda, or auto: a CUDA device where there is one.")
    cuda_graphs: bool = define(
        False,
        "record the training step once on the CUDA device and replay it, which saves small networks the time "
        "between operations; other roundings, the same training.",
    )

    def check(self) -> None:
        """Refuse a device that is not there."""
        from ...engine.device import check_graphs, device

        check_graphs(device(self.device), self.cuda_graphs)


def _number(name: str, value: str | float | None, hint: str) -> float | None:
    """A number from text, per cent too."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value).strip()
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise BadInput(flag_of(name), f"got {value!r}", f"a number, {hint}") from None
