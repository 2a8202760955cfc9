"""What one `[[field]]` entry of a fields file may say, and every way in which it can be wrong.

Reading the file and finding lines is the business of `ml.fields.fields_file` and
`ml.fields.toml_lines`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

from ml.fields.types import (
    MAX_NUMBER,
    MAX_TEXT_LENGTH,
    Field,
    FieldType,
    category_key,
    clean_text,
    kind_of,
    nearest_of,
)

FIELD_TYPES: tuple[str, ...] = get_args(FieldType)
OF_SOME_TYPES = frozenset().union(*(kind_of(t).keys for t in get_args(FieldType)))
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
SALESFORCE_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)
MAX_HELP_LENGTH = 300
MAX_UNIT_LENGTH = 30
MAX_FIELDS = 500  # not counting retired ones: a model may use so many
MAX_CHOICES = 500
MAX_ALIASES = 500

# Keys of requests, forms and answers, which a field of the same name would hide.
RESERVED_NAMES = frozenset(
    {
        "lead_id",
        "name",
        "company",
        "email",
        "phone",
        "owner",
        "actual_outcome",
        "outcome",
        "scored_at",
        "outcome_at",
        "conversion_score",
        "risk_category",
        "timestamp",
        "model_version",
        "grade",
        "reasons",
        "unknown_fields",
        "previous_score",
        "csrf_token",
        "form_key",
        "redirect_to",
        "reason",
    }
)

MAX_COUNTED = 1_000_000


def _builtin(
    name: str,
    kind: FieldType,
    label: str,
    *,
    maximum: float | None = None,
    influenced: bool = False,
) -> Field:
    minimum = None if maximum is None else 0
    return Field(
        name,
        kind,
        label,
        minimum=minimum,
        maximum=maximum,
        use=False,
        influenced=influenced,
        declared=False,
        builtin=True,
    )


BUILTIN_FIELDS = {
    field.name: field
    for field in (
        _builtin("age", "count", "Age", maximum=120),
        _builtin("location", "category", "Location"),
        _builtin("industry", "category", "Industry"),
        _builtin("email_opens", "count", "Email opens", maximum=MAX_COUNTED),
        _builtin("website_visits", "count", "Website visits", maximum=MAX_COUNTED),
        # Sent by a rep, and done by a rep; whether mails are opened and pages visited is not.
        _builtin(
            *("content_downloads", "count", "Content downloads"),
            maximum=MAX_COUNTED,
            influenced=True,
        ),
        _builtin(
            *("days_since_contact", "count", "Days since contact"),
            maximum=MAX_COUNTED,
            influenced=True,
        ),
        _builtin("lead_source", "category", "Lead source"),
    )
}

Complaint = tuple[str, str]  # key of the entry, what is wrong with it


def entry_complaints(entry: dict[str, Any]) -> Iterator[Complaint]:
    """Name everything that is wrong with one `[[field]]` table taken alone.

    >>> list(entry_complaints({"name": "seats", "type": "count", "lable": "Seats"}))
    [('label', 'label is missing'), ('lable', 'unknown key lable (did you mean label?)')]
    """
    for key in ("name", "type", "label"):
        if key not in entry:
            yield key, f"{key} is missing"
    for key, value in entry.items():
        if complaint := _key_complaint(key, value):
            yield key, complaint
    yield from _bound_complaints(entry)
    yield from _alias_complaints(entry)
    yield from _kind_complaints(entry)
    yield from _builtin_complaints(entry)


def field_from(entry: dict[str, Any]) -> Field:
    """Build the field of a correct entry; bounds left out are built-in ones, or 0 of own counts.

    >>> field_from({"name": "age", "type": "count", "label": "Age"}).rule
    'a whole number from 0 to 120, or null'
    """
    builtin = BUILTIN_FIELDS.get(entry["name"])
    choices = {category_key(choice): _cleaned(choice) for choice in entry.get("choices", ())}
    minimum = builtin.minimum if builtin else (0 if entry["type"] == "count" else None)
    return Field(
        name=entry["name"],
        type=entry["type"],
        label=_cleaned(entry["label"]),
        minimum=_whole_as_int(entry.get("min", minimum)),
        maximum=_whole_as_int(entry.get("max", builtin.maximum if builtin else None)),
        choices=tuple(choices.values()),
        # In an order of its own: a database may keep the keys of a table in any.
        aliases=tuple(
            sorted(
                (_cleaned(word), choices[category_key(choice)])
                for word, choice in entry.get("aliases", {}).items()
            )
        ),
        unit=_cleaned(entry.get("unit")) or None,
        use=entry.get("use", True),
        influenced=entry.get("influenced", builtin is not None and builtin.influenced),
        salesforce=entry.get("salesforce"),
        help=_cleaned(entry.get("help")) or None,
        declared=not entry.get("retired", False),
        retired=entry.get("retired", False),
        builtin=builtin is not None,
    )


def entry_of(field: Field) -> dict[str, Any]:
    """Write a declared field as its `[[field]]` entry; `field_from` makes the same of it again.

    >>> entry_of(Field("seats", "count", "Seats", minimum=0, use=False))
    {'name': 'seats', 'type': 'count', 'label': 'Seats', 'min': 0, 'use': False}
    """
    builtin = BUILTIN_FIELDS.get(field.name)
    usually_influenced = builtin is not None and builtin.influenced
    entry = {
        "name": field.name,
        "type": field.type,
        "label": field.label,
        "min": field.minimum,
        "max": field.maximum,
        "choices": list(field.choices),
        "aliases": dict(field.aliases),
        "unit": field.unit,
        "use": None if field.use else False,
        "influenced": None if field.influenced == usually_influenced else field.influenced,
        "retired": field.retired or None,
        "salesforce": field.salesforce,
        "help": field.help,
    }
    return {key: value for key, value in entry.items() if value not in (None, [], {})}


def _cleaned(value: str | None) -> str:
    return clean_text(_one_line(value), maximum=MAX_HELP_LENGTH) or ""


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _whole_as_int(bound: float | None) -> float | None:
    return bound if bound is None or not float(bound).is_integer() else int(bound)


def _key_complaint(key: str, value: object) -> str | None:
    if key in CHECKS:
        return CHECKS[key](value)
    meant = nearest_of(key, tuple(CHECKS))
    return f"unknown key {key}" + (f" (did you mean {meant}?)" if meant else "")


def _name(value: object) -> str | None:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        return (
            "name must be a small letter followed by at most 62 small letters, digits or "
            f"underscores, not {_quoted(value)}"
        )
    if value in RESERVED_NAMES:
        return f"name {value} is reserved: requests and answers use it for something else"
    return None


def _type(value: object) -> str | None:
    if value in FIELD_TYPES:
        return None
    meant = nearest_of(value, FIELD_TYPES) if isinstance(value, str) else None
    hint = f" (did you mean {meant}?)" if meant else ""
    return f"type must be one of {', '.join(FIELD_TYPES)}, not {_quoted(value)}{hint}"


def _text(key: str, longest: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        try:
            blank = clean_text(_one_line(value), maximum=longest) is None
        except ValueError as error:
            return f"{key} {error}"
        return f"{key} must not be blank" if blank else None

    return check


def _bound(key: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) <= MAX_NUMBER:  # type: ignore[arg-type]
            return None  # NaN and infinity do not come here
        return f"{key} must be a number between -10^15 and 10^15, not {_quoted(value)}"

    return check


def _choices(value: object) -> str | None:
    if not isinstance(value, list) or not value:
        return "choices must be a list of at least one text"
    if len(value) > MAX_CHOICES:
        return f"choices may be at most {MAX_CHOICES}, not {len(value)}"
    seen: dict[str, str] = {}
    for choice in value:
        if complaint := _text(f"choice {_quoted(choice)}", MAX_TEXT_LENGTH)(choice):
            return complaint
        key = category_key(choice)
        if key in seen:
            return f"choices hold {_quoted(choice)} twice (case does not matter)"
        seen[key] = choice
    return None


def _aliases(value: object) -> str | None:
    if not isinstance(value, dict) or not value:
        return "aliases must be a table of at least one word and its choice"
    if len(value) > MAX_ALIASES:
        return f"aliases may be at most {MAX_ALIASES}, not {len(value)}"
    checks = (_text(f"alias {_quoted(word)}", MAX_TEXT_LENGTH)(word) for word in value)
    if complaint := next(filter(None, checks), None):
        return complaint
    wrong = next((word for word in value if not isinstance(value[word], str)), None)
    return None if wrong is None else f"alias {_quoted(wrong)} must stand for a text"


def _flag(key: str) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        if isinstance(value, bool):
            return None
        return f"{key} must be true or false, not {_quoted(value)}"

    return check


def _salesforce(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= 255 and SALESFORCE_NAME.fullmatch(value):
        return None
    return f"salesforce must be the API name of a Lead field, not {_quoted(value)}"


CHECKS: dict[str, Callable[[object], str | None]] = {
    "name": _name,
    "type": _type,
    "label": _text("label", MAX_TEXT_LENGTH),
    "min": _bound("min"),
    "max": _bound("max"),
    "choices": _choices,
    "aliases": _aliases,
    "unit": _text("unit", MAX_UNIT_LENGTH),
    "use": _flag("use"),
    "influenced": _flag("influenced"),
    "retired": _flag("retired"),
    "salesforce": _salesforce,
    "help": _text("help", MAX_HELP_LENGTH),
}


def _quoted(value: object) -> str:
    """Show a wrong value in a message, cut short."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        return "a number that large"
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."


def _bound_complaints(entry: dict[str, Any]) -> Iterator[Complaint]:
    bounds = {
        key: entry[key]
        for key in ("min", "max")
        if key in entry and CHECKS[key](entry[key]) is None
    }
    for key, bound in bounds.items():
        if entry.get("type") == "count" and not float(bound).is_integer():
            yield key, f"{key} of a count must be a whole number, not {bound}"
    # A count starts at 0 where no min is given.
    low = bounds.get("min", 0 if entry.get("type") == "count" else -MAX_NUMBER)
    if "max" in bounds and low > bounds["max"]:
        yield "max", f"max must not be below the smallest value, {low}"


def _alias_complaints(entry: dict[str, Any]) -> Iterator[Complaint]:
    """What makes an alias stand for no choice, or for two."""
    if any(key in entry and CHECKS[key](entry[key]) for key in ("choices", "aliases")):
        return
    choices = {category_key(choice) for choice in entry.get("choices", ())}
    seen: set[str] = set()
    for word, choice in entry.get("aliases", {}).items():
        key = category_key(word)
        if category_key(choice) not in choices:
            yield "aliases", f"{_quoted(word)} stands for {_quoted(choice)}, which is no choice"
        elif key in choices:
            yield "aliases", f"{_quoted(word)} is a choice itself, so it cannot stand for another"
        elif key in seen:
            yield "aliases", f"aliases hold {_quoted(word)} twice (case does not matter)"
        seen.add(key)


def _kind_complaints(entry: dict[str, Any]) -> Iterator[Complaint]:
    found = entry.get("type")
    if found not in FIELD_TYPES:
        return
    for key in entry.keys() & (OF_SOME_TYPES - kind_of(found).keys):
        fit = " and ".join(t for t in get_args(FieldType) if key in kind_of(t).keys)
        is_are, types = ("are", "type") if fit == "category" else ("is", "types")
        yield key, f"{key} {is_are} only for the {types} {fit}, not {found}"


def _builtin_complaints(entry: dict[str, Any]) -> Iterator[Complaint]:
    name = entry.get("name")
    builtin = BUILTIN_FIELDS.get(name) if isinstance(name, str) else None
    if builtin is None:
        return
    measure = builtin.kind.measure
    if entry.get("type") in FIELD_TYPES and kind_of(entry["type"]).measure != measure:
        fit = " or ".join(t for t in get_args(FieldType) if kind_of(t).measure == measure)
        yield "type", f"type of the built-in field {name} must be {fit}"
    if builtin.maximum is None:
        return
    for key in ("min", "max"):
        if CHECKS[key](entry.get(key)) is None and not 0 <= entry[key] <= builtin.maximum:
            yield key, f"{key} of the built-in field {name} must be within 0 to {builtin.maximum:,}"
