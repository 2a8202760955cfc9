"""Read one value as it is sent: plain spellings as what they mean, surprises with a warning."""

import math
import re
import unicodedata
from typing import NamedTuple, assert_never

from ml.fields.lenient import YES_OR_NO, choice_of, folded, plain_number
from ml.fields.types import (
    MAX_TEXT_LENGTH,
    NULL_WORD,
    Field,
    Value,
    clean_text,
    is_null_word,
    nearest_of,
)

# Beyond this it is no measured number but a fault of the program that sent it.
MAX_PLAUSIBLE = 1e40
LEFT_UNKNOWN = "left unknown"
NOT_USED = "not used, what was known before is kept"
OTHER_DIGITS = "must be written with the digits 0 to 9"
# UTF-8 that was read as Windows-1252 and saved so, and what could not be read at all.
MOJIBAKE = re.compile(
    "[\u00c2\u00c3][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]"
    "|\u00e2\u20ac|\u00ef\u00bf\u00bd|\ufffd"
)
MOJIBAKE_PROBLEM = "looks like text that was saved in a wrong encoding"


# What kind of surprise a value is.
NOT_IN_LIST = "not in the list"
NULL = "word for unknown"
OUT_OF_RANGE = "out of range"
WRONG_ENCODING = "wrong encoding"
FOREIGN_DIGITS = "other digits"
CONTROLS = "control characters"
TOO_LONG = "too long"
OTHER = "other"


class Reading(NamedTuple):
    """A value as it is kept; of a surprise also what is wrong with it, what was done, its kind."""

    value: Value
    problem: str | None = None
    remedy: str | None = None
    kind: str | None = None

    @property
    def is_unused(self) -> bool:
        """Whether it breaks its rule, so that it says neither a value nor that there is none."""
        return self.remedy == NOT_USED


def read(field: Field, value: object) -> Reading:
    """Read a value of a field: numbers, yes and no may come as text.

    ValueError with a sentence for the sender where the value is of another type.

    >>> visits = Field("visits", "count", "Visits", minimum=0)
    >>> read(visits, " 8.0 ").value, read(visits, "n/a").value, read(visits, -1).remedy
    (8, None, 'not used, what was known before is kept')
    """
    if field.type != "category" and isinstance(value, str) and is_null_word(value):
        return _null(value)
    match field.type:
        case "category":
            return _category(field, value)
        case "boolean":
            return _boolean(field, value)
        case "count" | "number":
            return _number(field, value)
        case _:
            assert_never(field.type)


def kind_of(field: Field) -> str:
    """The kind of a surprise that breaks the rule of a field."""
    if field.choices:
        return NOT_IN_LIST
    return OUT_OF_RANGE if field.kind.is_numeric else OTHER


def read_text(value: object, maximum: int) -> Reading:
    """Read text for people: cut where it is too long, with control characters folded into blanks.

    Text that looks as if it was saved in a wrong encoding is kept, with a warning; ValueError
    where it is no text.
    """
    if isinstance(value, str) and is_null_word(value):
        return _null(value)
    try:
        kept = clean_text(value, maximum=maximum)
        if kept is not None and not kept.isascii() and MOJIBAKE.search(kept):
            return Reading(kept, MOJIBAKE_PROBLEM, "correct it where it comes from", WRONG_ENCODING)
        return Reading(kept)
    except ValueError as error:
        if not isinstance(value, str):
            raise
        problem, length = str(error), len(value.strip())
    text = unicodedata.normalize("NFC", folded(value, maximum))[:maximum].strip() or None
    if length > maximum:
        return Reading(text, problem, f"cut from {length:,}", TOO_LONG)
    return Reading(text, problem, "they became blanks", CONTROLS)


def _category(field: Field, value: object) -> Reading:
    if not field.choices or not isinstance(value, str):
        return read_text(value, MAX_TEXT_LENGTH)
    short = value[: 10 * MAX_TEXT_LENGTH]
    choice = choice_of(short, field)
    if choice is not None:
        return Reading(choice)
    if is_null_word(value):
        return _null(value)
    meant = nearest_of(short, field.choices)
    hint = f" (did you mean {meant}?)" if meant else ""
    return Reading(None, f"must be {field.rule}{hint}", NOT_USED, NOT_IN_LIST)


def _boolean(field: Field, value: object) -> Reading:
    if isinstance(value, str):
        word = value.strip()[:MAX_TEXT_LENGTH].casefold()
        return Reading(YES_OR_NO[word] if word in YES_OR_NO else field.parse(value, text=True))
    return Reading(bool(value) if value in (0, 1) else field.parse(value))


def _number(field: Field, value: object) -> Reading:
    plain = plain_number(value) if isinstance(value, str) else value
    try:
        number = field.parse(plain, text=isinstance(plain, str))
    except ValueError as error:
        if not _is_number(field, plain):
            raise
        return Reading(None, str(error), NOT_USED, OUT_OF_RANGE)
    if plain == value:
        return Reading(number)
    return Reading(number, OTHER_DIGITS, f"read as {number}", FOREIGN_DIGITS)


def _null(word: str) -> Reading:
    return Reading(None, NULL_WORD, LEFT_UNKNOWN, NULL) if word.strip() else Reading(None)


def _is_number(field: Field, value: object) -> bool:
    """Whether it is a number of the field's kind, if perhaps out of its range."""
    try:
        # Python alone reads 1_000 as a number.
        is_none = isinstance(value, bool) or "_" in str(value)
        number = math.nan if is_none else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
    is_plausible = abs(number) <= MAX_PLAUSIBLE  # not so of NaN
    return is_plausible and (field.type == "number" or number.is_integer())
