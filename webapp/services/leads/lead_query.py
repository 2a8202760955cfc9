"""What may be asked of the lead table, checked, readable, and as conditions of SQL."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from ml.fields.fields_file import Fields
from ml.scorecard.scorecard import Scorecard
from ml.sentences import Figure, either, gettext
from webapp.database import EPOCH, utc_now
from webapp.services.leads.filters import kinds, table
from webapp.services.leads.filters.kinds import (
    ANY_STATUS,
    GRADES,
    OF_FIELD,
    POINTS,
    SOME_GRADES,
    InvalidQuery,
    Kind,
)
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.leads.filters.table import ME, FilterContext, FilterValue
from webapp.services.leads.records import FieldError, search_words
from webapp.tables import STATUSES, Lead, Score
from webapp.tables.remarks import ScoreOverride

MAX_SEARCH_LENGTH = 100
MAX_WORDS = 8
MAX_CURSOR_LENGTH = 2_000
MAX_KEY = 2**63 - 1
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


# What may be asked beside the filters of `filters.table`.
OTHERS = ("q", "status", "grade", "score_from", "score_to", "sort")


class Cursor(NamedTuple):
    """A place in the table: the value sorted by, and the key, of the last lead before it.

    Sorted by name, the value is None outside `lead_table`: addresses tell nobody's name.
    """

    value: Any
    key: int


@dataclass(frozen=True)
class Query:
    """What is asked of the lead table; every open lead, best score first, if nothing is said."""

    status: str = "open"
    grades: tuple[str, ...] = ()
    score_from: float | None = None
    score_to: float | None = None
    filters: tuple[FilterValue, ...] = ()
    search: str = ""
    sort: str = "score"
    after: Cursor | None = None
    # What days before now are counted from.
    asked_at: datetime = EPOCH

    @property
    def statuses(self) -> tuple[str, ...]:
        return STATUSES if self.status == ANY_STATUS else (self.status,)

    @property
    def search_words(self) -> list[str]:
        return search_words(self.search)[:MAX_WORDS]

    def parameters(self) -> dict[str, str]:
        """The query as `read` takes it, without what is said by leaving it out, and the place."""
        given = {
            "q": self.search,
            "status": "" if self.status == _usual_status(self.search) else self.status,
            "grade": ",".join(self.grades),
            "score_from": "" if self.score_from is None else f"{self.score_from:g}",
            "score_to": "" if self.score_to is None else f"{self.score_to:g}",
            **{each.filter.name: each.text for each in self.filters},
            "sort": "" if self.sort == Query.sort else self.sort,
        }
        return {name: value for name, value in given.items() if value}

    def words(self) -> dict[str, str]:
        """What is asked beside status, search and sort, in words, by parameter."""
        said = {
            "grade": gettext("grade %(grades)s", grades=either(self.grades)) if self.grades else "",
            "score_from": ""
            if self.score_from is None
            else gettext("score from %(n)s", n=Figure(f"{self.score_from:g}")),
            "score_to": ""
            if self.score_to is None
            else gettext("score to %(n)s", n=Figure(f"{self.score_to:g}")),
            **{each.filter.name: str(each) for each in self.filters},
        }
        return {name: words for name, words in said.items() if words}


@dataclass(frozen=True)
class Scope:
    """The scores that a query is about: those of the live version, within the filters."""

    version_key: int
    card: Scorecard
    query: Query
    explore_percent: float
    size: int
    # Of a person who sees only some leads: whose; a range of an index for each.
    owners: tuple[str, ...] | None = None
    # What people say instead of the model's score, by the lead's key; few, mostly none.
    overridden: Mapping[int, ScoreOverride] = field(default_factory=dict)
    # Whether it is about these leads, by what people say, or about all others.
    is_by_people: bool = False

    @property
    def probability(self) -> Any:
        """By which probability leads are in the scope, and in its order."""
        return ScoreOverride.probability if self.is_by_people else Score.probability

    def by_people(self) -> "list[Scope]":
        """The same for the leads whose score is overridden, if there are any."""
        return [replace(self, is_by_people=True)] if self.overridden else []

    def filters(self) -> list[sa.ColumnElement[bool]]:
        """What holds of every score in the scope, but for its status and an upper bound."""
        low, _ = self._bounds()
        return [
            Score.version_key == self.version_key,
            *([] if low is None else [self.probability >= low]),
            *self._grades(),
            *self._given(is_of_lead=False),
            *self._of_leads(),
        ]

    def parts(self) -> list[tuple[sa.ColumnElement[bool], ...]]:
        """The statuses, and owners where only some are seen: each part is a range of an index."""
        if self.is_by_people:
            return [self._overridden()]
        owned = [Score.owner == owner for owner in self.owners or ()] or [sa.true()]
        others = [Score.lead_key.not_in(list(self.overridden))] if self.overridden else []
        statuses = [Score.status == status for status in self.query.statuses]
        return [(status, own, *others) for status in statuses for own in owned]

    def _overridden(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            ScoreOverride.key.in_([said.key for said in self.overridden.values()]),
            ScoreOverride.lead_key == Score.lead_key,
            Score.status.in_(self.query.statuses),
            *([Score.owner.in_(self.owners)] if self.owners else []),
        )

    def _given(self, *, is_of_lead: bool) -> list[sa.ColumnElement[bool]]:
        found = (each for each in self.query.filters if each.filter.is_of_lead == is_of_lead)
        context = FilterContext(self.query.asked_at, self.explore_percent)
        return [each.filter.holds(each.value, context) for each in found]

    def _of_leads(self) -> list[sa.ColumnElement[bool]]:
        """Leads are looked up one by one: the queue is still read in the order of scores."""
        conditions = self._given(is_of_lead=True)
        if not conditions:
            return []
        if any(isinstance(each, sa.False_) for each in conditions):
            return [sa.false()]  # known before any lead is looked at
        own = sa.select(Lead.key).where(Lead.key == Score.lead_key, *conditions)
        return [own.correlate(Score).exists()]

    def _grades(self) -> list[sa.ColumnElement[bool]]:
        """The grades asked for, where others lie between them; else the bounds say it."""
        places = [GRADES.index(letter) for letter in self.query.grades]
        if not places or places[-1] - places[0] < len(places):
            return []
        ranges = [self._range(place) for place in places]
        return [
            sa.or_(
                *(
                    sa.and_(
                        *([] if low is None else [self.probability >= low]),
                        *([] if high is None else [self.probability < high]),
                    )
                    for low, high in ranges
                )
            )
        ]

    def below(self, after: Cursor | None = None) -> list[sa.ColumnElement[bool]]:
        """The upper bound, only the lowest of several: SQLite may start at the wrong one of two."""
        _, high = self._bounds()
        if after is not None and (high is None or after.value < high):
            return [sa.tuple_(self.probability, Score.lead_key) < sa.tuple_(*after)]
        return [] if high is None else [self.probability < high]

    def _bounds(self) -> tuple[float | None, float | None]:
        """The lowest probability, and the one that all are below."""
        query = self.query
        ranges = [self._range(GRADES.index(letter)) for letter in query.grades] or [(None, None)]
        lows = [ranges[-1][0], None if query.score_from is None else _rounding_to(query.score_from)]
        # A score is shown in whole points, and said to be what it is shown as.
        highs = [ranges[0][1], None if query.score_to is None else _rounding_to(query.score_to + 1)]
        return (
            max((low for low in lows if low is not None), default=None),
            min((high for high in highs if high is not None), default=None),
        )

    def _range(self, place: int) -> tuple[float | None, float | None]:
        lowest = (*self.card.grades, None)
        return lowest[place], lowest[place - 1] if place else None


def _rounding_to(points: float) -> float:
    """The lowest probability that is shown as so many points."""
    return (points - 0.5) / 100


def read(
    arguments: Mapping[str, str],
    fields: Fields | None = None,
    *,
    me: str | None = None,
    now: datetime | None = None,
) -> Query:
    """Check what is asked, by parameter; empty ones do not count; else `InvalidQuery`.

    Without `fields` there are no filters on the fields of leads. `me` is the address of the account
    that asks; programs have none.
    """
    given = {name: value for name, value in arguments.items() if value}
    errors: list[FieldError] = []
    sort = _one_of(errors, given, "sort", tuple(SORTS)) or Query.sort
    search = _value(errors, given, "q", kinds.text_of(MAX_SEARCH_LENGTH)) or ""
    query = Query(
        status=_one_of(errors, given, "status", (*STATUSES, ANY_STATUS)) or _usual_status(search),
        grades=_value(errors, given, "grade", SOME_GRADES) or (),
        score_from=_value(errors, given, "score_from", POINTS),
        score_to=_value(errors, given, "score_to", POINTS),
        filters=_filters(errors, given, fields, me),
        search=search,
        sort=sort,
        after=_place(errors, given, sort),
        asked_at=now or utc_now(),
    )
    if errors:
        raise InvalidQuery(errors)
    return query


def _filters(
    errors: list[FieldError], given: Mapping[str, str], fields: Fields | None, me: str | None
) -> tuple[FilterValue, ...]:
    known = table.all_filters(fields)
    unknown = (name for name in given.keys() - known.keys() if name.startswith(OF_FIELD))
    errors += [
        FieldError(n, "is no filter on a declared field", "a declared field") for n in unknown
    ]
    asked = [(known[name], given[name]) for name in known if name in given]
    found = []
    for each, text in asked:
        value = _value(errors, given, each.name, each.kind)
        if text == ME and ME in each.special:
            value = me
            if me is None:
                rule = "a person or unowned; only people who are signed in have leads of their own"
                errors.append(FieldError(each.name, f"must be {rule}", rule))
        found.append(FilterValue(each, value, text))
    return tuple(each for each in found if each.value is not None)


def written(cursor: Cursor, sort: str) -> str:
    """The cursor as text for an address; `read` understands it."""
    value = (cursor.value - EPOCH) // MICROSECOND if sort == "scored" else cursor.value
    text = json.dumps([sort, value, cursor.key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _usual_status(search: str) -> str:
    """Work is on open leads; who searches for one does not know what became of it."""
    return ANY_STATUS if search else Query.status


def _one_of(
    errors: list[FieldError], given: Mapping[str, str], name: str, known: tuple[str, ...]
) -> str | None:
    value = given.get(name)
    if value is None or value in known:
        return value
    rule = f"one of {', '.join(known)}"
    errors.append(FieldError(name, f"must be {rule}", rule))
    return None


def _value(errors: list[FieldError], given: Mapping[str, str], name: str, kind: Kind) -> Any:
    text = given.get(name)
    try:
        return None if text is None else kind.read(text)
    except ValueError:
        errors.append(FieldError(name, f"must be {kind.rule}", kind.rule))
        return None


def _place(errors: list[FieldError], given: Mapping[str, str], sort: str) -> Cursor | None:
    text = given.get("after")
    if text is None:
        return None
    try:
        return _cursor(text, sort)
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        rule = "the next place as a page of the table gave it, with the same sort"
        errors.append(FieldError("after", "no longer leads anywhere in this table", rule))
        return None


def _cursor(text: str, sort: str) -> Cursor:
    if len(text) > MAX_CURSOR_LENGTH:
        raise ValueError("too long")
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    sorted_by, value, key = json.loads(raw)
    if sorted_by != sort or type(key) is not int or not 0 < key <= MAX_KEY:
        raise ValueError("of another sort")
    return Cursor(VALUES[sort](value), key)


def _figure(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise ValueError("no figure")
    return float(value)  # type: ignore[arg-type]


def _moment(value: object) -> datetime:
    if type(value) is not int or not 0 <= value <= (LATEST - EPOCH) // MICROSECOND:
        raise ValueError("no moment")
    return EPOCH + value * MICROSECOND


def _nothing(value: object) -> None:
    if value is not None:
        raise ValueError("a name")


VALUES = {**dict.fromkeys(SORTS, _figure), "scored": _moment, "name": _nothing}
