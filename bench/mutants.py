"""Whether the tests would notice: each mutation of `mutants.toml` in turn, in a copy, with its tests.

    python bench/mutants.py                 all of them
    python bench/mutants.py jobs/ memory    those whose file has one of these in its path
    python bench/mutants.py --out run.jsonl a line for each; what is in the file already is not run again

Exit code 1 where fewer than 95% of those that ran are killed. Tests that do not end count as
failed ones, and are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_suffix(".toml")
WANTED = 0.95
MOST_SECONDS = 600.0
IGNORED = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")


def main() -> int:
    """Run the mutations; a line for each, and the sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="*", help="only files with one of these in their path")
    parser.add_argument("--out", type=Path, help="a file of JSON lines that is added to")
    asked = parser.parse_args()
    mutants = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    chosen = [one for one in mutants if not asked.parts or any(part in one["file"] for part in asked.parts)]
    known = {} if asked.out is None or not asked.out.exists() else read(asked.out)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "checkout"
        for name in ("src", "tests"):
            shutil.copytree(HOME / name, copy / name, ignore=IGNORED)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(HOME / name, copy / name)
        results = []
        for number, one in enumerate(chosen, 1):
            result = known.get(key(one)) or tried(one, copy)
            results.append(result["result"])
            said = f"{one['file']}: {one['old'].splitlines()[0]}"[:120]
            print(
                f"{number}/{len(chosen)} {result['result']:8} {said} ({result['seconds']:.0f} s)", flush=True
            )
            if asked.out is not None and key(one) not in known:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**one, **result}) + "\n")
    counts = Counter(results)
    killed = counts["killed"] + counts["no end"]
    print(f"{killed} of {len(results)} killed ({dict(counts)})")
    return 0 if killed >= WANTED * len(results) else 1


def key(mutant: dict[str, Any]) -> str:
    """By which a mutation and its tests are known again."""
    return json.dumps([mutant[name] for name in ("file", "old", "new", "tests")])


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The results of an earlier run."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {key(line): {"result": line["result"], "seconds": line["seconds"]} for line in lines}


def tried(mutant: dict[str, Any], copy: Path) -> dict[str, Any]:
    """Put the mutation into the copy, run its tests, and take it out again."""
    path = copy / "src" / "convsmith" / mutant["file"]
    whole = path.read_text(encoding="utf-8")
    if whole.count(mutant["old"]) != 1:
        return {"result": "absent", "seconds": 0.0}
    tests = [str(Path("tests") / name) for name in mutant["tests"]]
    line = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    began = time.monotonic()
    path.write_text(whole.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        done = subprocess.run(
            line, cwd=copy, capture_output=True, timeout=MOST_SECONDS,
            env={**os.environ, "PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        # 0: all passed; 1: a test failed; anything else: the tests could not be run as they are
        result = {0: "SURVIVED", 1: "killed"}.get(done.returncode, "broken")
    except subprocess.TimeoutExpired:
        result = "no end"
    finally:
        path.write_text(whole, encoding="utf-8")
    return {"result": result, "seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    sys.exit(main())
