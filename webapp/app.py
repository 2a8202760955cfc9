"""The application factory: settings in, a Flask app out."""

import os
import secrets
from pathlib import Path
from typing import Any

from flask import Flask

from ml import fields
from webapp import cli, config, database, observability, security
from webapp.config import ROOT, Settings
from webapp.pages import blueprint as pages
from webapp.product import Product


class Application(Flask):
    """Flask, but unexpected errors are logged without what people sent."""

    def log_exception(self, exc_info: Any) -> None:
        """Called by Flask for each of them."""
        observability.log_failure(exc_info)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; wrong settings or fields stop it with every mistake named."""
    settings = settings or config.load()
    app = Application(__name__)
    app.extensions["leadloop"] = Product(settings, fields.load(settings.fields_file))
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SESSION_COOKIE_NAME=f"leadloop_{settings.port}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MIGRATIONS_DIR=ROOT / "migrations",
    )
    # A lead id may begin with a slash or hold two in a row.
    app.url_map.merge_slashes = False
    database.init_app(app, settings.database)
    observability.init_app(app, settings.log_level)
    security.init_app(app)
    pages.register(app)
    cli.register(app)
    return app


def secret_key(settings: Settings) -> str:
    """The key that signs sessions: from the settings, else made once in the data folder."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / "secret_key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text()


def _write_once(path: Path, text: str) -> None:
    """Write a private file whole or not at all; of two processes at once, the first wins."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
