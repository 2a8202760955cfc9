"""What is wrong in the rows of a file, by reason, and what is to be said of them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from webapp.services.imports.rows import CellWarning, ImportRow, WrongRow
from webapp.stored import ImportResult, ImportWarning, RowError, WrongReason
from webapp.tables import Meaning

MAX_ERRORS_KEPT = 200
MAX_REASONS_KEPT = 200
MAX_LINES_SHOWN = 5
MAX_IDS_REMEMBERED = 500_000
# Excel keeps fifteen digits of a number; the rest of a long ID becomes zeros.
MAX_EXACT_DIGITS = 15


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
            self.ids.add(row)
            for warning in row.warnings:
                self._warn(warning, row.line)

    def result(self, ignored_columns: Sequence[str], notes: Sequence[str]) -> ImportResult:
        """What was found; `notes` are sentences of the mapping."""
        return ImportResult(
            n_rows=self.n_rows,
            n_wrong=self.n_wrong,
            n_leads=self.ids.n,
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


class _Ids:
    """The ids of a file so far, each as a number: which come again, and which only look so."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Meaning] = {}
        self.by_small_letters: dict[int, int] = {}
        self.n = self.n_again = self.n_other_outcome = self.n_other_case = self.n_cut = 0

    def add(self, row: ImportRow) -> None:
        lead_id, outcome = row.record.lead_id, row.record.outcome
        key = hash(lead_id)
        if key in self.outcomes:
            self.n_again += not row.is_history
            before = self.outcomes[key]
            is_other = None not in (before, outcome) and before != outcome
            self.n_other_outcome += is_other and row.outcome_at is None
            self.outcomes[key] = outcome if outcome is not None else before
            return
        self.n += 1
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
