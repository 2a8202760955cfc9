"""The form of a field: its controls as text, and the entry that they make."""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, get_args

from werkzeug.datastructures import MultiDict

from ml.fields.checks import OF_SOME_TYPES, entry_of
from ml.fields.fields_file import Field, Fields, FieldType, category_key
from ml.fields.types import kind_of, number_text
from ml.sentences import Figure, gettext, joined
from webapp.services.fields import declaring

TEXTS = ("name", "type", "label", "unit", "salesforce", "help")
BOUNDS = ("min", "max")
FLAGS = ("use", "influenced")
# In words within a sentence, and alone.
NOUNS = {
    "count": gettext("whole number"),
    "number": gettext("number"),
    "category": gettext("text"),
    "boolean": gettext("yes or no"),
}
TYPES = {
    "count": gettext("Whole number"),
    "number": gettext("Number"),
    "category": gettext("Text"),
    "boolean": gettext("Yes or no"),
}
BLANK = {"type": "category", "use": "1"}


def as_texts(field: Field) -> dict[str, str]:
    """What the controls show of a field."""
    entry = entry_of(field)
    texts = {key: str(value) for key, value in entry.items() if key in (*TEXTS, *BOUNDS)}
    lists = {
        "choices": "\n".join(field.choices),
        "aliases": "\n".join(f"{word} = {choice}" for word, choice in field.aliases),
    }
    flags = {flag: "1" if getattr(field, flag) else "" for flag in FLAGS}
    return texts | lists | flags


def entry_from(form: MultiDict[str, str], fields: Fields) -> dict[str, Any]:
    """Read an entry, as in a fields file, from the controls; leave out blank ones.

    Other types' ones are left out too. A field without a name gets one by its label.
    """
    entry: dict[str, Any] = {
        key: form[key].strip() for key in (*TEXTS, *BOUNDS) if form.get(key, "").strip()
    }
    entry |= {flag: flag in form for flag in FLAGS}
    entry |= {key: _number(entry[key]) for key in BOUNDS if key in entry}
    if choices := _lines(form, "choices"):
        entry["choices"] = choices
    if aliases := dict(_alias(line, choices) for line in _lines(form, "aliases")):
        entry["aliases"] = aliases
    if "label" in entry:
        entry.setdefault("name", declaring.proposed_name(entry["label"], fields))
    if entry.get("type") in get_args(FieldType):
        other = OF_SOME_TYPES - kind_of(entry["type"]).keys
        entry = {key: value for key, value in entry.items() if key not in other}
    return entry


def facts(field: Field) -> str:
    """What the values of a field are, in a few words: "whole number 0 to 120, years"."""
    if field.choices:
        return (
            gettext("one value")
            if len(field.choices) == 1
            else gettext("one of %(n)s values", n=Figure(f"{len(field.choices):,}"))
        )
    low, high = (None if b is None else number_text(b) for b in (field.minimum, field.maximum))
    span = ""
    if low and high:
        span = gettext("%(low)s to %(high)s", low=low, high=high)
    elif low:
        span = gettext("from %(low)s", low=low)
    elif high:
        span = gettext("up to %(high)s", high=high)
    return joined([joined([NOUNS[field.type], span]), field.unit or ""], ", ")


def shown(errors: Mapping[str, str]) -> dict[str, str]:
    """The complaints as sentences, each for its control, whose label names the key already."""
    sentences = {}
    for key, text in errors.items():
        bare = re.sub(rf"^{key} (?=must |is )", "", text)
        bare = gettext("is needed") if bare == "is missing" else bare
        sentences[key] = f"{bare[:1].upper()}{bare[1:]}."
    return sentences


def _lines(form: MultiDict[str, str], key: str) -> list[str]:
    return [line.strip() for line in form.get(key, "").splitlines() if line.strip()]


def _alias(line: str, choices: Collection[str]) -> tuple[str, str]:
    """A word and what it stands for; both may hold the sign that parts them."""
    known = {category_key(choice) for choice in choices}
    places = [i for i, character in enumerate(line) if character == "="]
    fitting = (i for i in places if category_key(line[i + 1 :]) in known)
    place = next(fitting, places[-1] if places else len(line))
    return line[:place].strip(), line[place + 1 :].strip()


def _number(text: str) -> int | float | str:
    for read in (int, float):
        with suppress(ValueError):
            return read(text.replace(",", ""))
    return text
