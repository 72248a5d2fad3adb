"""The page in Chromium, from a file: it sees what training sees, and asks nobody else for anything."""

from __future__ import annotations

import io
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convsmith.data.pixels_in import seen
from convsmith.device.page import page
from convsmith.engine.predict import predict
from convsmith.graph import notation as keras

from .conftest import some_weights

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="playwright is not installed"),
]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)  # fmt: skip
SIZE, CLASSES = (24, 32), ("cat", "dog & co", "<b>bird</b>", "fish")
FORGOTTEN = "for (const id of ['said', 'line']) document.getElementById(id).textContent = ''"
L = keras.layers


def built():
    """A network with a heat map that tells pictures apart, though nobody trained it."""
    inputs = keras.Input((*SIZE, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same", activation="relu")(L.Rescaling(1 / 127.5, -1)(inputs))
    x = L.Conv2D(12, 3, padding="same", activation="relu")(x)
    x = L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x))
    graph = keras.Model(inputs, x, name="net")
    weights = some_weights(graph, np.random.default_rng(3))
    return graph, {name: array * (6 if "dense" in name else 1) for name, array in weights.items()}


@pytest.fixture(scope="module")
def net():
    return built()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=CHROMIUM, args=list(FLAGS),
            headless=True, viewport={"width": 1100, "height": 800},
        )  # fmt: skip
        found.set_default_timeout(8000)
        yield found
        found.close()


class Opened:
    """A page that is open, and what happened on it."""

    def __init__(self, browser, path, before=""):
        self.tab, self.requests, self.errors = browser.new_page(), [], []
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.errors.append(dialog.message))
        if before:
            self.tab.add_init_script(before)
        self.tab.goto(path.as_uri())
        self.tab.wait_for_selector("html[data-ready]")

    def give(self, name, data):
        """Choose a file, and wait for the answer; the line that is shown, or ""."""
        self.tab.evaluate(FORGOTTEN)
        self.tab.set_input_files("#file", {"name": name, "mimeType": "", "buffer": data})
        return self.wait()

    def wait(self):
        self.tab.wait_for_selector("#said:not(:empty), #line:not(:empty)", state="attached")
        return self.tab.text_content("#line")

    def seen(self):
        """The pixels that the network saw."""
        found = self.tab.evaluate("""() => { const c = document.getElementById('seen');
            return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; }""")
        return np.array(found, "u1").reshape(*SIZE, 4)[..., :3]

    def top(self):
        return self.tab.evaluate(
            "[...document.querySelectorAll('#top li')].map((li) => li.innerText.split('\\n'))"
        )


@pytest.fixture(scope="module")
def file(net, tmp_path_factory):
    graph, weights = net
    made = page(graph, weights, classes=CLASSES, over="animals", facts=[("Size", "1 parameter", "")])
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_bytes(made.content)
    return path


@pytest.fixture(scope="module")
def opened(browser, file):
    found = Opened(browser, file)
    yield found
    assert found.errors == []


def photo(kind="JPEG", *, size=(90, 70), mode="RGB", seed=0, **options):
    """Gradients and shapes, so that turning, resizing and colours show."""
    rng, (columns, rows) = np.random.default_rng(seed), size
    down, right = np.mgrid[0:rows, 0:columns]
    x = np.stack([255 * right / columns, 255 * down / rows, 255 * ((down + right) % 40) / 40], -1)
    image = Image.fromarray(x.astype("u1"))
    draw = ImageDraw.Draw(image)
    for colour in ("red", "white", "navy"):
        left, top = rng.integers(0, columns // 2), rng.integers(0, rows // 2)
        draw.ellipse((left, top, left + columns // 3, top + rows // 3), fill=colour)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray((255 * right / columns).astype("u1")))
    file = io.BytesIO()
    image.convert(mode).save(file, kind, **options)
    return file.getvalue()


def turned(orientation, **options):
    exif = Image.Exif()
    exif[274] = orientation
    return photo(exif=exif, **options)


def test_what_it_sees_is_what_training_sees(opened, net):
    graph, weights = net
    files = {f"turned {n}": (turned(n, seed=n), 0) for n in range(1, 9)}
    files |= {f"large, turned {n}": (turned(n, size=(1030, 779), quality=92), 5) for n in (1, 6)}
    files |= {
        "progressive": (photo(progressive=True, subsampling=0), 0), "grey": (photo(mode="L"), 0),
        "png": (photo("PNG"), 0), "webp": (photo("WEBP", lossless=True), 0),
        "palette": (photo("PNG", mode="P"), 0),
        "gif": (photo("GIF", mode="P"), 0), "bmp": (photo("BMP"), 0), "grey png": (photo("PNG", mode="L"), 0),
        "transparent": (photo("PNG", mode="RGBA"), 1), "tiny": (photo("PNG", size=(5, 3)), 0),
        "same size": (photo("PNG", size=SIZE[::-1]), 0), "tall": (photo("PNG", size=(40, 1500)), 0),
        "turned png": (turned(6, kind="PNG"), 0), "turned webp": (turned(8, kind="WEBP", lossless=True), 0),
    }  # fmt: skip
    for name, (data, most) in files.items():
        assert opened.give(f"{name}.bin", data) == "", name
        truth = seen(data, SIZE, 3)
        apart = np.abs(opened.seen().astype(int) - truth)
        assert apart.max() <= most, (name, apart.max(), apart.mean())
        assert apart.mean() < 0.35
        share = predict(graph, opened.seen()[None], weights=weights)[0]
        order = np.argsort(-share, kind="stable")[:3]
        assert [row[0] for row in opened.top()] == [CLASSES[n] for n in order]
        for (_, shown), n in zip(opened.top(), order, strict=True):
            number = float(shown.removeprefix("over ").removeprefix("under ").removesuffix("%"))
            assert abs(number - 100 * share[n]) <= 0.11
        said = opened.tab.inner_text("#said")
        assert said.startswith(CLASSES[order[0]])
        assert said.endswith("sure")


def test_files_that_cannot_be_used_get_one_line(opened):
    whole = photo("PNG")
    huge = whole[:16] + (30_000).to_bytes(4, "big") * 2 + whole[24:]
    for data, words in (
        (b"hello", "not a picture that this browser reads"), (b"", "empty"), (whole[:60], "damaged"),
        (huge, "30,000 × 30,000 pixels; more than 50 million"), (b"<svg xmlns='x'/>", "not a picture"),
    ):  # fmt: skip
        assert words in opened.give("file", data)
        assert opened.tab.is_hidden("#found")
    assert opened.give("good.png", whole) == ""
    assert opened.tab.is_visible("#found")


def test_pictures_are_dropped_and_pasted(opened):
    for event, kind, holder in (
        ("drop", "DragEvent", "dataTransfer"),
        ("paste", "ClipboardEvent", "clipboardData"),
    ):
        fire = f"""(bytes) => {{ const data = new DataTransfer();
            if (bytes) data.items.add(new File([new Uint8Array(bytes)], "a.png", {{ type: "image/png" }}));
            {FORGOTTEN};
            const how = {{ {holder}: data, bubbles: true, cancelable: true }};
            document.body.dispatchEvent(new {kind}("{event}", how)); }}"""
        opened.tab.evaluate(fire, list(photo("PNG", seed=5)))
        assert opened.wait() == ""
        opened.tab.evaluate(fire, None)
        assert opened.wait() in (
            "That is no file. Save the picture first: this page fetches nothing from elsewhere.",
            "What was pasted is no picture.",
        )


def test_the_keyboard_and_screen_readers(opened):
    tab = opened.tab
    opened.give("a.png", photo("PNG"))
    for role, name in (
        ("button", "Camera"),
        ("button", "Show where it looked"),
        ("heading", "What is in the picture?"),
    ):
        assert tab.get_by_role(role, name=name, exact=True).count() == 1
    assert tab.get_by_label("Choose a picture").count() == 1
    tab.focus("#file")
    stops = []
    for _ in range(3):
        tab.keyboard.press("Tab")
        stops.append(tab.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert stops == ["camera", "where", "SUMMARY"]
    tab.focus("#where")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#heat.on")
    assert tab.get_attribute("#where", "aria-pressed") == "true"
    assert "The brighter, the more that part spoke for" in tab.inner_text("#why")
    assert tab.evaluate(
        "[document.getElementById('heat').width, document.getElementById('heat').height]"
    ) == [16, 12]
    tab.keyboard.press("Enter")
    assert tab.get_attribute("#where", "aria-pressed") == "false"


def test_the_camera(opened):
    tab = opened.tab
    tab.evaluate("document.getElementById('said').textContent = ''")
    tab.click("#camera")
    tab.wait_for_selector("#live:not([hidden])")
    tab.wait_for_selector("#found:not([hidden])")
    assert tab.evaluate("document.activeElement.id") == "shoot"
    assert tab.inner_text("#said") == ""  # a moving picture is not read out
    tab.click("#shoot")
    assert opened.wait() == ""
    assert tab.is_hidden("#live")
    assert tab.is_visible("#picture")
    tab.click("#camera")
    tab.wait_for_selector("#stop:not([hidden])")
    tab.keyboard.press("Escape")
    assert tab.is_hidden("#live")
    for error, words in (
        ("NotAllowedError", "not allowed"),
        ("NotFoundError", "No camera"),
        ("NotReadableError", "in use"),
    ):
        failing = f"async () => {{ throw new DOMException('x', '{error}'); }}"
        tab.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {failing}; }}")
        tab.evaluate(FORGOTTEN)
        tab.click("#camera")
        assert words in opened.wait()
    tab.evaluate("() => { Object.defineProperty(navigator, 'mediaDevices', { value: undefined }); }")
    with tab.expect_file_chooser() as chooser:  # the phone's own camera
        tab.click("#camera")
    assert chooser.value.element.get_attribute("capture") == "environment"


def test_it_asks_nobody_else_for_anything(opened, file):
    assert opened.requests
    assert {url.partition("?")[0] for url in opened.requests if not url.startswith("blob:")} == {
        file.as_uri()
    }
    refused = opened.tab.evaluate("""async () => {
        const found = [];
        document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
        await fetch("http://127.0.0.1:9/x").catch(() => {});
        const image = new Image(), script = document.createElement("script");
        await new Promise((done) => { image.onerror = done; image.src = "http://127.0.0.1:9/x.png"; });
        script.textContent = "window.broken = 1";
        document.body.append(script);
        await new Promise((done) => setTimeout(done, 50));
        return [found, typeof window.broken];
    }""")
    assert refused == [["connect-src", "img-src", "script-src-elem"], "undefined"]


def test_without_a_worker_and_with_a_rule(browser, net, tmp_path):
    graph, weights = net
    rule = {"temperature": 3.0, "score": "energy", "threshold": 1e6}
    path = tmp_path / "page.html"
    path.write_bytes(page(graph, weights, classes=CLASSES, rule=rule).content)
    alone = Opened(browser, path, "delete window.OffscreenCanvas")
    assert alone.tab.get_attribute("html", "data-ready") == "page"
    data = photo("PNG", seed=9)
    assert alone.give("a.png", data) == ""
    assert np.array_equal(alone.seen(), seen(data, SIZE, 3))
    share = predict(graph, alone.seen()[None], weights=weights)[0].astype("f8") ** (1 / 3)
    share /= share.sum()
    assert alone.tab.inner_text("#name") == "None of these"
    assert alone.top()[0] == [CLASSES[share.argmax()], f"{100 * share.max():.1f}%"]
    assert alone.tab.inner_text("#said").startswith("None of these. Nearest: ")
    assert alone.errors == []
    alone.tab.close()
