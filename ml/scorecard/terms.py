"""The terms a scorecard is a sum of: tables over categories and curves over numbers."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from ml.fields.types import Value, level_key, signed_log1p
from ml.scorecard.json_reader import MAX_LEVELS, Reader, ScorecardError

MAX_KNOTS = 100
MAX_COEFFICIENTS = 6
MAX_BINS = 50


class Counts(NamedTuple):
    """How many leads a model learned from in one group, and how many of them converted."""

    n: int
    n_converted: int


class Bin(NamedTuple):
    """Leads with values up to `upper` and above the bin before; the last bin is open (None)."""

    upper: float | None
    counts: Counts


@dataclass(frozen=True)
class CategoryTerm:
    """The part of the log-odds that one category or boolean decides: an effect by `level_key`.

    `not_collected` is the effect where the field was not asked for. The counts are leads learned
    from; None where there were none.
    """

    field: str
    levels: Mapping[str, float]
    other: float
    missing: float
    level_counts: Mapping[str, Counts] | None = None
    other_counts: Counts | None = None
    missing_counts: Counts | None = None
    not_collected: float = 0.0

    def effect(self, value: Value) -> float:
        """Give the effect of a stored value in log-odds; one of another type is unknown."""
        key = level_key(value)
        return self.missing if key is None else self.levels.get(key, self.other)

    def to_json(self) -> dict[str, Any]:
        """Give the term as the plain JSON that `read_term` reads."""
        term: dict[str, Any] = {
            "kind": "category",
            "field": self.field,
            "levels": {level: effect + 0.0 for level, effect in self.levels.items()},
            "other": self.other + 0.0,
            "missing": self.missing + 0.0,
        }
        if self.level_counts is not None:
            term["counts"] = {
                "levels": {level: list(counts) for level, counts in self.level_counts.items()},
                "other": list(self.other_counts or Counts(0, 0)),
                "missing": list(self.missing_counts or Counts(0, 0)),
            }
        return term | _without(self)


@dataclass(frozen=True)
class CurveTerm:
    """The part of the log-odds that one count or number decides.

    A piecewise polynomial in u = `signed_log1p` of the value. Piece 0 holds below the first of the
    rising knots, piece i from knot i - 1 on; its coefficients, lowest power first, are in the
    distance of u from its knot (piece 0: from the first), which keeps them exact. The ends are
    straight. `known_range` holds the smallest and the largest value learned from; `not_collected`
    is as for `CategoryTerm`.
    """

    field: str
    knots: tuple[float, ...]
    pieces: tuple[tuple[float, ...], ...]
    missing: float
    bins: tuple[Bin, ...] | None = None
    missing_counts: Counts | None = None
    known_range: tuple[float, float] | None = None
    not_collected: float = 0.0

    def effect(self, value: Value) -> float:
        """Give the effect of a stored value in log-odds; one of another type is unknown."""
        u = signed_log1p(value)
        return self.missing if u is None else self.at(u)

    def at(self, u: float) -> float:
        """Give the effect in log-odds where `signed_log1p` of the value is u."""
        origin, coefficients = self._ready[bisect_right(self.knots, u)]
        distance, total = u - origin, 0.0
        for coefficient in coefficients:
            total = total * distance + coefficient
        return total

    @cached_property
    def _ready(self) -> tuple[tuple[float, tuple[float, ...]], ...]:
        """Each piece's knot and its coefficients, highest power first."""
        origins = (self.knots[0], *self.knots)
        return tuple((o, tuple(reversed(p))) for o, p in zip(origins, self.pieces, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Give the term as the plain JSON that `read_term` reads."""
        term: dict[str, Any] = {
            "kind": "curve",
            "field": self.field,
            "knots": [knot + 0.0 for knot in self.knots],
            "pieces": [[coefficient + 0.0 for coefficient in piece] for piece in self.pieces],
            "missing": self.missing + 0.0,
        }
        if self.bins is not None:
            term["counts"] = {
                "bins": [[upper, *counts] for upper, counts in self.bins],
                "missing": list(self.missing_counts or Counts(0, 0)),
            }
            if self.known_range is not None:
                term["counts"]["range"] = list(self.known_range)
        return term | _without(self)


Term: TypeAlias = CategoryTerm | CurveTerm


def _without(term: Term) -> dict[str, float]:
    """Name the effect of a field that was not asked for, unless it is 0, as in versions of old."""
    return {"not_collected": term.not_collected} if term.not_collected else {}


def read_term(reader: Reader) -> Term:
    """Read one term so that any value has a finite effect; ScorecardError at a mistake."""
    kind = reader.text("kind")
    if kind not in READERS:
        raise ScorecardError(f"{reader.place}.kind must be one of {', '.join(READERS)}")
    term = READERS[kind](reader)
    reader.finish()
    return term


def _read_category(reader: Reader) -> CategoryTerm:
    levels = reader.reader("levels")
    found = {level: levels.number(level) for level in levels.names(most=MAX_LEVELS)}
    by_level, other, missing = None, None, None
    if counts := reader.optional("counts"):
        level_counts = counts.reader("levels")
        names = level_counts.names(most=MAX_LEVELS)
        by_level = {level: _counts(level_counts.row(level, 2), level_counts) for level in names}
        other, missing = (_counts(counts.row(key, 2), counts) for key in ("other", "missing"))
        counts.finish()
    return CategoryTerm(
        field=reader.text("field"),
        levels=found,
        other=reader.number("other"),
        missing=reader.number("missing"),
        level_counts=by_level,
        other_counts=other,
        missing_counts=missing,
        not_collected=reader.number("not_collected", default=0.0),
    )


def _read_curve(reader: Reader) -> CurveTerm:
    knots = reader.numbers("knots", most=MAX_KNOTS)
    pieces = tuple(
        piece.numbers_here(most=MAX_COEFFICIENTS)
        for piece in reader.readers("pieces", most=MAX_KNOTS + 1)
    )
    if not knots or any(a >= b for a, b in pairwise(knots)):
        raise ScorecardError(f"{reader.place}.knots must rise")
    if len(pieces) != len(knots) + 1 or max(len(pieces[0]), len(pieces[-1])) > 2:
        raise ScorecardError(f"{reader.place}.pieces must be one more than knots, ends straight")
    bins, missing, known_range = None, None, None
    if counts := reader.optional("counts"):
        bins, known_range = _read_bins(counts), _read_range(counts)
        missing = _counts(counts.row("missing", 2), counts)
        counts.finish()
    return CurveTerm(
        field=reader.text("field"),
        knots=knots,
        pieces=pieces,
        missing=reader.number("missing"),
        bins=bins,
        missing_counts=missing,
        known_range=known_range,
        not_collected=reader.number("not_collected", default=0.0),
    )


def _read_bins(reader: Reader) -> tuple[Bin, ...]:
    bins = []
    for each in reader.readers("bins", most=MAX_BINS):
        upper, *counts = each.row_here(3)
        if upper is not None:
            (upper,) = Reader([upper], each.place).numbers_here(most=1)
        bins.append(Bin(upper, _counts(counts, each)))
    closed = [bin_.upper for bin_ in bins[:-1] if bin_.upper is not None]
    is_open_only_last = bins and bins[-1].upper is None and len(closed) == len(bins) - 1
    if not is_open_only_last or any(a >= b for a, b in pairwise(closed)):
        raise ScorecardError(f"{reader.place}.bins must rise and have the last bin open (null)")
    return tuple(bins)


def _read_range(reader: Reader) -> tuple[float, float] | None:
    """Read the ends of what was known; a version of old has none."""
    if "range" not in reader.names(most=4):
        return None
    low, high = Reader(reader.row("range", 2), f"{reader.place}.range").numbers_here(most=2)
    if low > high:
        raise ScorecardError(f"{reader.place}.range must rise")
    return low, high


def _counts(row: list[Any], reader: Reader) -> Counts:
    if not all(type(count) is int for count in row) or not 0 <= row[1] <= row[0]:
        raise ScorecardError(f"{reader.place} must hold counts: leads, and converted among them")
    return Counts(*row)


READERS: dict[str, Callable[[Reader], Term]] = {"category": _read_category, "curve": _read_curve}
