"""Pictures of every page of the studio, at two widths, dark and light: to look at after each change.

    python bench/studio_pages.py RUNS OUT

RUNS is a folder of run folders, which stays as it is (a copy is opened). Needs playwright and a chromium.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

from convsmith.web.app import application
from convsmith.web.home import Home
from convsmith.web.state import Studio

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDTHS = {"wide": (1280, 860), "phone": (390, 780)}
PORT = 8799


def served(runs: Path) -> str:
    """A studio on these runs, in a thread; returns its address."""
    studio = Studio(Home(runs, (runs.parent,)).made())
    token = studio.home.token()
    app = application(studio, token=token, port=PORT)
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return f"http://127.0.0.1:{PORT}/?token={token}"


def main(source: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        shutil.copytree(source, runs)
        names = sorted(path.parent.name for path in runs.glob("*/result.json"))
        others = sorted(path.parent.name for path in runs.glob("*/run.json") if path.parent.name not in names)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        address = served(runs)
        sets = sorted(path.name for path in (runs / ".studio" / "data").iterdir())
        pages = {
            "runs": "/",
            "data": "/data",
            "jobs": "/jobs",
            "help": "/help",
            "course": "/course",
            "error": "/runs/9999",
        }
        pages |= {f"set{k}": f"/data/{name}" for k, name in enumerate(sets[:2])}
        pages |= {f"budget{k}": f"/new?data={name}" for k, name in enumerate(sets[:1])}
        pages |= {f"live{k}": f"/runs/{name}" for k, name in enumerate(others[:2])}
        for name in names[:1]:
            pages |= {"result": f"/runs/{name}", "try": f"/runs/{name}/try", "units": f"/runs/{name}/units"}
            pages["fool"] = f"/runs/{name}/fool"
        if len(names) > 1:
            pages["compare"] = f"/runs/compare?runs={','.join(names[:3])}"
        wrong: list[str] = []
        for width, (wide, high) in WIDTHS.items():
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme=theme)
                page = context.new_page()
                page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
                page.on("pageerror", lambda error: wrong.append(str(error)))
                page.goto(address)
                for name, path in pages.items():
                    page.goto(f"http://127.0.0.1:{PORT}{path}")
                    page.wait_for_timeout(700)
                    page.screenshot(path=out / f"{name}-{width}-{theme}.png", full_page=True)
                    if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                        wrong.append(f"{name} at {wide} pixels is wider than the page")
                context.close()
        browser.close()
    print("\n".join(sorted(set(wrong))) or "nothing is wrong")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
