"""What an import would do, told before: counts, examples, and what is wrong by reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from webapp.services.imports import mapping as mappings
from webapp.services.imports.errors import RowError
from webapp.services.imports.mapping import LEAD_ID, OUTCOME
from webapp.services.imports.rows import CellWarning, ImportRow, WrongRow
from webapp.tables import Meaning

ROWS_AT_ONCE = 500
MAX_CHANGES_SHOWN = 5
MAX_REJECTED_KEPT = 1_000
MAX_WARNINGS_KEPT = 200
MAX_VALUES_SHOWN = 5
MAX_IDS_REMEMBERED = 500_000
# Excel keeps fifteen digits of a number; the rest of a long ID becomes zeros.
MAX_EXACT_DIGITS = 15


class Known(NamedTuple):
    """What is known of a lead: values of its fields and what people read, and its outcome."""

    values: Mapping[str, Any]
    outcome: Meaning


class Change(NamedTuple):
    """A value of a lead that an import changes."""

    lead_id: str
    field: str
    old: Any
    new: Any


Lookup: TypeAlias = Callable[[Sequence[str]], Mapping[str, Known]]


@dataclass
class Preview:
    """What some rows would do. `changes` are of the first leads that change; lists are bounded."""

    ignored_columns: list[str]
    notes: list[str] = field(default_factory=list)
    n_read: int = 0
    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_outcomes: int = 0
    n_waiting: int = 0
    n_wrong: int = 0
    changes: list[list[Change]] = field(default_factory=list)
    rejected: list[RowError] = field(default_factory=list)
    wrong_by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)
    warnings: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Write it as `import-leads --json` does."""
        rejected = [{"line": e.line, "column": e.field, "reason": e.message} for e in self.rejected]
        return {
            "read": self.n_read,
            "new": self.n_new,
            "changed": self.n_changed,
            "unchanged": self.n_unchanged,
            "outcomes": self.n_outcomes,
            "waiting": self.n_waiting,
            "rejected": rejected,
            "ignored_columns": self.ignored_columns,
            "warnings": [*self._notes_as_json(), *self._warnings_as_json()],
        }

    def _notes_as_json(self) -> Iterator[dict[str, Any]]:
        for note in self.notes:
            yield {"column": None, "message": note, "count": None, "values": []}

    def _warnings_as_json(self) -> Iterator[dict[str, Any]]:
        for (column, message), values in self.warnings.items():
            shown = [value for value, _ in values.most_common(MAX_VALUES_SHOWN)]
            yield {
                "column": column,
                "message": message,
                "count": values.total(),
                "values": shown,
            }


def preview(
    rows: Iterable[ImportRow | WrongRow],
    mapping: mappings.Mapping,
    lookup: Lookup,
    notes: Sequence[str] = (),
) -> Preview:
    """Go through rows without importing them.

    Parameters
    ----------
    rows : iterable
        As `RowReader` reads them.
    mapping : Mapping
        By which they were read.
    lookup : function
        Gives what is known of leads, by their ids; those it leaves out are unknown.
    notes : sequence of str
        What else is to be said.

    Returns
    -------
    Preview
        Memory does not grow with the file, but for a number for each of the first 500,000 ids.
    """
    result, ids = Preview(mapping.ignored_columns, list(notes)), _Ids()
    waits = mapping.is_of_outcomes_only
    source = iter(rows)
    while block := list(islice(source, ROWS_AT_ONCE)):
        good = [row for row in block if isinstance(row, ImportRow)]
        known = lookup([row.record.lead_id for row in good])
        result.n_read += len(block)
        for row in block:
            if isinstance(row, WrongRow):
                _reject(result, row)
            else:
                _count(result, row, known.get(row.record.lead_id), ids, waits=waits)
    result.notes += ids.notes()
    return result


def _reject(result: Preview, row: WrongRow) -> None:
    result.n_wrong += 1
    result.rejected += row.errors[: MAX_REJECTED_KEPT - len(result.rejected)]
    for error in row.errors:
        reason = (error.field, error.message)
        if reason in result.wrong_by_reason or len(result.wrong_by_reason) < MAX_WARNINGS_KEPT:
            result.wrong_by_reason[reason] += 1


def _count(
    result: Preview, row: ImportRow, known: Known | None, ids: "_Ids", *, waits: bool
) -> None:
    for warning in row.warnings:
        _warn(result, warning)
    is_first = ids.add(row.record.lead_id, row.record.outcome)
    if known is None and waits and row.record.outcome is not None:
        result.n_waiting += 1
        return
    if row.record.outcome is not None and (known is None or row.record.outcome != known.outcome):
        result.n_outcomes += 1
    if known is None:
        result.n_new += is_first
        return
    if changes := list(_changes(row, known)):
        result.n_changed += 1
        if len(result.changes) < MAX_CHANGES_SHOWN:
            result.changes.append(changes)
    else:
        result.n_unchanged += 1


def _changes(row: ImportRow, known: Known) -> Iterator[Change]:
    for name, new in row.values.items():
        old = known.values.get(name)
        if name not in (LEAD_ID, OUTCOME) and new != old:
            yield Change(row.record.lead_id, name, old, new)


def _warn(result: Preview, warning: CellWarning) -> None:
    key = (warning.column, warning.message)
    values = result.warnings.get(key)
    if values is None:
        if len(result.warnings) >= MAX_WARNINGS_KEPT:
            return
        values = result.warnings[key] = Counter()
    shown = warning.value if warning.value in values or len(values) < MAX_WARNINGS_KEPT else "..."
    values[shown] += 1


class _Ids:
    """The ids of a file so far, each as a number: which come again, and which only look so."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Meaning] = {}
        self.by_small_letters: dict[int, int] = {}
        self.n_again = self.n_other_outcome = self.n_other_case = self.n_cut = 0

    def add(self, lead_id: str, outcome: Meaning) -> bool:
        """Take in an id; return whether it is new to the file."""
        key = hash(lead_id)
        if key in self.outcomes:
            self.n_again += 1
            before = self.outcomes[key]
            self.n_other_outcome += None not in (before, outcome) and before != outcome
            self.outcomes[key] = outcome if outcome is not None else before
            return False
        self.n_cut += _looks_cut(lead_id)
        small = hash(lead_id.casefold())
        self.n_other_case += self.by_small_letters.get(small, key) != key
        if len(self.outcomes) < MAX_IDS_REMEMBERED:
            self.outcomes[key] = outcome
            self.by_small_letters[small] = key
        return True

    def notes(self) -> Iterator[str]:
        """What is to be said of the ids."""
        if self.n_again:
            rows = _n(self.n_again, "row repeats the ID of a row", "rows repeat the ID of a row")
            yield f"{rows} above: of what they say, the last counts."
        if self.n_other_outcome:
            rows = _n(self.n_other_outcome, "row says", "rows say")
            yield f"{rows} another outcome of a lead than a row above: the last counts."
        if self.n_other_case:
            ids = _n(self.n_other_case, "ID differs", "IDs differ")
            yield f"{ids} from another only by case: they are different leads."
        if self.n_cut:
            ids = _n(self.n_cut, "ID looks", "IDs look")
            yield f"{ids} cut, as spreadsheets do with long numbers: check them."


def _looks_cut(lead_id: str) -> bool:
    is_rounded = (
        len(lead_id) > MAX_EXACT_DIGITS
        and lead_id.isdecimal()
        and not lead_id[MAX_EXACT_DIGITS:].strip("0")
    )
    return is_rounded or lead_id.endswith(("...", "\u2026"))


def _n(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
