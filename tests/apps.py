"""Apps for tests: made once, then given to one test after another on the database of each."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask import Flask

from ml.fields import fields_file
from webapp import database, observability
from webapp.app import create_app, secret_key
from webapp.config import Settings
from webapp.product import Product
from webapp.services.imports.quality import Gathered

# Settings that an app is built with; all others are read from its `Product` when they are needed.
BUILT_IN = ("port", "has_secure_cookies")


class Apps:
    """Keeps routes, templates and compiled SQL, which take longer than most tests."""

    def __init__(self) -> None:
        self._free: dict[tuple[Any, ...], list[Flask]] = defaultdict(list)

    @contextmanager
    def new(self, settings: Settings) -> Iterator[Flask]:
        """Give an app with these settings, on their database, that nobody else uses meanwhile."""
        dialect = settings.database.partition(":")[0]
        free = self._free[dialect, *(getattr(settings, name) for name in BUILT_IN)]
        app = free.pop() if free else make_app(settings)
        renew(app, settings)
        yield app
        if dialect == "sqlite":
            engine_of(app).dispose()
        free.append(app)


def make_app(settings: Settings) -> Flask:
    """Make an app whose engine connects to whatever address the engine then has."""
    app = create_app(settings)
    engine = engine_of(app)

    @sa.event.listens_for(engine, "do_connect")
    def connect(dialect: sa.Dialect, record: object, *built_in: object) -> Any:
        arguments, parameters = dialect.create_connect_args(engine.url)
        return dialect.connect(*arguments, **parameters)

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", need_not_outlive_a_power_cut)
    return app


def renew(app: Flask, settings: Settings) -> None:
    """Give an app the state of one that was just made with these settings."""
    app.testing = True
    app.config["SECRET_KEY"] = secret_key(settings)
    file = settings.fields_file
    app.extensions["leadloop"] = Product(settings, fields_file.load(file) if file else None)
    app.extensions["leadloop_surprises"] = Gathered()
    app.extensions["leadloop_figures"] = observability.new_figures()
    observability.configure_logging(settings.log_level)
    engine, url = engine_of(app), sa.make_url(settings.database)
    if engine.url != url:
        engine.dispose()
        engine.url = url


def engine_of(app: Flask) -> sa.Engine:
    with app.app_context():
        return database.db.engine


def need_not_outlive_a_power_cut(connection: Any, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
