"""The first path in a real browser: dropped digits, the doctor, a budget, the search, the result, a try.

And what each of its pages must have: names for all that can be pressed, contrast, no wider than a phone, no
request to elsewhere, nothing that the policy forbids.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from PIL import Image

from convsmith.web.app import application
from convsmith.web.home import Home
from convsmith.web.state import Studio

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits in a folder for each class; one lies in the wrong one too, one is no image."""
    from sklearn.datasets import load_digits

    held, home = load_digits(), tmp_path_factory.mktemp("drop") / "digits"
    for number, (image, label) in enumerate(zip(held.images[:360], held.target, strict=False)):
        (home / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(home / str(label) / f"{number:04}.png")
    shutil.copy(home / "0" / "0000.png", home / "3" / "a zero.png")
    (home / "5" / "broken.png").write_bytes(b"no image")
    return home


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A studio that is served."""
    studio = Studio(Home(tmp_path / "runs", (tmp_path,)).made())
    from convsmith.web.studio import _listening

    listening = _listening(8810)
    port = listening.getsockname()[1]
    app = application(studio, token="secret", port=port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/?token=secret"
    server.should_exit = True
    thread.join(10)
    for job in studio.jobs.all():
        if job.state == "running":
            studio.jobs.stop(job.id)


@pytest.mark.slow
def test_from_dropped_digits_to_a_classified_picture(address: str, digits: Path) -> None:
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    if not CHROMIUM:
        pytest.skip("no chromium: apt-get install chromium")
    wrong: list[str] = []
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on(
            "console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("request", lambda one: None if _is_own(one.url, address) else wrong.append(one.url))

        def audit(where: str) -> None:
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                page.wait_for_timeout(60)
                wrong.extend(f"{where}, {theme}: {one}" for one in page.evaluate(AUDIT))
            page.emulate_media(color_scheme="light", reduced_motion="reduce")

        page.goto(address)
        assert "token" not in page.url
        audit("runs, empty")
        page.click("text=Drop your photos")
        page.set_input_files("#folder", str(digits))
        assert "362 images in 10 folders" in page.inner_text("#plan")
        audit("ready to copy")
        page.click("#send")
        page.wait_for_selector("#grid .thumb")
        assert "exact copies in two classes" in page.inner_text(".findings")
        audit("images")
        page.locator("#grid .thumb").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        page.wait_for_selector("#mended:has-text('1 left out')")
        page.click("text=Choose a budget")
        page.fill("[name=max_params]", "5k")
        page.fill("#minutes", "0.25")
        page.wait_for_selector("#command:has-text('0.25')")
        assert "images.csv" in page.inner_text("#command")
        page.wait_for_selector("#fits:has-text('networks drawn at random for 8 × 8 × 1 images')")
        audit("budget")
        page.click("#start")
        page.wait_for_url("**/runs/0001")
        audit("live")
        page.wait_for_selector(".hero", timeout=240_000)
        audit("result")
        page.click("#all-errors")
        page.click("text=Show images")
        page.wait_for_selector("#cell .thumb, #cell p:has-text('None.')")
        page.set_viewport_size({"width": 380, "height": 800})
        audit("result on a phone")
        page.click("text=Try it →")
        page.set_input_files("#photo", str(digits / "0" / "0000.png"))
        page.wait_for_selector("#bars i")
        assert page.inner_text("#verdict").split()[0] in {str(digit) for digit in range(10)}
        assert "there and back" in page.inner_text("#speed")
        said = [page.inner_text("#verdict"), page.inner_text("#bars")]
        page.click("#here")
        page.wait_for_selector("html[data-network=page]")
        page.set_input_files("#photo", str(digits / "0" / "0000.png"))
        page.wait_for_selector("#speed:has-text('in this page')")
        assert [page.inner_text("#verdict"), page.inner_text("#bars")] == said
        if page.locator("#look").is_visible():
            page.click("#look")
            page.wait_for_selector("#heat:visible")
        audit("try")
        page.goto(address.partition("?")[0])
        assert page.locator("table.runs tbody tr").count() == 1
        audit("runs")
        browser.close()
    assert not wrong, "\n".join(wrong)


def _is_own(url: str, address: str) -> bool:
    return url.startswith((address.partition("?")[0], "blob:", "data:"))
