"""What a run ran on: versions and hardware, nothing that says who or where."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "convsmith", "keras", "numpy", "onnx", "onnxruntime", "optuna", "pillow", "safetensors",
    "scikit-learn", "scipy", "torch",
)  # fmt: skip
GROUPS = (
    "convsmith.kinds", "convsmith.networks", "convsmith.readers", "convsmith.spaces", "convsmith.algorithms",
    "convsmith.explanations",
)  # fmt: skip
"""Groups of entry points by which other packages offer something."""
SETTINGS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "CONVSMITH_NATIVE",
    "ATEN_CPU_CAPABILITY",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Python, package versions, system, processor and cores, as a JSON-able dict.

    Packages are asked for their version without being imported; absent ones are left out.

    Example:
        >>> sorted(environment())
        ['cores', 'cpu', 'machine', 'offered', 'packages', 'python', 'settings', 'system', 'usable_cores']
    """
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": versions,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 1,
        "usable_cores": usable_cores(),
        "offered": offered(),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


def offered() -> dict[str, dict[str, str]]:
    """What other packages offer here, without importing it: group -> name -> package and version."""
    found: dict[str, dict[str, str]] = {}
    for group in GROUPS:
        for point in metadata.entry_points(group=group):
            package = f"{point.dist.name} {point.dist.version}" if point.dist else point.module
            found.setdefault(group, {})[point.name] = package
    return found


def usable_cores() -> int:
    """Cores that this process may use, which a container or `taskset` can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's own name, or the machine type where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
