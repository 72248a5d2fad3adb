"""The images in the body of a request: one as it is, or several in a form; bounded in bytes and in number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message
from typing import NamedTuple

from .refusal import Refused

RAW = ("application/octet-stream", "")
"""Types of a body that is one image, besides image/...; curl's own, too, where nothing else was said."""
FORM = "multipart/form-data"


class Image(NamedTuple):
    """One image of a request.

    Args:
        name: what the request calls it.
        data: the whole file.
    """

    name: str
    data: bytes


async def received(stream: AsyncIterator[bytes], length: str | None, most: int) -> bytes:
    """The whole body.

    Args:
        stream: its pieces as they come.
        length: what its Content-Length says; None where that is left open.
        most: bytes that it may have.

    Raises:
        Refused: 413 where it has more; before it is read, if it says so.
    """
    too_much = Refused(413, f"the body has more than {most:,} bytes; try: fewer images, or --max-bytes")
    if length is not None and (not length.isdigit() or int(length) > most):
        raise too_much
    pieces, size = [], 0
    async for piece in stream:
        size += len(piece)
        if size > most:
            raise too_much
        pieces.append(piece)
    return b"".join(pieces)


def images(body: bytes, content_type: str, most: int) -> list[Image]:
    """The images of a body.

    Args:
        body: all of it.
        content_type: the header.
        most: images that there may be.

    Raises:
        Refused: 415 for another type, 413 for more images, 422 for a damaged form and where there are none.

    Example:
        >>> images(b"...", "image/png", 8)
        [Image(name='image', data=b'...')]
    """
    header = Message()
    header["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    kind = header.get_content_type() if content_type.strip() else ""
    if kind == FORM:
        found = _parts(body, header, most)
    elif kind.startswith("image/") or kind in RAW:
        found = [Image("image", body)]
    else:
        raise Refused(415, f"got {kind}; expected an image (image/jpeg, image/png, ...) or {FORM}")
    if not found or not any(one.data for one in found):
        raise Refused(422, "no image came; expected one as the body, or files in a form")
    return found


def _parts(body: bytes, header: Message, most: int) -> list[Image]:
    """The files of a form (RFC 7578); fields that are no files are left aside."""
    boundary = header.get_boundary("")
    if not boundary or len(boundary) > 200:
        raise Refused(422, f"{FORM} without a boundary; expected the form as a browser or curl -F sends it")
    damaged = Refused(422, "the form is damaged; expected it as a browser or curl -F sends it")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(mark, most + 2)
    if len(pieces) > most + 2:
        raise Refused(413, f"more than {most} parts; try: fewer images at once, or --max-images")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise damaged
    found = []
    for piece in pieces[1:-1]:
        head, blank, data = piece.partition(b"\r\n\r\n")
        if not head.startswith(b"\r\n") or not blank or len(head) > 8192:
            raise damaged
        about = Message()
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon and name.strip().lower() == "content-disposition":
                about["content-disposition"] = value.strip()
        file = about.get_filename()
        if file is not None:
            found.append(Image(file[:200], data))
    return found
