"""How much each field weighs in a scorecard, over all leads it was learned from.

What it does for one lead is the business of `ml.reasons`.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from ml.scorecard import Scorecard
from ml.terms import CategoryTerm, CurveTerm, Term


class Influence(NamedTuple):
    """A field and its mean absolute effect, in log-odds."""

    field: str
    weight: float


def influences(scorecard: Scorecard) -> list[Influence]:
    """Weigh the fields of a scorecard.

    Parameters
    ----------
    scorecard : Scorecard
        Learned or not. Of one that was not learned from leads, each level of a category and
        each bend of a curve counts once.

    Returns
    -------
    list of Influence
        Heaviest first. The effect of a group of values is taken at its upper end.

    Examples
    --------
    >>> term = CategoryTerm("source", {"a": 0.5, "b": -0.1}, other=0.0, missing=0.0)
    >>> influences(Scorecard("example", -1.0, 0.27, 0, (0.5, 0.3, 0.2), (term,)))
    [Influence(field='source', weight=0.3)]
    """
    found = [Influence(term.field, _weight(term)) for term in scorecard.terms]
    return sorted(found, key=lambda influence: -influence.weight)


def _weight(term: Term) -> float:
    groups = list(_category(term) if isinstance(term, CategoryTerm) else _curve(term))
    n = sum(count for count, _ in groups)
    return math.fsum(count * abs(effect) for count, effect in groups) / n if n else 0.0


def _category(term: CategoryTerm) -> Iterator[tuple[int, float]]:
    """How many leads each effect has."""
    if term.level_counts is None:
        yield from ((1, effect) for effect in term.levels.values())
        return
    for level, counts in term.level_counts.items():
        yield counts.n, term.levels.get(level, term.other)
    yield term.other_counts.n if term.other_counts else 0, term.other
    yield term.missing_counts.n if term.missing_counts else 0, term.missing


def _curve(term: CurveTerm) -> Iterator[tuple[int, float]]:
    if term.bins is None:
        yield from ((1, term.effect(_value(knot))) for knot in term.knots)
        return
    end = 0.0
    for upper, counts in term.bins:
        # The last group is open: just above the one before stands for it.
        end = end + 1 if upper is None else upper
        yield counts.n, term.effect(end)
    yield term.missing_counts.n if term.missing_counts else 0, term.missing


def _value(knot: float) -> float:
    """The number at a knot, which stands in `ml.terms.signed_log1p` of it."""
    return math.copysign(math.expm1(abs(knot)), knot)
