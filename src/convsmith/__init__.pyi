"""Made by docs/write_signatures.py from the groups of options; change those instead."""

import builtins

from .data import Images as Images
from .data import read as read
from .engine.keras.calls import fit as fit
from .errors import BadInput as BadInput
from .graph import Graph as Graph
from .insight.convolve import convolve as convolve
from .jobs.bring import from_torch as from_torch
from .jobs.doctor import doctor as doctor
from .jobs.evaluate import evaluate as evaluate
from .jobs.explain import explain as explain
from .jobs.export import export as export
from .jobs.fool import fool as fool
from .jobs.latency_table import latency_table as latency_table
from .jobs.listing import listing as listing
from .jobs.load import load as load
from .jobs.mistakes import mistakes as mistakes
from .jobs.predict import predict as predict
from .jobs.robustness import robustness as robustness
from .jobs.running.run_result import Done as Done
from .jobs.style import style as style
from .jobs.trials import trials as trials
from .jobs.units import see_units as see_units
from .ledger import Budget as Budget
from .ledger import audit as audit
from .ledger import compare as compare
from .ledger import diff as diff
from .ledger import draw as draw
from .ledger import size as size
from .nas.choose import SpaceFunction as SpaceFunction
from .reports import report as report
from .serving.serve import serve as serve
from .units import Bytes as Bytes
from .units import Count as Count
from .units import Size as Size
from .web.studio import studio as studio

__version__: str
check = doctor
list = listing

def forge(
    data: str | Images | None = None,
    *,
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    max_latency_ms: float | None = None,
    memory_model: str = "liveness",
    precision: str = "float32",
    device: str | None = None,
    latency_batch: int = 1,
    latency_table: str | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    space: str | SpaceFunction = "stages",
    algorithm: str = "auto",
    option: builtins.list[str] | None = None,
    stop_early: bool = False,
    warm_start: str | None = None,
    plan: str | None = None,
    pretrained: str = "auto",
    teacher: str = "auto",
    augment: str = "auto",
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
    threads: int | None = None,
    more_trials: int | None = None,
    more_minutes: float | None = None,
    workers: int = 1,
    ray: str | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    log: str | None = None,
    runs: str = "runs",
    resume: str | None = None,
    quiet: bool = False,
) -> Done:
    """Images and a budget in; a finished network out.

    Reads the images, searches for the best network within the budget, trains it, tests it once on images
    that nothing has seen, explains it, exports it as ONNX and writes a report. Stopped at any moment, the
    same command goes on where it was.

    Args:
        data: a folder with a folder per class, an archive, a table of files, an .npz file, or a name such as
            "digits"; in Python also images that were read already.
        max_params: most parameters, batch-norm statistics included, such as 50k.
        max_macs: most multiply-adds for one image, such as 10M.
        max_bytes: most bytes of weights in fp32, such as 200kB.
        max_memory: most bytes of activations (fp32, one image), such as 1MB.
        max_latency_ms: most milliseconds for one image, exported, on one thread of this machine.
        memory_model: how memory is counted: "every" layer its own buffer, "liveness", "fused" or "in-place".
        precision: what limits on bytes and memory count: "float32", the weights and activations in fp32; or
            "int8", the .tflite file and its arena in TensorFlow Lite Micro, and the run ends with that file.
        device: a name of "convsmith list devices": its flash and RAM are the limits that are not given.
        latency_batch: images at once; the limit on latency is then for all of them.
        latency_table: a file that "convsmith latency-table" wrote on another machine; the limit on latency is
            then kept for that machine.
        minutes: how long all of it may take, from reading the images to the report; 10 without it and without
            --trials. Time in which the run was stopped does not count.
        trials: how many candidates the search trains, instead of a time.
        epochs: of the full training, with --trials; 60 without it.
        space: the kind of networks to search among, such as those of "convsmith list spaces"; "pretrained"
            for members of a pretrained network, which begin with its weights; or a function of a file of your
            own, mine.py:my_space, which is run.
        algorithm: how to search; "convsmith list algorithms" shows the ways.
        option: a setting of the algorithm, such as population=20; may be given several times.
        stop_early: end a candidate's short training when its learning curve promises less than the others'.
        warm_start: the folder of an earlier search whose best networks are tried first; where images and
            recipe are the same, its scores count.
        plan: the folder of a finished run; what the clock decided there (how many trials, which epochs) is
            repeated.
        pretrained: a network with weights to start from: "auto" takes the usual one where the images are
            large enough and its weights are on this machine; "none"; a name of "convsmith list pretrained",
            or NAME=PATH with a file of its weights; or a finished run's folder, a .keras file, or a
            .safetensors file with its Graph in it or beside it, of your own, for any classes.
        teacher: who teaches the networks that are trained to the end: "auto" is the whole pretrained network,
            where it is better than they are; "none"; or the folder of a finished run, a .keras or a
            .safetensors file of a network for the same classes, within the budget or not.
        augment: changes to training images: "auto", "none", "digits", "photos", "light" (mirrored, moved by
            whole pixels), "trivial" (TrivialAugment), "rand" (RandAugment) or "strong" (also erasing, mixup
            and cutmix).
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the search and the curves of a training are judged by, and that
            --patience and --until-accuracy go by.
        test: share of the images that nothing sees before the end.
        seed: of every random number.
        threads: to train with; the faster of one and all cores, as measured, without it.
        more_trials: trials to add to those of the run that --resume names, finished or not.
        more_minutes: minutes to add to those of the run that --resume names, finished or not; fewer than none
            take some from one that is not finished, which then comes to its end the sooner.
        workers: how many processes train candidates at once.
        ray: train candidates on a Ray cluster: its address, "auto" for one that runs here, or "local".
        cpus_per_trial: processors of each trial on the cluster.
        gpus_per_trial: GPUs of each trial on the cluster.
        log: further logs of the search in the run folder: "tensorboard", "mlflow", or both with a comma.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself. A run of forge or
            search also takes another budget: the trials that keep it count, and the end is done again.
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a budget that cannot be used; said before anything is trained.

    Example:
        ``convsmith.forge("digits", max_params=20_000, minutes=3).test_accuracy``"""

def search(
    space: str | SpaceFunction,
    data: str | Images | None = None,
    *,
    hours: float | None = None,
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    max_latency_ms: float | None = None,
    memory_model: str = "liveness",
    precision: str = "float32",
    device: str | None = None,
    latency_batch: int = 1,
    latency_table: str | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    algorithm: str = "auto",
    option: builtins.list[str] | None = None,
    stop_early: bool = False,
    warm_start: str | None = None,
    plan: str | None = None,
    pretrained: str = "auto",
    teacher: str = "auto",
    augment: str = "auto",
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
    threads: int | None = None,
    more_trials: int | None = None,
    more_minutes: float | None = None,
    workers: int = 1,
    ray: str | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    log: str | None = None,
    runs: str = "runs",
    resume: str | None = None,
    quiet: bool = False,
) -> Done:
    """Search a space for the best network within a budget; what forge does, for a space that is named first.

    Its run is one of forge, and either command goes on with it.

    Args:
        space: the kind of networks to search among, such as those of "convsmith list spaces"; "pretrained"
            for members of a pretrained network, which begin with its weights; or a function of a file of your
            own, mine.py:my_space, which is run.
        data: a folder with a folder per class, an archive, a table of files, an .npz file, or a name such as
            "digits"; in Python also images that were read already.
        hours: how long all of it may take, to which the minutes are added.
        max_params: most parameters, batch-norm statistics included, such as 50k.
        max_macs: most multiply-adds for one image, such as 10M.
        max_bytes: most bytes of weights in fp32, such as 200kB.
        max_memory: most bytes of activations (fp32, one image), such as 1MB.
        max_latency_ms: most milliseconds for one image, exported, on one thread of this machine.
        memory_model: how memory is counted: "every" layer its own buffer, "liveness", "fused" or "in-place".
        precision: what limits on bytes and memory count: "float32", the weights and activations in fp32; or
            "int8", the .tflite file and its arena in TensorFlow Lite Micro, and the run ends with that file.
        device: a name of "convsmith list devices": its flash and RAM are the limits that are not given.
        latency_batch: images at once; the limit on latency is then for all of them.
        latency_table: a file that "convsmith latency-table" wrote on another machine; the limit on latency is
            then kept for that machine.
        minutes: how long all of it may take, from reading the images to the report; 10 without it and without
            --trials. Time in which the run was stopped does not count.
        trials: how many candidates the search trains, instead of a time.
        epochs: of the full training, with --trials; 60 without it.
        algorithm: how to search; "convsmith list algorithms" shows the ways.
        option: a setting of the algorithm, such as population=20; may be given several times.
        stop_early: end a candidate's short training when its learning curve promises less than the others'.
        warm_start: the folder of an earlier search whose best networks are tried first; where images and
            recipe are the same, its scores count.
        plan: the folder of a finished run; what the clock decided there (how many trials, which epochs) is
            repeated.
        pretrained: a network with weights to start from: "auto" takes the usual one where the images are
            large enough and its weights are on this machine; "none"; a name of "convsmith list pretrained",
            or NAME=PATH with a file of its weights; or a finished run's folder, a .keras file, or a
            .safetensors file with its Graph in it or beside it, of your own, for any classes.
        teacher: who teaches the networks that are trained to the end: "auto" is the whole pretrained network,
            where it is better than they are; "none"; or the folder of a finished run, a .keras or a
            .safetensors file of a network for the same classes, within the budget or not.
        augment: changes to training images: "auto", "none", "digits", "photos", "light" (mirrored, moved by
            whole pixels), "trivial" (TrivialAugment), "rand" (RandAugment) or "strong" (also erasing, mixup
            and cutmix).
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the search and the curves of a training are judged by, and that
            --patience and --until-accuracy go by.
        test: share of the images that nothing sees before the end.
        seed: of every random number.
        threads: to train with; the faster of one and all cores, as measured, without it.
        more_trials: trials to add to those of the run that --resume names, finished or not.
        more_minutes: minutes to add to those of the run that --resume names, finished or not; fewer than none
            take some from one that is not finished, which then comes to its end the sooner.
        workers: how many processes train candidates at once.
        ray: train candidates on a Ray cluster: its address, "auto" for one that runs here, or "local".
        cpus_per_trial: processors of each trial on the cluster.
        gpus_per_trial: GPUs of each trial on the cluster.
        log: further logs of the search in the run folder: "tensorboard", "mlflow", or both with a comma.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself. A run of forge or
            search also takes another budget: the trials that keep it count, and the end is done again.
        quiet: no progress on standard error.

    Returns:
        ``.best`` is the network found, ``.trials`` every trial.

    Raises:
        BadInput: as `forge`."""

def train(
    network: str,
    data: str | Images | None = None,
    *,
    recipe: str = "auto",
    epochs: int | None = None,
    patience: int | None = None,
    until_accuracy: str | float | None = None,
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
    pretrained: str = "auto",
    freeze: str | None = None,
    teacher: str = "none",
    temperature: float = 2.0,
    teacher_weight: float = 0.5,
    precision: str = "float32",
    device: str = "auto",
    cuda_graphs: bool = False,
    augment: str = "auto",
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
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
        recipe: what the options of the training are where they are not given: "auto" (from the images),
            "fast" (as few epochs as possible) or "plain" (Keras's defaults).
        epochs: passes over the training images; without it 10 in the recipe "fast", 20 in the others.
        patience: end when so many epochs were no better than the best one on the validation images, and take
            the best one's weights.
        until_accuracy: end when this share of the validation images is right, such as 99%.
        tta: also judge the mean of several views of each test image, as a figure of its own: "flip", "shift",
            "flip_shift", "auto" by how images were varied in training, or "none".
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
        pretrained: what to start from instead of random numbers: "auto" takes the published weights of this
            very network where they are on this machine ("convsmith list pretrained") and the images are large
            enough; "none"; "imagenet": the same, fetched by Keras where need be, or a file of them (.h5,
            .pth); a name of that list, or NAME=PATH; the run folder, .keras or .safetensors file of a network
            of your own. Layers that are the same in the same place take them; a head of other classes is new.
        freeze: what stays as it is: "body" (all but the head), or all up to the layer of this name.
        teacher: the run folder or file of a network for the same classes, which takes raw pixels and whose
            opinion is learned as well (knowledge distillation); or "none".
        temperature: by which both opinions' logits are divided before they are compared.
        teacher_weight: the teacher's share of the loss.
        precision: of the network's products while it trains, float32 or bfloat16: faster where the machine
            has it, not the same numbers as Keras's.
        device: cpu, cuda, or auto: a CUDA device where there is one.
        cuda_graphs: record the training step once on the CUDA device and replay it, which saves small
            networks the time between operations; other roundings, the same training.
        augment: changes to training images: "auto", "none", "digits", "photos", "light" (mirrored, moved by
            whole pixels), "trivial" (TrivialAugment), "rand" (RandAugment) or "strong" (also erasing, mixup
            and cutmix).
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the search and the curves of a training are judged by, and that
            --patience and --until-accuracy go by.
        test: share of the images that nothing sees before the end.
        seed: of every random number.
        threads: to train with; the faster of one and all cores, as measured, without it.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself. A run of forge or
            search also takes another budget: the trials that keep it count, and the end is done again.
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a network that cannot be used; said before anything is trained.

    Example:
        ``convsmith.train("lenet5", "digits", size=(32, 32), epochs=5).test_accuracy``"""
