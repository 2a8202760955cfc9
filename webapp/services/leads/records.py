"""What a lead record may hold and what is wrong with one: one rule for every way in."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

from ml.fields.fields_file import Fields, Value, clean_text
from ml.fields.lenient import folded, word_key
from ml.fields.reading import OTHER, Reading, read, read_text
from ml.fields.types import Field, is_null_word
from webapp.services.crm.kinds import salesforce_ids
from webapp.tables import NEVER_WORKED, Meaning

LEAD_ID_LENGTH = 100
LEAD_ID_RULE = (
    f"text of 1 to {LEAD_ID_LENGTH} characters, without control characters, or a whole number"
)
# Zero-width and direction characters, which nobody sees: two ids would look the same.
INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
# What Excel (and Java, without the plus) makes of a long number: 1.23457E+14 stands for a billion.
SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d{1,3}|\d[.,]\d{3,}E\d{1,3}", re.ASCII | re.IGNORECASE)
# Of the words for an unknown value those that somebody may call a lead by.
WORDS_AS_IDS = ("unknown", "select")
# Whole numbers below this are exact as floating point.
MAX_EXACT = 2**53
# Every way in takes these.
PLAIN_WORDS: dict[str, Meaning] = {
    **dict.fromkeys(("true", "yes", "1", "won", "converted", "closed won"), True),
    **dict.fromkeys(("false", "no", "0", "lost", "closed lost"), False),
    **dict.fromkeys(("never worked", "not worked"), NEVER_WORKED),
}
PEOPLE_FIELDS = ("name", "company", "email", "phone", "owner")
KNOWN_NAMES = ("lead_id", "actual_outcome", *PEOPLE_FIELDS)
PEOPLE_LENGTH = 200
PEOPLE_RULE = f"text of up to {PEOPLE_LENGTH} characters, without control characters, or null"
# The plain words as a document describes them; any case is read.
OUTCOME_PATTERN = f"^({'|'.join([*PLAIN_WORDS, NEVER_WORKED])})?$"
OUTCOME_RULE = (
    "true, false or never_worked, or a plain word for it: yes, no, 1, 0, won, lost, converted,"
    " closed won, closed lost"
)
OUTCOME_OR_NULL_RULE = f"{OUTCOME_RULE}, or null"
MAX_OUTCOME_LENGTH = 40
MAX_SHOWN_LENGTH = 100
UNKNOWN_FIELD = "unknown field"
KNOWN_RULE = "a field of the contract or one that is declared"
MAX_UNKNOWN_KEYS = 20
MAX_HINTS = 3
# An address with a name before it: "Rita Moss <rita@example.com>".
ADDRESS = re.compile(r"(?:[^<>]*<)?([^\s<>@]+@[^\s<>@]+)>?")
WORD = re.compile(r"[^\W_]+")
MAX_WORD_LENGTH = 64
OR_EMPTY = "; leave it empty if it is unknown"
LAST_OF_LIST = re.compile(r", (\w+) or null")


@dataclass(frozen=True)
class FieldWarning:
    """A value taken otherwise than it was sent: which, what was done with it, and its rule.

    `kind` says what kind of surprise it is, by the names in `ml.fields.reading`.
    """

    field: str
    value: str
    rule: str
    message: str
    kind: str


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
    warnings: tuple[FieldWarning, ...] = ()
    # The list of fields by which its inputs were read; None where they are as meant now anyway.
    field_list: int | None = None
    # Fields that the source asked for, also where it tells nothing of this lead.
    asked: frozenset[str] = frozenset()
    # Fields that nobody has asked for, after what a source has told is undone.
    unasked: frozenset[str] = frozenset()


def clean(
    fields: Fields,
    record: Mapping[str, Any],
    *,
    strict: bool = False,
    ignore_unknown: bool = False,
) -> LeadRecord:
    """Check a lead record whole and return it cleaned, or raise `InvalidRecord` with all errors.

    Surprises in the data are taken with a warning, unless `strict`; a value that breaks its field's
    rule is as if it had not been sent, so that what was known is kept. Keys that are not known are
    mistakes, unless they are ignored: then each is a surprise that is left out.
    """
    check = _Checker(record, strict, _unknown_keys(fields, record), [], set())
    if ignore_unknown and not strict:
        check.warnings.extend(
            FieldWarning(e.field, "", e.rule, f"{e.message}; it is left out", UNKNOWN_FIELD)
            for e in check.errors
        )
        check.errors.clear()
    lead_id = check("lead_id", LEAD_ID_RULE, _lead_id)
    people = {n: check(n, PEOPLE_RULE, _person) for n in PEOPLE_FIELDS if n in record}
    if people.get("owner"):
        people["owner"] = clean_owner(people["owner"])
    outcome = check("actual_outcome", OUTCOME_OR_NULL_RULE, _outcome)
    sent = [field for field in fields if field.name in record]
    inputs = {field.name: check(field.name, field.rule, partial(_value, field)) for field in sent}
    if check.errors:
        raise InvalidRecord(check.errors)
    told = {name: value for name, value in inputs.items() if name not in check.unused}
    return LeadRecord(lead_id, people, told, outcome, tuple(check.warnings), fields.version)


@dataclass(frozen=True)
class _Checker:
    record: Mapping[str, Any]
    is_strict: bool
    errors: list[FieldError]
    warnings: list[FieldWarning]
    unused: set[str]

    def __call__(self, name: str, rule: str, parse: Callable[[Any], Reading]) -> Any:
        sent = self.record.get(name)
        try:
            reading = parse(sent)
        except ValueError as error:
            self.errors.append(FieldError(name, str(error), rule))
            return None
        if reading.problem is None:
            return reading.value
        if self.is_strict:
            self.errors.append(FieldError(name, reading.problem, rule))
        else:
            shown = folded(str(sent), MAX_SHOWN_LENGTH)
            message = f"{reading.problem}; {reading.remedy}"
            kind = reading.kind or OTHER
            self.warnings.append(FieldWarning(name, shown, rule, message, kind))
        if reading.is_unused:
            self.unused.add(name)
        return reading.value


def as_text(message: str) -> str:
    """A message for a form or a file, where nothing is null but a cell can be empty."""
    text = message.replace(", or null", OR_EMPTY)
    return LAST_OF_LIST.sub(rf" or \1{OR_EMPTY}", text)


def search_words(text: str) -> list[str]:
    """The words that a search compares: without case, accents and punctuation, each once."""
    bare = text.casefold()
    if not bare.isascii():
        plain = unicodedata.normalize("NFKD", bare)
        bare = "".join(c for c in plain if not unicodedata.combining(c))
    return list(dict.fromkeys(word[:MAX_WORD_LENGTH] for word in WORD.findall(bare)))


def clean_lead_id(value: Any) -> str:
    """Bring an id into its one form of 1 to 100 characters; else ValueError for the sender.

    Trimmed, NFC, without zero-width and direction characters; 5.0 is 5. Salesforce's 15 characters
    become the 18 that mean the same, and 18 in one case get their capitals back.

    >>> clean_lead_id(" L-1\u200b "), clean_lead_id(12345), clean_lead_id("00Q5f000001AbCd")
    ('L-1', '12345', '00Q5f000001AbCdEAK')
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**LEAD_ID_LENGTH:
        value = str(value)
    if isinstance(value, str) and not value.isascii():
        value = INVISIBLE.sub("", value)
    cleaned = clean_text(value, maximum=LEAD_ID_LENGTH)
    if not cleaned:
        raise ValueError("is required and must not be empty")
    if is_null_word(cleaned) and cleaned.casefold() not in WORDS_AS_IDS:
        raise ValueError("is required and must not be a word for an unknown value")
    if SHORTENED.fullmatch(cleaned):
        raise ValueError(
            "was shortened by Excel, so that different IDs look the same: format the column as text"
            " before you export it"
        )
    return salesforce_ids.canonical(cleaned) if len(cleaned) in {15, 18} else cleaned


def clean_owner(text: str) -> str:
    """The text that an owner is known by: an e-mail address as accounts have it, else the name.

    >>> clean_owner("Rita Moss <Rita@Example.com>"), clean_owner("Rita Moss")
    ('rita@example.com', 'Rita Moss')
    """
    found = ADDRESS.fullmatch(text)
    return found[1].lower() if found else text


def parse_outcome(value: Any) -> Meaning:
    """Read an outcome in any of its plain words, empty and unknown being None; else ValueError."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    if isinstance(value, str) and len(value) <= MAX_OUTCOME_LENGTH:
        if is_null_word(value):
            return None
        # Programs make 1.0 of 1 where other rows have none.
        if (key := word_key(value.strip().removesuffix(".0"))) in PLAIN_WORDS:
            return PLAIN_WORDS[key]
    raise ValueError(f"must be {OUTCOME_RULE}")


def _value(field: Field, value: Any) -> Reading:
    """A right value the short way; all others are read for what they mean."""
    if isinstance(value, str) and not value.isascii() and not field.choices:
        return read(field, value)
    try:
        return Reading(field.parse(value))
    except ValueError:
        return read(field, value)


def _person(value: Any) -> Reading:
    try:
        text = clean_text(value, maximum=PEOPLE_LENGTH)
    except ValueError:
        return read_text(value, PEOPLE_LENGTH)
    is_plain = not text or (text.isascii() and not is_null_word(text))
    return Reading(text) if is_plain else read_text(value, PEOPLE_LENGTH)


def _lead_id(value: Any) -> Reading:
    return Reading(clean_lead_id(value))


def _outcome(value: Any) -> Reading:
    return Reading(parse_outcome(value))


def is_known(fields: Fields, name: str) -> bool:
    """Whether a lead record may have a value of this name."""
    return name in KNOWN_NAMES or name in fields


def _unknown_keys(fields: Fields, record: Mapping[str, Any]) -> list[FieldError]:
    unknown = [str(key) for key in record if not is_known(fields, key)]
    # Looking for what was meant takes time, and a long list of mistakes helps nobody.
    meant = [fields.nearest(key, KNOWN_NAMES) for key in unknown[:MAX_HINTS]]
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
