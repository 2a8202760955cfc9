"""How answers travel: compressed, and static files under addresses that browsers keep for good."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from flask_compress import Compress

# Their names carry their versions, and a style sheet names them without a digest.
NAMED_BY_VERSION = "vendor/"
FOR_GOOD = "public, max-age=31536000, immutable"

compress = Compress()


def init_app(app: Flask) -> None:
    """Compress pages and static files, and put a digest of its content into each file's address."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "image/svg+xml"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["br"],
    )
    compress.init_app(app)
    app.url_defaults(_add_digest)
    app.after_request(_keep_for_good)
    app.after_request(_compress)


def _add_digest(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and not values["filename"].startswith(NAMED_BY_VERSION):
        values["v"] = digest(Path(str(current_app.static_folder)), values["filename"])


@cache
def digest(folder: Path, name: str) -> str | None:
    """What tells a file's content from any other, 16 hex digits; None where there is no file."""
    try:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:16]
    except OSError:
        return None


def _keep_for_good(response: Response) -> Response:
    """An address with another digest is of another release: its answer is kept by nobody."""
    name = (request.view_args or {}).get("filename", "")
    if request.endpoint == "static" and response.status_code in (200, 304):
        is_own = request.args.get("v") == digest(Path(str(current_app.static_folder)), name)
        if is_own or name.startswith(NAMED_BY_VERSION):
            response.headers["Cache-Control"] = FOR_GOOD
    return response


def _compress(response: Response) -> Response:
    """Not for a visit that another site began: what a page repeats could tell by its length."""
    is_foreign = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return response if is_foreign else compress.after_request(response)
