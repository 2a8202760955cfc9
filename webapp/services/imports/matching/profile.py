"""What the columns of a table hold, in one pass over the file, block by block in bounded memory."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from ml.fields.fields_file import category_key
from ml.fields.types import is_null_word
from webapp.services.imports.cells.numbers import DecimalMark, NumberForm, decimal_mark, number_form
from webapp.services.imports.cells.times import DayOrder, moment
from webapp.services.imports.files.errors import ImportFileError
from webapp.services.imports.files.table import open_table
from webapp.stored import FileFormat, ImportProfile, ProfiledColumn

BLOCK_ROWS = 2_000
MAX_DISTINCT = 1_000
MAX_VALUES_STORED = 200
N_SAMPLES = 3
# A column whose first so many different cells are mostly no numbers (times) has none.
MIN_CELLS_TO_JUDGE = 200
MAX_CELL_SHOWN = 100
# What is longer is text, of which the beginning tells as much.
MAX_CELL_LENGTH = 200


@dataclass
class ColumnProfile:
    """What one column holds; counts of values stop once there are too many different ones."""

    name: str
    place: int
    values: Counter[str] = field(default_factory=Counter)
    is_complete: bool = True
    n_filled: int = 0
    numbers: Counter[NumberForm | None] = field(default_factory=Counter)
    times: Counter[DayOrder | None] = field(default_factory=Counter)
    n_without_offset: int = 0

    @property
    def samples(self) -> list[str]:
        return [value[:MAX_CELL_SHOWN] for value in islice(self.values, N_SAMPLES)]

    @property
    def share_of_numbers(self) -> float:
        """How many of the values looked at are numbers, in [0, 1]."""
        return 1 - self.numbers[None] / max(self.numbers.total(), 1)

    @property
    def share_of_times(self) -> float:
        """How many of the values looked at are dates or times, in [0, 1]."""
        return 1 - self.times[None] / max(self.times.total(), 1)

    @property
    def day_first(self) -> bool | None:
        """Which part of 27/11/2026 is the day; None where the cells contradict or do not say."""
        day, month = self.times["day"] > 0, self.times["month"] > 0
        return day if day != month else None

    @property
    def needs_day_order(self) -> bool:
        """Whether some cells are dates only once it is known which part is the day."""
        return any(self.times[order] for order in ("day", "month", "either"))

    @property
    def shows_decimal_mark(self) -> bool:
        """Whether some number means only one thing by its marks."""
        return self.numbers["."] > 0 or self.numbers[","] > 0

    def decimal(self, *, point_is_usual: bool) -> tuple[DecimalMark | None, bool]:
        """The decimal mark, None where it must be asked, and whether it matters."""
        return decimal_mark(self.numbers, point_is_usual=point_is_usual)

    def add(self, cells: list[str]) -> None:
        if max(map(len, cells)) > MAX_CELL_LENGTH:
            cells = [cell[:MAX_CELL_LENGTH] for cell in cells]
        counted = Counter(cells)
        fresh = [cell for cell in counted if cell not in self.values and not is_null_word(cell)]
        self.n_filled += sum(n for cell, n in counted.items() if not is_null_word(cell))
        self._look(fresh)
        if self.is_complete:
            self.values.update(
                {c: n for c, n in counted.items() if c in self.values or not is_null_word(c)}
            )
            self.is_complete = len(self.values) <= MAX_DISTINCT
            if not self.is_complete:
                self.values = Counter(dict(islice(self.values.items(), MAX_DISTINCT)))

    def _look(self, cells: list[str]) -> None:
        """See how cells write numbers and times, unless most before were neither."""
        if _may_hold(self.numbers):
            self.numbers.update(map(number_form, cells))
        if _may_hold(self.times):
            moments = list(map(moment, cells))
            self.times.update(None if m is None else m.order for m in moments)
            self.n_without_offset += sum(m is not None and m.lacks_offset for m in moments)


@dataclass
class Profile:
    """What a whole table holds; `point_is_usual` as `numbers.decimal_mark` takes it.

    `notes` are sentences on what was read otherwise than it stands in the file. `agreeing` has the
    places of two columns of one meaning that never contradict each other.
    """

    columns: list[ColumnProfile]
    n_rows: int
    point_is_usual: bool
    notes: list[str]
    agreeing: list[tuple[int, int]]

    @property
    def header(self) -> list[str]:
        return [column.name for column in self.columns]


def profile_file(
    path: Path,
    format_: FileFormat,
    rivals: Callable[[list[str]], list[tuple[int, int]]] = lambda header: [],
    on_block: Callable[[float], None] = lambda share: None,
) -> Profile:
    """Look at a whole file, else `ImportFileError`; tell `on_block` the share read, in [0, 1].

    `rivals` gives the places of columns that mean the same, in pairs, to find those that agree.
    """
    with open_table(path, format_) as table:
        if not table.header:
            raise ImportFileError.at(1, "the file is empty")
        columns = [ColumnProfile(name, place) for place, name in enumerate(table.header)]
        n_rows, agreeing = 0, rivals(table.header)
        while rows := [cells for _, cells in islice(table.rows, BLOCK_ROWS)]:
            n_rows += len(rows)
            whole = [cells for cells in rows if len(cells) == len(columns)]
            for column, cells in zip(columns, zip(*whole, strict=True), strict=False):
                column.add(list(cells))
            agreeing = [pair for pair in agreeing if _agree(whole, *pair)]
            on_block(table.share_read)
        point_is_usual = format_.codec is None or format_.delimiter == ","
        return Profile(columns, n_rows, point_is_usual, table.notes, agreeing)


def to_store(profile: Profile) -> ImportProfile:
    """The profile as it is stored: of values that are too many to be matched only samples."""
    columns = [_stored(column) for column in profile.columns]
    return ImportProfile(
        columns=columns,
        n_rows=profile.n_rows,
        point_is_usual=profile.point_is_usual,
        notes=profile.notes,
        agreeing=profile.agreeing,
    )


def from_store(found: ImportProfile) -> Profile:
    """The profile that was stored."""
    columns = [
        ColumnProfile(
            name=column.name,
            place=place,
            values=Counter(column.values),
            is_complete=column.is_complete,
            n_filled=column.n_filled,
            numbers=Counter({form or None: n for form, n in column.numbers.items()}),
            times=Counter({order or None: n for order, n in column.times.items()}),
            n_without_offset=column.n_without_offset,
        )
        for place, column in enumerate(found.columns)
    ]
    return Profile(
        columns, found.n_rows, found.point_is_usual, found.notes, agreeing=found.agreeing
    )


def _stored(column: ColumnProfile) -> ProfiledColumn:
    is_few = column.is_complete and len(column.values) <= MAX_VALUES_STORED
    kept = column.values if is_few else dict.fromkeys(_telling(column), 1)
    return ProfiledColumn(
        name=column.name,
        values=dict(kept),
        is_complete=is_few,
        n_filled=column.n_filled,
        numbers={form or "": n for form, n in column.numbers.items()},
        times={order or "": n for order, n in column.times.items()},
        n_without_offset=column.n_without_offset,
    )


def _agree(rows: list[list[str]], one: int, other: int) -> bool:
    """Whether two columns say the same in all rows in which both say something."""
    pairs = ((cells[one], cells[other]) for cells in rows if cells[one] != cells[other])
    return not any(
        not is_null_word(a) and not is_null_word(b) and category_key(a) != category_key(b)
        for a, b in pairs
    )


def _telling(column: ColumnProfile) -> list[str]:
    marked = (v for v in column.values if set(v) & set(".,/") and not v.strip().endswith("000"))
    return [*islice(column.values, N_SAMPLES), *islice(marked, N_SAMPLES)]


def _may_hold(forms: Counter[NumberForm | None] | Counter[DayOrder | None]) -> bool:
    total = forms.total()
    return total < MIN_CELLS_TO_JUDGE or forms[None] < 0.5 * total
