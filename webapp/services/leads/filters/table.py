"""The table of filters: a new filter of the lead table is one entry here.

Address, words above the table, form, API and its document follow from the entry.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import sqlalchemy as sa

from ml.fields.fields_file import Fields
from ml.fields.types import Field, value_text
from ml.sentences import gettext, mark
from webapp.database import DAY, EPOCH
from webapp.services.leads import leads
from webapp.services.leads.filters import kinds
from webapp.services.leads.filters.conditions import counting_outcome, value_of
from webapp.services.leads.filters.kinds import OF_FIELD, Kind, Since
from webapp.tables import Lead, Outcome, Score
from webapp.tables.renamed import called_today

# A score that moved by fewer points of 100 is not marked, and no filter finds it.
MIN_POINTS_SHOWN = 3
# People that are told by a word: whoever asks, and nobody.
ME, UNOWNED = "me", "unowned"


@dataclass(frozen=True)
class FilterContext:
    """When the lead table is asked, and how many percent of leads are to explore."""

    now: datetime
    explore_percent: float = 0


Condition: TypeAlias = Callable[[Any, FilterContext], sa.ColumnElement[bool]]


@dataclass(frozen=True)
class Filter:
    """One filter: its `name` in addresses, how it is read, its label, and how it is said.

    `words` has a place for the value. `holds` is the condition on `Score`, or on `Lead`, which is
    then looked up for each score. Values in `special` are said in other words, `ME` among them
    where the value is a person.
    """

    name: str
    kind: Kind = field(compare=False)
    label: str = field(compare=False)
    words: str = field(compare=False)
    holds: Condition = field(compare=False)
    is_of_lead: bool = field(compare=False, default=True)
    special: Mapping[str, str] = field(compare=False, default_factory=dict)

    def said(self, value: Any) -> str:
        """The filter with its value, in words: "not contacted for 7 days"."""
        known = self.kind.choices.get(value) if isinstance(value, str) else None
        is_figure = isinstance(value, int | float)
        told = known or (value_text(value) if is_figure else value)
        return gettext(self.words, label=self.label, value=told)


class FilterValue(NamedTuple):
    """A filter with its value, and the text that this was read from."""

    filter: Filter
    value: Any
    text: str

    def __str__(self) -> str:
        return self.filter.special.get(self.text) or self.filter.said(self.value)


FACET_WORDS = {
    "source": (gettext("Source"), mark("source %(value)s")),
    "industry": (gettext("Industry"), mark("industry %(value)s")),
    "owner": (gettext("Owner"), mark("owner %(value)s")),
}


def _facet(name: str, column: str) -> Filter:
    def holds(value: str, _: FilterContext) -> sa.ColumnElement[bool]:
        found: sa.ColumnElement[bool] = getattr(Score, column) == (
            "" if value == UNOWNED else value
        )
        return found

    special = {ME: gettext("mine"), UNOWNED: gettext("unowned")} if name == "owner" else {}
    label, words = FACET_WORDS[name]
    return Filter(name, kinds.text_of(), label, words, holds, is_of_lead=False, special=special)


def _explored(_: str, context: FilterContext) -> sa.ColumnElement[bool]:
    limit = context.explore_percent * leads.N_DRAWS / 100
    if limit == 0:
        return sa.false()  # without a look at any lead
    return sa.and_(Lead.explore_draw < limit, ~Lead.is_in_pipeline)


def _moved(value: str, context: FilterContext) -> sa.ColumnElement[bool]:
    is_up = value == "up"
    is_far = Score.moved >= MIN_POINTS_SHOWN if is_up else Score.moved <= -MIN_POINTS_SHOWN
    return sa.and_(is_far, moved_lately(context.now))


def moved_lately(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a move of a score is news still."""
    return Score.moved_at > now - leads.MOVES_TOGETHER


def _moved_since(since: Since, context: FilterContext) -> sa.ColumnElement[bool]:
    has_moved = sa.func.abs(Score.moved) >= MIN_POINTS_SHOWN
    return sa.and_(has_moved, Score.moved_at >= since.moment(context.now))


def _not_contacted(days: int, context: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.contact_day <= (context.now - EPOCH) / DAY - days


def _contacted_within(days: int, context: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.contact_day > (context.now - EPOCH) / DAY - days


def _contacted(value: str, _: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.contact_day == 0 if value == "never" else Lead.contact_day != 0


def _created_since(since: Since, context: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.created_at >= since.moment(context.now)


def _outcome_since(since: Since, context: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.outcome_at >= since.moment(context.now)


def _outcome_before(since: Since, context: FilterContext) -> sa.ColumnElement[bool]:
    return Lead.outcome_at < since.moment(context.now)


def _outcome_by(actor: str, _: FilterContext) -> sa.ColumnElement[bool]:
    return counting_outcome(sa.or_(Outcome.actor == actor, Outcome.source == actor))


def _keys(keys: tuple[int, ...], _: FilterContext) -> sa.ColumnElement[bool]:
    return Score.lead_key.in_(keys)


def _outcome_reason(reason: str, _: FilterContext) -> sa.ColumnElement[bool]:
    return counting_outcome(Outcome.reason == called_today(sa.literal(reason)))


UP_OR_DOWN = kinds.one_of({"up": gettext("up"), "down": gettext("down")})
EVER = kinds.one_of({"yes": gettext("contacted before"), "never": gettext("never contacted")})
TO_EXPLORE = kinds.one_of({"yes": gettext("to explore")})
# Filter -> the column of scores.
FACETS = {"source": "lead_source", "industry": "industry", "owner": "owner"}
FILTERS = (
    *(_facet(name, column) for name, column in FACETS.items()),
    Filter("explore", TO_EXPLORE, gettext("Explore"), "%(value)s", _explored),
    Filter(
        "moved",
        UP_OR_DOWN,
        gettext("Score moved"),
        mark("score moved %(value)s"),
        _moved,
        is_of_lead=False,
    ),
    Filter(
        "moved_since",
        kinds.SINCE,
        gettext("Moved since"),
        mark("moved since %(value)s"),
        _moved_since,
        is_of_lead=False,
    ),
    Filter(
        *("not_contacted_for", kinds.DAYS, gettext("No contact for (days)")),
        *(mark("no contact for %(value)s days"), _not_contacted),
    ),
    Filter(
        *("contacted_within", kinds.DAYS, gettext("Contact within (days)")),
        *(mark("contact within %(value)s days"), _contacted_within),
    ),
    Filter("contacted", EVER, gettext("Contacted"), "%(value)s", _contacted),
    Filter(
        "created_since",
        kinds.SINCE,
        gettext("Created since"),
        mark("created since %(value)s"),
        _created_since,
    ),
    Filter(
        "outcome_since",
        kinds.SINCE,
        gettext("Outcome since"),
        mark("outcome since %(value)s"),
        _outcome_since,
    ),
    Filter(
        "outcome_before",
        kinds.SINCE,
        gettext("Outcome before"),
        mark("outcome before %(value)s"),
        _outcome_before,
    ),
    Filter(
        *(
            "outcome_by",
            kinds.text_of(),
            gettext("Outcome by"),
            mark("outcome by %(value)s"),
            _outcome_by,
        ),
        special={ME: gettext("outcome by me")},
    ),
    Filter(
        "ticked",
        kinds.keys_of(1_000),
        gettext("Ticked leads"),
        mark("ticked leads"),
        _keys,
        is_of_lead=False,
    ),
    Filter(
        "outcome_reason",
        kinds.text_of(500),
        gettext("Reason"),
        mark("reason %(value)s"),
        _outcome_reason,
    ),
)


def all_filters(fields: Fields | None) -> dict[str, Filter]:
    """Every filter by name, those of the declared fields behind the others."""
    own = _of_fields(fields) if fields else ()
    return {each.name: each for each in (*FILTERS, *own)}


def _of_fields(fields: Fields) -> Iterator[Filter]:
    """A field's value, or from and to of a number; but for those that have a filter above."""
    named = {name for name in leads.FACETS if name in fields}
    for each in fields.declared:
        name, label, kind = f"{OF_FIELD}{each.name}", each.label, kinds.value_of(each)
        if each.kind.is_numeric:
            ends = {
                "from": gettext("%(field)s from", field=label),
                "to": gettext("%(field)s to", field=label),
            }
            for end, told in ends.items():
                yield Filter(f"{name}.{end}", kind, told, "%(label)s %(value)s", _bound(each, end))
        elif each.name not in named:
            yield Filter(name, kind, label, "%(label)s: %(value)s", _equals(each))


def _bound(each: Field, end: str) -> Condition:
    def holds(value: Any, _: FilterContext) -> sa.ColumnElement[bool]:
        column = value_of(each, value)
        found: sa.ColumnElement[bool] = column >= value if end == "from" else column <= value
        return found

    return holds


def _equals(each: Field) -> Condition:
    def holds(value: Any, _: FilterContext) -> sa.ColumnElement[bool]:
        found: sa.ColumnElement[bool] = value_of(each, value) == value
        return found

    return holds
