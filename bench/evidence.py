"""The evidence badge as a classifier: how often it passes bad maps and fails good ones, with planted truth.

    python bench/evidence.py --networks 18          # about an hour on one core
    python bench/evidence.py --networks 3 --methods grad_cam occlusion

Small networks are trained on images whose evidence lies in a known place among decoys (textures, handwritten
digits beside digits cut up, coloured shapes beside blots), with three architectures. Their maps by every
method are judged as they are and spoiled in fifteen ways; the same networks untrained, and with every weight
array shuffled, are judged by what they know. A map is good where planted truth says so: over the eight images
at least 1.5 times as much of its highest ranks on the planted patch as chance puts there, and more than an
edge detector's. What is measured is what `insight.evidence` asks, each threshold included, but for the
randomisation cascade, which asks about the method and not about the map.

Record: see RECORD.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from convsmith.engine.lower import Lowered, lower
from convsmith.engine.weights import dump, initial
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.insight.evidence.covering import Covered, blurred, cover, on_grid
from convsmith.insight.evidence.faithfulness import Scale
from convsmith.insight.evidence.learned import Answered, learned
from convsmith.insight.evidence.verdict import PAIRS, is_clear, judged, weighed
from convsmith.insight.explain import explain_again
from convsmith.insight.method import METHODS
from convsmith.insight.mistakes import wilson
from convsmith.insight.target import Aim, Refused, outputs
from convsmith.testing.planted import edges, planted, rank_accuracy

RECORD = """
The first eight networks (of the last four not every method), torch 2.13, 2026-11-29; edges, contrast and the
middle counted once a network:
good                       passed    60 of    61:  98.36% (91.28% to 99.71%)
poor by planted truth      passed    10 of    16:  62.50%
turned, mirrored           passed     0 of   231
shifted                    passed     0 of   154
pixels shuffled            passed     0 of    77
blocks shuffled            passed     1 of    77
of another image           passed     0 of    77
of an untrained network    passed     5 of    73
noise of three sorts       passed     0 of   231
edges, contrast, middle    passed     0 of    24
all spoiled maps           passed     6 of   944:   0.64% (0.29% to 1.38%)
"""
IMAGES, MOST, LABELLED = 8, 64, 400
EPOCHS = {"textures": 6, "digits": 16, "shapes": 10}
SHORT = {"rise": {"masks": 300}, "integrated_gradients": {"steps": 16}}
Data = tuple[np.ndarray, np.ndarray, np.ndarray, int]
layers = keras.layers


def textures(n: int, seed: int) -> Data:
    """`testing.planted`: stripes and checks among decoys of equal contrast."""
    data = planted(n, seed)
    return data.x_NHWC, data.y, data.masks_NHW, 3


def digits(n: int, seed: int) -> Data:
    """A handwritten digit in a quarter of the image; in two others digits cut into blocks and mixed."""
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8) * 15.9
    rng = np.random.default_rng(seed)
    pool = np.flatnonzero(np.arange(len(x)) % 2 == (seed >= 10_000))
    pixels = rng.normal(20, 8, (n, 32, 32))
    masks, y = np.zeros((n, 32, 32), bool), np.zeros(n, int)
    for i in range(n):
        for k, quarter in enumerate(rng.permutation(4)[:3]):
            top, left = np.array(divmod(int(quarter), 2)) * 16
            if k == 0:
                chosen = rng.choice(pool)
                image, y[i] = x[chosen], labels[chosen]
                masks[i, top : top + 16, left : left + 16] = True
            else:
                image = x[rng.choice(pool)]
                blocks = image.reshape(4, 2, 4, 2).transpose(0, 2, 1, 3).reshape(16, 2, 2)
                blocks = blocks[rng.permutation(16)].reshape(4, 4, 2, 2)
                image = blocks.transpose(0, 2, 1, 3).reshape(8, 8)
            pixels[i, top : top + 16, left : left + 16] += np.kron(image, np.ones((2, 2))) * 0.8
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)[..., None], y, masks, 10


def shapes(n: int, seed: int) -> Data:
    """A disc, a square, a triangle or a cross of any colour beside two blots of any colour."""
    rng = np.random.default_rng(seed)
    side, y = 40, rng.integers(0, 4, n)
    masks = np.zeros((n, side, side), bool)
    pixels = rng.normal(110, 18, (n, side, side, 3)) + rng.normal(0, 15, (n, 1, 1, 3))
    down, across = np.mgrid[0:16, 0:16] - 7.5
    forms = (
        down**2 + across**2 < 49,
        (abs(down) < 6.2) & (abs(across) < 6.2),
        (abs(down) < 7) & (abs(across) < (down + 7) * 0.55),
        (abs(down) < 2.6) | (abs(across) < 2.6),
    )
    for i in range(n):
        for k, quarter in enumerate(rng.permutation(4)[:3]):
            top, left = np.array(divmod(int(quarter), 2)) * 20 + rng.integers(0, 5, 2)
            form = forms[y[i]] if k == 0 else _blot(rng) & (down**2 + across**2 < 60)
            colour = rng.choice([-1, 1], 3) * rng.uniform(40, 90, 3)
            pixels[i, top : top + 16, left : left + 16][form] += colour
            if k == 0:
                masks[i, top : top + 16, left : left + 16] = True
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), y, masks, 4


def _blot(rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=(16, 16))
    for _ in range(3):
        moved = [np.roll(noise, step, axis) for axis in (0, 1) for step in (1, -1)]
        noise = (noise + sum(moved)) / 5
    return noise > np.quantile(noise, 0.5)


def plain(shape: tuple[int, ...], classes: int) -> Graph:
    """Three convolutions with batch norm, global means."""
    x = inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 64, -2)(x)
    for n, filters in enumerate((8, 16, 24)):
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv{n + 1}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{n + 1}")(x)
        x = layers.ReLU(name=f"relu{n + 1}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{n + 1}")(x) if n < 2 else x
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="classes")(x), name="plain")


def lenet(shape: tuple[int, ...], classes: int) -> Graph:
    """Two convolutions without batch norm, and dense layers."""
    x = inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 64, -2)(x)
    for n, filters in enumerate((8, 16)):
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", name=f"conv{n + 1}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{n + 1}")(x)
    x = layers.Dense(48, activation="relu", name="hidden")(layers.Flatten(name="flat")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="classes")(x), name="lenet")


def residual(shape: tuple[int, ...], classes: int) -> Graph:
    """Two residual blocks, strides, global means."""

    def block(x: Any, filters: int, name: str, stride: int = 1, active: bool = True) -> Any:
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(momentum=0.9, name=name + "n")(x)
        return layers.ReLU(name=name + "r")(x) if active else x

    x = inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 64, -2)(x)
    for n, filters in enumerate((12, 20)):
        x = block(x, filters, f"down{n}", 2)
        y = block(block(x, filters, f"first{n}"), filters, f"second{n}", active=False)
        x = layers.ReLU(name=f"relu{n}")(layers.Add(name=f"add{n}")([x, y]))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(
        inputs, layers.Dense(classes, activation="softmax", name="classes")(x), name="residual"
    )


FAMILIES: dict[str, Callable[[int, int], Data]] = {"textures": textures, "digits": digits, "shapes": shapes}
NETWORKS = {"plain": plain, "lenet": lenet, "residual": residual}


def trained(family: str, network: str, seed: int, images: int = 1000) -> tuple[Graph, dict[str, np.ndarray]]:
    """A network after a few epochs."""
    x, y, _, classes = FAMILIES[family](images, 10_000 + seed)
    graph = NETWORKS[network](x.shape[1:], classes)
    net = lower(graph, initial(graph, seed)).train()
    x_NCHW, labels = _tensor(x), torch.from_numpy(y)
    rate, decay = (0.003, 1e-3) if network == "lenet" else (0.01, 1e-3)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    steps = EPOCHS[family] * -(-images // 50)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    order = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS[family]):
        for rows in torch.randperm(images, generator=order).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net.logits(x_NCHW[rows]), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return graph, dump(net.eval())


def _tensor(x_NHWC: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x_NHWC).permute(0, 3, 1, 2).float().contiguous()


def answered(net: Lowered, family: str, seed: int) -> Answered:
    """How a network does on images that it was not trained on."""
    x, y, _, _ = FAMILIES[family](LABELLED, 500 + seed)
    with torch.inference_mode():
        said = net(_tensor(x)).argmax(1).numpy()
    return Answered(int((said == y).sum()), len(y), int(np.bincount(y).max()))


def spoiled(maps: np.ndarray, x_NHWC: np.ndarray, blank: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The maps spoiled in fifteen ways; `blank` are the method's maps of a network with random weights."""
    rng, (n, rows, columns) = np.random.default_rng(seed), maps.shape
    pixels = x_NHWC.astype(np.float64).transpose(0, 3, 1, 2)
    quarters = maps.reshape(n, 4, rows // 4, 4, columns // 4).transpose(0, 1, 3, 2, 4).copy()
    mixed = quarters.reshape(n, 16, rows // 4, columns // 4)
    shuffled = maps.reshape(n, -1).copy()
    for one, blocks in zip(shuffled, mixed, strict=True):
        rng.shuffle(one)
        rng.shuffle(blocks)
    middle = [(np.arange(k) - (k - 1) / 2) / (k / 3) for k in (rows, columns)]
    centre = np.exp(-(middle[0][:, None] ** 2 + middle[1][None] ** 2) / 2)
    mixed = mixed.reshape(n, 4, 4, rows // 4, columns // 4).transpose(0, 1, 3, 2, 4)
    smooth = [_smooth(rng, rows, columns) for _ in range(n + 1)]
    return {
        "turned by 180": np.rot90(maps, 2, (1, 2)),
        "turned by 90": np.rot90(maps, 1, (1, 2)),
        "mirrored": maps[:, :, ::-1],
        "shifted by half": np.roll(maps, (rows // 2, columns // 2), (1, 2)),
        "shifted by a quarter": np.roll(maps, (rows // 4, -(columns // 4)), (1, 2)),
        "pixels shuffled": shuffled.reshape(maps.shape),
        "blocks shuffled": mixed.reshape(maps.shape),
        "of another image": np.roll(maps, 1, 0),
        "of an untrained network": blank,
        "noise": rng.normal(size=maps.shape),
        "smooth noise": np.stack(smooth[:n]),
        "the same smooth noise": np.repeat(smooth[n][None], n, 0),
        "edges": np.stack([sum(edges(plane) for plane in image) for image in pixels]),
        "contrast": np.stack([np.abs(one - blurred(one.astype(np.float32))).sum(0) for one in pixels]),
        "the middle": np.repeat(centre[None], n, 0),
    }  # fmt: skip


def _smooth(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    waves = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.fftfreq(columns)[None] ** 2
    return np.fft.ifft2(np.fft.fft2(rng.normal(size=(rows, columns))) * np.exp(-200 * waves)).real


def scales(x_NHWC: np.ndarray, covered: Covered) -> dict[int, Scale]:
    """For each number of pairs what covering did."""
    x_NCHW, found, pairs = _tensor(x_NHWC).numpy(), {}, PAIRS
    while pairs <= MOST:
        found[pairs] = Scale(x_NCHW, covered.first(pairs))
        pairs *= 2
    return found


def verdict(scale: dict[int, Scale], maps: np.ndarray, blank: np.ndarray) -> dict[str, bool]:
    """What the evidence says of maps, test by test, with its early end; the cascade counted as passed."""
    grid, random = on_grid(maps), on_grid(blank)
    for pairs, each in scale.items():
        found, by_chance = weighed(each, grid, grid, random, 0)
        if is_clear(found, pairs):
            break
    cascade = {"stages": [], "passed": True, "images": len(maps)}
    tests = judged(cascade, found, by_chance, pairs, images=len(maps))
    return {test["name"]: test["passed"] for test in tests}


def is_good(maps: np.ndarray, x_NHWC: np.ndarray, masks: np.ndarray) -> bool:
    """Whether planted truth calls the maps good."""
    pixels = x_NHWC.astype(np.float64).transpose(0, 3, 1, 2)
    mean = lambda found: np.mean([rank_accuracy(a, b) for a, b in zip(found, masks, strict=True)])  # noqa: E731
    detector = mean(np.stack([sum(edges(plane) for plane in image) for image in pixels]))
    return bool(mean(maps) >= 1.5 * masks.mean() and mean(maps) > detector)


def judged_maps(
    net: Lowered, blanks: list[Lowered], data: Data, methods: list[str]
) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """(method, what was done to its maps, what each test says) for one network."""
    x_NCHW = _tensor(data[0])
    with torch.inference_mode():
        said = tuple(outputs(net, x_NCHW).argmax(1).tolist())
    aimed = Aim(said, None, "logit")
    scale = scales(data[0], cover(net, x_NCHW.numpy(), aimed, pairs=MOST, seed=100))
    for name in methods:
        run = partial(METHODS[name], **SHORT.get(name, {}))
        try:
            maps = explain_again(run, net, x_NCHW, aimed).maps_NHW
            first, other = (explain_again(run, each, x_NCHW, aimed).maps_NHW for each in blanks)
        except Refused:
            continue
        yield from judged_method(name, maps, first, other, data, scale)


def judged_method(
    name: str, maps: np.ndarray, blank: np.ndarray, other: np.ndarray, data: Data, scale: dict[int, Scale]
) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """The same for the maps of one method."""
    x, _, masks, _ = data
    kind = "good" if is_good(maps, x, masks) else "poor by planted truth"
    yield name, kind, verdict(scale, maps, blank)
    for kind, bad in spoiled(maps, x, other, seed=5).items():
        yield name, kind, verdict(scale, np.ascontiguousarray(bad), blank)


def shuffled_weights(weights: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The same numbers in every array, in another order: nothing that was learned is left."""
    rng = np.random.default_rng(seed)
    return {name: rng.permutation(array.ravel()).reshape(array.shape) for name, array in weights.items()}


WAYS = ("with labels", "without labels", "without labels, no look at its weights")


def knowledge(graph: Graph, weights: dict[str, np.ndarray], family: str, seed: int) -> tuple[bool, ...]:
    """Whether a network passes as learned, in each of `WAYS`."""
    net, x_NCHW = lower(graph, weights), _tensor(FAMILIES[family](IMAGES, 777 + seed)[0])
    blank = lower(graph, initial(graph, 1))
    with torch.inference_mode():
        own, random = (outputs(each, x_NCHW).numpy() for each in (net, blank))
    with_labels = learned(graph, weights, own, [random], answered(net, family, seed))
    without = learned(graph, weights, own, [random])
    touched = {name: array + 1e-9 for name, array in weights.items()}
    return with_labels["passed"], without["passed"], learned(graph, touched, own, [random])["passed"]


def main(argv: list[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", type=int, default=18)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    counts: Counter[tuple[str, str]] = Counter()
    knows: Counter[tuple[str, int]] = Counter()
    combinations = itertools.product(itertools.count(), FAMILIES, NETWORKS)
    for seed, family, network in itertools.islice(combinations, asked.networks):
        graph, weights = trained(family, network, seed)
        blanks = [lower(graph, initial(graph, 9000 + k)) for k in range(2)]
        data = FAMILIES[family](IMAGES, 777 + seed)
        for _, kind, said in judged_maps(lower(graph, weights), blanks, data, asked.methods):
            counts[kind, "passed" if all(said.values()) else "failed"] += 1
        states = {"trained": weights, "untrained": initial(graph, 4000 + seed)}
        states["weights shuffled"] = shuffled_weights(weights, seed)
        for state, these in states.items():
            for way, passed in enumerate(knowledge(graph, these, family, seed)):
                knows[state, way] += passed
        print(f"{family} {network} {seed}", flush=True)
    print(table(counts))
    for (state, way), passed in sorted(knows.items()):
        print(_line(f"{state}, {WAYS[way]}", passed, asked.networks))


def table(counts: Counter[tuple[str, str]]) -> str:
    """How often each kind of map passes, with 95% intervals; then all spoiled maps together."""
    lines, bad = [], [0, 0]
    for kind in sorted({kind for kind, _ in counts}):
        passed, failed = counts[kind, "passed"], counts[kind, "failed"]
        lines.append(_line(kind, passed, passed + failed))
        if kind not in ("good", "poor by planted truth"):
            bad = [bad[0] + passed, bad[1] + passed + failed]
    return "\n".join([*lines, _line("all spoiled maps", *bad)])


def _line(kind: str, passed: int, of: int) -> str:
    low, high = wilson(passed, of)
    return f"{kind:26} passed {passed:5} of {of:5}: {passed / max(1, of):7.2%} ({low:.2%} to {high:.2%})"


if __name__ == "__main__":
    main()
