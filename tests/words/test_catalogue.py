"""The catalogue that translators begin with."""

import re

from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from ml.sentences import gettext, joined
from tests.architecture.source import ROOT
from tests.words.catalogues import LOCALE, messages
from webapp.pages import language

GATHER = re.compile(r"pybabel -q (extract .*) -o (\S+) \.\n")


def test_the_catalogue_holds_all_messages_of_today(tmp_path, monkeypatch):
    """Else: `make messages`."""
    monkeypatch.chdir(ROOT)
    options, _ = GATHER.search((ROOT / "Makefile").read_text()).groups()
    path = tmp_path / "now.pot"
    CommandLineInterface().run(["pybabel", "-q", *options.split(), "-o", str(path), "."])
    with path.open("rb") as file:
        now = read_po(file)
    assert {message.id for message in messages()} == {message.id for message in now}


def test_what_says_nothing_says_nothing_in_any_language(app, made_up):
    with app.test_request_context(headers={"Accept-Language": LOCALE}):
        assert language.told(joined([])) == ""
        assert language.told(gettext("Lead")) != "Lead"
