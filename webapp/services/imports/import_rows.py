"""A row of an import file as a lead record with its times, or what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NamedTuple

from ml.fields.fields_file import Fields
from ml.fields.types import is_null_word
from webapp.services.exports.columns import LEFT_OUT, WITHDRAWN
from webapp.services.exports.formulas import restored
from webapp.services.imports.import_file import open_table
from webapp.services.leads import records
from webapp.services.leads.records import InvalidRecord, LeadRecord
from webapp.services.outcomes.outcomes import parse_time
from webapp.stored import RowError
from webapp.tables import SOURCES


@dataclass(frozen=True)
class ImportRow:
    """A row that is right; `number` counts all rows of the file from 1.

    `exported` says what an export knows of an outcome beside it.
    """

    number: int
    record: LeadRecord
    scored_at: datetime | None
    outcome_at: datetime | None
    exported: "ExportedOutcome | None" = None


@dataclass(frozen=True)
class ExportedOutcome:
    """Who an outcome that comes back is of, and why; or that it takes the one before it back."""

    source: str
    rule: str | None
    reason: str | None
    is_withdrawal: bool


@dataclass(frozen=True)
class WrongRow:
    """A row that is not, with everything that is wrong in it."""

    number: int
    errors: list[RowError]


class Place(NamedTuple):
    """Where and when a row is read."""

    number: int
    line: int
    now: datetime


def read_rows(
    path: Path, fields: Fields, now: datetime, *, behind: int = 0
) -> Iterator[tuple[ImportRow | WrongRow, float]]:
    """Check the rows behind the first so many; each comes with the share of the file read.

    `now` is the moment of the import: no time in the file may lie behind it.
    """
    with open_table(path, fields) as table:
        for number, (line, cells) in enumerate(table.rows, 1):
            if number > behind:
                yield _row(fields, table.columns, cells, Place(number, line, now)), table.share_read


def _row(
    fields: Fields, columns: list[str], cells: list[str], place: Place
) -> ImportRow | WrongRow:
    if len(cells) != len(columns):
        message = f"has {len(cells)} cells; the header has {len(columns)}"
        return WrongRow(place.number, [RowError(line=place.line, field="", message=message)])
    values = dict(zip(columns, map(restored, cells), strict=True))
    for name in LEFT_OUT:
        values.pop(name, None)
    errors: list[RowError] = []
    scored_at = _time(values, "scored_at", place, errors)
    outcome_at = _time(values, "outcome_at", place, errors)
    exported = _exported(values, place, errors)
    # An empty cell keeps what is known, and so does a word for unknown.
    told = {name: cell for name, cell in values.items() if not is_null_word(cell)}
    try:
        record = records.clean(fields, told, strict=True)
    except InvalidRecord as invalid:
        wrong = [
            RowError(line=place.line, field=e.field, message=records.as_text(e.message))
            for e in invalid.errors
        ]
        return WrongRow(place.number, wrong + errors)
    if not errors and not (exported and exported.is_withdrawal):
        errors += _contradictions(record, scored_at, outcome_at, place.line)
    if errors:
        return WrongRow(place.number, errors)
    return ImportRow(place.number, record, scored_at, outcome_at, exported)


def _exported(
    values: dict[str, str], place: Place, errors: list[RowError]
) -> ExportedOutcome | None:
    """What an export says of an outcome beside it; None where the row is not of one."""
    source, rule, reason = (
        values.pop(name, "").strip() or None
        for name in ("outcome_source", "outcome_rule", "reason")
    )
    if source is None:
        return None
    if source not in SOURCES:
        rule = f"must be one of {', '.join(SOURCES)}, as an export says it"
        errors.append(RowError(line=place.line, field="outcome_source", message=rule))
    is_withdrawal = values.get("actual_outcome") == WITHDRAWN
    if is_withdrawal:
        values.pop("actual_outcome")
    return ExportedOutcome(source, rule, reason, is_withdrawal)


def _time(
    values: dict[str, str], name: str, place: Place, errors: list[RowError]
) -> datetime | None:
    text = values.pop(name, "").strip()
    parse = _scored_at if name == "scored_at" else parse_time
    try:
        return parse(text, place.now) if text else None
    except ValueError as error:
        errors.append(RowError(line=place.line, field=name, message=str(error)))
        return None


def _scored_at(text: str, now: datetime) -> datetime | None:
    """Read when a lead's inputs were as they stand there; a date means its beginning."""
    moment = parse_time(text, now)
    try:
        return min(datetime.combine(date.fromisoformat(text), time.min, UTC), now)
    except ValueError:
        return moment


def _contradictions(
    record: LeadRecord, scored_at: datetime | None, outcome_at: datetime | None, line: int
) -> Iterator[RowError]:
    if outcome_at is None:
        return
    if record.outcome is None:
        yield RowError(line=line, field="outcome_at", message="needs an actual_outcome beside it")
    if scored_at is not None and outcome_at < scored_at:
        yield RowError(line=line, field="outcome_at", message="must not lie before scored_at")
