"""Who may ask: this machine's own browser, on the studio's own pages. All else is refused.

The studio can read images and start jobs, so other pages in the same browser (forged posts, DNS names that
turn into 127.0.0.1), other users of the machine and other machines are kept out: a token, the Host, the
origin of each post, and a Content-Security-Policy under which a page can load nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY = 1_000_000
"""Bytes that may be sent with a request; uploads have limits of their own."""
PATIENCE = 30.0
"""Seconds without a byte after which a request that is still being sent is dropped."""
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Guard:
    """In front of the application.

    Args:
        app: what answers where nothing is wrong.
        token: the secret of the printed address.
        port: of this studio; in the cookie's name, for cookies are shared between ports.
        hosts: names that this machine is asked by.
        uploads: path prefix and suffix -> bytes that may be sent there.
    """

    def __init__(
        self,
        app: Callable[..., Awaitable[None]],
        *,
        token: str,
        port: int,
        hosts: frozenset[str] = frozenset(("127.0.0.1", "localhost", "[::1]")),
        uploads: dict[tuple[str, str], int] | None = None,
    ) -> None:
        self._app, self._token, self._hosts, self._uploads = app, token, hosts, uploads or {}
        self.cookie = f"convsmith_{port}"
        self._value = hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        path = scope["path"]
        host = _without_port(headers.get("host", ""))
        if host not in self._hosts:
            came = f"asked as {headers.get('host', 'nobody')!r:.60}"
            await _refuse(send, 403, f"{came}; the studio answers as {' or '.join(sorted(self._hosts))} only")
            return
        is_bearer = self._is_bearer(headers)
        if not is_bearer and not self._has_cookie(headers):
            given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            if scope["method"] == "GET" and hmac.compare_digest(
                given.pop("token", "").encode(), self._token.encode()
            ):
                await self._let_in(send, path, given)
            else:
                way = "open the address that `convsmith studio` printed; the same command prints it again"
                await _refuse(send, 403, f"no token, or one of another studio; {way}")
            return
        if scope["method"] not in ("GET", "HEAD") and not is_bearer and not _is_own_page(headers):
            await _refuse(send, 403, "a post from another page; the studio takes posts of its own pages only")
            return
        limit = next(
            (
                most
                for (start, end), most in self._uploads.items()
                if path.startswith(start) and path.endswith(end)
            ),
            BODY,
        )
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            await _refuse(
                send, 413, f"got {length:.20} bytes; expected at most {limit:,}; try: fewer at once"
            )
            return
        await self._app(scope, _bounded(receive, limit), _with_headers(send))

    def _is_bearer(self, headers: dict[str, str]) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.encode(), self._token.encode())

    def _has_cookie(self, headers: dict[str, str]) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._value.encode())

    async def _let_in(self, send: Send, path: str, rest: dict[str, str]) -> None:
        """Give the cookie, and have the token leave the address."""
        to = "/" + path.lstrip("/\\") + (f"?{urlencode(rest)}" if rest else "")
        cookie = f"{self.cookie}={self._value}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, b"", {"Location": to, "Set-Cookie": cookie})


class TooMuch(Exception):
    """More bytes came than may, or none for too long."""


def _headers(scope: Message) -> dict[str, str]:
    """Names in small letters; where a header comes twice, neither is believed."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        found[key] = "" if key in found and key in ("host", "origin") else value.decode("latin-1")
    return found


def _without_port(host: str) -> str:
    """The name of a Host header, in small letters.

    Example:
        >>> _without_port("localhost:8765"), _without_port("[::1]:80"), _without_port("evil.example:1")
        ('localhost', '[::1]', 'evil.example')
    """
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _is_own_page(headers: dict[str, str]) -> bool:
    """Whether a post comes from the studio's own page: as the browser says, else by the origin."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return headers.get("origin", "").lower() in (
        f"http://{headers['host'].lower()}",
        f"https://{headers['host'].lower()}",
    )


def _bounded(receive: Receive, limit: int) -> Receive:
    """The same, of at most so many bytes, none of which is waited for too long."""
    seen = 0
    ended = False

    async def bounded() -> Message:
        nonlocal seen, ended
        if ended:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), PATIENCE)
        except TimeoutError:
            raise TooMuch(f"no byte came for {PATIENCE:.0f} s") from None
        seen += len(message.get("body", b""))
        ended = message["type"] != "http.request" or not message.get("more_body", False)
        if seen > limit:
            raise TooMuch(f"more than {limit:,} bytes")
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = {name.decode("latin-1").lower() for name, _ in message["headers"]}
            more = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower() not in held]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, why: str) -> None:
    await _answer(send, status, f"convsmith studio: {why}\n".encode(errors="replace"), {})


async def _answer(send: Send, status: int, body: bytes, more: dict[str, str]) -> None:
    headers = {
        **HEADERS,
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        **more,
    }
    listed = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})
