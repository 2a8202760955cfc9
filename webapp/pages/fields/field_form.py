"""The form of a field: its controls as text, and the entry that they make."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, get_args

from werkzeug.datastructures import MultiDict

from ml.fields.checks import OF_SOME_TYPES, entry_of
from ml.fields.fields_file import Field, Fields, FieldType
from ml.fields.types import kind_of, number_text
from webapp.services.fields import declaring

TEXTS = ("name", "type", "label", "unit", "salesforce", "help")
BOUNDS = ("min", "max")
TYPES = {name: kind_of(name).noun.capitalize() for name in get_args(FieldType)}
BLANK = {"type": "category", "use": "1"}


def as_texts(field: Field) -> dict[str, str]:
    """What the controls show of a field."""
    entry = entry_of(field)
    texts = {key: str(value) for key, value in entry.items() if key in (*TEXTS, *BOUNDS)}
    return texts | {"choices": "\n".join(field.choices), "use": "1" if field.use else ""}


def entry_from(form: MultiDict[str, str], fields: Fields) -> dict[str, Any]:
    """Read an entry, as in a fields file, from the controls; leave out blank ones.

    Other types' ones are left out too. A field without a name gets one by its label.
    """
    entry: dict[str, Any] = {
        key: form[key].strip() for key in (*TEXTS, *BOUNDS) if form.get(key, "").strip()
    }
    entry["use"] = "use" in form
    entry |= {key: _number(entry[key]) for key in BOUNDS if key in entry}
    if choices := [line.strip() for line in form.get("choices", "").splitlines() if line.strip()]:
        entry["choices"] = choices
    if "label" in entry:
        entry.setdefault("name", declaring.proposed_name(entry["label"], fields))
    if entry.get("type") in get_args(FieldType):
        other = OF_SOME_TYPES - kind_of(entry["type"]).keys
        entry = {key: value for key, value in entry.items() if key not in other}
    return entry


def facts(field: Field) -> str:
    """What the values of a field are, in a few words: "whole number 0 to 120, years"."""
    if field.choices:
        return "one value" if len(field.choices) == 1 else f"one of {len(field.choices):,} values"
    low, high = (None if b is None else number_text(b) for b in (field.minimum, field.maximum))
    span = f" {low} to {high}" if low and high else f" from {low}" if low else ""
    span = span or (f" up to {high}" if high else "")
    return f"{field.kind.noun}{span}{f', {field.unit}' if field.unit else ''}"


def shown(errors: Mapping[str, str]) -> dict[str, str]:
    """The complaints as sentences, each for its control, whose label names the key already."""
    sentences = {}
    for key, text in errors.items():
        bare = re.sub(rf"^{key} (?=must |is )", "", text)
        bare = "is needed" if bare == "is missing" else bare
        sentences[key] = f"{bare[:1].upper()}{bare[1:]}."
    return sentences


def _number(text: str) -> int | float | str:
    for read in (int, float):
        with suppress(ValueError):
            return read(text.replace(",", ""))
    return text
