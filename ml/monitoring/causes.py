"""Why the values of a field may have changed since a model learned from them.

Standard library only. A cause is likely, not sure: it says where to look first.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from statistics import median
from typing import Literal, NamedTuple, TypeAlias

from ml.fields.types import Value, level_key, signed_log1p
from ml.monitoring.drift import known_numbers
from ml.scorecard.terms import CategoryTerm, Counts, CurveTerm, Term

Kind: TypeAlias = Literal[
    "constant", "unit", "type", "lost", "filled", "new values", "range", "spread"
]

CLEARLY = 0.1  # of all leads: a share that has changed by less is not named
MIN_FACTOR = 5.0  # between two units; less may be growth
EVEN = 2.0  # where only the unit has changed, all parts grow by factors as close as this
MIN_PARTS = 2


class Cause(NamedTuple):
    """What has happened to the values of a field, most likely.

    `before` and `now` are shares of leads: those unknown ("lost", "filled"), with values that the
    model cannot read ("type") or has not learned from ("new values", "range"). Numbers are `factor`
    times as large ("unit"). `value` is the only one of before ("constant"), or the commonest of the
    new ones.
    """

    kind: Kind
    before: float = 0.0
    now: float = 0.0
    factor: float = 1.0
    value: Value = None


def cause_of(term: Term, values: Sequence[Value]) -> Cause:
    """Name the likeliest cause why recent values, one or more, differ from those learned from.

    The term is a learned one, with its counts.
    """
    unknown, unread = _unknown(term, values), _unread(term, values)
    if unread.now >= CLEARLY:
        return unread
    if isinstance(term, CategoryTerm):
        return _widest(unknown, _new_levels(term, values))
    known = known_numbers(values)
    if term.known_range is not None and term.known_range[0] == term.known_range[1]:
        return Cause("constant", value=term.known_range[0])
    if (factor := _factor(term, known)) is not None:
        return Cause("unit", factor=factor)
    return _widest(unknown, _out_of_range(term, known, len(values)))


def is_unlearned(term: Term) -> bool:
    """Whether so few leads had the field that the model has hardly learned from it.

    Such a field may come in now without changing what the model relies on.
    """
    return 1 - _share(term.missing_counts, term) < CLEARLY


def is_coming_in(term: Term, values: Sequence[Value]) -> bool:
    """Whether clearly more leads have the field now than when it was learned."""
    unknown = _unknown(term, values)
    return unknown.before - unknown.now >= CLEARLY


def _widest(*causes: Cause) -> Cause:
    widest = max(causes, key=lambda cause: abs(cause.now - cause.before))
    return widest if abs(widest.now - widest.before) >= CLEARLY else Cause("spread")


def _unknown(term: Term, values: Sequence[Value]) -> Cause:
    """Compare the shares of leads whose value is unknown."""
    read = level_key if isinstance(term, CategoryTerm) else signed_log1p
    before = _share(term.missing_counts, term)
    now = sum(read(value) is None for value in values) / len(values)
    return Cause("lost" if now > before else "filled", before, now)


def _unread(term: Term, values: Sequence[Value]) -> Cause:
    """Find values of another type, such as texts where the model has learned from numbers."""
    read = level_key if isinstance(term, CategoryTerm) else signed_log1p
    others = [value for value in values if value is not None and read(value) is None]
    commonest = Counter(others).most_common(1)
    return Cause(
        "type", now=len(others) / len(values), value=commonest[0][0] if commonest else None
    )


def _new_levels(term: CategoryTerm, values: Sequence[Value]) -> Cause:
    """Compare the shares of leads with levels too rare to be learned, or new."""
    others = [v for v in values if level_key(v) is not None and level_key(v) not in term.levels]
    commonest = Counter(others).most_common(1)
    return Cause(
        "new values",
        _share(term.other_counts, term),
        len(others) / len(values),
        value=commonest[0][0] if commonest else None,
    )


def _share(counts: Counts | None, term: Term) -> float:
    """The share of some leads in all that the term was learned from."""
    if isinstance(term, CategoryTerm):
        groups = [*(term.level_counts or {}).values(), term.other_counts, term.missing_counts]
    else:
        groups = [*(bin_.counts for bin_ in term.bins or ()), term.missing_counts]
    total = sum(each.n for each in groups if each is not None)
    return counts.n / total if counts is not None and total else 0.0


def _out_of_range(term: CurveTerm, known: Sequence[float], n: int) -> Cause:
    low, high = term.known_range or (min(known, default=0.0), max(known, default=0.0))
    return Cause("range", now=sum(not low <= value <= high for value in known) / n)


def _factor(term: CurveTerm, known: Sequence[float]) -> float | None:
    """How many times as large all numbers are; None where they have not changed evenly.

    Quantiles are compared at the bounds of the bins, where those learned from are known.
    """
    bins = term.bins or ()
    n_known = sum(bin_.counts.n for bin_ in bins)  # each bound is a value of one of them
    ordered = sorted(known)
    factors = [
        ordered[max(math.ceil(n * len(ordered) / n_known) - 1, 0)] / bin_.upper
        for bin_, n in zip(bins, accumulate(bin_.counts.n for bin_ in bins), strict=True)
        if bin_.upper is not None and bin_.upper > 0 and ordered
    ]
    if len(factors) < MIN_PARTS or min(factors) <= 0:
        return None
    factor = median(factors)
    is_even = max(factors) <= EVEN * factor and min(factors) >= factor / EVEN
    return factor if is_even and max(factor, 1 / factor) >= MIN_FACTOR else None
