"""Train one network on images: sized, tested once, explained, exported, reported."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from ..own_code import is_in_file
from ..units import Size
from .running.begin import begin, check_resumed
from .running.job import Job, check_names, check_numbers, check_pretrained, check_teacher
from .running.run_result import Done

if TYPE_CHECKING:
    from ..data import Images
    from ..graph import Graph

STEPS = ("images", "train", "test", "explain", "export", "report")
"""What the display counts."""


def train(
    network: str,
    data: str | Images | None = None,
    *,
    recipe: str = "auto",
    pretrained: str = "auto",
    freeze: str | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    until_accuracy: str | float | None = None,
    augment: str = "auto",
    tta: str | None = None,
    balance: str = "auto",
    batch_size: int | None = None,
    optimizer: str = "auto",
    learning_rate: str | float | None = None,
    layer_decay: float = 1.0,
    schedule: str | None = None,
    warm_up: float | None = None,
    weight_decay: float | None = None,
    loss: str = "categorical_crossentropy",
    label_smoothing: float | None = None,
    ema: float | None = None,
    teacher: str = "none",
    temperature: float = 2.0,
    teacher_weight: float = 0.5,
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    seed: int = 0,
    precision: str = "float32",
    device: str = "auto",
    cuda_graphs: bool = False,
    threads: int | None = None,
    runs: str = "runs",
    resume: str | None = None,
    quiet: bool = False,
) -> Done:
    """Train one network on images, test it once, explain it, export it and write a report.

    Stopped at any moment, the same command goes on where it was.

    Args:
        network: a name in the zoo, a .keras or .json file; in Python also a Keras model or a Graph.
        data: a folder with a folder per class, an archive, a table of files, an .npz file, or a name such as
            "digits"; in Python also images that were read already.
        recipe: what the options below are where they are not given: "auto" (from the images), "fast" (as few
            epochs as possible) or "plain" (Keras's defaults).
        pretrained: what to start from instead of random numbers: "auto" takes the published weights of this
            very network where they are on this machine ("convsmith list pretrained") and the images are large
            enough; "none"; "imagenet": the same, fetched by Keras where need be, or a file of them (.h5,
            .pth); a name of that list, or NAME=PATH; the run folder, .keras or .safetensors file of a network
            of your own. Layers that are the same in the same place take them; a head of other classes is new.
        freeze: what stays as it is: "body" (all but the head), or all up to the layer of this name.
        epochs: passes over the training images; without it 10 in the recipe "fast", 20 in the others.
        patience: end when so many epochs were no better than the best one on the validation images, and take
            the best one's weights.
        until_accuracy: end when this share of the validation images is right, such as 99%.
        augment: changes to training images: "auto", "none", "digits", "photos", "light" (mirrored, moved by
            whole pixels), "trivial" (TrivialAugment), "rand" (RandAugment) or "strong" (also erasing, mixup
            and cutmix).
        tta: also judge the mean of several views of each test image, as a figure of its own: "flip",
            "shift", "flip_shift", "auto" by how images were varied in training, or "none".
        balance: for classes of very different sizes: "weights" in the loss, "sampling" each class as often,
            "none", or "auto": weights where the largest class is at least 5 times the smallest.
        batch_size: images per step; chosen from the images without it.
        optimizer: "auto", or sgd, adam, adamw, nadam, lion, muon, adadelta, rmsprop, adagrad.
        learning_rate: the largest of the schedule; "find" sweeps over rates first; the optimizer's own
            without it.
        layer_decay: each stage of layers before the head learns slower than the next by this, such as 0.8.
        schedule: of the learning rate: "one_cycle", "cosine", "linear", "step" or "constant".
        warm_up: share of the training in which the learning rate rises.
        weight_decay: decoupled, on kernels only.
        loss: "categorical_crossentropy", "categorical_focal_crossentropy" (what is hard counts more) or
            "mean_squared_error" of the probabilities.
        label_smoothing: share of each target spread over all classes.
        ema: how many epochs the moving average of the weights, which is what counts, looks back; 0 for the
            last weights themselves.
        teacher: the run folder or file of a network for the same classes, which takes raw pixels and
            whose opinion is learned as well (knowledge distillation); or "none".
        temperature: by which both opinions' logits are divided before they are compared.
        teacher_weight: the teacher's share of the loss.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that curves, --patience and --until-accuracy go by.
        test: share of the images that nothing sees before the end.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        seed: of every random number.
        precision: of the network's products while it trains, float32 or bfloat16: faster where the machine
            has it, not the same numbers as Keras's.
        device: cpu, cuda, or auto: a CUDA device where there is one.
        cuda_graphs: record the training step once on the CUDA device and replay it, which saves small
            networks the time between operations; other roundings, the same training.
        threads: to train with; the faster of one and all cores, as measured, without it.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself.
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a network that cannot be used; said before anything is trained.

    Example:
        ``convsmith.train("lenet5", "digits", size=(32, 32), epochs=5).test_accuracy``
    """
    started = time.monotonic()
    given = locals()
    options = _checked({name: given[name] for name in RECIPE})
    options["network"] = _fixed(network)
    if resume is not None:
        check_resumed(resume, options, train)
    job = begin(
        "train", data, options, steps=len(STEPS), runs=runs, resume=resume, started=started, quiet=quiet
    )
    with job.run as run:
        if not run.finished:
            _work(job)
        return Done(run.path, run.read_json("result.json"))


RECIPE = (
    "recipe", "pretrained", "freeze", "epochs", "patience", "until_accuracy", "augment", "tta", "balance",
    "batch_size", "optimizer", "learning_rate", "layer_decay", "schedule", "warm_up", "weight_decay",
    "loss", "label_smoothing", "ema", "teacher", "temperature", "teacher_weight", "size", "validation",
    "test", "group", "strict", "outside", "seed", "precision", "device", "cuda_graphs", "threads",
)  # fmt: skip
"""The options that decide what comes out."""


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options as numbers and known names.

    Raises:
        BadInput: for what means nothing, before anything is read.
    """
    from ..engine.device import PRECISIONS, check_graphs
    from ..engine.device import device as check_device
    from ..engine.optimizers import OPTIMIZERS
    from ..engine.train.balance import BALANCES
    from ..engine.train.objective import OBJECTIVES
    from ..engine.train.presets import PRESETS
    from ..engine.train.schedule import SCHEDULES
    from ..engine.tta import TTA

    check_names(options)
    check_numbers(options)
    check_pretrained(options, "imagenet", endings=(".h5", ".pth"))
    check_teacher(options)
    for option, idle in (("temperature", 2.0), ("teacher_weight", 0.5)):
        if options["teacher"] == "none" and options[option] != idle:
            flag = "--" + option.replace("_", "-")
            raise BadInput(flag, "given without a teacher", "--teacher too", "--teacher runs/0001")
    check_graphs(check_device(options["device"]), options["cuda_graphs"])
    for option, known in (
        ("recipe", PRESETS),
        ("tta", ("auto", *TTA)),
        ("balance", BALANCES),
        ("schedule", SCHEDULES),
        ("optimizer", ("auto", *OPTIMIZERS)),
        ("loss", OBJECTIVES),
        ("precision", PRECISIONS),
    ):
        name = options[option]
        if name is not None:
            options[option] = str(name).lower()
            if options[option] not in known:
                raise BadName(f"--{option}", name, known)
    if options["learning_rate"] != "find":
        options["learning_rate"] = _number("learning_rate", options["learning_rate"], 'or "find"')
    options["until_accuracy"] = _number("until_accuracy", options["until_accuracy"], "such as 99%")
    for option, low, high in (
        ("learning_rate", 0, 1e6),
        ("until_accuracy", 0.01, 1),
        ("layer_decay", 0.01, 1),
        ("warm_up", 0, 1),
        ("weight_decay", 0, 1e6),
        ("label_smoothing", 0, 1),
        ("ema", 0, 1e6),
        ("temperature", 0.1, 100),
        ("teacher_weight", 0, 1),
        ("patience", 1, 1e6),
    ):
        value = options[option]
        if isinstance(value, int | float) and not low <= value <= high:
            raise BadInput("--" + option.replace("_", "-"), f"got {value:g}", f"{low:g} to {high:g}")
    return options


def _number(option: str, value: str | float | None, hint: str) -> float | None:
    """A number from text, per cent too."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value).strip()
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        flag = "--" + option.replace("_", "-")
        raise BadInput(flag, f"got {value!r}", f"a number, {hint}") from None


def _fixed(network: Any) -> Any:
    """What the recipe keeps of a network: a zoo name as it is, anything else as its Graph's JSON."""
    from ..graph import read
    from ..zoo import NETWORKS

    if isinstance(network, str) and (is_in_file(network) or ("/" not in network and "." not in network)):
        NETWORKS.find(network)
        return network
    graph = read(network)
    _check_ends(graph)
    return graph.to_json()


def _check_ends(graph: Graph) -> None:
    """Say a network that does not tell classes of images apart: with several ends, or without one.

    Raises:
        BadInput: with the names of its ends.
    """
    for ends, shapes, what in (
        (graph.inputs, (3,), "input of rows, columns and channels"),
        (graph.outputs, (1,), "output of a number for each class"),
    ):
        found = ", ".join(f"{name} {graph.shapes[name]}" for name in ends[:6])
        if len(ends) != 1 or len(graph.shapes[ends[0]]) not in shapes:
            side = "inputs" if ends is graph.inputs else "outputs"
            raise BadInput(
                f"network '{graph.name}'", f"has the {side} {found}", f"one {what}",
                "cs.fit(model, x, y), which is Keras's call for models of any ends",
            )  # fmt: skip


def _work(job: Job) -> None:
    from .steps.answer_rule import answer_rule
    from .steps.explain import explain
    from .steps.export import export
    from .steps.images import prepare
    from .steps.judge import judge, judge_views
    from .steps.report import report
    from .steps.single import train_one

    prepare(job)
    job.display.step(STEPS[1])
    finals = {"winner": train_one(job)}
    answer_rule(job, finals["winner"])
    job.display.step(STEPS[2])
    metrics, probabilities = judge(job, finals)
    metrics |= judge_views(job, finals["winner"])
    job.display.step(STEPS[3])
    explain(job, finals["winner"], probabilities)
    job.display.step(STEPS[4])
    exported = export(job, finals["winner"])
    job.display.step(STEPS[5])
    report(job, finals, metrics, exported)
    job.clock.save()
    job.run.finish()
