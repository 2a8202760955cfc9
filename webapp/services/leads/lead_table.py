"""The lead table: leads by score, filtered, searched and sorted, one page at a time.

A page is a range of an index, or a sort of few leads: it gets slower neither with the number of
leads nor with the pages before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.scorecard.reasons import Reason
from ml.scorecard.scorecard import Scorecard
from webapp.database import utc_now
from webapp.services.leads import lead_rows, leads
from webapp.services.leads.filters import words_index
from webapp.services.leads.filters.sorts import SORTS
from webapp.services.leads.lead_query import Cursor, Query, Scope
from webapp.services.leads.lead_rows import Row
from webapp.services.models import registry
from webapp.services.models.registry import VersionRef
from webapp.services.owners import sight
from webapp.services.remarks import overrides
from webapp.tables import Lead, Score
from webapp.tables.remarks import ScoreOverride

PAGE_SIZE = 50
# Of fewer rows each has all its reasons: there is nothing to scan for what differs.
MIN_ROWS_TO_SHARE = 3
# Counting ends here, and so does sorting what no index has in order.
MAX_COUNTED = 1_000
# The version that is live, as `registry.serving` gives it.
Live: TypeAlias = tuple[VersionRef, Scorecard]
Rows: TypeAlias = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Page:
    """Some rows of the table; `next` is the place of those behind them.

    `n_leads` counts matches up to `MAX_COUNTED`. A search with more hits is cut to the newest.
    """

    rows: list[Row]
    next: Cursor | None
    n_leads: int
    is_more: bool

    @property
    def shared_reasons(self) -> list[Reason]:
        """The reasons that all rows have, of the same value: they tell no row from another."""
        if len(self.rows) < MIN_ROWS_TO_SHARE:
            return []
        others = [{(each.field, each.value) for each in row.reasons} for row in self.rows[1:]]
        return [
            each
            for each in self.rows[0].reasons
            if all((each.field, each.value) in known for known in others)
        ]


def page(session: Session, fields: Fields, query: Query, *, explore_percent: float = 0) -> Page:
    """The page of the table that a query asks for; so many percent of leads are to explore."""
    found = _read(session, _scope(session, query, explore_percent, PAGE_SIZE))
    rows = lead_rows.rows(session, fields, found.leads, found.overridden)
    return Page(rows, found.next, min(found.n_leads, MAX_COUNTED), found.is_more)


def count(session: Session, query: Query, *, explore_percent: float = 0) -> Page:
    """The page that a query asks for without its rows: how many leads match."""
    scope = _scope(session, query, explore_percent, PAGE_SIZE)
    matching = _found(session, scope) if query.search_words else _matching(scope)
    n_found, n_leads = _counts(session, matching)
    return Page([], None, min(n_leads, MAX_COUNTED), n_found > MAX_COUNTED)


def block(
    session: Session, query: Query, *, size: int, explore_percent: float
) -> tuple[list[Lead], Cursor | None]:
    """Up to `size` leads of the table from a query's place on, and the place behind them.

    By name the place has that name, which must not get into an address.
    """
    found = _read(session, _scope(session, query, explore_percent, size))
    last = found.leads[-1][0] if found.next else None
    place = Cursor(last.sort_name, last.key) if last and query.sort == "name" else found.next
    return [lead for lead, _ in found.leads], place


def beside(
    session: Session, query: Query, lead: Lead, *, explore_percent: float
) -> tuple[Lead | None, Lead | None, Cursor | None]:
    """The leads before and behind one on the page that a query asks for.

    Where the one behind stands on the next page, the place of that comes with it; before the first
    of a page there is none. A lead that has left the view has only one behind its place.
    """
    found, following = block(session, query, size=PAGE_SIZE, explore_percent=explore_percent)
    keys = [each.key for each in found]
    if lead.key not in keys:
        return None, _behind_place(session, query, lead, explore_percent), None
    place = keys.index(lead.key)
    before = found[place - 1] if place else None
    if place + 1 < len(found):
        return before, found[place + 1], None
    if following is None:
        return before, None, None
    on = replace(query, after=following)
    [behind], _ = block(session, on, size=1, explore_percent=explore_percent)
    return before, behind, Cursor(None if query.sort == "name" else following.value, following.key)


def _behind_place(session: Session, query: Query, lead: Lead, percent: float) -> Lead | None:
    version, _ = registry.serving(session)
    score = session.get(Score, (version.key, lead.key))
    if score is None:
        return None
    scope = _scope(session, query, percent, 1)
    on = replace(query, after=_place(lead, score, scope))
    found, _ = block(session, on, size=1, explore_percent=percent)
    return found[0] if found else None


def _scope(session: Session, query: Query, explore_percent: float, size: int) -> Scope:
    version, card = registry.serving(session)
    query, seen = _placed(session, query), sight.owners(session)
    overridden = overrides.active(session, utc_now())
    return Scope(version.key, card, query, explore_percent, size, seen, overridden)


class Glance(NamedTuple):
    """The first leads of a query, each with its score and what was asked beside.

    `n_leads` counts matches up to `MAX_COUNTED`.
    """

    rows: list[tuple[Lead, Score, Any]]
    n_leads: int
    is_more: bool
    overridden: Mapping[int, ScoreOverride]


def glance(
    session: Session,
    live: Live,
    queries: Mapping[str, Query],
    others: Mapping[str, Rows],
    *,
    size: int,
    beside: sa.ColumnElement[Any],
    overridden: Mapping[int, ScoreOverride],
) -> dict[str, Glance]:
    """The first leads of several queries, in one statement; `others` select leads by their `key`.

    Queries are those without a search that are sorted by what scores hold; others come newest
    outcome first. `beside` is a further column for each of the few leads.
    """
    version, card = live
    seen = sight.owners(session)
    each = []
    for name, query in queries.items():
        scope = Scope(version.key, card, query, 0, size - 1, seen, overridden)
        each.append(_glance(name, _ranges(scope), _matching(scope)))
    for name, keys in others.items():
        found = keys.limit(MAX_COUNTED + 1).subquery()
        newest = sa.select(found.c.key).join(Lead, Lead.key == found.c.key)
        newest = newest.order_by(Lead.outcome_day.desc(), Lead.key.desc()).limit(size)
        each.append(_glance(name, newest.subquery(), found))
    few = sa.union_all(*each).subquery()
    is_its = (Score.version_key == version.key) & (Score.lead_key == few.c.key)
    statement = sa.select(few.c.name, few.c.n, Lead, Score, beside)
    statement = statement.join(Lead, Lead.key == few.c.key).join(Score, is_its)
    rows: dict[str, list[Any]] = {name: [] for name in (*queries, *others)}
    for row in session.execute(statement):
        rows[row.name].append(row)
    sorts = dict.fromkeys(others, "outcome") | {n: query.sort for n, query in queries.items()}
    return {name: _glanced(found, sorts[name], overridden) for name, found in rows.items()}


def _glance(name: str, keys: sa.Subquery, matching: sa.Subquery) -> Rows:
    n = sa.select(sa.func.count()).select_from(matching).scalar_subquery()
    return sa.select(sa.literal(name).label("name"), keys.c.key, n.label("n"))


def _glanced(rows: list[Any], sort: str, overridden: Mapping[int, ScoreOverride]) -> Glance:
    n_leads = rows[0].n if rows else 0
    found = [(row.Lead, row.Score, row[-1]) for row in rows]
    found.sort(key=lambda row: (_value(row[0], row[1], sort, overridden), row[0].key), reverse=True)
    return Glance(found, min(n_leads, MAX_COUNTED), n_leads > MAX_COUNTED, overridden)


def _value(lead: Lead, score: Score, sort: str, overridden: Mapping[int, ScoreOverride]) -> Any:
    """What a lead is sorted by."""
    if sort == "score" and lead.key in overridden:
        return overridden[lead.key].probability
    return getattr(score if SORTS[sort].is_of_score else lead, SORTS[sort].column.key)


class _Part(NamedTuple):
    """Leads with their scores, the place behind them, and how many match in all."""

    leads: list[tuple[Lead, Score]]
    next: Cursor | None
    n_leads: int
    is_more: bool
    overridden: Mapping[int, ScoreOverride]


def _read(session: Session, scope: Scope) -> _Part:
    query, size = scope.query, scope.size
    if SORTS[query.sort].is_of_score and not query.search_words:
        found, n_found, n_leads = _read_along_index(session, scope)
    else:
        matching = _found(session, scope) if query.search_words else _matching(scope)
        n_found, n_leads = _counts(session, matching)
        keys = _keys(scope, matching, n_found > MAX_COUNTED)
        found = [(lead, score) for lead, score in session.execute(_rows(scope, keys))]
    shown = found[:size]
    following = _place(*shown[-1], scope) if len(found) > size else None
    return _Part(shown, following, n_leads, n_found > MAX_COUNTED, scope.overridden)


def _read_along_index(session: Session, scope: Scope) -> tuple[list[tuple[Lead, Score]], int, int]:
    """The rows with their number, in one statement: neither needs the other to be known."""
    matching = _matching(scope)
    n_found = sa.select(sa.func.count()).select_from(matching).scalar_subquery()
    rows = session.execute(_rows(scope, _ranges(scope)).add_columns(n_found)).all()
    if rows or scope.query.after is None:
        n = rows[0][-1] if rows else 0
        return [(row.Lead, row.Score) for row in rows], n, n
    return [], *_counts(session, matching)


def _rows(scope: Scope, keys: sa.Subquery) -> Rows:
    statement = sa.select(Lead, Score).join(keys, keys.c.key == Lead.key)
    is_its = (Score.version_key == scope.version_key) & (Score.lead_key == keys.c.key)
    order = _ordered(scope.query.sort, keys.c.value, keys.c.key)
    return statement.join(Score, is_its).order_by(*order)


def row(session: Session, fields: Fields, key: int) -> Row:
    """One lead as the table shows it; else `LeadNotFound`."""
    lead = leads.by_key(session, key)
    version, _ = registry.serving(session)
    score = session.get(Score, (version.key, lead.key))
    if score is None:
        raise leads.LeadNotFound(key)
    overridden = overrides.of_leads(session, [key], utc_now())
    return lead_rows.rows(session, fields, [(lead, score)], overridden)[0]


def is_empty(session: Session) -> bool:
    """Whether there is no lead at all."""
    return session.scalar(sa.select(Lead.key).limit(1)) is None


def _placed(session: Session, query: Query) -> Query:
    """Look up the name at a place; where that lead is gone by now, the table begins anew."""
    if query.sort != "name" or query.after is None or query.after.value is not None:
        return query
    key = query.after.key
    name = session.scalar(sa.select(Lead.sort_name).where(Lead.key == key))
    return replace(query, after=None if name is None else Cursor(name, key))


def _place(lead: Lead, score: Score, scope: Scope) -> Cursor:
    sort = scope.query.sort
    is_named = sort == "name"
    return Cursor(None if is_named else _value(lead, score, sort, scope.overridden), lead.key)


def _counts(session: Session, matching: sa.Subquery) -> tuple[int, int]:
    counts = sa.select(sa.func.count(), sa.func.count(matching.c.probability))
    found: tuple[int, int] = session.execute(counts.select_from(matching)).one()
    return found


def _keys(scope: Scope, matching: sa.Subquery, is_more: bool) -> sa.Subquery:
    """The leads of one part and one more: `key`, `probability`, and the `value` sorted by.

    What a search or few leads match is sorted here; else the index of the sort is walked.
    """
    if is_more and not scope.query.search_words:
        return _walked(scope)
    return _sorted(matching, scope)


def _ranges(scope: Scope) -> sa.Subquery:
    """The same by what scores hold: each status is a range of its index."""
    sort = scope.query.sort
    each = [_range(place, part) for place in (scope, *scope.by_people()) for part in place.parts()]
    found = _together(each)
    order = _ordered(sort, found.c.value, found.c.key)
    return sa.select(found).order_by(*order).limit(scope.size + 1).subquery()


def _range(scope: Scope, part: Sequence[sa.ColumnElement[bool]]) -> Rows:
    sort = scope.query.sort
    if sort == "score":
        column, behind = scope.probability, scope.below(scope.query.after)
    else:
        column = SORTS[sort].column
        behind = [*scope.below(), *_behind(scope, column, Score.lead_key)]
    found = _scores(scope, *part, *behind).add_columns(column.label("value"))
    return found.order_by(*_ordered(sort, column, Score.lead_key)).limit(scope.size + 1)


def _matching(scope: Scope) -> sa.Subquery:
    each = [
        _scores(place, *part, *place.below()).limit(MAX_COUNTED + 1)
        for place in (scope, *scope.by_people())
        for part in place.parts()
    ]
    found = _together(each)
    return sa.select(found).limit(MAX_COUNTED + 1).subquery()


def _scores(scope: Scope, *conditions: sa.ColumnElement[bool]) -> Rows:
    keys = sa.select(Score.lead_key.label("key"), scope.probability.label("probability"))
    return keys.where(*scope.filters(), *conditions)


def _together(each: Sequence[Rows]) -> sa.Subquery:
    return sa.union_all(*(sa.select(part.subquery()) for part in each)).subquery()


def _sorted(matching: sa.Subquery, scope: Scope) -> sa.Subquery:
    query = scope.query
    key = matching.c.key
    value: sa.ColumnElement[Any] = matching.c.probability
    if query.sort != "score":
        # Not a join: the few leads are looked up, never looked for along an index.
        value = _looked_up(scope, key).scalar_subquery()
    keys = sa.select(key, matching.c.probability, value.label("value")).subquery()
    in_scope = sa.select(keys).where(keys.c.probability.is_not(None))
    return _first(in_scope, scope, keys.c.value, keys.c.key)


def _looked_up(scope: Scope, key: Any) -> Rows:
    column = sa.select(SORTS[scope.query.sort].column)
    if SORTS[scope.query.sort].is_of_score:
        return column.where(Score.version_key == scope.version_key, Score.lead_key == key)
    return column.where(Lead.key == key)


def _walked(scope: Scope) -> sa.Subquery:
    column = SORTS[scope.query.sort].column
    probability = _score_of(Lead.key, scope)
    keys = sa.select(Lead.key, probability.label("probability"), column.label("value"))
    return _first(keys.where(probability.is_not(None)), scope, column, Lead.key)


def _first(keys: Rows, scope: Scope, value: Any, key: Any) -> sa.Subquery:
    ordered = keys.where(*_behind(scope, value, key)).order_by(
        *_ordered(scope.query.sort, value, key)
    )
    return ordered.limit(scope.size + 1).subquery()


def _behind(scope: Scope, value: Any, key: Any) -> list[sa.ColumnElement[bool]]:
    """What stands behind the query's place, if it has one."""
    query = scope.query
    if query.after is None:
        return []
    here, there = sa.tuple_(value, key), sa.tuple_(*query.after)
    return [here < there if SORTS[query.sort].is_descending else here > there]


def _ordered(sort: str, value: Any, key: Any) -> list[Any]:
    return [sa.desc(c) if SORTS[sort].is_descending else sa.asc(c) for c in (value, key)]


def _score_of(key: Any, scope: Scope) -> sa.ColumnElement[Any]:
    query = sa.select(Score.probability).where(Score.lead_key == key, *scope.filters())
    statuses = Score.status.in_(scope.query.statuses)
    by_model = query.where(statuses, *scope.below()).scalar_subquery()
    for place in scope.by_people():
        query = sa.select(place.probability).where(Score.lead_key == key, *place.filters())
        said = query.where(*place.parts()[0], *place.below()).scalar_subquery()
        return sa.case((key.in_(list(scope.overridden)), said), else_=by_model)
    return by_model


def _found(session: Session, scope: Scope) -> sa.Subquery:
    """The newest leads found by the beginnings of words; out of scope without `probability`."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    words, is_limited = scope.query.search_words, scope.owners is not None
    found = (
        words_index.on_postgresql(words)
        if is_postgresql
        else words_index.on_sqlite(words, is_limited=is_limited)
    )
    newest = found.order_by(sa.desc("key")).limit(MAX_COUNTED + 1).subquery()
    probability = _score_of(newest.c.key, scope)
    return sa.select(newest.c.key, probability.label("probability")).subquery()
