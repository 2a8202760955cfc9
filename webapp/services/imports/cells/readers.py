"""How the cells of one column become values: each different text is read once and remembered."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ml.fields.fields_file import Field, Value, category_key
from ml.fields.lenient import YES_OR_NO
from ml.fields.reading import (
    LEFT_UNKNOWN,
    NOT_USED,
    NULL,
    OUT_OF_RANGE,
    Reading,
    read,
    read_text,
)
from ml.fields.types import MAX_TEXT_LENGTH, NULL_WORD, is_null_word
from webapp.services.crm.kinds.table import KINDS
from webapp.services.exports.formulas import restored
from webapp.services.imports.cells.numbers import DecimalMark, read_number
from webapp.services.imports.cells.times import RULE, moment
from webapp.services.imports.matching.mapping import ColumnMapping
from webapp.services.imports.matching.outcome_words import read_cell
from webapp.services.leads import records
from webapp.services.outcomes.times import parse_time
from webapp.tables import SOURCES

MAX_REMEMBERED = 5_000
# What reports and databases put under a table or its header, in the languages of most exports.
NO_LEAD = re.compile(
    r"(?:(?:grand |sub-?)?totals?|sum|sums|count|average|mean|(?:gesamt|zwischen)?summe|gesamt"
    r"|anzahl|insgesamt|total g[ée]n[ée]ral|sous-total|somme|totaal|totale|suma|итого|всего"
    r"|合计|总计)"
    r"(?:\s*[:=(].*)?|\(?[\d.,]+ (?:records?|rows?|leads?)(?: affected| selected)?\)?|[-=_+]{2,}",
    re.IGNORECASE,
)
EXCEL_TEXT = re.compile(r'="([^"]*)"')
SERIAL = re.compile(r"[1-9]\d{4}(?:\.\d+)?", re.ASCII)
# The nought of databases and spreadsheets.
NO_TIME = re.compile(r"0000-00-00|0?0/0?0/0000|0?1/0?0/1900|1899-12-3[01]", re.ASCII)


class Cell(NamedTuple):
    """A cell read: its value, what is wrong with it, and what surprises in it, of which kind."""

    value: Value | datetime = None
    error: str | None = None
    warning: str | None = None
    kind: str | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether it says that the value is unknown."""
        return self.value is None and not self.error and self.kind in {None, NULL}


UNKNOWN = Cell(warning=f"{NULL_WORD}; {LEFT_UNKNOWN}", kind=NULL)


class Reader(dict[str, Cell]):
    """Gives the `Cell` of a text; blank ones and words for unknown are None everywhere."""

    def __init__(self, read: Callable[[str], Cell], *, reads_null_words: bool = False) -> None:
        super().__init__()
        self.read, self.reads_null_words = read, reads_null_words

    def __missing__(self, text: str) -> Cell:
        written = text
        # Written so that Excel keeps the noughts in front: ="00012".
        as_text = EXCEL_TEXT.fullmatch(text) if text.startswith("=") else None
        text = as_text[1] if as_text else restored(text)
        if not is_null_word(text) or (self.reads_null_words and text.strip()):
            cell = self._read(text)
        else:
            cell = UNKNOWN if text.strip() else Cell()
        if len(self) < MAX_REMEMBERED:
            self[written] = cell
        return cell

    def _read(self, text: str) -> Cell:
        try:
            return self.read(text)
        except ValueError as error:
            return Cell(error=records.as_text(str(error)))


def text_reader(maximum: int) -> Reader:
    """Read text for people to read."""
    return Reader(partial(_text, maximum=maximum))


def id_reader() -> Reader:
    """Read ids; numbers that Excel has shortened are refused."""
    return Reader(_id)


def email_id_reader() -> Reader:
    """Read e-mail addresses as ids, in small letters."""
    return Reader(_email_id)


def field_reader(field: Field, column: ColumnMapping) -> Reader:
    """Read values of a field by what was decided on its column."""
    if field.type in ("count", "number"):
        return Reader(partial(_number, field=field, mark=column.decimal or "."))
    if field.type == "boolean":
        return Reader(partial(_boolean, field=field, column=column))
    # A word for unknown can be one of the choices.
    read_choice = partial(_category, field=field, column=column)
    return Reader(read_choice, reads_null_words=bool(field.choices))


def source_reader() -> Reader:
    """Read which source an exported outcome is of."""
    return Reader(_source)


def outcome_reader(column: ColumnMapping) -> Reader:
    """Read what a column says of outcomes."""
    return Reader(partial(_outcome, column=column))


def outcome_time_reader(column: ColumnMapping, zone: ZoneInfo, now: datetime) -> Reader:
    """Read when outcomes happened: a date is the end of that day."""
    return Reader(lambda text: _time(text, lambda t: parse_time(_iso(t, column, zone), now)))


def scored_at_reader(column: ColumnMapping, zone: ZoneInfo, now: datetime) -> Reader:
    """Read when the values of a row were so: a date is the beginning of that day."""
    return Reader(lambda text: _time(text, lambda t: _begin(_iso(t, column, zone), now)))


def _time(text: str, read: Callable[[str], datetime | None]) -> Cell:
    return UNKNOWN if NO_TIME.match(text.strip()) else Cell(read(text))


def _text(text: str, *, maximum: int) -> Cell:
    if text.isascii() and text.isprintable() and len(text) <= maximum:
        return Cell(text.strip())
    return _cell(read_text(text, maximum))


def _id(text: str) -> Cell:
    if NO_LEAD.fullmatch(text.strip()[:100]):
        raise ValueError("is a line of totals or a rule, not a lead's ID")
    return Cell(records.clean_lead_id(text))


def _email_id(text: str) -> Cell:
    if "@" not in text.strip()[1:-1]:
        raise ValueError("is no e-mail address, and the lead's ID is made of it")
    return Cell(records.clean_lead_id(text.casefold()))


def _number(text: str, *, field: Field, mark: DecimalMark) -> Cell:
    try:
        return _cell(read(field, read_number(text, mark)))
    except ValueError:
        # What holds a figure was meant as a number: "10+", "35 years", "11-50".
        if not any(map(str.isdecimal, text)):
            raise ValueError(f"must be {field.rule}") from None
        return _cell(Reading(None, f"must be {field.rule}", NOT_USED, OUT_OF_RANGE))


def _boolean(text: str, *, field: Field, column: ColumnMapping) -> Cell:
    key = category_key(text)
    if key in column.values:
        return Cell(column.values[key])
    if key not in YES_OR_NO:
        raise ValueError(f"must be {field.rule}")
    return Cell(YES_OR_NO[key])


def _category(text: str, *, field: Field, column: ColumnMapping) -> Cell:
    if column.values and (key := category_key(text)) in column.values:
        return Cell(column.values[key])
    return _cell(read(field, text)) if field.choices else _text(text, maximum=MAX_TEXT_LENGTH)


def _source(text: str) -> Cell:
    if text not in (known := (*SOURCES, *KINDS)):
        raise ValueError(f"must be one of {', '.join(known)}, as an export says it")
    return Cell(text)


def _outcome(text: str, *, column: ColumnMapping) -> Cell:
    if (key := category_key(text)) in column.values:
        return Cell(column.values[key])
    reading = read_cell(text, column.words)
    if not reading.is_sure:
        raise ValueError("is no known outcome: say what it means, or leave it empty")
    return Cell(reading.meaning)


def _cell(reading: Reading) -> Cell:
    if not reading.problem:
        return Cell(reading.value)
    rule = records.as_text(reading.problem).replace(records.OR_EMPTY, "")
    return Cell(reading.value, None, f"{rule}; {reading.remedy}", reading.kind)


def _iso(text: str, column: ColumnMapping, zone: ZoneInfo) -> str:
    found = moment(text)
    if found is None and SERIAL.fullmatch(text.strip()):
        raise ValueError(f"is the number of a day in a spreadsheet, and {RULE}")
    if found is None:
        raise ValueError(RULE)
    return found.text(day_first=column.day_first, zone=zone)


def _begin(text: str, now: datetime) -> datetime | None:
    at = parse_time(text, now)
    try:
        return min(datetime.combine(date.fromisoformat(text), time.min, UTC), now)
    except ValueError:
        return at
