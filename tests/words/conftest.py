"""Fixtures of tests of sentences: the product in a made-up language."""

import pytest

from tests.connected import described, fake, salesforce  # noqa: F401 - fixtures
from tests.words import catalogues
from webapp.pages import language


@pytest.fixture(scope="session")
def dialect():
    """What pages say does not depend on the database."""
    return "sqlite"


@pytest.fixture(autouse=True)
def no_slow_hashes(quick_hashes):
    """The tests here sign in."""


@pytest.fixture(scope="session")
def made_up_catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translations")
    catalogues.compile_into(folder)
    return folder


@pytest.fixture
def made_up(app, made_up_catalogue, monkeypatch):
    """The product with a second language."""
    babel = app.extensions["babel"]
    monkeypatch.setattr(babel, "translation_directories", [str(made_up_catalogue)])
    with app.app_context():
        monkeypatch.setattr(language.babel.domain_instance, "cache", {})
