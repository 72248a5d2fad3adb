"""Images per second, decoded and resized to 224x224 RGB: first epoch, later epochs, memory.

    python bench/images.py photos/            # a folder per class
    python bench/images.py caltech12.tar --camera 48

Contenders: convsmith (worker processes, scaled JPEG decoding, memory-mapped cache), Pillow in PyTorch's
DataLoader with 2 workers, OpenCV with 2 threads, and Keras's image_dataset_from_directory. Each runs in a
process of its own; memory is the largest resident size of it and its children together (proportional: shared
pages count once). --camera N adds N JPEGs of 12 megapixels.

Every epoch goes through all images in a shuffled order, in batches of 64. convsmith's first epoch also
checks every file (damage, copies, grey levels) before it decodes it once more for the cache.

Record (2 calm cores, 2026-11-22; Pillow 13.0.0, simplejpeg 1.9.0, torch 2.13.0, OpenCV 5.0.0):

    768 photos of 300x240      first epoch            later epochs           memory
                               images/s  CPU ms each  images/s  CPU ms each  MB
    convsmith                     321       4.80        15,035     0.07       178
    Pillow in DataLoader          349       3.85           952     2.07       363
    OpenCV                      1,192       1.28         1,624     0.98        69
    24 of 12 megapixels
    convsmith                      15     129.58        14,829     0.07       132
    Pillow in DataLoader          6.0     178.66           9.2   114.40       360
    OpenCV                         18     106.90            19   101.80       151

With 768 small photos, starting the processes is about a third of convsmith's first epoch. OpenCV neither
checks nor antialiases, and takes damaged files for whole ones.

Keras's image_dataset_from_directory did not run on the torch backend: it asks for TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SIDE, BATCH, EPOCHS = 224, 64, 3


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Shuffled positions, 64 at a time."""
    order = np.random.default_rng(epoch).permutation(count)
    for start in range(0, count, BATCH):
        yield np.sort(order[start : start + BATCH])


def files_below(folder: str) -> list[str]:
    """Paths of all images."""
    return sorted(str(path) for path in Path(folder).rglob("*.jpg"))


def ours(folder: str) -> Iterator[int]:
    """convsmith: the first epoch looks at, decodes and caches every image; the later ones read the map."""
    import convsmith.data as data

    with tempfile.TemporaryDirectory() as cache:
        images = None
        for epoch in range(EPOCHS):
            if images is None:
                images = data.read(folder, cache=None)
                pixels = images.pixels((SIDE, SIDE), 3, cache)
            for rows in batches(len(images), epoch):
                pixels[rows].sum()
            yield len(images)


def pillow(folder: str) -> Iterator[int]:
    """Pillow in a DataLoader with two workers, as most training scripts have it."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    paths = files_below(folder)

    class Pictures(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, i: int) -> torch.Tensor:
            with Image.open(paths[i]) as image:
                small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(small))

    for _ in range(EPOCHS):
        for batch in DataLoader(Pictures(), BATCH, shuffle=True, num_workers=2):
            batch.sum()
        yield len(paths)


def opencv(folder: str) -> Iterator[int]:
    """OpenCV in two threads, area resampling (its bilinear one does not antialias)."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2

    cv2.setNumThreads(1)
    paths = files_below(folder)

    def one(path: str) -> np.ndarray:
        image = cv2.imread(path, cv2.IMREAD_COLOR)
        return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)[..., ::-1]

    with ThreadPoolExecutor(2) as pool:
        for epoch in range(EPOCHS):
            for rows in batches(len(paths), epoch):
                np.stack(list(pool.map(one, [paths[k] for k in rows]))).sum()
            yield len(paths)


def keras_folder(folder: str) -> Iterator[int]:
    """Keras's image_dataset_from_directory (needs TensorFlow or grain)."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    found = keras.utils.image_dataset_from_directory(folder, image_size=(SIDE, SIDE), batch_size=BATCH)
    for _ in range(EPOCHS):
        count = 0
        for x, _y in found:
            count += len(x)
        yield count


CONTENDERS: dict[str, Callable[[str], Iterator[int]]] = {
    "convsmith": ours,
    "Pillow in DataLoader": pillow,
    "OpenCV": opencv,
    "Keras": keras_folder,
}


def resident() -> int:
    """Bytes in memory of this process and all below it (private and shared counted once: PSS)."""
    total = 0
    below = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True).stdout.split()
    parents = dict(zip(map(int, below[::2]), map(int, below[1::2]), strict=True))
    for pid in parents:
        above: int | None = pid
        while above not in (None, 0, os.getpid()):
            above = parents.get(above)
        if above == os.getpid():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += 1024 * int(text.split("Pss:")[1].split()[0])
            except (OSError, IndexError):
                continue
    return total


def measure(name: str, folder: str) -> dict[str, Any]:
    """Run one contender in this process."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            most[0] = max(most[0], resident())

    threading.Thread(target=watch, daemon=True).start()
    seconds, processor, counts = [], [], [0]
    start, spent = time.perf_counter(), cpu_seconds()
    for done_now in CONTENDERS[name](folder):
        counts.append(done_now)
        seconds.append(time.perf_counter() - start)
        processor.append(cpu_seconds() - spent)
        start, spent = time.perf_counter(), cpu_seconds()
    done.set()
    count = counts[-1]
    return {
        "images": count,
        "first": count / seconds[0],
        "later": count / min(seconds[1:]),
        "first_cpu": 1000 * processor[0] / count,
        "later_cpu": 1000 * min(processor[1:]) / count,
        "memory": most[0],
    }


def cpu_seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def camera(folder: Path, count: int) -> None:
    """JPEGs of 12 megapixels, as a phone takes them, in two classes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for k in range(count):
        small = Image.fromarray(rng.integers(0, 256, (40, 30, 3), np.uint8)).resize(
            (3000, 4000), Image.Resampling.BICUBIC
        )
        grain = rng.integers(-8, 9, (4000, 3000, 1), np.int16)
        path = folder / f"class{k % 2}" / f"{k:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8)).save(path, quality=90)


def main() -> None:
    """Print a table of all contenders on the given images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", help="a folder per class, or a tar file of one")
    parser.add_argument("--camera", type=int, default=0, help="also N made photos of 12 megapixels")
    parser.add_argument("--only", help="one contender, in this process, as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.data)))
        return
    with tempfile.TemporaryDirectory() as folder:
        sets = {}
        if options.data and os.path.isfile(options.data):
            with tarfile.open(options.data) as tar:
                tar.extractall(Path(folder) / "tar", filter="data")
            sets["given"] = str(next((Path(folder) / "tar").iterdir()))
        elif options.data:
            sets["given"] = options.data
        if options.camera:
            camera(Path(folder) / "camera", options.camera)
            sets["12 Mpx"] = str(Path(folder) / "camera")
        print(f"{'':22}{'first epoch':>22}{'later epochs':>22}{'memory':>9}")
        print(f"{'':22}{'images/s  CPU ms each':>22}{'images/s  CPU ms each':>22}{'MB':>9}")
        for kind, place in sets.items():
            for name in CONTENDERS:
                command = [sys.executable, __file__, place, "--only", name]
                ran = subprocess.run(command, capture_output=True, text=True)
                if ran.returncode:
                    reason = ran.stderr.strip().splitlines()[-1][:70] if ran.stderr.strip() else "failed"
                    print(f"{name:22}{reason}")
                    continue
                row = json.loads(ran.stdout.strip().splitlines()[-1])
                figures = "".join(f"{row[e]:12,.1f}{row[f'{e}_cpu']:10.2f}" for e in ("first", "later"))
                figures += f"{row['memory'] / 1e6:9,.0f}"
                print(f"{name:22}{figures}   {row['images']} of {kind}")


if __name__ == "__main__":
    main()
