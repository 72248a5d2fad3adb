"""A small run folder as the pipeline leaves it: real digits, made-up figures that hang together."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convsmith.graph import Graph
from convsmith.graph import notation as keras

RunFolder = Callable[..., Path]


def wilson(k: int, n: int) -> list[float]:
    z, p = 1.959964, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [(middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]


def network(classes: int, name: str = "stages") -> Graph:
    x = inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(20, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = before = keras.layers.Activation("relu")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.Conv2D(20, 1, use_bias=False)(x)
    x = keras.layers.Add()([x, before])
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    x = keras.layers.Dense(classes, activation="softmax", name="softmax")(x)
    return keras.Model(inputs, x, name=name)


def trials(rng: random.Random) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index in range(70):
        arm = "shared" if index < 16 else ("evolution", "evolution", "random", "largest")[index % 4]
        params = int(10 ** rng.uniform(2.9, 4.28)) if arm != "largest" else rng.randint(18_500, 19_990)
        good = 1 - 0.3 * (700 / params) ** 0.6 - rng.random() * (0.02 if arm == "evolution" else 0.07)
        answers = {
            "width": rng.choice((8, 12, 20)),
            "block_0": rng.choice(("plain", "residual")),
            "depth_1": index,
        }
        trial = {
            "index": index,
            "arm": arm,
            "rung": 0,
            "answers": answers,
            "status": "ok",
            "params": params,
            "score": round(good, 4),
            "macs": params * 41,
            "bytes": 4 * params,
            "memory": 4 * params + 9000,
            "latency_ms": round(0.05 + params / 1e5, 4),
            "seconds": 1.2,
            "epochs": 6,
            "error": None,
        }
        found.append(trial)
        if arm == "evolution" and good > 0.93:
            found.append({**trial, "rung": 1, "score": round(min(0.997, good + 0.008), 4), "epochs": 20})
        if index % 9 == 0:
            found.append({**trial, "index": 500 + index, "status": "over_budget", "score": None})
    found.append(
        {**found[0], "index": 600, "status": "failed", "score": None, "error": "loss is not finite <nan>"}
    )
    return found


def heatmap(digit: np.ndarray, rng: random.Random) -> Image.Image:
    rows, columns = np.mgrid[0:160, 0:160] / 160
    near = np.exp(-((rows - rng.uniform(0.3, 0.7)) ** 2 + (columns - rng.uniform(0.3, 0.7)) ** 2) / 0.05)
    grey = np.asarray(Image.fromarray(digit).resize((160, 160), Image.Resampling.NEAREST), float)
    warm = np.stack([255 * near, 120 * near, 40 * (1 - near)], -1)
    return Image.fromarray((0.55 * grey[..., None] + 0.45 * warm).clip(0, 255).astype(np.uint8))


def evaluation(per_class: list[dict[str, Any]], n: int, right: int) -> dict[str, Any]:
    """What `evaluate` leaves."""
    drift = {"then": 90.0, "now": 120.0, "spread": 20.0, "shift": 1.5, "distance": 0.5, "p": 1e-9}
    name = per_class[0]["class"]
    return {
        "name": "may", "created": "2026-05-02T10:00:00+00:00", "source": "photos/may/", "part": "all",
        "images": n, "accuracy": (right - 9) / n, "interval": wilson(right - 9, n), "per_class": per_class,
        "confused": [{"true": name, "predicted": name, "count": 3, "share": 0.1}],
        "answers": {"ece": 0.05, "calibrated_ece": 0.021, "rejected": 0.112, "answered_accuracy": 0.978},
        "against": {
            "test_accuracy": right / n, "n_test": n, "difference": -9 / n, "interval": [-0.05, -0.001],
            "test": "Fisher's exact test", "p": 0.031, "more_than_chance": True,
        },
        "moved": [{"class": name, "then": 0.97, "now": 0.81, "p": 0.004, "more_than_chance": True}],
        "drift": {"brightness": drift, "size": drift | {"shift": None}},
        "shares": [{"class": name, "then": 0.1, "now": 0.3, "interval": [0.25, 0.35]}],
        "notes": ["3 images cannot be read"],
    }  # fmt: skip


def write_run(folder: Path, *, classes: list[str], n_each: int = 36, seed: int = 0) -> Path:
    """Write every file that a finished run holds."""
    from sklearn.datasets import load_digits

    rng, many = random.Random(seed), len(classes)
    digits = load_digits()
    pictures = (digits.images * 15).astype(np.uint8)

    def put(name: str, value: Any) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1))

    def lines(name: str, values: list[dict[str, Any]]) -> None:
        (folder / name).write_text("".join(json.dumps(value) + "\n" for value in values))

    graph = network(many)
    put(
        "run.json",
        {
            "format": 1,
            "kind": "forge",
            "created": "2026-11-22T17:05:00+00:00",
            "finished": "2026-11-22T17:08:00+00:00",
            "key": "",
            "convsmith": "0.1.0",
            "command": ["convsmith", "forge", "digits", "--max-params", "20k", "--minutes", "3"],
        },
    )
    put(
        "recipe.json",
        {
            "data": "digits",
            "max_params": 20000,
            "max_macs": 1_000_000,
            "minutes": 3.0,
            "seed": 0,
            "space": "stages",
            "algorithm": "evolution",
            "max_latency_ms": None,
        },
    )
    counts = {name: 170 + (7 * k) % 14 for k, name in enumerate(classes)}
    total = sum(counts.values())
    for k in range(many):
        (folder / "data").mkdir(exist_ok=True)
        Image.fromarray(pictures[np.flatnonzero(digits.target == k % 10)[0]]).save(folder / f"data/{k}.png")
    put(
        "data.json",
        {
            "source": "/home/somebody/digits",
            "fingerprint": "5f" * 32,
            "classes": classes,
            "counts": counts,
            "thumbnails": {name: f"data/{k}.png" for k, name in enumerate(classes)},
            "found": {
                "source": "digits",
                "reader": "digits",
                "images": total,
                "bytes": 64 * total,
                "classes": counts,
                "sizes": {"smallest": [8, 8], "median": [8, 8], "largest": [8, 8], "different": 1},
                "modes": {"L": total},
                "formats": {"array": total},
                "unreadable": [
                    {"name": "5/torn.jpg", "reason": "image file is truncated (12 bytes not processed)"},
                    {"name": "7/notes.jpg", "reason": "a text file"},
                ],
                "duplicates": {
                    "images": 2,
                    "sets": 2,
                    "examples": [["1/a.png", "1/b.png"], ["3/a.png", "3/c.png"]],
                },
                "conflicts": [{"names": ["3/x.png", "8/x.png"], "classes": [classes[0], classes[1]]}],
                "alike": {
                    "images": 1,
                    "sets": 1,
                    "conflicts": 1,
                    "pairs": [{"names": ["4/p.png", "9/p.png"], "classes": classes[:2], "similarity": 0.957}],
                },
                "parts": {},
                "notes": ["1 image: a 16-bit image, scaled to 8 bits (such as 2/deep.png)"],
            },
            "split": {"train": int(total * 0.65), "validation": int(total * 0.15), "test": n_each * many},
            "resolution": {
                "height": 8,
                "width": 8,
                "channels": 1,
                "why": "all images are 8x8 pixels (width x height); grey, because no image has colour",
            },
        },
    )
    put("graph.json", graph.to_json())
    put(
        "env.json",
        {
            "python": "CPython 3.11.7",
            "packages": {"torch": "2.13.0", "numpy": "2.4.0", "keras": "3.15.1"},
            "system": "Linux 6.1",
            "machine": "x86_64",
            "cpu": "A processor of 2026",
            "cores": 8,
            "usable_cores": 2,
            "settings": {"OMP_NUM_THREADS": "1"},
            "kernels": {"compiled": "avx512", "build": "0123456789ab"},
        },
    )
    lines("trials.jsonl", trials(rng))
    history = [
        {
            "epoch": e,
            "loss": 2.3 * math.exp(-e / 7) + 0.02 + rng.random() * 0.02,
            "accuracy": 1 - 0.9 * math.exp(-e / 5) - rng.random() * 0.004,
            "val_loss": 2.3 * math.exp(-e / 7) + 0.06 + rng.random() * 0.04,
            "val_accuracy": 0.985 - 0.88 * math.exp(-e / 5) - rng.random() * 0.008,
            "learning_rate": 0.004 * (1 + math.cos(math.pi * e / 40)) / 2,
            "seconds": 0.8 * e,
        }
        for e in range(1, 41)
    ]
    lines("history.jsonl", history)

    confusion = [[0] * many for _ in classes]
    for k in range(many):
        wrong = rng.choice((0, 0, 0, 1, 2) if many < 30 else (0, 1, 3, 9, 14))
        for _ in range(wrong):
            confusion[k][(k + rng.randint(1, many - 1)) % many] += 1
        confusion[k][k] = n_each - wrong
    n, right = n_each * many, sum(confusion[k][k] for k in range(many))
    per_class = []
    for k, name in enumerate(classes):
        said = sum(row[k] for row in confusion)
        per_class.append(
            {
                "class": name,
                "n": n_each,
                "correct": confusion[k][k],
                "recall": confusion[k][k] / n_each,
                "precision": confusion[k][k] / said if said else None,
                "interval": wilson(confusion[k][k], n_each),
            }
        )

    def tested(k: int, params: int, spent: float) -> dict[str, Any]:
        return {
            "test_accuracy": k / n,
            "interval": wilson(k, n),
            "params": params,
            "macs": params * 40,
            "seconds": spent,
        }

    put(
        "metrics.json",
        {
            "test_accuracy": right / n,
            "interval": wilson(right, n),
            "n_test": n,
            "per_class": per_class,
            "confusion": confusion,
            "params": graph.params,
            "macs": graph.macs,
            "weight_bytes": 4 * graph.params,
            "memory_bytes": 21_120,
            "latency_ms": 0.0613,
            "budget_kept": True,
            "seconds": 178.4,
            "budget": {
                "params": {"limit": 20000, "value": graph.params, "kept": True},
                "macs": {"limit": 1_000_000, "value": graph.macs, "kept": True},
            },
            "baselines": {
                "search": tested(right, graph.params, 61.0),
                "random": tested(right - n // 90 - 1, 18_804, 60.2),
                "largest": tested(right - n // 14, 19_966, 60.9),
                "fits": tested(right - n // 10, 17_308, 8.5),
            },
            "answers": {
                "images": n,
                "ece": 0.031,
                "calibrated_ece": 0.012,
                "score": "energy",
                "at": [
                    {
                        "rejected": share,
                        "n": n - int(share * n),
                        "accuracy": 0.98 + share / 10,
                        "interval": [0.9, 0.99],
                    }
                    for share in (0.0, 0.05, 0.1)
                ],
                "rejected": 0.061,
                "rejected_interval": [0.04, 0.09],
                "answered_accuracy": 0.9903,
                "no_class": {
                    "n": 400,
                    "rejected": 0.975,
                    "interval": [0.955, 0.987],
                    "kinds": {"noise": 1.0, "plain": 0.95},
                },
            },
        },
    )
    put(
        "answer_rule.json",
        {
            "temperature": 1.37, "score": "energy", "threshold": 2.5, "false_rejection": 0.044, "note": "",
            "fitted_on": "90 validation images and 400 synthesised pictures of no class",
        },
    )  # fmt: skip
    put("evaluations/may.json", evaluation(per_class, n, right))
    cut = {"cut": "block3", "size": [96, 96], "sides": [96, 96], "params": 17_308, "macs": 8_200_000}
    put(
        "pretrained.json",
        {
            "source": {
                "name": "efficientnet_lite0", "licence": "Apache-2.0", "commercial": True,
                "origin": "somebody, somewhere", "sha256": "0" * 64,
            },
            "images": 1.0,
            "sizes": [{"size": [96, 96], "sides": [96, 96], "seconds": 3.1, "each": 0.004}],
            "table": [cut | {"fits": True, "validation": 0.82, "left_out": 0.81}],
            "smallest": "at least params 1.4k",
            "seconds": 7.9,
        },
    )  # fmt: skip
    put("arms.json", {"arm": "both", "why": "both have their part"})
    put("chosen.json", {"winner": "tuned-1", "validation": {"fits": 0.82, "tuned-1": 0.9}, "teacher": "x"})
    put(
        "teacher.json",
        cut | {"views": 10, "validation": 0.99, "strength": 0.03, "seconds": 46.0, "params": 3_428_396},
    )
    put(
        "search.json",
        {
            "space": "stages",
            "space_size": 4.1e11,
            "algorithm": "evolution",
            "winner_arm": "evolution",
            "budget": {"params": 20000, "macs": 1_000_000},
            "finalists": [],
            "cost_seconds": {"evolution": 61.0, "random": 60.2, "largest": 60.9},
        },
    )
    explained = []
    for k in range(10):
        kept = k < 4
        image, true = pictures[10 * k], classes[int(digits.target[10 * k]) % many]
        said = true if kept else classes[(int(digits.target[10 * k]) + 3) % many]
        (folder / "explain").mkdir(exist_ok=True)
        heatmap(image, rng).save(folder / f"explain/{k:04d}.png")
        explained.append(
            {
                "file": f"{k:04d}.png",
                "index": 10 * k,
                "true": true,
                "predicted": said,
                "right": kept,
                "confidence": rng.uniform(0.5, 1),
                "method": "grad_cam",
                "notes": [],
            }
        )
    put("explain/explain.json", explained)
    stages = [{"layers": k, "spearman": 0.8 - 0.18 * k} for k in range(1, 5)]
    knows = {"untouched": False, "right": 171, "of": 180, "chance": 0.1}
    places = {"correlation": 0.08, "moved": 0.01, "p_moved": 0.124, "turned": 0.09, "pairs": 64}
    tests = [
        {"name": "learned", "passed": True, "images": 6, "figures": knows},
        {"name": "randomisation", "passed": True, "images": 6, "figures": {"stages": stages}},
        {"name": "places", "passed": False, "images": 6, "figures": places},
        {"name": "own image", "passed": True, "images": 6, "figures": {"p_others": 0.002}},
    ]
    put(
        "explain/evidence.json",
        {"tests": tests, "badge": "3 of 4 checks passed on 6 images", "agreement": {"occlusion": 0.44}},
    )
    write_fooling(folder, put, pictures, classes)
    write_understanding(folder, put, pictures, classes)
    put(
        "export.json",
        {
            "file": "model.onnx",
            "bytes": 4 * graph.params + 1800,
            "latency_ms": 0.0613,
            "latency": {"median_ms": 0.0613, "p10_ms": 0.059, "p90_ms": 0.071, "runs": 200, "threads": 1},
            "largest_difference": 4.1e-7,
            "same_predictions": True,
            "n_checked": n,
        },
    )
    put(
        "exports.json",
        {
            "files": [
                {
                    "file": "model.tflite",
                    "bytes": 24_672,
                    "precision": "int8",
                    "arena": {"activations": 1536, "interpreter": 9680},
                    "accuracy": 0.936,
                    "interval": [0.906, 0.957],
                    "engine_accuracy": 0.936,
                    "disagreements": 1,
                    "largest_difference": 0.05,
                    "n_checked": n,
                    "checked_by": "LiteRT 2.3.0",
                    "milliseconds": 0.0241,
                }
            ]
        },
    )
    return folder


def write_fooling(
    folder: Path, put: Callable[[str, Any], None], pictures: np.ndarray, classes: list[str]
) -> None:
    """What `fool`, `robustness` and `style` leave."""
    for name in ("explain/fool/one.png", "explain/robustness/one.png", "explain/style/one.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[3]).save(folder / name)

    def at(accuracy: float) -> dict[str, Any]:
        right = round(200 * accuracy)
        return {"n": 200, "right": right, "accuracy": right / 200, "interval": wilson(right, 200)}

    shown = [{"file": "one.png", "class": name, "confidence": 0.99} for name in classes[:4]]
    evolved = {"generations": 200, "children": 200, "median": 0.99998, "first_9999": 105, "pictures": shown}
    rows = [{"epsilon": 2.0**k, **at(0.9 * 0.5**k)} for k in range(5)]
    kind = {"kind": "noise", "n": 200, "file": "one.png", "mean_confidence": 0.4, "over_90": 0.01}
    score = {
        "score": "energy",
        "name": "energy",
        "threshold": 3.5,
        "kept": 0.95,
        "auroc": 0.97,
        "let_in": 0.12,
    }
    example = {"file": "one.png", "fooled": True, "epsilon": 4.0, "true": classes[0], "predicted": classes[1]}
    put(
        "explain/fool/fool.json",
        {
            "direct": evolved,
            "cppn": {**evolved, "first_9999": None},
            "gradient": {"steps": 300, "median": 0.996, "pictures": shown},
            "adversarial": {
                "images": 200,
                "curves": [
                    {"attack": attack, "norm": norm, "rows": rows}
                    for attack, norm in (("fgsm", "linf"), ("pgd", "linf"), ("pgd", "l2"))
                ],
                "examples": [{**example, "confidence": 0.98, "confidence_after": 0.6}],
            },
            "unknown": {
                "keep": 0.95,
                "known": 200,
                "best": "energy",
                "kinds": [{**kind, "taken_for": classes[1], "taken_share": 0.6}],
                "scores": [
                    {**score, "kinds": {"noise": {"auroc": 0.97, "let_in": 0.12}}, "fooling": {"cppn": 0.9}}
                ],
            },
        },
    )
    corruptions = [
        {
            "name": name,
            "group": group,
            "unit": "pixels",
            "file": "one.png",
            "mean": 0.7,
            "severities": [{"severity": k, "constant": k / 10, **at(0.9 - k / 10)} for k in range(1, 6)],
        }
        for name, group in (("gaussian_noise", "noise"), ("motion_blur", "blur"), ("shift", "place"))
    ]
    put(
        "explain/robustness/robustness.json",
        {
            "n": 200,
            "constants": "CIFAR-10-C",
            "clean": at(0.9),
            "corruptions": corruptions,
            "mean_accuracy": 0.7,
            "mean_error": 0.3,
            "relative_error": 0.2,
            "kept": 0.78,
            "shown": {"name": "3/a.png", "true": classes[0]},
        },
    )
    put(
        "explain/style/style.json",
        [
            {
                "content": "cat.jpg",
                "style": "brick.jpg",
                "content_layers": ["conv2"],
                "style_layers": ["conv1", "conv2"],
                "first": {"style": 410.0},
                "last": {"style": 33.0},
                "steps": 200,
                "files": {"content": "one.png", "style": "one.png", "painted": "one.png"},
            }
        ],
    )


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """Writes a finished run: ``run_folder(classes=[...])``."""

    def make(classes: list[str] | None = None, **settings: Any) -> Path:
        folder = tmp_path / "0007"
        folder.mkdir()
        return write_run(folder, classes=classes or [str(k) for k in range(10)], **settings)

    return make


def write_understanding(
    folder: Path, put: Callable[[str, Any], None], pictures: np.ndarray, classes: list[str]
) -> None:
    """What `units` and `mistakes` leave."""
    kinds = ("surest", "pair-0", "embedding")
    for name in (*(f"mistakes/{kind}" for kind in kinds), "units/filters", "units/conv"):
        (folder / "explain" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[3]).save(folder / "explain" / f"{name}.png")
    bins = [{"n": 200, "confidence": 0.97, "accuracy": 0.9, "interval": wilson(180, 200)}]
    part = {"low": 10.0, "high": 90.0, "n": 50, "accuracy": 0.8, "interval": wilson(40, 50)}
    doubt = {"name": "3/a.png", "given": classes[0], "suggested": classes[1]}
    put(
        "explain/mistakes/mistakes.json",
        {
            "images": 200,
            "part": "test",
            "wrong": 20,
            "accuracy": 0.9,
            "calibration": {"ece": 0.08, "bins": bins},
            "temperature": 1.4,
            "tempered": {"ece": 0.02, "bins": bins},
            "attributes": {"brightness": [part, {**part, "accuracy": 0.9}]},
            "confused": [{"true": classes[0], "predicted": classes[1], "count": 4, "file": "pair-0.png"}],
            "suspected": [{**doubt, "confidence_given": 0.01, "confidence_suggested": 0.98}],
            "copies": [
                {"name": "3/b.png", "part": "test", "like": "3/c.png", "identical": True, "similarity": 1.0},
                {"name": "5/b.png", "part": "test", "like": "5/c.png", "identical": False, "similarity": 0.9},
            ],
            "embedding": {"way": "pca", "images": 200},
            "notes": [],
        },
    )
    off = [{"unit": 0, "accuracy": -0.12, "classes": [-0.12] * len(classes)}]
    layer = {"layer": "conv", "units": [{}] * 20, "dead": [3], "twins": [], "made": [0], "off": off}
    put(
        "explain/units/units.json",
        {"images": 900, "made": "fourier", "layers": [{**layer, "sheet": "conv.png"}], "notes": []},
    )
