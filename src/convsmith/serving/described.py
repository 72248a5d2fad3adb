"""What the server takes and gives, as an OpenAPI description (version 3.1)."""

from __future__ import annotations

from typing import Any

from .. import __version__

ERRORS = {
    "408": "The body did not come in time.",
    "413": "Too many bytes or too many images.",
    "415": "Neither an image nor a form.",
    "422": "No image came, or none of them can be read.",
    "429": "Too many requests are waiting; try again in a second.",
    "503": "No answer in time, or the server is stopping.",
}


def described(classes: tuple[str, ...], shape: tuple[int, int, int], most: int) -> dict[str, Any]:
    """The description.

    Args:
        classes: the network's.
        shape: rows, columns and channels that images are brought to.
        most: images of one request.
    """
    file = {"type": "string", "format": "binary"}
    said = {
        "type": "object",
        "required": ["name", "answer"],
        "properties": {
            "name": {"type": "string"},
            "answer": {
                "type": ["string", "null"],
                "description": 'the class, "none of these", or null where the image cannot be read',
            },
            "class": {"type": ["string", "null"], "enum": [*classes, None]},
            "probability": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "rejected": {"type": "boolean"},
            "top": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["class", "probability"],
                    "properties": {"class": {"type": "string"}, "probability": {"type": "number"}},
                },
            },
            "error": {"type": "string", "description": "why the image cannot be read"},
        },
    }
    error = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    refused = {
        status: {"description": words, "content": {"application/json": {"schema": error}}}
        for status, words in ERRORS.items()
    }
    answers = {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"type": "array", "items": said}},
    }
    rows, columns, channels = shape
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "convsmith serve",
            "version": __version__,
            "description": f"Classes of images, brought to {rows}×{columns} pixels and {channels} channels.",
        },
        "paths": {
            "/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": "What the network says of one image, or of several in a form",
                    "parameters": [
                        {
                            "name": "top",
                            "in": "query",
                            "description": "how many classes, the likeliest first",
                            "schema": {"type": "integer", "minimum": 1, "default": 1},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "image/*": {"schema": file},
                            "application/octet-stream": {"schema": file},
                            "multipart/form-data": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "image": {"type": "array", "items": file, "maxItems": most}
                                    },
                                }
                            },
                        },
                    },
                    "responses": {
                        "200": {
                            "description": "One answer for each image, in their order",
                            "content": {"application/json": {"schema": answers}},
                        },
                        **refused,
                    },
                }
            },
            "/health": _plain("Whether it answers", "application/json"),
            "/metrics": _plain("Counts in Prometheus's text form", "text/plain"),
        },
    }


def _plain(words: str, kind: str) -> dict[str, Any]:
    return {
        "get": {
            "summary": words,
            "responses": {"200": {"description": words, "content": {kind: {"schema": {}}}}},
        }
    }
