"""Compiles src/convsmith/engine/native/*.cpp while the package is built, and says whom the wheel is for.

Without a C++ compiler the package is built all the same, and leaves that work to torch's own operations. The
libraries are called through ctypes, so that one wheel serves every version of Python.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src", "convsmith", "engine", "native")
FLAGS = [
    "-std=c++17", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off",
    "-fno-exceptions", "-fno-rtti", "-Wno-psabi",
]  # fmt: skip
VARIANTS = {"avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"], "avx2": ["-march=x86-64-v3"]}
OLDEST = {"GLIBC": (2, 17), "GLIBCXX": (3, 4, 19), "CXXABI": (1, 3, 7), "GCC": (4, 8, 0)}
"""The newest symbols that manylinux2014 has (PEP 599)."""
BESIDE = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2"}
"""Libraries that it has, of those that a compiler may ask for."""


def wheel_tag(libraries: Iterable[bytes], machine: str, platform_tag: str) -> str:
    """The tag of a wheel with these libraries: manylinux2014 where they need nothing newer.

    Names of needed libraries and versions of symbols are texts of an ELF file's table; all texts of the file
    are looked at, which can only make the answer stricter.

    Args:
        libraries: the whole files.
        machine: "x86_64", "aarch64", ...
        platform_tag: of this machine, such as "linux_x86_64".
    """
    fits = machine in ("x86_64", "aarch64") and platform_tag.startswith("linux")
    for library in libraries:
        needed = {found.decode() for found in re.findall(rb"\0(lib[\w.+-]+\.so[.\d]*)(?=\0)", library)}
        fits = fits and library[:4] == b"\x7fELF" and needed <= BESIDE
        for family, version in re.findall(rb"\0(GLIBC|GLIBCXX|CXXABI|GCC)_(\d[\d.]*)(?=\0)", library):
            fits = fits and tuple(map(int, version.split(b"."))) <= OLDEST[family.decode()]
    return f"py3-none-{f'manylinux2014_{machine}' if fits else platform_tag}"


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
            libraries = [Path(self.root, path).read_bytes() for path in built]
            here = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = wheel_tag(libraries, platform.machine(), here)
            build_data["artifacts"] += [path.as_posix() for path in built]
        elif not compiler:
            self.app.display_warning(
                "no C++ compiler (c++, g++, clang++, or what CXX names): nothing is compiled, "
                "and training leaves that work to torch, more slowly"
            )

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
