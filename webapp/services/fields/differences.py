"""What changes where one list of fields follows another, in lines for people."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from ml.fields.checks import entry_of
from ml.fields.fields_file import Field, Fields
from webapp.services.fields import usage


def told(session: Session, before: Fields, after: Fields) -> list[str]:
    """Say what is new, changed and retired, each with what that does to models and leads."""
    used = usage.usage(session, before)
    known = {field.name: field for field in before if field.declared or field.retired}
    lines: list[str] = []
    for field in (field for field in after if field.declared or field.retired):
        old = known.get(field.name)
        if old is None:
            lines.append(f"+ {_named(field)}: new, {field.rule}")
        elif old != field:
            sign = "-" if field.retired else "~"
            lines.append(f"{sign} {_named(field)}: {_changes(old, field)}")
            lines += [f"    {s}" for s in usage.consequences(session, old, field, used)]
    return lines


def _named(field: Field) -> str:
    return f"{field.label} ({field.name})"


def _changes(before: Field, after: Field) -> str:
    if after.retired and not before.retired:
        return "retired"
    return "; ".join(_changed_keys(before, after)) or "taken into use"


def _changed_keys(before: Field, after: Field) -> Iterator[str]:
    old, new = entry_of(before), entry_of(after)
    for key in {**old, **new}:
        if old.get(key) != new.get(key):
            yield f"{key} {_shown(old.get(key))} becomes {_shown(new.get(key))}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{word} = {choice}" for word, choice in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
