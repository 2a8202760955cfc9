"""What an import would do, told before: counts, examples, and what is wrong by reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.imports.changes import known_values
from webapp.services.imports.matching.mapping import LEAD_ID, OUTCOME
from webapp.services.imports.rows import CellWarning, ImportRow, WrongRow
from webapp.services.leads import leads
from webapp.services.outcomes import outcomes
from webapp.stored import (
    ImportPreview,
    ImportResult,
    ImportWarning,
    LeadChange,
    RowError,
    ValueChange,
    WrongReason,
)
from webapp.tables import Lead, Meaning

MAX_CHANGES_SHOWN = 5
MAX_ERRORS_KEPT = 200
MAX_REASONS_KEPT = 200
MAX_LINES_SHOWN = 5
MAX_IDS_REMEMBERED = 500_000
# Excel keeps fifteen digits of a number; the rest of a long ID becomes zeros.
MAX_EXACT_DIGITS = 15


class Known(NamedTuple):
    """What is known of a lead: values of its fields and what people read, and its outcome."""

    values: Mapping[str, Any]
    outcome: Meaning


def known_leads(session: Session, rows: Iterable[ImportRow]) -> dict[str, Known]:
    """What is known of the leads of some rows, by the ids in the rows."""
    names = leads.survivors(session, [row.record.lead_id for row in rows])
    found = session.scalars(sa.select(Lead).where(Lead.lead_id.in_(names.values())))
    known = {lead.lead_id: Known(known_values(lead), outcomes.counting(lead)) for lead in found}
    return {lead_id: known[name] for lead_id, name in names.items() if name in known}


class Check:
    """What is wrong in the rows of a file, and what is to be said of them, without their values.

    Memory does not grow with the file, but for the first 500,000 ids.
    """

    def __init__(self) -> None:
        self.n_rows = self.n_wrong = 0
        self.errors: list[RowError] = []
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.warned: Counter[tuple[str, str]] = Counter()
        self.lines: dict[tuple[str, str], list[int]] = {}
        self.ids = _Ids()

    def add(self, rows: Sequence[ImportRow | WrongRow]) -> None:
        """Go through the next rows."""
        self.n_rows += len(rows)
        for row in rows:
            if isinstance(row, WrongRow):
                self._reject(row)
                continue
            self.ids.add(row.record.lead_id, row.record.outcome)
            for warning in row.warnings:
                self._warn(warning, row.line)

    def result(self, ignored_columns: Sequence[str], notes: Sequence[str]) -> ImportResult:
        """What was found; `notes` are sentences of the mapping."""
        return ImportResult(
            n_rows=self.n_rows,
            n_wrong=self.n_wrong,
            errors=self.errors,
            reasons=[
                WrongReason(column=column, message=message, n=n)
                for (column, message), n in self.reasons.most_common()
            ],
            warnings=[
                *(ImportWarning(message=note) for note in (*notes, *self.ids.notes())),
                *self._warnings(),
            ],
            ignored_columns=list(ignored_columns),
        )

    def _reject(self, row: WrongRow) -> None:
        self.n_wrong += 1
        self.errors += row.errors[: MAX_ERRORS_KEPT - len(self.errors)]
        for error in row.errors:
            reason = (error.field, error.message)
            if reason in self.reasons or len(self.reasons) < MAX_REASONS_KEPT:
                self.reasons[reason] += 1

    def _warn(self, warning: CellWarning, line: int) -> None:
        key = (warning.column, warning.message)
        if key in self.warned or len(self.warned) < MAX_REASONS_KEPT:
            self.warned[key] += 1
            lines = self.lines.setdefault(key, [])
            lines += [line] if len(lines) < MAX_LINES_SHOWN else []

    def _warnings(self) -> Iterator[ImportWarning]:
        for (column, message), n in self.warned.items():
            lines = self.lines[column, message]
            yield ImportWarning(column=column, message=message, count=n, lines=lines)


class Forecast:
    """What right rows would bring; `waits` if outcomes of unknown people wait for their leads."""

    def __init__(self, *, waits: bool) -> None:
        self.waits = waits
        self.counts: Counter[str] = Counter()
        self.changes: list[LeadChange] = []
        self.new_ids: set[int] = set()

    def add(self, rows: Iterable[ImportRow], known: Mapping[str, Known]) -> None:
        """Go through the next rows, with what is known of their leads by id."""
        for row in rows:
            self._count(row, known.get(row.record.lead_id))

    def result(self) -> ImportPreview:
        """What was found."""
        return ImportPreview(**self.counts, changes=self.changes)

    def _count(self, row: ImportRow, known: Known | None) -> None:
        outcome = row.record.outcome
        if known is None and self.waits and not row.tells_who:
            self.counts["n_waiting"] += outcome is not None
            return
        if outcome is not None and (known is None or outcome != known.outcome):
            self.counts["n_outcomes"] += 1
        if known is None:
            self.new_ids.add(hash(row.record.lead_id))
            self.counts["n_new"] = len(self.new_ids)
        elif changes := list(_changes(row, known)):
            self.counts["n_changed"] += 1
            if len(self.changes) < MAX_CHANGES_SHOWN:
                self.changes.append(LeadChange(lead_id=row.record.lead_id, changes=changes))
        else:
            self.counts["n_unchanged"] += 1


def _changes(row: ImportRow, known: Known) -> Iterator[ValueChange]:
    for name, new in row.values.items():
        old = known.values.get(name)
        if name not in (LEAD_ID, OUTCOME) and new != old:
            yield ValueChange(field=name, old=old, new=new)


class _Ids:
    """The ids of a file so far, each as a number: which come again, and which only look so."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Meaning] = {}
        self.by_small_letters: dict[int, int] = {}
        self.n_again = self.n_other_outcome = self.n_other_case = self.n_cut = 0

    def add(self, lead_id: str, outcome: Meaning) -> None:
        key = hash(lead_id)
        if key in self.outcomes:
            self.n_again += 1
            before = self.outcomes[key]
            self.n_other_outcome += None not in (before, outcome) and before != outcome
            self.outcomes[key] = outcome if outcome is not None else before
            return
        self.n_cut += _looks_cut(lead_id)
        small = hash(lead_id.casefold())
        self.n_other_case += self.by_small_letters.get(small, key) != key
        if len(self.outcomes) < MAX_IDS_REMEMBERED:
            self.outcomes[key] = outcome
            self.by_small_letters[small] = key

    def notes(self) -> Iterator[str]:
        if self.n_again:
            rows = _n(self.n_again, "row repeats the ID of a row", "rows repeat the ID of a row")
            yield f"{rows} above: where they differ, the last one counts."
        if self.n_other_outcome:
            rows = _n(self.n_other_outcome, "row has", "rows have")
            yield f"{rows} another outcome than a row above for the same lead: the last one counts."
        if self.n_other_case:
            ids = _n(self.n_other_case, "ID differs", "IDs differ")
            yield f"{ids} from another ID only by upper and lower case: they are different leads."
        if self.n_cut:
            ids = _n(self.n_cut, "ID looks", "IDs look")
            yield f"{ids} cut off, as spreadsheets do with long numbers: check them."


def _looks_cut(lead_id: str) -> bool:
    is_rounded = (
        len(lead_id) > MAX_EXACT_DIGITS
        and lead_id.isdecimal()
        and not lead_id[MAX_EXACT_DIGITS:].strip("0")
    )
    return is_rounded or lead_id.endswith(("...", "\u2026"))


def _n(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
