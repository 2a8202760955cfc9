"""Why a lead has its score: the strongest effects, each in a sentence people can check."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ml.fields.fields_file import Fields
from ml.fields.types import Field, Value, level_key, number_text, signed_log1p, value_text
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm, Term
from ml.sentences import Figure, as_whole, gettext, joined, mark_plural, ngettext

MIN_EFFECT = 0.005  # anything less shows as 0.00
SLIGHT_EFFECT = 0.4  # of the log-odds: below, less than ten points of any score
MIN_DIFFERENCE = 0.1  # of the rate of all: nearer to it a rate explains nothing
SMALL_RATE = 0.1  # of all learned from: below, rates have a digit after the point
MIN_FOR_PERCENT = 10  # below, "3 of 4 leads" says it more honestly than "75 %"
ANY_VALUE = gettext("any value")
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
    sentence = as_whole(sentence)
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
        return gettext("%(field)s unknown", field=field.label)
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
            return gettext("with unknown %(field)s", field=name)
        if _is_rare(term, key):
            return gettext("with a rare %(field)s", field=name)
        shown = value_text(value)
        if isinstance(value, bool):
            return gettext("where %(field)s is %(value)s", field=name, value=shown)
        return gettext("with %(field)s %(value)s", field=name, value=shown)
    return gettext("with %(amount)s", amount=_what(term, field, value))


def _what(term: CurveTerm, field: Field, value: Value) -> str:
    """Name such a value of a count or number, as the model tells them apart."""
    if signed_log1p(value) is None:
        return gettext("unknown %(field)s", field=_in_sentence(field.label))
    if term.bins is None:
        return _amount(field, value_text(value))
    place = _place(term.bins, value)
    lower = term.bins[place - 1].upper if place else None
    return _amount(field, span_text(field, lower, term.bins[place].upper))


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
        return _unknown(field, counts, pull)
    shown, name = value_text(value), _in_sentence(field.label)
    if term.level_counts is None:
        return _rule_of_thumb(gettext("%(value)s leads", value=shown), pull)
    if not counts or not counts.n:
        return gettext(
            "The model has not seen %(field)s %(value)s before.", field=name, value=shown
        )
    what = joined([field.label, shown])
    if _is_rare(term, key):
        rate = _rate(group, what, counts, pull)
        return gettext(
            "%(field)s %(value)s is rare. %(rate)s", field=field.label, value=shown, rate=rate
        )
    if isinstance(value, bool):
        told = gettext("%(value)s for %(field)s", value=shown, field=name)
        return _rate(group, told, counts, pull)
    # "Other leads" would be all but these.
    leads = None if key in FILLERS else gettext("%(value)s leads", value=shown)
    return _rate(group, what, counts, pull, leads=leads)


def _curve_sentence(term: CurveTerm, field: Field, value: Value, pull: Pull) -> str:
    group, counts = _group(term, field, value), counts_of(term, value)
    if signed_log1p(value) is None:
        return _unknown(field, counts, pull)
    if not counts:
        return _rule_of_thumb(gettext("Leads %(group)s", group=group), pull)
    return _rate(group, _what(term, field, value), counts, pull)


def _unknown(field: Field, counts: Counts | None, pull: Pull) -> str:
    what = gettext("unknown %(field)s", field=_in_sentence(field.label))
    group = gettext("with unknown %(field)s", field=_in_sentence(field.label))
    if counts is None:
        return _rule_of_thumb(gettext("Leads %(group)s", group=group), pull)
    if counts.n == 0:
        return gettext(
            "%(field)s is missing here; the model has only seen leads that have it.",
            field=field.label,
        )
    return _rate(group, what, counts, pull)


def _rule_of_thumb(leads: str, pull: Pull) -> str:
    if pull.effect > 0:
        return gettext("Rule of thumb: %(leads)s tend to convert more often.", leads=leads)
    return gettext("Rule of thumb: %(leads)s tend to convert less often.", leads=leads)


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
        return ngettext(
            "%(converted)s of %(n)s lead %(group)s converted, against %(rate)s overall.",
            "%(converted)s of %(n)s leads %(group)s converted, against %(rate)s overall.",
            n,
            converted=n_converted,
            group=group,
            rate=everyone,
        )
    told = {
        "leads": leads or gettext("Leads %(group)s", group=group),
        "share": share,
        "rate": everyone,
    }
    if pull.effect > 0:
        return gettext("%(leads)s convert more often: %(share)s, against %(rate)s overall.", **told)
    return gettext("%(leads)s convert less often: %(share)s, against %(rate)s overall.", **told)


def _effect(what: str, pull: Pull) -> str:
    """Name what a value does to a score that other fields make of it, not its own rate."""
    # "3 to 5 email opens lower", but "age of 30 years lowers".
    n = 2 if what[:1].isdigit() else 1
    message = EFFECTS[pull.effect > 0, abs(pull.effect) < SLIGHT_EFFECT]
    return ngettext(*message, n, what=what)


# By whether the score is raised, and only slightly.
EFFECTS = {
    (True, False): mark_plural("%(what)s raises this score.", "%(what)s raise this score."),
    (True, True): mark_plural(
        "%(what)s raises this score slightly.", "%(what)s raise this score slightly."
    ),
    (False, False): mark_plural("%(what)s lowers this score.", "%(what)s lower this score."),
    (False, True): mark_plural(
        "%(what)s lowers this score slightly.", "%(what)s lower this score slightly."
    ),
}


def _percent(share: float, digits: int) -> str:
    percent, least = round(100 * share, digits), 10**-digits
    if percent == 0 and share > 0:
        return gettext("under %(share)s", share=Figure(f"{least:g} %"))
    if percent == 100 and share < 1:
        return gettext("over %(share)s", share=Figure(f"{100 - least:g} %"))
    return Figure(f"{percent:.{digits}f} %" if 0 < percent < 100 else f"{percent:.0f} %")


def span_text(field: Field, lower: float | None, upper: float | None) -> str:
    """Name the values above `lower` up to `upper`; either end may be open."""
    is_whole = field.type == "count"
    if lower is None:
        if upper is None:
            return ANY_VALUE
        end = Figure(number_text(upper))
        return end if upper == field.minimum else gettext("up to %(end)s", end=end)
    above = Figure(number_text(lower))
    first = Figure(number_text(lower + 1))
    if upper is None:
        or_more = gettext("%(first)s or more", first=first)
        return or_more if is_whole else gettext("above %(end)s", end=above)
    last = Figure(number_text(upper))
    if not is_whole:
        return gettext("above %(low)s up to %(high)s", low=above, high=last)
    return first if first == last else gettext("%(low)s to %(high)s", low=first, high=last)


def _amount(field: Field, span: str) -> str:
    """Put an amount and its name together: "3 to 5 email opens", "age of 30 to 39 years"."""
    name = _in_sentence(field.label)
    if span == ANY_VALUE:
        return gettext("known %(field)s", field=name)
    if field.type == "count" and not field.unit and span != "1":
        return joined([span, name])
    amount = joined([span, field.unit or ""])
    if span[0].isdigit() or span[0] == "-":
        return gettext("%(field)s of %(amount)s", field=name, amount=amount)
    return joined([name, amount])


def _in_sentence(label: str) -> str:
    """Start a label small, unless it is an abbreviation such as "CRM users"."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
