"""What would raise a score: one field that a rep can influence changed, all others as they are.

The model knows what goes together, not what causes what, so these are comparisons, no promises.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, assert_never

from ml.fields.fields_file import Fields
from ml.fields.types import Field, Value
from ml.scorecard.reasons import counts_of, short_text
from ml.scorecard.scorecard import Score, Scorecard
from ml.scorecard.terms import CurveTerm, Term

MIN_GAIN = 0.01  # of the probability: less shows as less than a point
MIN_LEADS = 10  # learned from with such a value: what hardly a lead has is no advice
MAX_STEPS = 3
MAX_SHOWN = 3
DURATIONS = {f"{unit}{s}" for unit in ("minute", "hour", "day", "week", "month") for s in ("", "s")}
CONTACT = "days_since_contact"


class Raise(NamedTuple):
    """A value that would raise a score: by `effect` in log-odds, to `probability`.

    `short` is the value in a few words, `now` what is known instead.
    """

    field: Field
    short: str
    now: Value
    effect: float
    probability: float


def raising(card: Scorecard, fields: Fields, values: Mapping[str, Value]) -> list[Raise]:
    """Find what would raise a score by a point or more, at most three, the largest gain first.

    `values` are the lead's stored values by field; one that was not collected stays so. A field
    takes part if it is marked `influenced` and the model uses it. Counts go up and a yes-or-no
    becomes yes, because what has happened cannot be undone; durations begin anew; of a list any
    value may come. Values that few leads had are not tried.
    """
    before = card.score(values)
    terms = {term.field: term for term in card.terms if term.field not in card.ignored}
    found = []
    for name in values.keys() & terms.keys() & {f.name for f in fields.declared if f.influenced}:
        field, now = fields[name], values[name]
        tried = (
            (value, card.score({**values, name: value}))
            for value in _plausible(field, terms[name], now)
        )
        helping = [(value, after) for value, after in tried if _gain(before, after) >= MIN_GAIN]
        if helping:
            value, after = _best(field, helping)
            effect = after.log_odds - before.log_odds
            short = short_text(field, value)
            found.append(Raise(field, short, now, effect, after.probability))
    return sorted(found, key=lambda each: (-each.effect, each.field.name))[:MAX_SHOWN]


def _gain(before: Score, after: Score) -> float:
    return after.probability - before.probability


def _best(field: Field, helping: list[tuple[Value, Score]]) -> tuple[Value, Score]:
    """The largest gain of a list, else the smallest step that helps."""
    if field.type == "category":
        return max(helping, key=lambda each: each[1].log_odds)
    return helping[0]


def _plausible(field: Field, term: Term, now: Value) -> Iterator[Value]:
    """Values that a rep may bring about and enough leads had, the smallest step first."""
    for value in _steps(field, term, now):
        counts = counts_of(term, value)
        is_common = counts is None or counts.n >= MIN_LEADS
        if value != now and is_common and _is_allowed(field, term, value):
            yield value


def _steps(field: Field, term: Term, now: Value) -> list[Value]:
    match field.type:
        case "boolean":
            return [True]
        case "category":
            return list(field.choices)
        case "count" | "number":
            if field.name == CONTACT or field.unit in DURATIONS:
                return [field.minimum or 0]
            # Nobody can count on from what is unknown.
            return _next(field, term, now) if isinstance(now, int | float) else []
        case _:
            assert_never(field.type)


def _next(field: Field, term: Term, now: float) -> list[Value]:
    if field.type == "count":
        return [now + step for step in range(1, MAX_STEPS + 1)]
    bins = term.bins if isinstance(term, CurveTerm) else None
    ends = [each.upper for each in bins or () if each.upper is not None]
    return [*sorted(ends, key=lambda end: abs(end - now))]


def _is_allowed(field: Field, term: Term, value: Value) -> bool:
    """Whether the field takes a value, and a curve was learned so far."""
    if not isinstance(value, int | float):
        return True
    low, high = field.minimum, field.maximum
    known = term.known_range if isinstance(term, CurveTerm) else None
    is_within = (low is None or value >= low) and (high is None or value <= high)
    return is_within and (known is None or known[0] <= value <= known[1])
