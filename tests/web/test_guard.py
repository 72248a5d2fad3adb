"""Attacks on the studio from other pages, under other names and with other paths: all are refused."""

from __future__ import annotations

import asyncio
import html
import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from convsmith.web import guard
from convsmith.web.app import application
from convsmith.web.guard import CSP, TooMuch, _bounded
from convsmith.web.home import Home
from convsmith.web.state import Studio

from .conftest import OWN, PORT

PAGES = (
    "/", "/runs.json", "/data", "/jobs", "/help", "/new", "/course", "/runs/0001", "/runs/0001.json",
    "/runs/0002",
    "/runs/0001/try", "/runs/0001/units", "/runs/0001/fool", "/static/studio.css",
    "/runs/0001/get/README.md",
)  # fmt: skip
POSTS = ("/runs/0001/delete.json", "/runs/0001/note.json", "/data/new.json", "/new/order.json", "/bin.json",
         "/jobs/0001/stop.json", "/data/0001/files.json", "/runs/0001/answer.json")  # fmt: skip


def test_nothing_is_told_without_the_token(stranger: TestClient) -> None:
    for path in PAGES:
        answer = stranger.get(path)
        assert answer.status_code == 403
        assert "convsmith studio" in answer.text
        assert "<html" not in answer.text
        assert stranger.get(f"{path}?token=wrong").status_code == 403
        assert stranger.get(path, headers={"Cookie": f"convsmith_{PORT}=0123"}).status_code == 403
        assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 403


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_page_can_use(
    studio: Studio, stranger: TestClient
) -> None:
    answer = stranger.get(f"/runs/compare?runs=0001,0002&token={studio.home.token()}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs/compare?runs=0001%2C0002"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"convsmith_{PORT}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert studio.home.token() not in cookie
    assert stranger.get("/").status_code == 200
    assert stranger.get("//evil.example/", params={"token": "x"}).status_code in (200, 404)


def test_a_redirect_stays_here(studio: Studio, stranger: TestClient) -> None:
    answer = stranger.get(f"http://127.0.0.1:{PORT}//evil.example/?token={studio.home.token()}")
    assert not answer.headers.get("location", "/").startswith("//")


HOSTS = (
    "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::2]:8765", "127.0.0.1@evil.example",
    "localhost.:8765",
)  # fmt: skip


def test_another_name_for_this_machine_is_refused(browser: TestClient) -> None:
    """DNS rebinding: the browser believes that evil.example is 127.0.0.1, and sends its cookies there."""
    for host in HOSTS:
        assert browser.get("/", headers={"Host": host}).status_code == 403, host
        assert browser.post("/bin.json", json={}, headers={"Host": host}).status_code == 403, host


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9", "LOCALHOST", "[::1]:8765"])
def test_its_own_names_are_answered(host: str, browser: TestClient) -> None:
    assert browser.get("/help", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("headers", [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "", "Origin": "http://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": ""},
    {"Origin": f"http://127.0.0.1:{PORT + 1}", "Sec-Fetch-Site": ""},
], ids=str)  # fmt: skip
def test_a_post_of_another_page_changes_nothing(
    path: str, headers: dict[str, str], browser: TestClient, home: Home
) -> None:
    answer = browser.post(path, content=b"{}", headers=headers)
    assert answer.status_code == 403
    assert "another page" in answer.text
    assert home.names() == ["0001", "0002"]


def test_a_post_that_says_nothing_of_its_page_needs_the_origin_or_the_token(
    studio: Studio, browser: TestClient
) -> None:
    del browser.headers["Sec-Fetch-Site"]
    sent = {"title": "mine", "note": ""}
    assert browser.post("/runs/0001/note.json", json=sent).status_code == 403
    here = {"Origin": f"http://127.0.0.1:{PORT}"}
    assert browser.post("/runs/0001/note.json", json=sent, headers=here).status_code == 200
    browser.cookies.clear()
    token = {"Authorization": f"Bearer {studio.home.token()}"}
    assert browser.post("/runs/0001/note.json", json=sent, headers=token).json()["title"] == "mine"


def test_getting_changes_nothing(browser: TestClient, home: Home) -> None:
    for path in POSTS:
        assert browser.get(path).status_code in (404, 405), path
    assert home.names() == ["0001", "0002"]


def test_every_answer_forbids_what_it_does_not_need(browser: TestClient) -> None:
    for path in (*PAGES, "/nope", "/runs/9999.json"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert policy == CSP or policy.startswith("sandbox")
        assert "default-src 'none'" in policy
        assert "http" not in policy.replace("'", "")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] in ("DENY", "SAMEORIGIN")
        assert headers["referrer-policy"] == "no-referrer"


def test_no_page_asks_for_anything_from_elsewhere_or_holds_a_script(browser: TestClient) -> None:
    web = Path(guard.__file__).parent
    for path in PAGES[:13]:
        text = browser.get(path).text
        assert not re.findall(r"""(?:src|href|action)=["'](?!/|#|data:image/)""", text), path
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=|<style", text), path
    for file in (web / "static").iterdir():
        found = set(re.findall(r"https?://[\w./-]+", file.read_text()))
        assert found <= {"http://www.w3.org/2000/svg"}, file.name


ESCAPES = ["..", "../photos", "%2e%2e", "..%2f..%2fetc", "/etc/passwd", "0001/..", "0001%00", ".studio",
           "0001\\..", "C:", "0001/", "~", "\ufeff0001", "０００１", "a" * 300]  # fmt: skip


FORMS = (
    "/runs/{}", "/runs/{}.json", "/runs/{}/report", "/runs/0001/get/{}", "/data/{}", "/jobs/{}", "/static/{}",
    "/data/{}/sheet-0000.jpg", "/runs/0001/pictures/{}",
)  # fmt: skip


def test_no_name_in_an_address_leads_elsewhere(browser: TestClient, home: Home) -> None:
    (home.runs / ".studio" / "secret").write_text("secret")
    for form in FORMS:
        for name in ESCAPES:
            answer = browser.get(form.format(name))
            assert answer.status_code in (404, 400, 307, 200), (form, name)
            assert "secret" not in answer.text, (form, name)
            assert "root:" not in answer.text, (form, name)
            if answer.status_code == 200:  # the client itself had taken the dots out
                assert "<h1" in answer.text, (form, name)


def test_a_strangers_run_brings_no_code_to_life(browser: TestClient, home: Home, studio: Studio) -> None:
    run = home.runs / "0001"
    (run / "space.py").write_text(f"open({str(home.runs / 'acted')!r}, 'w')")
    graph = json.loads((run / "graph.json").read_text())
    graph["nodes"][1]["kind"] = "Strange"
    (run / "graph.json").write_text(json.dumps(graph))
    pages = ("", "/try", "/units", "/fool", ".json", "/network.svg", "/setup.json")
    for page in pages:
        assert browser.get(f"/runs/0001{page}").status_code in (200, 404), page
    assert browser.get("/runs/compare?runs=0001,0002").status_code == 200
    for what in ("units", "int8", "pictures"):
        assert browser.post("/runs/0001/look.json", json={"what": what}).status_code == 409
    assert browser.post("/runs/0001/go-on.json", json={}).status_code == 409
    about = json.loads((home.runs / "0002" / "run.json").read_text())
    about |= {"kind": "train", "command": ["convsmith", "train", "evil.py:net", "digits"]}
    (home.runs / "0002" / "run.json").write_text(json.dumps(about))
    for network in ("evil.py:net", "../x", "--help", {"nodes": []}, "http://x"):
        recipe = json.dumps({"data": "digits", "network": network})
        (home.runs / "0002" / "recipe.json").write_text(recipe)
        assert browser.post("/runs/0002/go-on.json", json={}).status_code == 400, network
    assert studio.jobs.all() == []
    assert not (home.runs / "acted").exists()


def test_links_are_not_followed(browser: TestClient, home: Home, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (home.runs / "0001" / "README.md").unlink(missing_ok=True)
    (home.runs / "0001" / "README.md").symlink_to(tmp_path / "secret")
    (home.runs / "0007").symlink_to(home.runs / "0001")
    assert browser.get("/runs/0001/get/README.md").status_code == 404
    assert browser.get("/runs/0007").status_code == 404


def test_a_picture_named_by_a_strangers_run_stays_in_it_and_is_one(browser: TestClient, home: Home) -> None:
    run = home.runs / "0001"
    (home.runs / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    rows = [{"file": "../../secret.png"}, {"file": "page.png"}]
    (run / "explain" / "page.png").write_text("<script>alert(1)</script>")
    (run / "explain" / "explain.json").write_text(json.dumps(rows))
    assert browser.get("/runs/0001/heatmap/0.png").status_code == 404
    assert browser.get("/runs/0001/heatmap/1.png").status_code == 404
    assert browser.get("/runs/0001/heatmap/2.png").status_code == 404


def test_a_strangers_report_can_do_nothing(browser: TestClient) -> None:
    answer = browser.get("/runs/0001/report")
    assert "alert" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "script" not in policy
    assert "default-src 'none'" in policy


def test_names_in_files_are_text_on_pages(browser: TestClient, home: Home) -> None:
    bad = "<img src=x onerror=1>"
    said = browser.post("/runs/0001/note.json", json={"title": bad, "note": "</textarea>"})
    assert said.status_code == 200
    pages = (
        "",
        "/runs/0001",
        "/runs/0001/try",
        "/runs/0001/units",
        "/runs/0002",
        "/runs/compare?runs=0001,0002",
    )
    for path in pages:
        text = browser.get(path or "/").text
        assert "<b>cat" not in text
        assert "<i>luck" not in text
        assert "<img src=x" not in text
        assert text.count("</textarea>") <= 1
    assert html.escape("<b>cat</b>") in browser.get("/runs/0001").text
    assert html.escape(bad) in browser.get("/").text


def test_too_much_is_not_read(browser: TestClient) -> None:
    assert browser.post("/runs/0001/note.json", content=b"x" * 1_000_001).status_code == 413
    assert (
        browser.post("/runs/0001/note.json", content=b"{}", headers={"Content-Length": "-1"}).status_code
        == 413
    )

    def endless():  # type: ignore[no-untyped-def]
        for _ in range(40):
            yield b" " * 50_000

    assert browser.post("/runs/0001/note.json", content=endless()).status_code == 413


def test_who_sends_no_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.01)

    async def never() -> dict[str, object]:
        await asyncio.sleep(10)
        return {}

    with pytest.raises(TooMuch, match="no byte"):
        asyncio.run(_bounded(never, 100)())


def test_what_is_no_object_is_refused(browser: TestClient) -> None:
    for body in (b"", b"[]", b"no", b"[" * 100_000, b'"x"', b"\xff"):
        answer = browser.post("/runs/0001/note.json", content=body)
        assert answer.status_code == 400, body[:10]
        assert answer.json()["error"]["what"] == "request"


def test_the_token_is_kept_for_its_owner_alone(home: Home) -> None:
    assert home.token() == home.token()
    assert (home.own / "token").stat().st_mode & 0o077 == 0
    assert home.own.stat().st_mode & 0o077 == 0
    assert len(home.token()) >= 43


def test_a_websocket_is_not_taken(studio: Studio) -> None:
    app = application(studio, token="x", port=1)
    sent: list[object] = []

    async def run() -> None:
        async def send(message: object) -> None:
            sent.append(message)

        await app({"type": "websocket", "headers": []}, lambda: None, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert sent == []


def test_own_page(browser: TestClient) -> None:
    assert browser.post("/runs/0001/note.json", json={"title": "a"}, headers=OWN).status_code == 200
