"""What each field does in a scorecard, over all leads it was learned from: its weight, its shape.

Standard library only: a page asks for those of a starter scorecard itself.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from ml.fields.types import Value, level_key, number_text, signed_log1p, value_text
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CategoryTerm, CurveTerm, Term

MAX_GROUPS = 10  # of a count or number, about equally many leads in each
MAX_OF_A_GROUP = 50  # leads whose effects are averaged: a forest takes its time for each
OTHER, UNKNOWN = "rare values", "unknown"

Record = Mapping[str, Value]
Effects = Sequence[float]  # one a term


class Group(NamedTuple):
    """The leads with some values of a field, by their places."""

    label: str
    places: list[int]

    @property
    def some(self) -> list[int]:
        """At most so many of them, evenly spread."""
        return self.places[:: -(-len(self.places) // MAX_OF_A_GROUP)]


def shapes(
    scorecard: Scorecard,
    records: Sequence[Record],
    converted: Sequence[bool],
    *,
    effects_of: Callable[[Scorecard, Sequence[Record]], Iterable[Effects]] | None = None,
) -> list[dict[str, Any]]:
    """Measure what each field does to the leads that a scorecard was learned from.

    Plain JSON, the heaviest field first: field; influence, its mean absolute effect in log-odds;
    is_ordered; and groups of its values, rows of label, n, n_converted, effect (the mean over these
    leads, or 50 of them), low and high (a tenth of them lies below, a tenth above). `effects_of`
    gives the effects of leads, in the order of the terms; else each lead is scored.

    >>> term = CategoryTerm("source", {"a": 0.5}, other=0.0, missing=-0.5)
    >>> card = Scorecard("example", -1.0, 0.27, 2, (0.5, 0.3, 0.2), (term,))
    >>> [shape] = shapes(card, [{"source": "A"}, {"source": None}], [True, False])
    >>> shape["influence"], [(row["label"], row["effect"]) for row in shape["groups"]]
    (0.5, [('A', 0.5), ('unknown', -0.5)])
    """
    groups_of = [_groups(term, records) for term in scorecard.terms]
    places = sorted({place for groups in groups_of for group in groups for place in group.some})
    rows_of = (effects_of or _effects)(scorecard, [records[place] for place in places])
    scored = dict(zip(places, rows_of, strict=True))
    found = []
    for column, (term, groups) in enumerate(zip(scorecard.terms, groups_of, strict=True)):
        effects = [[scored[place][column] for place in group.some] for group in groups]
        rows = [
            _row(group.label, moves, len(group.places), sum(converted[p] for p in group.places))
            for group, moves in zip(groups, effects, strict=True)
        ]
        weights = [row["n"] * fmean(map(abs, m)) for row, m in zip(rows, effects, strict=True)]
        found.append(_shape(term, math.fsum(weights) / len(records), rows))
    return _heaviest_first(found)


def assumed_shapes(scorecard: Scorecard) -> list[dict[str, Any]]:
    """Say what each field does in a scorecard that was not learned from leads, as `shapes` does.

    >>> term = CategoryTerm("source", {"a": 0.5, "b": -0.1}, other=0.0, missing=0.0)
    >>> card = Scorecard("example", -1.0, 0.27, 0, (0.5, 0.3, 0.2), (term,))
    >>> assumed_shapes(card)[0]["influence"]
    0.3
    """
    found = []
    for term in scorecard.terms:
        rows = [_row(label, [effect], None, None) for label, effect in _assumed(term)]
        found.append(_shape(term, fmean(abs(row["effect"]) for row in rows), rows))
    return _heaviest_first(found)


def _shape(term: Term, influence: float, rows: list[dict[str, Any]]) -> dict[str, Any]:
    is_ordered = isinstance(term, CurveTerm)
    shape = {"field": term.field, "influence": influence, "is_ordered": is_ordered}
    return {**shape, "groups": rows}


def _heaviest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda shape: -shape["influence"])


def _row(
    label: str, effects: Sequence[float], n: int | None, n_converted: int | None
) -> dict[str, Any]:
    ordered = sorted(effects)
    tenth = len(ordered) // 10
    return {
        "label": label,
        "n": n,
        "n_converted": n_converted,
        "effect": fmean(ordered),
        "low": ordered[tenth],
        "high": ordered[-1 - tenth],
    }


def _effects(scorecard: Scorecard, records: Sequence[Record]) -> Iterator[Effects]:
    return ([effect for _, effect in scorecard.score(each).effects] for each in records)


def _groups(term: Term, records: Sequence[Record]) -> list[Group]:
    values = {at: r[term.field] for at, r in enumerate(records) if term.field in r}
    found = _levels(term, values) if isinstance(term, CategoryTerm) else _spans(values)
    return [group for group in found if group.places]


def _levels(term: CategoryTerm, values: Mapping[int, Value]) -> list[Group]:
    """One group a level, the most frequent first; then those without a place in the table."""
    levels: dict[str, Group] = {}
    other, unknown = Group(OTHER, []), Group(UNKNOWN, [])
    for place, value in values.items():
        key = level_key(value)
        if key is None:
            group = unknown
        elif key in term.levels:
            group = levels.setdefault(key, Group(value_text(value), []))
        else:
            group = other
        group.places.append(place)
    return [*sorted(levels.values(), key=lambda group: -len(group.places)), other, unknown]


def _spans(values: Mapping[int, Value]) -> list[Group]:
    """Groups of neighbouring numbers, then the unknown ones."""
    numbers = {
        place: float(value)
        for place, value in values.items()
        if (isinstance(value, int | float) and signed_log1p(value) is not None)
    }
    ordered = sorted(numbers.values())
    ends = (-(-len(ordered) * part // MAX_GROUPS) - 1 for part in range(1, MAX_GROUPS + 1))
    uppers = sorted({ordered[end] for end in ends if end >= 0})
    places: list[list[int]] = [[] for _ in uppers]
    for place, number in numbers.items():
        places[bisect_left(uppers, number)].append(place)
    groups = []
    for some in places:
        first, last = (number_text(of(numbers[p] for p in some)) for of in (min, max))
        groups.append(Group(first if first == last else f"{first} to {last}", some))
    unknown = [place for place in values if place not in numbers]
    return [*groups, Group(UNKNOWN, unknown)]


def _assumed(term: Term) -> Iterator[tuple[str, float]]:
    if isinstance(term, CategoryTerm):
        yield from term.levels.items()
        return
    for knot in term.knots:
        # A knot stands in `ml.scorecard.terms.signed_log1p` of a number.
        number = math.copysign(math.expm1(abs(knot)), knot)
        yield number_text(number), term.at(knot)
