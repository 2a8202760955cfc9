"""The application factory: settings in, a Flask app out."""

from typing import Any

from flask import Flask, current_app, g, has_request_context, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ml.fields import fields_file
from webapp import config, database, delivery, observability, security
from webapp.api import blueprint as api
from webapp.api import problems as api_problems
from webapp.cli import commands
from webapp.config import ROOT, Settings
from webapp.pages import blueprint as pages
from webapp.pages import errors as page_errors
from webapp.private_file import kept_secret
from webapp.product import Product, product
from webapp.services import sealing
from webapp.services.accounts import audit
from webapp.services.accounts.audit import Origin
from webapp.services.imports.quality import Gathered
from webapp.services.models import registry


class Application(Flask):
    """Flask, but unexpected errors are logged without what people sent.

    The key that signs sessions is looked up, or made, when it is first needed.
    """

    @property
    def secret_key(self) -> str:  # type: ignore[override]
        """The key that signs sessions; `NotWritable` where it cannot be kept."""
        if self.config["SECRET_KEY"] is None:
            self.config["SECRET_KEY"] = secret_key(self.extensions["leadloop"].settings)
        found: str = self.config["SECRET_KEY"]
        return found

    def log_exception(self, exc_info: Any) -> None:
        observability.log_failure(exc_info)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; wrong settings or fields stop it with every mistake named."""
    settings = settings or config.load()
    app = Application(__name__)
    file = settings.fields_file
    app.extensions["leadloop"] = Product(settings, fields_file.load(file) if file else None)
    app.config.update(
        # A browser takes a cookie of this prefix from this very host and over HTTPS alone.
        SESSION_COOKIE_NAME=f"{'__Host-' * settings.has_secure_cookies}leadloop_{settings.port}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.has_secure_cookies,
        MIGRATIONS_DIR=ROOT / "migrations",
    )
    # A lead id may begin with a slash or hold two in a row.
    app.url_map.merge_slashes = False
    database.init_app(app, settings.database, n_threads=settings.web_threads)
    app.extensions["leadloop_surprises"] = Gathered()
    observability.init_app(app, settings.log_level)
    audit.ask_origin_of(origin)
    registry.ask_key_of(model_key)
    security.init_app(app)
    delivery.init_app(app)
    api.register(app)
    pages.register(app)
    commands.register(app)
    app.register_error_handler(HTTPException, tell_unrouted)
    return app


def origin() -> Origin:
    """Where the present request comes from; the worker and commands answer none."""
    if not has_request_context():
        return Origin()
    caller, account = (request.remote_addr or "")[:100], g.get("account_number")
    return Origin(caller, g.get("request_id"), account=account, key=g.get("api_key_number"))


def tell_unrouted(error: HTTPException) -> ResponseReturnValue:
    """Answer what no route took, to programs as a problem document and to people as a page."""
    is_for_programs = api.is_api_path(current_app.url_map, request.path)
    return api_problems.http_error(error) if is_for_programs else page_errors.http_error(error)


def secret_key(settings: Settings) -> str:
    """The key that signs sessions: from the settings, else made once in the data folder."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    return kept_secret(settings.data_dir / "secret_key")


def model_key() -> str:
    """The key that signs model versions: that of other kept secrets, so backups hold it, too."""
    return sealing.secret_key(product().settings)
