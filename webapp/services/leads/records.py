"""What a lead record may hold and what is wrong with one: one rule for every way in."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

from ml.fields.fields_file import Fields, Value, clean_text
from webapp.tables import NEVER_WORKED, Meaning

LEAD_ID_LENGTH = 100
PEOPLE_FIELDS = ("name", "company", "email", "phone", "owner")
PEOPLE_LENGTH = 200
LEAD_ID_RULE = f"text of 1 to {LEAD_ID_LENGTH} characters, without control characters"
PEOPLE_RULE = f"text of up to {PEOPLE_LENGTH} characters, without control characters, or null"
OUTCOME_RULE = "true, false or never_worked"
OUTCOME_OR_NULL_RULE = f"{OUTCOME_RULE}, or null"
OUTCOME_TEXTS = {"true": True, "false": False, "": None, "never worked": NEVER_WORKED}
KNOWN_RULE = "a field of the contract or of fields.toml"
MAX_UNKNOWN_KEYS = 20
MAX_HINTS = 3
LAST_OF_LIST = re.compile(r", (\w+) or null")


@dataclass(frozen=True)
class FieldError:
    """One wrong field: its name, what is wrong, and the rule it breaks; never its value."""

    field: str
    message: str
    rule: str


class InvalidRecord(ValueError):
    """A record breaks rules; `errors` names every wrong field."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))
        self.errors = errors


@dataclass(frozen=True)
class LeadRecord:
    """A lead as sent, cleaned: what was not sent is not in it, None makes a value unknown."""

    lead_id: str
    people: dict[str, str | None]
    inputs: dict[str, Value]
    outcome: Meaning


def clean(fields: Fields, record: Mapping[str, Any], *, text: bool = False) -> LeadRecord:
    """Check a lead record whole and return it cleaned, or raise `InvalidRecord` with all errors.

    With `text`, values are strings as forms and files have them, and empty stands for null.
    """
    check = _Checker(record, _unknown_keys(fields, record))
    lead_id = check("lead_id", LEAD_ID_RULE, clean_lead_id)
    people = {n: check(n, PEOPLE_RULE, _person_text) for n in PEOPLE_FIELDS if n in record}
    outcome = check("actual_outcome", OUTCOME_OR_NULL_RULE, partial(parse_outcome, text=text))
    sent = [field for field in fields if field.name in record]
    inputs = {f.name: check(f.name, f.rule, partial(f.parse, text=text)) for f in sent}
    if check.errors:
        raise InvalidRecord(check.errors)
    return LeadRecord(lead_id, people, inputs, outcome)


@dataclass(frozen=True)
class _Checker:
    """Parses the values of one record and gathers what is wrong with them."""

    record: Mapping[str, Any]
    errors: list[FieldError]

    def __call__(self, name: str, rule: str, parse: Callable[[Any], Any]) -> Any:
        try:
            return parse(self.record.get(name))
        except ValueError as error:
            self.errors.append(FieldError(name, str(error), rule))
            return None


def as_text(message: str) -> str:
    """A message for a form or a file, where nothing is null but a cell can be empty."""
    text = message.replace(", or null", "; leave it empty if it is unknown")
    return LAST_OF_LIST.sub(r" or \1; leave it empty if it is unknown", text)


def clean_lead_id(value: Any) -> str:
    """Return a lead id trimmed and in NFC; raise ValueError where it breaks its rule."""
    cleaned = clean_text(value, maximum=LEAD_ID_LENGTH)
    if not cleaned:
        raise ValueError("is required and must not be empty")
    return cleaned


def parse_outcome(value: Any, *, text: bool = False) -> Meaning:
    """Read an outcome; raise ValueError where it breaks its rule.

    True and False are labels, never_worked is a lead that was closed without being worked, and
    None says nothing. With `text`, words of any case are read, "never worked" with a blank too,
    and empty is None; otherwise, as in JSON, only the values themselves are.
    """
    if text and isinstance(value, str):
        value = OUTCOME_TEXTS.get(value.strip().lower().replace("_", " "), value)
    if value == NEVER_WORKED:
        return NEVER_WORKED
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"must be {OUTCOME_RULE}")


def _person_text(value: Any) -> str | None:
    return clean_text(value, maximum=PEOPLE_LENGTH)


def _unknown_keys(fields: Fields, record: Mapping[str, Any]) -> list[FieldError]:
    known = ("lead_id", "actual_outcome", *PEOPLE_FIELDS)
    if record.keys() <= {*known, *fields.names}:
        return []
    unknown = [str(key) for key in record if key not in known and key not in fields]
    # Looking for what was meant takes time, and a long list of mistakes helps nobody.
    meant = [fields.nearest(key, known) for key in unknown[:MAX_HINTS]]
    hints = [f"; did you mean {name}?" if name else "" for name in meant]
    listed = zip_longest(unknown[:MAX_UNKNOWN_KEYS], hints, fillvalue="")
    errors = [
        FieldError(_shown(key), f"is not a known field{hint}", KNOWN_RULE) for key, hint in listed
    ]
    if n_more := len(unknown[MAX_UNKNOWN_KEYS:]):
        errors.append(FieldError("", f"holds {n_more:,} more unknown fields", KNOWN_RULE))
    return errors


def _shown(key: str) -> str:
    return key[:100].encode("ascii", "replace").decode()
