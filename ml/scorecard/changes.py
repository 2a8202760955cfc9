"""Why a score changed: what became different in the lead, then in the model, field by field.

Both models are data, so that the parts are computed, not estimated.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ml.fields.types import Value
from ml.scorecard.scorecard import Score, Scorecard

NEARLY_EQUAL = 1e-9  # log-odds closer than this are one point of the probability's curve

Inputs = Mapping[str, Value]


class Part(NamedTuple):
    """What one field added to a probability; `field` None is the baseline of the models."""

    field: str | None
    points: float


class Explained(NamedTuple):
    """A change of probability and its parts, the largest first.

    `by_lead` (the old model on other inputs) sums to `between` - `before`, `by_model` to `after` -
    `between`.
    """

    before: float
    between: float
    after: float
    by_lead: tuple[Part, ...]
    by_model: tuple[Part, ...]


def explain_change(old: Scorecard, new: Scorecard, before: Inputs, after: Inputs) -> Explained:
    """Split the change of a score, by what the lead was and is and what the model was and is.

    Effects in log-odds are taken to probabilities by one factor, so that ratios stay and the sum is
    exact. A field can add something although only another one changed.

    >>> from ml.scorecard.terms import CategoryTerm
    >>> term = CategoryTerm("source", {"a": 2.0}, other=0.0, missing=0.0)
    >>> card = Scorecard("example", -1.0, 0.27, 2, (0.5, 0.3, 0.2), (term,))
    >>> explained = explain_change(card, card, {}, {"source": "A"})
    >>> round(explained.after - explained.before, 2), round(explained.by_lead[0].points, 2)
    (0.46, 0.46)
    """
    first, middle, last = old.score(before), old.score(after), new.score(after)
    return Explained(
        first.probability,
        middle.probability,
        last.probability,
        _parts(first, middle, 0.0),
        _parts(middle, last, new.intercept - old.intercept),
    )


def _parts(start: Score, end: Score, baseline: float) -> tuple[Part, ...]:
    old, new = dict(start.effects), dict(end.effects)
    moves: dict[str | None, float] = {None: baseline} | {
        field: new.get(field, 0.0) - old.get(field, 0.0) for field in old | new
    }
    way = end.log_odds - start.log_odds
    if abs(way) < NEARLY_EQUAL:
        factor = start.probability * (1 - start.probability)
    else:
        factor = (end.probability - start.probability) / way
    parts = [Part(field, factor * move) for field, move in moves.items() if move]
    return tuple(sorted(parts, key=lambda part: -abs(part.points)))
