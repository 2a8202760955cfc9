"""Rows of a file as lead records, read by a mapping; or everything that is wrong with one."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from ml.fields.fields_file import Fields, Value
from ml.fields.lenient import folded
from ml.fields.reading import NOT_USED, OTHER
from webapp.services.exports.columns import WITHDRAWALS
from webapp.services.imports.cells import readers
from webapp.services.imports.cells.readers import Reader
from webapp.services.imports.cells.times import zone_of
from webapp.services.imports.files.layout import BrokenRow
from webapp.services.imports.matching.mapping import (
    DATED,
    FIRST_NAME,
    LAST_NAME,
    LEAD_ID,
    OUTCOME,
    OUTCOME_AT,
    OUTCOME_RULE,
    OUTCOME_SOURCE,
    REASON,
    SCORED_AT,
    TEXT_TARGETS,
    ColumnMapping,
    Mapping,
)
from webapp.services.leads import records
from webapp.services.leads.records import (
    MAX_SHOWN_LENGTH,
    PEOPLE_FIELDS,
    PEOPLE_LENGTH,
    LeadRecord,
)
from webapp.services.outcomes.outcomes import RESULTS
from webapp.stored import RowError
from webapp.tables import SOURCES, Meaning

OUTCOME_COMES_FIRST = "training does not learn from inputs newer than the outcome"
ReaderOf: TypeAlias = Callable[[ColumnMapping], Reader | None]


class CellWarning(NamedTuple):
    """Something taken otherwise than it stands in the file: the column, and a sentence.

    `field` is what the column means, `value` the cell as it is shown, `kind` that of the surprise,
    None where no value is wrong by itself.
    """

    column: str
    field: str
    value: str
    message: str
    kind: str | None


@dataclass(frozen=True)
class ExportedOutcome:
    """Who an outcome that comes back is of, and by which rule; or which one it takes back."""

    source: str
    rule: str | None
    withdraws: Literal["own", "counting"] | None


@dataclass(frozen=True)
class ImportRow:
    """A row that is right; its `number` counts all rows from 1, `line` is where it begins.

    In `values` an absent key keeps what is known and None makes it unknown; `record` is the same,
    checked. `scored_at` is when they were so, `exported` what an export of the product tells.
    """

    number: int
    line: int
    values: dict[str, Any]
    record: LeadRecord
    scored_at: datetime | None
    outcome_at: datetime | None
    reason: str | None
    warnings: list[CellWarning]
    exported: ExportedOutcome | None = None

    @property
    def is_of_crm(self) -> bool:
        """Whether it tells what a CRM has said of the lead."""
        return self.exported is not None and self.exported.source not in SOURCES

    @property
    def is_history(self) -> bool:
        """Whether all that it tells has a time, by which it counts wherever it stands in a file."""
        tells_inputs = bool(self.record.inputs or self.record.people or self.record.asked)
        tells_outcome = self.record.outcome is not None
        return (self.scored_at is not None or not tells_inputs) and (
            self.outcome_at is not None or not tells_outcome
        )

    @property
    def tells_who(self) -> bool:
        """Whether it says who the lead is, so that it makes one that is not known.

        An e-mail address that is the ID says no more than that, and a name beside an outcome only
        whose it is.
        """
        lead_id, is_outcome = self.record.lead_id.casefold(), self.record.outcome is not None
        return any(
            text and text.casefold() != lead_id and not (is_outcome and name == "name")
            for name, text in self.record.people.items()
        )

    def repeats(self, known: Iterable[Dict[str, Value]]) -> bool:
        """Whether some of these known inputs are what the row says."""
        told = self.record.inputs.items()
        return any(all(inputs.get(name) == value for name, value in told) for inputs in known)


@dataclass(frozen=True)
class WrongRow:
    """A row that is not, with everything that is wrong in it."""

    number: int
    errors: list[RowError]


class _Column(NamedTuple):
    place: int
    name: str
    target: str
    cells: Reader
    is_input: bool


class _Unread(NamedTuple):
    """A cell that is no value of its field."""

    column: _Column
    text: str
    message: str


class _Row:
    def __init__(self, line: int, cells: list[str]) -> None:
        self.line, self.cells = line, cells
        self.errors: list[RowError] = []
        self.unread: list[_Unread] = []
        self.warnings: list[CellWarning] = []

    def take(self, column: _Column) -> Any:
        """The value of a column's cell, None where it says nothing or is wrong."""
        text = self.cells[column.place]
        if not text:
            return None
        value, error, warning, kind = column.cells[text]
        if error and column.is_input:
            self.unread.append(_Unread(column, text, error))
        elif error:
            self.wrong(column.name, error)
        if warning:
            self.warn(column, text, warning, kind or OTHER)
        return value

    def judge_unread(self, *, has_outcome: bool) -> None:
        """Take an outcome without the cells that cannot be read; else they are wrong."""
        is_taken = has_outcome and not self.errors
        for column, text, message in self.unread:
            if is_taken:
                rule = message.replace(records.OR_EMPTY, "")
                self.warn(column, text, f"{rule}; {NOT_USED}", OTHER)
            else:
                self.wrong(column.name, message)

    def warn(self, column: _Column, text: str, message: str, kind: str | None = None) -> None:
        shown = folded(text, MAX_SHOWN_LENGTH)
        self.warnings.append(CellWarning(column.name, column.target, shown, message, kind))

    def wrong(self, name: str, message: str) -> None:
        self.errors.append(RowError(line=self.line, field=name, message=message))


class RowReader:
    """Reads the rows of one file by a mapping; no time in it may lie behind `now`."""

    def __init__(self, mapping: Mapping, fields: Fields, now: datetime) -> None:
        self.mapping, self.fields, self.now = mapping, fields, now
        self.zone = zone_of(mapping.time_zone or "UTC")
        self.values = self._columns(self._value_reader)
        self.asked = frozenset(c.target for c in self.values if c.target in fields)
        self.ids = self._columns(self._id_reader)
        self.outcomes = self._columns(_outcome_reader)
        self.scored_at = self._columns(self._scored_at_reader)
        self.outcome_at = self._columns(self._outcome_at_reader)
        # By place, those of one outcome, such as the time of winning.
        words = enumerate(column.words for column in mapping.columns)
        self.dated = {place: DATED[word] for place, word in words if word in DATED}
        self.joins_names = any(c.target in (FIRST_NAME, LAST_NAME) for c in self.values)

    def read(self, number: int, line: int, cells: list[str]) -> ImportRow | WrongRow:
        """Read one row; `line` is where it begins in the file."""
        if isinstance(cells, BrokenRow):
            return WrongRow(number, [RowError(line=line, field="", message=cells.reason)])
        n_columns = len(self.mapping.columns)
        if len(cells) != n_columns:
            noun = "cell" if len(cells) == 1 else "cells"
            message = f"has {len(cells)} {noun}; the header has {n_columns}"
            return WrongRow(number, [RowError(line=line, field="", message=message)])
        row = _Row(line, cells)
        values = {LEAD_ID: self._lead_id(row), **self._values(row)}
        reason = values.pop(REASON, None)
        exported = self._exported(row, values)
        withdraws = exported is not None and exported.withdraws is not None
        scored_at = _first(row, self.scored_at)
        if self.outcomes:
            outcome = self._outcome(row)
            is_told = outcome is not None or withdraws
            outcome_at = self._outcome_at(row, outcome, is_told=is_told)
        else:
            outcome, outcome_at = self._dated_outcome(row)
        if outcome is not None:
            values[OUTCOME] = outcome
        if scored_at is not None and outcome_at is not None and outcome_at < scored_at:
            message = f"is earlier than {self.scored_at[0].name}: {OUTCOME_COMES_FIRST}"
            row.warn(self.outcome_at[0], outcome_at.isoformat(), message)
        row.judge_unread(has_outcome=outcome is not None or withdraws)
        if row.errors:
            return WrongRow(number, row.errors)
        record = self._record(values)
        told = (record, scored_at, outcome_at, reason, row.warnings, exported)
        return ImportRow(number, line, values, *told)

    def _lead_id(self, row: _Row) -> str | None:
        column = next((c for c in self.ids if row.cells[c.place]), self.ids[0])
        n_before = len(row.errors)
        lead_id: str | None = row.take(column)
        if lead_id is None and len(row.errors) == n_before:
            row.wrong(column.name, "is empty, and it is the lead's ID")
        return lead_id

    def _values(self, row: _Row) -> dict[str, Any]:
        values: dict[str, Any] = {}
        is_cleared = self.mapping.empty_clears
        for column in self.values:
            if row.cells[column.place]:
                value = row.take(column)
                clears = is_cleared and column.cells[row.cells[column.place]].is_unknown
                if value is not None and values.get(column.target) is None:
                    values[column.target] = value
                elif clears:
                    values.setdefault(column.target, None)
            elif is_cleared:
                values.setdefault(column.target, None)
        if self.joins_names:
            parts = (values.pop(FIRST_NAME, None), values.pop(LAST_NAME, None))
            if name := " ".join(part for part in parts if part):
                values["name"] = name[:PEOPLE_LENGTH].strip()
            elif is_cleared:
                values["name"] = None
        return values

    def _outcome(self, row: _Row) -> Meaning:
        """What the outcome columns say together; they may not contradict each other."""
        said: dict[Meaning, str] = {}
        archived = False
        for column in self.outcomes:
            meaning = row.take(column)
            if meaning is None:
                continue
            if self.mapping.columns[column.place].words == "active":
                archived = True
            else:
                said.setdefault(meaning, column.name)
        if len(said) > 1:
            (one, name), (other, other_name) = list(said.items())[:2]
            message = f"says {RESULTS[one]}, but “{other_name}” says {RESULTS[other]}"
            row.wrong(name, message)
        return next(iter(said), False if archived else None)

    def _exported(self, row: _Row, values: dict[str, Any]) -> ExportedOutcome | None:
        source, rule = values.pop(OUTCOME_SOURCE, None), values.pop(OUTCOME_RULE, None)
        if source is None:
            return None
        said = (WITHDRAWALS.get(row.cells[c.place].strip()) for c in self.outcomes)
        return ExportedOutcome(source, rule, next(filter(None, said), None))

    def _outcome_at(self, row: _Row, outcome: Meaning, *, is_told: bool) -> datetime | None:
        """When the outcome was: of times of winning and of losing that of what it is."""
        columns = [c for c in self.outcome_at if self.dated.get(c.place, outcome) == outcome]
        if is_told:
            return _first(row, columns)
        # Of open leads the time is when they are expected to close, which tells nothing yet.
        if not row.errors and not any(row.cells[c.place] for c in self.outcomes):
            for column in (c for c in self.outcome_at if row.cells[c.place]):
                message = "has no outcome beside it, and was left out"
                row.warn(column, row.cells[column.place], message)
        return None

    def _dated_outcome(self, row: _Row) -> tuple[Meaning, datetime | None]:
        """What became of a lead by its last time of winning or losing."""
        dated = [c for c in self.outcome_at if c.place in self.dated]
        times = [(at, self.dated[c.place]) for c in dated if (at := row.take(c)) is not None]
        outcome_at, outcome = max(times, default=(None, None))
        return outcome, outcome_at

    def _record(self, values: dict[str, Any]) -> LeadRecord:
        people = {name: values[name] for name in PEOPLE_FIELDS if name in values}
        inputs = {name: values[name] for name in self.fields.names if name in values}
        outcome, field_list = values.get(OUTCOME), self.fields.version
        return LeadRecord(
            values[LEAD_ID], people, inputs, outcome, field_list=field_list, asked=self.asked
        )

    def _columns(self, reader_of: ReaderOf) -> list[_Column]:
        columns = sorted(enumerate(self.mapping.columns), key=lambda placed: placed[1].fills)
        return [
            _Column(place, column.name, column.target, reader, column.target in self.fields)
            for place, column in columns
            if (reader := reader_of(column)) is not None
        ]

    def _value_reader(self, column: ColumnMapping) -> Reader | None:
        if column.target in TEXT_TARGETS:
            return readers.text_reader(PEOPLE_LENGTH)
        if column.target == OUTCOME_SOURCE:
            return readers.source_reader()
        if column.target in self.fields:
            return readers.field_reader(self.fields[column.target], column)
        return None

    def _id_reader(self, column: ColumnMapping) -> Reader | None:
        if self.mapping.id_from_email:
            return readers.email_id_reader() if column.target == "email" else None
        return readers.id_reader() if column.target == LEAD_ID else None

    def _scored_at_reader(self, column: ColumnMapping) -> Reader | None:
        if column.target != SCORED_AT:
            return None
        return readers.scored_at_reader(column, self.zone, self.now)

    def _outcome_at_reader(self, column: ColumnMapping) -> Reader | None:
        if column.target != OUTCOME_AT:
            return None
        return readers.outcome_time_reader(column, self.zone, self.now)


def _outcome_reader(column: ColumnMapping) -> Reader | None:
    return readers.outcome_reader(column) if column.target == OUTCOME else None


def _first(row: _Row, columns: list[_Column]) -> datetime | None:
    return next((at for column in columns if (at := row.take(column)) is not None), None)
