"""Terms of scorecards scaled, added, centred and counted."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.polynomial import Polynomial

from ml.fields.types import Value, level_key, signed_log1p
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm, Term
from ml.training.encode import Record

N_BINS = 5  # groups of a number in reasons, about equally many leads in each

OTHER = object()  # group of all levels that a table does not name


def scaled(terms: Iterable[Term], factor: float) -> tuple[Term, ...]:
    """Multiply all effects; a factor of 0 leaves terms that still tell which levels there are."""
    return tuple(_changed(term, factor, 0.0) for term in terms)


def added(terms: Sequence[Term], others: Sequence[Term]) -> tuple[Term, ...]:
    """Add terms, not yet counted, to those of the same fields."""
    by_field = {term.field: term for term in others}
    return tuple(_sum(t, by_field[t.field]) if t.field in by_field else t for t in terms)


def centred(terms: Iterable[Term], effects: Mapping[str, float]) -> tuple[Term, ...]:
    """Take a mean effect out of the term of each field."""
    return tuple(_changed(term, 1.0, -effects[term.field]) for term in terms)


def counted(
    terms: Sequence[Term], records: Sequence[Record], converted: Sequence[bool]
) -> tuple[Term, ...]:
    """Count the leads learned from by level, or in bins of a number of about the same size.

    Those of whom a field was not collected are not among them.
    """
    told = (
        [(r[term.field], won) for r, won in zip(records, converted, strict=True) if term.field in r]
        for term in terms
    )
    return tuple(
        _counted(term, [value for value, _ in pairs], [won for _, won in pairs])
        for term, pairs in zip(terms, told, strict=True)
    )


def _changed(term: Term, factor: float, shift: float) -> Term:
    """Multiply a term's effects and then move them."""
    missing, without = (factor * each + shift for each in (term.missing, term.not_collected))
    if isinstance(term, CategoryTerm):
        levels = {level: factor * effect + shift for level, effect in term.levels.items()}
        other = factor * term.other + shift
        return replace(term, levels=levels, other=other, missing=missing, not_collected=without)
    pieces = tuple(
        (factor * constant + shift, *(factor * each for each in rest))
        for constant, *rest in term.pieces
    )
    return replace(term, pieces=pieces, missing=missing, not_collected=without)


def _sum(one: Term, other: Term) -> Term:
    missing, without = one.missing + other.missing, one.not_collected + other.not_collected
    if isinstance(one, CategoryTerm) and isinstance(other, CategoryTerm):
        levels = {
            level: one.levels.get(level, one.other) + other.levels.get(level, other.other)
            for level in [*one.levels, *other.levels]
        }
        both = one.other + other.other
        return CategoryTerm(one.field, levels, both, missing, not_collected=without)
    if isinstance(one, CurveTerm) and isinstance(other, CurveTerm):
        knots = tuple(sorted({*one.knots, *other.knots}))
        starts = [(-np.inf, knots[0]), *((knot, knot) for knot in knots)]
        pieces = [_piece(one, *each) + _piece(other, *each) for each in starts]
        coefficients = tuple(tuple(piece.coef.tolist()) for piece in pieces)
        return CurveTerm(one.field, knots, coefficients, missing, not_collected=without)
    raise TypeError(f"{one.field} has a table and a curve, which cannot be added")


def _piece(term: CurveTerm, start: float, origin: float) -> Polynomial:
    """Give the piece that holds from `start` on, in the distance from `origin`."""
    place = bisect_right(term.knots, start)
    knot = term.knots[max(place - 1, 0)]
    return Polynomial(term.pieces[place])(Polynomial([origin - knot, 1.0]))


def _counted(term: Term, values: Sequence[Value], converted: Sequence[bool]) -> Term:
    if isinstance(term, CategoryTerm):
        keys = [level_key(value) for value in values]
        counts = _counts([k if k is None or k in term.levels else OTHER for k in keys], converted)
        return replace(
            term,
            level_counts={level: counts(level) for level in term.levels},
            other_counts=counts(OTHER),
            missing_counts=counts(None),
        )
    numbers = [None if signed_log1p(v) is None else float(v) for v in values]  # type: ignore[arg-type]
    known = np.array([x for x in numbers if x is not None], dtype=np.float64)
    uppers: list[float] = []  # of all bins but the last, each a value that some lead has
    if len(known):
        cuts = np.quantile(known, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf")
        uppers = [float(cut) for cut in np.unique(cuts) if cut < known.max()]
    counts = _counts([None if x is None else bisect_left(uppers, x) for x in numbers], converted)
    bins = tuple(Bin(upper, counts(place)) for place, upper in enumerate([*uppers, None]))
    ends = (float(known.min()), float(known.max())) if len(known) else None
    return replace(term, bins=bins, missing_counts=counts(None), known_range=ends)


def _counts(groups: Sequence[object], converted: Sequence[bool]) -> Callable[[object], Counts]:
    n = Counter(groups)
    n_converted = Counter(
        g for g, is_converted in zip(groups, converted, strict=True) if is_converted
    )
    return lambda group: Counts(n[group], n_converted[group])
