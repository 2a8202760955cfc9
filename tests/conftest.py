"""Fixtures: a fresh migrated database for each test, the app on it, and ways to read and write."""

import gc
import multiprocessing
import os
import re
import shutil
import socket
import threading
from contextlib import contextmanager

import flask_migrate
import hypothesis
import pytest
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from sync.trainer.process import ONE_THREAD
from tests import factories, postgresql
from tests.apps import Apps, engine_of
from webapp import database, importing
from webapp.app import create_app
from webapp.config import Settings
from webapp.services.accounts import passwords
from webapp.services.imports import imports

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_configure():
    """What the shell or a .env of the checkout says must not reach the tests."""
    Settings.model_config["env_file"] = None
    for name in [n for n in os.environ if n.startswith("LEADLOOP_")]:
        del os.environ[name]
    # On samples this small, the threads of the numerical libraries only wait for each other.
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))


# Where single tests take many seconds, mostly for processes that they start.
LONG = (
    "tests/walks/",
    "tests/api/document/test_schemathesis.py",
    "tests/starting/",
    "tests/bench/test_replay.py",
    "tests/demo/test_try_out.py",
    "tests/salesforce/reading/test_kills.py",
    "tests/sync/test_worker.py",
    "tests/sync/test_recovery.py",
    "tests/ml/",
    "tests/browser/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Long tests come first: at the end, one of them would run alone beside an idle processor."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish():
    """The modules and the tests stay until the end: the collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def dialect(request):
    """Every test that reaches a database runs on both, since SQL differs: locks, upserts, JSON,
    search, isolation. A folder or module overrides it where the same statements are tested on
    both elsewhere, and says where.
    """
    return request.param


# The databases of a folder or module whose statements reach PostgreSQL in its tests `ON_BOTH`:
# the others run there in `make test-slow`.
MOSTLY_SQLITE = ("sqlite", pytest.param("postgresql", marks=pytest.mark.slow))
ON_BOTH = pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def postgresql_databases():
    with postgresql.databases() as databases:
        yield databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sqlite_template")
    migrate(folder, f"sqlite:///{folder / 'leadloop.sqlite3'}")
    return folder / "leadloop.sqlite3"


@pytest.fixture(scope="session")
def postgresql_template(postgresql_databases, tmp_path_factory):
    with postgresql_databases.new() as url:
        migrate(tmp_path_factory.mktemp("postgresql_template"), url)
        yield url.rpartition("/")[2].partition("?")[0]


def migrate(folder, url):
    """Do what `flask db upgrade` does."""
    app = create_app(Settings(data_dir=folder, database_url=url))
    with app.app_context():
        flask_migrate.upgrade()
        database.db.engine.dispose()


@pytest.fixture
def empty_database_url(dialect, request, tmp_path):
    """The address of a database without any table, for tests of migrations."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with request.getfixturevalue("postgresql_databases").new() as url:
        yield url


@pytest.fixture
def database_url(dialect, request, tmp_path):
    """The address of a database of the test's own, with all tables and no rows."""
    with new_database(dialect, request, tmp_path) as url:
        yield url


@contextmanager
def new_database(dialect, request, folder):
    template = request.getfixturevalue(f"{dialect}_template")
    if dialect == "sqlite":
        yield f"sqlite:///{shutil.copy(template, folder / 'leadloop.sqlite3')}"
        return
    with request.getfixturevalue("postgresql_databases").empty(template) as url:
        yield url


@pytest.fixture
def settings(database_url, tmp_path):
    """Override it in a module, or `model_copy` it, for other thresholds."""
    return Settings(data_dir=tmp_path, database_url=database_url)


@pytest.fixture(scope="session")
def apps():
    return Apps()


@pytest.fixture
def app(apps, settings):
    """No application context is pushed: a test's requests would share it, and its `g`."""
    with apps.new(settings) as app:
        yield app


@pytest.fixture
def write(app):
    """`write(fn)` runs `fn(session)` in one transaction, as a route or a job does."""

    def write(work):
        with app.app_context():
            return database.write(work)

    return write


@pytest.fixture
def read(app):
    """`read(fn)` runs `fn(session)` on a session of its own, so it sees what is committed now."""

    def read(work):
        with app.app_context():
            return database.read(work)

    return read


@pytest.fixture
def session(app):
    """A session to read with. Its first query fixes what it sees: use `read` between writes."""
    with app.app_context(), Session(engine_of(app), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def now():
    """A fixed moment, so that no test waits for a clock."""
    return factories.NOW


@pytest.fixture
def champion(write):
    """Version 1.0 in use, as after set-up."""
    return write(factories.make_champion)


@pytest.fixture
def client(app, champion):
    return app.test_client()


@pytest.fixture
def headers(write):
    """Headers of a program whose key may do everything."""
    token = write(factories.make_key)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def rita(write):
    """Rita, a rep."""
    return write(lambda session: factories.make_user(session, "rita@example.com", role="rep"))


@pytest.fixture
def mona(write):
    """Mona, a manager."""
    return write(lambda session: factories.make_user(session, "mona@example.com", role="manager"))


@pytest.fixture
def ada(write):
    """Ada, an administrator."""
    return write(lambda session: factories.make_user(session, "ada@example.com", role="admin"))


@pytest.fixture
def quick_hashes(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", factories.QUICK_HASHER)
    passwords.of_nobody.cache_clear()


@pytest.fixture
def sign_in(app, champion, quick_hashes):
    """`sign_in(user)` gives a client on which that person is signed in, through the form.

    Its requests carry the CSRF token of the new session in a header, as those of htmx do.
    """

    def sign_in(user):
        client = app.test_client()
        form = {"email": user.email, "password": factories.PASSWORD}
        answer = client.post(
            "/sign-in", data={**form, "csrf_token": csrf_token(client, "/sign-in")}
        )
        assert answer.status_code == 303, answer.text
        client.environ_base["HTTP_X_CSRFTOKEN"] = csrf_token(client, "/settings")
        return client

    return sign_in


def csrf_token(client, path):
    return re.search(r'<meta name="csrf-token" content="([^"]+)"', client.get(path).text)[1]


@pytest.fixture
def do_import(app, write):
    """`do_import()` does what the worker does with the oldest import that has work for it."""

    def do_import(now=factories.NOW):
        run = write(lambda s: imports.claim(s, "a worker", now))
        try:
            with app.app_context():
                importing.carry_out(run, clock=lambda: now, on_step=lambda step: None)
        except importing.ImportRefused as refused:
            sentence = str(refused)
            write(lambda s: importing.fail(s, run, sentence, now))

    return do_import


@pytest.fixture(scope="module")
def small_forests():
    """A tenth of the trees, for modules that test what holds of any number; walks use all."""
    with pytest.MonkeyPatch.context() as patch:
        grow_few_trees(patch)
        yield


@pytest.fixture
def few_trees(monkeypatch):
    """The same for single tests."""
    grow_few_trees(monkeypatch)


def grow_few_trees(patch):
    patch.setattr("ml.training.families.random_forest.N_RANDOM_FOREST", 7)
    patch.setattr("ml.training.families.random_forest.N_EXTRA_TREES", 4)
    patch.setattr("ml.training.families.boosted_trees.N_TREES", 20)
    patch.setattr("ml.training.families.boosted_trees.LEARNING_RATE", 0.4)


@pytest.fixture(scope="session")
def forks():
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.sync.paused_worker"])
    return context


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def server_url(app, champion):
    """The address of the app behind a real HTTP server on a free port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
