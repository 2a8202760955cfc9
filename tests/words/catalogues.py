"""A made-up language for tests: each message in brackets, with accents, its placeholders kept."""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tests.architecture.source import ROOT

MESSAGES = ROOT / "webapp/translations/messages.pot"
# Its plurals and number signs differ from those of English, and nobody is offered it.
LOCALE = "eo"
ACCENTS = str.maketrans("aeiouycAEIOUYC", "áéíóúýçÁÉÍÓÚÝÇ")
# What is no text of its own: placeholders, per cents, tags and their attributes.
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]+>|&\w+;)")


def accented(message):
    """The message as the made-up language has it."""
    parts = (
        part if KEPT.fullmatch(part) else part.translate(ACCENTS) for part in KEPT.split(message)
    )
    return f"[{''.join(parts)}]"


def messages():
    with MESSAGES.open("rb") as file:
        return read_po(file)


def compile_into(folder: Path):
    """Write the catalogue as the product reads it."""
    made = Catalog(locale=LOCALE)
    for message in messages():
        if message.id:
            texts = message.id if isinstance(message.id, tuple) else (message.id,)
            told = tuple(accented(text) for text in texts)
            made.add(message.id, told if len(texts) > 1 else told[0])
    place = folder / LOCALE / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, made)
