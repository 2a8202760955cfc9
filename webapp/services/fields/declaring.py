"""Declare, change and retire fields: checked whole, kept as a new list, and audited.

Where a file rules (`LEADLOOP_FIELDS_FILE`), changes are refused with `FieldsInFile`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from ml.fields.checks import MAX_FIELDS, entry_complaints, entry_of, field_from
from ml.fields.fields_file import Field, Fields, category_key
from ml.fields.lenient import choice_of
from ml.sentences import gettext
from webapp import field_lists
from webapp.services.accounts import audit

NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


class FieldsInFile(RuntimeError):
    """The fields are declared in a file, so they cannot be changed anywhere else."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            gettext(
                "The fields are declared in %(name)s (LEADLOOP_FIELDS_FILE): change "
                "them there and restart",
                name=file.name,
            )
        )


class FieldNotFound(LookupError):
    """No field has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(gettext("There is no field %(name)s", name=name[:100]))


class ChangedMeanwhile(RuntimeError):
    """What a person wants to change is not any more what they saw."""

    def __init__(self, what: str) -> None:
        super().__init__(
            gettext(
                "Somebody else has changed %(what)s since you looked, so nothing was saved",
                what=what,
            )
        )


class InvalidField(ValueError):
    """An entry breaks rules; `errors` has a sentence for each wrong key, "" for missing ones."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class Author:
    """Who changes fields, when, and the file that rules instead where there is one."""

    name: str
    now: datetime
    fields_file: Path | None


def proposed_name(label: str, fields: Fields) -> str:
    """Make a name that no field has out of a label; empty where it has no letter of a to z.

    >>> proposed_name("Pages / visit", Fields([])), proposed_name("Age", Fields([]))
    ('pages_visit', 'age_2')
    """
    name = NOT_IN_A_NAME.sub("_", label.casefold()).strip("_0123456789")[:60].rstrip("_")
    taken = (n for n in (name, *(f"{name}_{i}" for i in range(2, 1000))) if n not in fields)
    return next(taken, "") if name else ""


def checked(entry: Mapping[str, Any], fields: Fields, *, replaces: str | None = None) -> Field:
    """Check an entry as of a fields file, and its name; `InvalidField` has every mistake.

    `replaces` is the field that it changes, whose name it keeps.
    """
    errors: dict[str, str] = {}
    for key, complaint in entry_complaints(dict(entry)):
        errors.setdefault(key, complaint)
    name = entry.get("name")
    if "name" not in errors and name != replaces and name in fields:
        other = fields[str(name)]
        if other.declared or other.retired:
            errors["name"] = gettext("%(label)s has this name already", label=other.label)
    if errors:
        raise InvalidField(errors)
    return field_from(dict(entry))


def declare_field(session: Session, entry: Mapping[str, Any], by: Author) -> Field:
    """Declare a new field, the last in the list; every process knows it from its next request.

    The transaction writes. `InvalidField` has every mistake in the entry.
    """
    after = with_field(_editable(session, by), entry)
    field_lists.add(session, after, actor=by.name, now=by.now)
    field = after[entry["name"]]
    _record(session, "declared field", field, by, **entry_of(field))
    return field


def with_field(fields: Fields, entry: Mapping[str, Any]) -> Fields:
    """The fields and a new one, the last; `InvalidField` has every mistake in the entry."""
    _check_room(fields)
    field = checked(entry, fields)
    others = [other for other in fields if other.name != field.name]
    return Fields([*others, field], fields.version)


def change_field(
    session: Session,
    name: str,
    entry: Mapping[str, Any],
    by: Author,
    *,
    seen_version: int,
    is_new_unit: bool = False,
) -> Field:
    """Change a declared field by a whole new entry; the same again changes nothing.

    The transaction writes. Values of another type, or of a new unit (else only its word changes),
    do not count any more: leads forget them, snapshots keep them, training passes them over.
    `InvalidField`, `FieldNotFound`, or `ChangedMeanwhile` where this very field is not as in the
    list that the person saw (`Declared.version`).
    """
    fields = _editable(session, by)
    before = _seen(session, fields, name, seen_version)
    after = checked({**entry, "name": name, "retired": before.retired}, fields, replaces=name)
    if after == before:
        return after
    forgets = before.kind.measure != after.kind.measure or is_new_unit
    _replace(session, fields, after, by, renewed=[name] if forgets else [])
    old, new = entry_of(before), entry_of(after)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    detail = {key: [old.get(key), new.get(key)] for key in keys}
    _record(session, "changed field", after, by, forgets_values=forgets, **detail)
    return after


def retire_field(session: Session, name: str, by: Author, *, seen_version: int) -> Field:
    """Retire a field: values are still taken and kept, but people and models do without it."""
    return _set_retired(session, name, by, seen_version, is_retired=True)


def restore_field(session: Session, name: str, by: Author, *, seen_version: int) -> Field:
    """Take a retired field, or a built-in one that was never declared, into use again."""
    return _set_retired(session, name, by, seen_version, is_retired=False)


def add_choice(session: Session, name: str, choice: str, by: Author) -> Field:
    """Add a value to the list of a category, unless it is there, case and punctuation aside.

    `FieldNotFound`, or `InvalidField` (key "choices") where there is no list or the value cannot
    stand in one.
    """
    fields = _editable(session, by)
    after = with_choice(named(fields, name), choice)
    if after != fields[name]:
        _replace(session, fields, after, by)
        _record(session, "added choice", after, by, choice=after.choices[-1])
    return after


def with_choice(field: Field, choice: str) -> Field:
    """The field and one more value in its list; `InvalidField` as `add_choice` raises it."""
    _check_list(field)
    if choice_of(choice, field) is not None:
        return field
    return checked(entry_of(field) | {"choices": [*field.choices, choice]}, Fields([]))


def add_alias(session: Session, name: str, word: str, by: Author, *, choice: str) -> Field:
    """Read a word as one of a category's choices, wherever values come in.

    A word that is read so already, case and punctuation aside, changes nothing. `FieldNotFound`, or
    `InvalidField` (key "aliases") where there is no such choice, or the word is a choice itself or
    stands for another.
    """
    fields = _editable(session, by)
    field = named(fields, name)
    _check_list(field)
    meant = choice_of(word, field)
    if meant is not None and meant == choice_of(choice, field):
        return field
    known = {category_key(other): other_choice for other, other_choice in field.aliases}
    if other := known.get(category_key(word)):
        raise InvalidField(
            {"aliases": gettext("%(word)s stands for %(other)s already", word=word, other=other)}
        )
    entry = entry_of(field)
    after = checked(entry | {"aliases": {**entry.get("aliases", {}), word: choice}}, Fields([]))
    _replace(session, fields, after, by)
    _record(session, "added alias", after, by, alias=word, choice=choice_of(word, after))
    return after


def of_other_unit(before: Fields, after: Fields) -> list[str]:
    """Name the fields whose unit changes, so that somebody must say what known values are in."""
    known = (field for field in before if field.unit is not None and field.name in after)
    pairs = ((field, after[field.name]) for field in known)
    return [o.name for o, n in pairs if o.kind.measure == n.kind.measure and o.unit != n.unit]


def replace_all(
    session: Session,
    fields: Fields,
    by: Author,
    *,
    seen_version: int,
    renewed: Collection[str] = (),
) -> None:
    """Let a whole list count, which a file that rules does not hinder; what it lacks is retired.

    `renewed` names fields whose known values are in another unit: these are forgotten.
    `ChangedMeanwhile` where the fields are not those of the list that the person saw.
    """
    field_lists.seed(session, by.now)
    before = field_lists.current(session).fields
    if before.entries != field_lists.at(session, seen_version).entries:
        raise ChangedMeanwhile(gettext("the fields"))
    after = with_retired(before, fields)
    declared = field_lists.add(session, after, actor=by.name, now=by.now, renewed=renewed)
    detail: dict[str, Any] = {"n_fields": len(after.declared), "version": declared.version}
    detail |= {"forgets_values": list(renewed)} if renewed else {}
    audit.record(session, by.name, "imported fields", "fields", now=by.now, detail=detail)


def with_retired(before: Fields, after: Fields) -> Fields:
    """A new list behind which the fields stand, retired, that it leaves out."""
    kept = [f for f in after if f.declared or f.retired]
    names = {f.name for f in kept}
    gone = (f for f in before if f.name not in names and (f.declared or f.retired))
    return Fields([*kept, *map(retired, gone)])


def retired(field: Field) -> Field:
    """The field as it is once it is retired."""
    return replace(field, declared=False, retired=True)


def _editable(session: Session, by: Author) -> Fields:
    if by.fields_file is not None:
        raise FieldsInFile(by.fields_file)
    field_lists.seed(session, by.now)
    return field_lists.current(session).fields


def _seen(session: Session, fields: Fields, name: str, seen_version: int) -> Field:
    field = named(fields, name)
    seen = field_lists.at(session, seen_version)
    if name not in seen or seen[name] != field:
        raise ChangedMeanwhile(field.label)
    return field


def named(fields: Fields, name: str) -> Field:
    """The field of this name; else `FieldNotFound`."""
    if name not in fields:
        raise FieldNotFound(name)
    return fields[name]


def _check_list(field: Field) -> None:
    if not field.choices:
        raise InvalidField(
            {"choices": gettext("%(label)s takes any value: it has no list", label=field.label)}
        )


def _check_room(fields: Fields) -> None:
    """Refuse one more field than a model may use, else it could be trained and not read back."""
    if len(fields.declared) >= MAX_FIELDS:
        raise InvalidField(
            {
                "name": gettext(
                    "%(MAX_FIELDS)s fields are declared already: retire one first",
                    MAX_FIELDS=MAX_FIELDS,
                )
            }
        )


def _set_retired(
    session: Session, name: str, by: Author, seen_version: int, *, is_retired: bool
) -> Field:
    fields = _editable(session, by)
    before = _seen(session, fields, name, seen_version)
    is_known = before.declared or before.retired
    after = replace(
        before,
        declared=not is_retired,
        retired=is_retired,
        # A built-in field that nobody declared is not used by models either.
        use=before.use or not is_known,
    )
    if after != before:
        if not is_retired:
            _check_room(fields)
        _replace(session, fields, after, by)
        action = "retired field" if is_retired else "restored field"
        _record(session, action, after, by)
    return after


def _replace(
    session: Session, fields: Fields, after: Field, by: Author, *, renewed: Collection[str] = ()
) -> None:
    changed = Fields(after if field.name == after.name else field for field in fields)
    field_lists.add(session, changed, actor=by.name, now=by.now, renewed=renewed)


def _record(session: Session, action: str, field: Field, by: Author, **detail: Any) -> None:
    audit.record(
        session,
        by.name,
        action,
        f"field {field.name}",
        now=by.now,
        detail=detail,
    )
