"""The catalogue that translators begin with."""

import re

from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from tests.architecture.source import ROOT
from tests.words.catalogues import messages

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
