"""What a package is made of: whom its wheel is for, what an index shows, what each part needs."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from convsmith.errors import BadInput
from convsmith.installed import CORE, EXTRAS, need
from convsmith.nas.settings import check_settings, settings_of

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NATIVE = ROOT / "src" / "convsmith" / "engine" / "native"


def builder(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file of the build, with hatchling's interfaces as empty classes."""
    for kind, interface in (("builders.hooks", "BuildHookInterface"), ("metadata", "MetadataHookInterface")):
        module = ModuleType("interface")
        setattr(module, interface, type(interface, (), {}))
        place = f"hatchling.{kind}.plugin.interface"
        for end in range(1, place.count(".") + 1):
            monkeypatch.setitem(sys.modules, ".".join(place.split(".")[:end]), ModuleType("package"))
        monkeypatch.setitem(sys.modules, place, module)
    spec = importlib.util.spec_from_file_location(name, ROOT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def library(*texts: str) -> bytes:
    return b"\x7fELF\0" + "\0".join(texts).encode() + b"\0"


@pytest.mark.parametrize(
    ("texts", "machine", "here", "tag"),
    [
        (("libc.so.6", "GLIBC_2.14"), "x86_64", "linux_x86_64", "py3-none-manylinux2014_x86_64"),
        (("libc.so.6", "GLIBC_2.17"), "aarch64", "linux_aarch64", "py3-none-manylinux2014_aarch64"),
        (("libc.so.6", "GLIBC_2.2.5", "GLIBC_2.18"), "x86_64", "linux_x86_64", "py3-none-linux_x86_64"),
        (("libstdc++.so.6", "GLIBCXX_3.4.19"), "x86_64", "linux_x86_64", "py3-none-manylinux2014_x86_64"),
        (("libstdc++.so.6", "GLIBCXX_3.4.20"), "x86_64", "linux_x86_64", "py3-none-linux_x86_64"),
        (("libc.so.6", "libomp.so.5"), "x86_64", "linux_x86_64", "py3-none-linux_x86_64"),
        (("libc.musl-x86_64.so.1",), "x86_64", "linux_x86_64", "py3-none-linux_x86_64"),
        (("libc.so.6", "GLIBC_2.4"), "riscv64", "linux_riscv64", "py3-none-linux_riscv64"),
        (("libSystem.B",), "arm64", "macosx_14_0_arm64", "py3-none-macosx_14_0_arm64"),
    ],
)
def test_whom_a_wheel_is_for(texts, machine, here, tag, monkeypatch):
    assert builder("hatch_build", monkeypatch).wheel_tag([library(*texts)], machine, here) == tag


def test_what_is_read_of_a_library_is_what_readelf_says(monkeypatch):
    """Its needed libraries and versions, as binutils prints them, lie within what the tag promises."""
    built = sorted(NATIVE.glob("kernels.so.*"))
    if not built or not shutil.which("readelf"):
        pytest.skip("no compiled library, or no readelf, on this machine")
    hook = builder("hatch_build", monkeypatch)
    printed = subprocess.run(
        ["readelf", "-dV", *map(str, built)], capture_output=True, text=True, check=True
    ).stdout
    needed = set(re.findall(r"Shared library: \[(.+?)\]", printed))
    versions = {tuple(map(int, one.split("."))) for one in re.findall(r"Name: GLIBC_([\d.]+)", printed)}
    assert needed
    assert versions
    fits = needed <= hook.BESIDE and max(versions) <= hook.OLDEST["GLIBC"] and "GLIBCXX" not in printed
    tag = hook.wheel_tag([path.read_bytes() for path in built], "x86_64", "linux_x86_64")
    assert (tag == "py3-none-manylinux2014_x86_64") == fits


def test_an_index_gets_no_relative_link(monkeypatch):
    hook = builder("hatch_readme", monkeypatch)
    readme = (ROOT / "README.md").read_text()
    relative = re.compile(r"\]\((?!https?:|#)")
    assert relative.search(readme)
    named = hook.for_an_index(readme, "https://example.org/convsmith")
    assert "[tour.md](https://example.org/convsmith/blob/main/docs/tour.md)" in hook.for_an_index(
        "[tour.md](docs/tour.md)", "https://example.org/convsmith"
    )
    assert "(https://example.org/convsmith/raw/main/docs/report.png)" in named
    assert not relative.search(named)
    plain = hook.for_an_index(readme, "")
    assert not relative.search(plain)
    assert "example.org" not in plain


def imported() -> set[str]:
    """The top-level names of every other package that the code imports."""
    found: set[str] = set()
    for path in (ROOT / "src" / "convsmith").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"convsmith"}


def test_what_is_imported_is_declared():
    """scipy once came by way of scikit-learn only."""
    along = {"markupsafe", "google"}  # Jinja's own, and the protobuf of onnx
    assert imported() - along <= set(CORE) | set(EXTRAS)
    asked = {re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"]}
    assert set(CORE.values()) == asked
    assert set(EXTRAS.values()) <= set(PROJECT["optional-dependencies"])
    assert set(CORE) <= imported()


def test_the_light_parts_are_named_alike():
    """In the README, in the Makefile and where the wheel is tried."""
    named = re.search(
        r"^pip install --no-deps convsmith && pip install (.+)$", (ROOT / "README.md").read_text(), re.M
    )
    made = re.search(r"^LIGHT := (.+)$", (ROOT / "Makefile").read_text(), re.M)
    tried = re.search(r"^packages='(.+)'$", (ROOT / ".ci" / "wheel").read_text(), re.M)
    assert named[1].split() == made[1].split() == tried[1].split()
    assert set(named[1].split()) < {re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"]}


def test_every_extra_is_installed_for_the_tests():
    extras = PROJECT["optional-dependencies"]
    whole = {re.match(r"[\w.-]+", line)[0] for line in extras["dev"]}
    for name, lines in extras.items():
        missing = {re.match(r"[\w.-]+", line)[0] for line in lines} - whole
        assert missing <= {"datasets"}, name  # a stand-in tests what is done with it


@pytest.mark.parametrize("algorithm", ["tpe", "bayesian"])
def test_an_algorithm_of_an_extra_is_refused_before_any_work(algorithm, monkeypatch):
    """What every search asks its algorithm before it begins."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    wanted = rf"--algorithm {algorithm}: optuna is not installed; .*pip install 'convsmith\[optuna\]'"
    with pytest.raises(BadInput, match=wanted):
        check_settings(algorithm, settings_of(algorithm, {}))


@pytest.mark.parametrize(
    "command",
    [
        ["forge", "digits", "--max-params", "20k", "--minutes", "1"],
        ["train", "lenet5", "digits", "--size", "32x32"],
        ["search", "chain", "digits", "--max-params", "20k", "--trials", "2"],
        ["explain", "runs/0001", "a.png"],
        ["export", "runs/0001"],
    ],
)
def test_without_torch_a_command_ends_in_one_line(command, tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'keras', 'onnxruntime', 'sklearn', 'scipy'): sys.modules[name] = None\n"
        "from convsmith.cli.main import run\n"
        f"sys.exit(run({command!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "is not installed" in done.stderr or "runs/0001" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_installed_is_not_refused(monkeypatch):
    need("--log", "json")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match=r"--ray: ray is not installed; .*convsmith\[ray\]"):
        need("--ray", "json", "ray")
