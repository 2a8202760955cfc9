"""Why a lead has its score: the strongest effects, each in a sentence people can check."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ml.fields.fields_file import Fields
from ml.fields.types import Field, Value, level_key, number_text, signed_log1p, value_text
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm, Term

MIN_EFFECT = 0.005  # anything less shows as 0.00
SLIGHT_EFFECT = 0.4  # of the log-odds: below, less than ten points of any score
MIN_DIFFERENCE = 0.1  # of the rate of all: nearer to it a rate explains nothing
SMALL_RATE = 0.1  # of all learned from: below, rates have a digit after the point
MIN_FOR_PERCENT = 10  # below, "3 of 4 leads" says it more honestly than "75 %"
FILLERS = {"other", "others", "none", "unknown", "select", "yes", "no"}


class Pull(NamedTuple):
    """A term's effect on one lead in log-odds, and the rate of all learned from to compare with."""

    effect: float
    base_rate: float


@dataclass(frozen=True)
class Reason:
    """One field's part in a score: `effect` in log-odds, above zero where it raises the score.

    `short` is the value in a few words ("5 website visits"). `group` names leads with such a value
    ("with a rare country"), of which `n_leads` were learned from: None for a rule of thumb.
    """

    field: str
    label: str
    value: Value
    effect: float
    short: str
    sentence: str
    group: str
    n_leads: int | None = None


def explain(
    scorecard: Scorecard, fields: Fields, values: Mapping[str, Value], limit: int = 5
) -> list[Reason]:
    """Say which fields moved a score most, strongest effect first, none below 0.005.

    `values` are the lead's stored values by field; one not collected is no reason.

    >>> from ml.fields.fields_file import loads
    >>> from ml.scorecard.starter import starter_scorecard
    >>> fields = loads('[[field]]\\nname = "lead_source"\\ntype = "category"\\nlabel = "Source"')
    >>> explain(starter_scorecard(), fields, {"lead_source": "Referral"})[0].sentence
    'Rule of thumb: Referral leads tend to convert more often.'
    """
    terms = {term.field: term for term in scorecard.terms}
    effects = scorecard.score(values).effects
    telling = [
        (terms[field], effect)
        for field, effect in effects
        if abs(effect) >= MIN_EFFECT and field in values
    ]
    base_rate = scorecard.base_rate
    telling.sort(key=lambda pair: -abs(pair[1]))
    return [
        _reason(term, fields.named(term.field), values.get(term.field), Pull(effect, base_rate))
        for term, effect in telling[:limit]
    ]


def _reason(term: Term, field: Field, value: Value, pull: Pull) -> Reason:
    if isinstance(term, CategoryTerm):
        sentence = _category_sentence(term, field, value, pull)
    else:
        sentence = _curve_sentence(term, field, value, pull)
    sentence = sentence[:1].upper() + sentence[1:]
    group, counts = _group(term, field, value), counts_of(term, value)
    n_leads = None if counts is None else counts.n
    short = short_text(field, value)
    return Reason(field.name, field.label, value, pull.effect, short, sentence, group, n_leads)


def short_text(field: Field, value: Value) -> str:
    """Say what is known of a field in as few words as tell it from others.

    >>> visits = Field("website_visits", "count", "Website visits")
    >>> short_text(visits, 5), short_text(visits, 1), short_text(visits, None)
    ('5 website visits', 'Website visits: 1', 'Website visits unknown')
    """
    if value is None:
        return f"{field.label} unknown"
    shown = value_text(value)
    if isinstance(value, bool) or (isinstance(value, str) and level_key(value) in FILLERS):
        return f"{field.label}: {shown}"
    if isinstance(value, str):
        return shown
    if field.type == "count" and not field.unit and value != 1:
        return f"{shown} {_in_sentence(field.label)}"
    return f"{field.label}: {shown}" + (f" {field.unit}" if field.unit else "")


def _group(term: Term, field: Field, value: Value) -> str:
    """Name the leads with such a value, as the model tells them apart."""
    name = _in_sentence(field.label)
    if isinstance(term, CategoryTerm):
        key = level_key(value)
        if key is None:
            return f"with unknown {name}"
        if _is_rare(term, key):
            return f"with a rare {name}"
        shown = value_text(value)
        return f"where {name} is {shown}" if isinstance(value, bool) else f"with {name} {shown}"
    if signed_log1p(value) is None:
        return f"with unknown {name}"
    if term.bins is None:
        return f"with {_amount(field, value_text(value))}"
    place = _place(term.bins, value)
    lower = term.bins[place - 1].upper if place else None
    return f"with {_amount(field, span_text(field, lower, term.bins[place].upper))}"


def _is_rare(term: CategoryTerm, key: str) -> bool:
    """Whether a level was learned together with others, each of few leads."""
    is_alone = term.level_counts is None or key in term.level_counts
    return not is_alone and term.other_counts is not None and term.other_counts.n > 0


def counts_of(term: Term, value: Value) -> Counts | None:
    """Count the leads learned from with such a value; None where nothing was learned from leads."""
    if isinstance(term, CategoryTerm):
        key = level_key(value)
        if key is None or term.level_counts is None:
            return term.missing_counts
        return term.level_counts.get(key, term.other_counts)
    if term.bins is None or signed_log1p(value) is None:
        return term.missing_counts
    return term.bins[_place(term.bins, value)].counts


def _place(bins: Sequence[Bin], value: Value) -> int:
    uppers = [bin_.upper for bin_ in bins if bin_.upper is not None]
    return bisect_left(uppers, value)  # type: ignore[type-var]


def _category_sentence(term: CategoryTerm, field: Field, value: Value, pull: Pull) -> str:
    key, group, counts = level_key(value), _group(term, field, value), counts_of(term, value)
    if key is None:
        return _unknown(field, group, counts, pull)
    shown, name = value_text(value), _in_sentence(field.label)
    if term.level_counts is None:
        return _rule_of_thumb(f"{shown} leads", pull)
    if not counts or not counts.n:
        return f"The model has not seen {name} {shown} before."
    if _is_rare(term, key):
        return (
            f"{field.label} {shown} is rare. {_rate(group, f'{field.label} {shown}', counts, pull)}"
        )
    if isinstance(value, bool):
        return _rate(group, f"{shown} for {name}", counts, pull)
    # "Other leads" would be all but these.
    leads = None if key in FILLERS else f"{shown} leads"
    return _rate(group, f"{field.label} {shown}", counts, pull, leads=leads)


def _curve_sentence(term: CurveTerm, field: Field, value: Value, pull: Pull) -> str:
    group, counts = _group(term, field, value), counts_of(term, value)
    if signed_log1p(value) is None:
        return _unknown(field, group, counts, pull)
    if not counts:
        return _rule_of_thumb(f"Leads {group}", pull)
    return _rate(group, group.removeprefix("with "), counts, pull)


def _unknown(field: Field, group: str, counts: Counts | None, pull: Pull) -> str:
    if counts is None:
        return _rule_of_thumb(f"Leads {group}", pull)
    if counts.n == 0:
        return f"{field.label} is missing here; the model has only seen leads that have it."
    return _rate(group, group.removeprefix("with "), counts, pull)


def _rule_of_thumb(leads: str, pull: Pull) -> str:
    return f"Rule of thumb: {leads} tend to convert {'more' if pull.effect > 0 else 'less'} often."


def _rate(group: str, what: str, counts: Counts, pull: Pull, *, leads: str | None = None) -> str:
    """Compare a group with all leads, where its own rate explains the effect."""
    n, n_converted = counts
    # Where few leads convert at all, whole per cents would hide the difference.
    digits = 0 if pull.base_rate >= SMALL_RATE else 1
    everyone = _percent(pull.base_rate, digits)
    share = _percent(n_converted / n, digits) if n else everyone
    difference = n_converted / n - pull.base_rate if n else 0.0
    is_telling = abs(difference) >= MIN_DIFFERENCE * pull.base_rate
    if share == everyone or not is_telling or difference * pull.effect < 0:
        return _effect(what, pull)
    if n < MIN_FOR_PERCENT:
        noun = "lead" if n == 1 else "leads"
        return f"{n_converted} of {n} {noun} {group} converted, against {everyone} overall."
    how = "more" if pull.effect > 0 else "less"
    subject = leads or f"Leads {group}"
    return f"{subject} convert {how} often: {share}, against {everyone} overall."


def _effect(what: str, pull: Pull) -> str:
    """Name what a value does to a score that other fields make of it, not its own rate."""
    verb = "raise" if pull.effect > 0 else "lower"
    # "3 to 5 email opens lower", but "age of 30 years lowers".
    is_plural = what[:1].isdigit()
    slightly = " slightly" if abs(pull.effect) < SLIGHT_EFFECT else ""
    return f"{what} {verb}{'' if is_plural else 's'} this score{slightly}."


def _percent(share: float, digits: int) -> str:
    percent, least = round(100 * share, digits), 10**-digits
    if percent == 0 and share > 0:
        return f"under {least:g} %"
    if percent == 100 and share < 1:
        return f"over {100 - least:g} %"
    return f"{percent:.{digits}f} %" if 0 < percent < 100 else f"{percent:.0f} %"


def span_text(field: Field, lower: float | None, upper: float | None) -> str:
    """Name the values above `lower` up to `upper`; either end may be open."""
    is_whole = field.type == "count"
    if lower is None:
        if upper is None:
            return "any value"
        return number_text(upper) if upper == field.minimum else f"up to {number_text(upper)}"
    if upper is None:
        return f"{number_text(lower + 1)} or more" if is_whole else f"above {number_text(lower)}"
    if not is_whole:
        return f"above {number_text(lower)} up to {number_text(upper)}"
    first = number_text(lower + 1)
    return first if lower + 1 == upper else f"{first} to {number_text(upper)}"


def _amount(field: Field, span: str) -> str:
    """Put an amount and its name together: "3 to 5 email opens", "age of 30 to 39 years"."""
    name = _in_sentence(field.label)
    if span == "any value":
        return f"known {name}"
    if field.type == "count" and not field.unit and span != "1":
        return f"{span} {name}"
    of = "of " if span[0].isdigit() or span[0] == "-" else ""
    return f"{name} {of}{span}" + (f" {field.unit}" if field.unit else "")


def _in_sentence(label: str) -> str:
    """Start a label small, unless it is an abbreviation such as "CRM users"."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
