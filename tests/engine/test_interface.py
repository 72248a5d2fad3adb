"""The compiled functions take what Python hands over: declarations are compared, memory is watched once."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from convsmith.engine import native
from convsmith.engine.native.limits import LIMITS

FOLDER = Path(native.__file__).parent
SOURCES = sorted(FOLDER.glob("*.cpp"))
NUMBERS = {
    "long": ctypes.c_long, "int": ctypes.c_int, "float": ctypes.c_float,
    "uint64_t": ctypes.c_uint64, "uint32_t": ctypes.c_uint32,
}  # fmt: skip
DECLARATION = re.compile(r"^([\w ]+?[ *])convsmith_(\w+)\(([^)]*)\) *\{", re.M)


def declarations() -> dict[str, tuple[str, list[str]]]:
    """Name -> (what it returns, the types of what it takes), of everything below ``extern "C"``."""
    found = {}
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").partition('extern "C" {')[2]
        for returned, name, taken in DECLARATION.findall(text):
            types = [re.sub(r"\w+$", "", one.strip()).strip() for one in taken.split(",") if one.strip()]
            found[name] = returned.strip(), types
    return found


def test_the_sources_are_read() -> None:
    """Nothing that begins with the prefix is missed."""
    written = {name for path in SOURCES for name in re.findall(r"\bconvsmith_(\w+)\(", path.read_text())}
    assert set(declarations()) == written
    assert len(written) >= 18


def test_each_function_has_the_types_that_python_hands_over() -> None:
    found = declarations()
    assert set(native._SIGNATURES) == set(found) - {"source", "runtime"}
    for name, kinds in native._SIGNATURES.items():
        returned, types = found[name]
        assert returned == "void"
        wanted = [
            ctypes.c_void_p if one.endswith("*") else NUMBERS[one.removeprefix("const ")] for one in types
        ]
        assert kinds == wanted, name
        assert types[-1] == "long"  # the threads, which `call` adds


def test_a_type_that_differs_is_seen() -> None:
    text = 'extern "C" {\nvoid convsmith_x(const float *a, int b,\n   uint32_t c, long threads) {\n}'
    (found,) = DECLARATION.findall(text.partition('extern "C" {')[2])
    assert found == ("void ", "x", "const float *a, int b,\n   uint32_t c, long threads")


def test_every_limit_is_used_and_says_where_it_comes_from() -> None:
    engine = FOLDER.parent
    code = "".join(path.read_text() for path in engine.rglob("*.py"))
    used = set(re.findall(r'limit\(\s*"([^"]+)"', code)) | set(re.findall(r'else "([^"]+)"\)', code))
    assert set(LIMITS) <= used
    for name, one in LIMITS.items():
        assert list((engine.parents[2] / "docs" / "decisions").glob(f"{one.decision:04d}-*.md")), name
        assert bool(one.measured) is (one.decision != 23), name


@pytest.mark.slow
def test_no_function_touches_memory_that_is_not_its_own(tmp_path: Path) -> None:
    """Under the address and undefined-behaviour sanitizers: random sizes, rooms as large as asked for."""
    compiler = next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if compiler is None:
        pytest.skip("no C++ compiler")
    lines = [
        f"{returned} convsmith_{name}({', '.join(types)});"
        for name, (returned, types) in declarations().items()
    ]
    program = Path(__file__).with_name("sanitized.cpp").read_text(encoding="utf-8")
    (tmp_path / "main.cpp").write_text(program.replace("DECLARATIONS", "\n".join(lines)), encoding="utf-8")
    flags = [
        "-std=c++17", "-O1", "-march=native", "-pthread", "-Wno-psabi", '-DSOURCE=""', f"-I{FOLDER}",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
        # GCC forgets in template arguments that the vectors' type asks for 4 bytes of alignment alone
        "-fno-sanitize=alignment",
    ]  # fmt: skip
    out = tmp_path / "program"
    objects = []
    for path in (*SOURCES, tmp_path / "main.cpp"):
        objects.append(str(tmp_path / f"{path.stem}.o"))
        made = subprocess.run(
            [compiler, *flags, "-c", str(path), "-o", objects[-1]], capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
    made = subprocess.run([compiler, *flags, *objects, "-o", str(out)], capture_output=True, text=True)
    if made.returncode != 0 and ("asan" in made.stderr or "ubsan" in made.stderr):
        pytest.skip("the compiler has no sanitizers here")
    assert made.returncode == 0, made.stderr
    done = subprocess.run([str(out)], capture_output=True, text=True, env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "no fault\n"
