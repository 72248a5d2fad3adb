"""The verbs: the one table of them, from which the package, the command line and its help are made.

To add a verb, write the function and an entry here, and run ``python docs/write_signatures.py``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verb:
    """One verb.

    Args:
        target: the function behind it, as ``module:function``.
        help: one line.
        formats: what its result can be printed in, besides text.
        examples: whole command lines.
        then: a method of the result that the command calls before the result is shown.
        python: its name in ``convsmith``; that of the command without it, "" for a command alone.
        is_command: whether it is a command.
        goes_on: whether the same command again goes on where it was stopped.
    """

    target: str
    help: str
    formats: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    then: str = ""
    python: str | None = None
    is_command: bool = True
    goes_on: bool = False

    @property
    def function(self) -> Any:
        """The function, imported now."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


TABLE = ("json", "csv", "markdown", "latex", "html")

VERBS = {
    "forge": Verb(
        "convsmith.jobs.forge:forge",
        "Images and a budget in; a finished network out.",
        ("json",),
        (
            "convsmith forge digits --max-params 20k --minutes 3",
            "convsmith forge photos/ --max-params 50k --max-latency-ms 2 --minutes 20",
            "convsmith forge photos/ --max-macs 10M --trials 40 --epochs 60 --json",
        ),
        goes_on=True,
    ),
    "size": Verb(
        "convsmith.ledger:size",
        "What a network costs, layer by layer, with formulas.",
        TABLE,
        (
            "convsmith size lenet5 --input 32x32x1",
            "convsmith size net.keras --max-macs 300M",
            'convsmith size lenet5 --what-if "conv2.filters=32"',
        ),
    ),
    "draw": Verb(
        "convsmith.ledger:draw",
        "A picture of a network.",
        ("json", "svg"),
        ("convsmith draw lenet5", "convsmith draw resnet20 --output resnet20.svg"),
    ),
    "compare": Verb(
        "convsmith.ledger:compare",
        "Several networks side by side.",
        (*TABLE, "svg"),
        ("convsmith compare lenet5 course_cnn --input 28x28x1",),
    ),
    "diff": Verb(
        "convsmith.ledger:diff",
        "Two networks, layer by layer.",
        TABLE,
        ("convsmith diff lenet5 course_cnn",),
    ),
    "audit": Verb(
        "convsmith.ledger:audit",
        "Find the wrong cells of a published table, and say why.",
        TABLE,
        ("convsmith audit table.csv --network lenet5",),
    ),
    "check": Verb(
        "convsmith.jobs.doctor:doctor",
        "Look for what would hurt in a folder of images.",
        ("json",),
        (
            "convsmith check photos/",
            "convsmith check photos/ --strict --page doctor.html",
            "convsmith check photos/ --run runs/0007",
        ),
    ),
    "train": Verb(
        "convsmith.jobs.train:train",
        "Train one network on images.",
        ("json",),
        (
            "convsmith train lenet5 digits --size 32x32 --epochs 5",
            "convsmith train mobilenet_v2 photos/ --pretrained imagenet --freeze body --epochs 5",
            "convsmith train lenet5 photos/ --pretrained runs/0007 --layer-decay 0.5",
            "convsmith train resnet20 photos/ --teacher runs/0007 --patience 10 --tta auto",
            "convsmith train mnist_fast mnist --recipe fast --epochs 1",
        ),
        goes_on=True,
    ),
    "search": Verb(
        "convsmith.jobs.search:search",
        "Search a space for the best network within a budget.",
        ("json",),
        (
            "convsmith search mobile photos/ --max-params 200k --hours 2 --workers 4",
            "convsmith search stages photos/ --max-params 200k --algorithm evolution --option population=20",
        ),
        goes_on=True,
    ),
    "trials": Verb(
        "convsmith.jobs.trials:trials",
        "The trials of a search: table, front, and which choices matter.",
        ("json", "csv", "html", "svg"),
        ("convsmith trials runs/0007", "convsmith trials runs/0007 --csv > trials.csv"),
    ),
    "latency-table": Verb(
        "convsmith.jobs.latency_table:latency_table",
        "Measure a space's building blocks here, for searches elsewhere.",
        ("json",),
        ("convsmith latency-table mobile --input 64x64x3 --output pi4.json",),
        python="latency_table",
    ),
    "predict": Verb(
        "convsmith.jobs.predict_photos:predict_photos",
        "Say what a finished network sees in photographs.",
        ("json", "csv"),
        (
            "convsmith predict runs/0007 new_photos/",
            "convsmith predict runs/0007 cat.jpg --top 3",
            "convsmith predict model.onnx holiday.zip --out answers.csv",
            "ls photos/*.jpg | convsmith predict runs/0007 - --csv > answers.csv",
        ),
        python="",
    ),
    "explain": Verb(
        "convsmith.jobs.explain:explain",
        "Show what a network looked at in an image.",
        ("json",),
        (
            "convsmith explain runs/0007 cat.jpg --method grad_cam",
            "convsmith explain runs/0007 cat.jpg --target cat --against dog --method integrated_gradients",
            "convsmith explain runs/0007 --split test --most 12",
        ),
        then="save",
    ),
    "fool": Verb(
        "convsmith.jobs.fool:fool",
        "Fool a network: evolved pictures, adversarial examples, pictures of nothing.",
        ("json",),
        (
            "convsmith fool runs/0007",
            "convsmith fool runs/0007 cppn --generations 1000",
            "convsmith fool runs/0007 adversarial --epsilon 8 --images 1000",
            "convsmith fool runs/0007 unknown --others holiday-photos/",
        ),
        goes_on=True,
    ),
    "robustness": Verb(
        "convsmith.jobs.robustness:robustness",
        "Accuracy on noisy, blurred, dark, moved and squeezed images.",
        ("json",),
        ("convsmith robustness runs/0007", "convsmith robustness runs/0007 --images 5000 --json"),
    ),
    "style": Verb(
        "convsmith.jobs.style:style",
        "Paint one photograph with the textures of another.",
        ("json",),
        (
            "convsmith style runs/0007 cat.jpg colosseum.jpg",
            "convsmith style vgg16 cat.jpg colosseum.jpg --weights imagenet -o painted.png --size 512",
            "convsmith style net.keras cat.jpg coffee.png --optimizer adam --style-weight 5000",
        ),
    ),
    "units": Verb(
        "convsmith.jobs.units:see_units",
        "Show what each unit of a network does.",
        ("json",),
        (
            "convsmith units runs/0007",
            "convsmith units runs/0007 --layer conv2 --made yosinski --setting 3",
            "convsmith units runs/0007 --layer conv1 --image cat.jpg --json",
        ),
        python="see_units",
    ),
    "evaluate": Verb(
        "convsmith.jobs.evaluation:evaluate",
        "Judge a network on labelled images of another day.",
        ("json", "csv"),
        (
            "convsmith evaluate runs/0007 photos-of-may/",
            "convsmith evaluate runs/0007 may.zip --csv",
        ),
        python="",
    ),
    "mistakes": Verb(
        "convsmith.jobs.mistakes:mistakes",
        "Show where a network is wrong, and how sure it is of it.",
        ("json",),
        (
            "convsmith mistakes runs/0007",
            "convsmith mistakes runs/0007 --data other_photos/ --embedding tsne",
        ),
    ),
    "convolve": Verb(
        "convsmith.insight.convolve:convolve",
        "A hand-made filter on a photo, step by step.",
        ("json",),
        ("convsmith convolve photo.jpg --filter vertical-edge --stride 2",),
    ),
    "export": Verb(
        "convsmith.jobs.export:export",
        "Write a run's network as ONNX, Keras, LiteRT, C, or code.",
        ("json",),
        (
            "convsmith export runs/0007",
            "convsmith export runs/0007 best.tflite --precision int8",
            "convsmith export runs/0007 best.c --precision int8",
            "convsmith export runs/0007 best.keras",
            "convsmith export runs/0007 net.py --framework torch",
        ),
    ),
    "report": Verb(
        "convsmith.reports:report",
        "Write the page of a run again.",
        (),
        ("convsmith report runs/0007",),
    ),
    "serve": Verb(
        "convsmith.serving.serve:serve",
        "A finished network that answers over HTTP.",
        (),
        ("convsmith serve runs/0007", "convsmith serve model.onnx --port 9000 --threads 2"),
    ),
    "studio": Verb(
        "convsmith.web.studio:studio",
        "The whole way in the browser: from a folder of photos to a network.",
        (),
        ("convsmith studio", "convsmith studio runs/ --data ~/photos"),
    ),
    "list": Verb(
        "convsmith.jobs.listing:listing",
        "What there is to choose from, by name.",
        ("json",),
        ("convsmith list runs", "convsmith list networks", "convsmith list pretrained --json"),
    ),
    "from_torch": Verb("convsmith.jobs.bring:from_torch", "A run from a torch module.", is_command=False),
    "read": Verb("convsmith.data:read", "Read labelled images.", is_command=False),
    "fit": Verb("convsmith.engine.keras.calls:fit", "Keras's fit, faster.", is_command=False),
    "load": Verb("convsmith.jobs.load:load", "Open a finished network.", is_command=False),
    "predict in Python": Verb(
        "convsmith.jobs.predict:predict",
        "What a finished network says, or Keras's predict, faster.",
        python="predict",
        is_command=False,
    ),
    "evaluate in Python": Verb(
        "convsmith.jobs.evaluate:evaluate",
        "A run on images of another day; Keras's evaluate, faster.",
        is_command=False,
        python="evaluate",
    ),
}

COMMANDS = {name: verb for name, verb in VERBS.items() if verb.is_command}
"""The verbs of the command line."""

PYTHON = {
    name: verb
    for command, verb in sorted(VERBS.items())
    if (name := command if verb.python is None else verb.python)
}
"""The verbs of the package, by their names there."""

CLASSES = {
    "BadInput": "convsmith.errors", "Budget": "convsmith.ledger", "Graph": "convsmith.graph",
}  # fmt: skip
"""What else the package has at its top: class -> module."""


def describe(name: str) -> dict[str, Any]:
    """A verb and its options, for a program that draws a form.

    Args:
        name: of the command, or in Python.

    Returns:
        As `convsmith.signatures.described`, and "help", one line.

    Raises:
        BadName: for another name.

    Example:
        >>> forge = describe("forge")
        >>> [one["name"] for one in forge["options"] if one["group"] == "Effort"]
        ['minutes', 'trials', 'epochs']
    """
    from .errors import BadName
    from .signatures import described

    verb = VERBS.get(name) or PYTHON.get(name)
    if verb is None:
        raise BadName("verb", name, {**VERBS, **PYTHON})
    return {**described(verb.function), "help": verb.help}
