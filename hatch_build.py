"""Compiles src/convsmith/engine/native/*.cpp while the package is built.

Without a C++ compiler the package is built all the same, and leaves that work to torch's own operations.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src", "convsmith", "engine", "native")
FLAGS = [
    "-std=c++17", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off",
    "-fno-exceptions", "-fno-rtti", "-Wno-psabi",
]  # fmt: skip
VARIANTS = {"avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"], "avx2": ["-march=x86-64-v3"]}


class Kernels(BuildHookInterface):  # type: ignore[type-arg]
    """One library for each instruction set, as far as the compiler knows it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and put what came of it into the wheel."""
        compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
        intel = platform.machine().lower() in ("x86_64", "amd64")
        built = []
        for name, flags in (VARIANTS if intel else {"generic": []}).items():
            library = FOLDER / f"kernels.so.{name}"  # no module of Python's by its name
            if compiler and os.name == "posix" and self._compiled(compiler, flags, library):
                built.append(library)
        if built:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"] += [path.as_posix() for path in built]

    def _compiled(self, compiler: str, flags: list[str], library: Path) -> bool:
        folder, whole = Path(self.root, FOLDER), Path(self.root, library)
        sources = sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        part = whole.with_name(f".{whole.name}.part")
        command = [
            *shlex.split(compiler),
            *FLAGS,
            *flags,
            f'-DSOURCE="{digest}"',
            *(str(path) for path in sources if path.suffix == ".cpp"),
            "-o",
            str(part),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            self.app.display_warning(f"{library.name} is not compiled, torch does it instead: {error}")
            return False
        if done.returncode != 0:
            self.app.display_warning(f"{library.name} is not compiled, torch does it instead\n{done.stderr}")
            return False
        part.replace(whole)
        return True
