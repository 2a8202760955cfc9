"""The values that leads have where the lead table is filtered by them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.models import registry
from webapp.tables import STATUSES, Score

MAX_CHOICES = 200
Rows: TypeAlias = sa.Select[*tuple[Any, ...]]


def of_facets(session: Session, facets: Mapping[str, str]) -> dict[str, list[str]]:
    """The values that leads have in each facet, by the name of its filter, in one statement.

    Sorted, at most `MAX_CHOICES` each: the lists of the filters.
    """
    version, _ = registry.serving(session)
    found: dict[str, list[str]] = {name: [] for name in facets}
    if facets:
        rows = session.execute(_choices(tuple(facets.values())), {"version_key": version.key})
        by_facet = {column: name for name, column in facets.items()}
        for facet, value in rows:
            found[by_facet[facet]].append(value)
    return {name: sorted(values) for name, values in found.items()}


@cache
def _choices(facets: tuple[str, ...]) -> sa.CompoundSelect[Any]:
    """The query of `of_facets`; to build it takes longer than to run it."""
    return sa.union_all(*(_of_facet(facet) for facet in facets))


def _of_facet(facet: str) -> Rows:
    found = sa.union_all(
        *(sa.select(_values(status, facet).subquery()) for status in STATUSES)
    ).subquery()
    values = sa.select(found.c.value).distinct().order_by(found.c.value).limit(MAX_CHOICES)
    some = values.subquery()
    return sa.select(sa.literal(facet).label("facet"), some.c.value)


def _values(status: str, facet: str) -> Rows:
    """Each value of a facet once: a step along the index for each, not a walk through the leads."""
    column = getattr(Score, facet)

    def after(value: Any) -> Rows:
        least = sa.select(sa.func.min(column)).where(
            Score.version_key == sa.bindparam("version_key"),
            Score.status == status,
            column > value,
        )
        return sa.select(least.scalar_subquery().label("value"))

    steps = after("").cte(recursive=True)
    steps = steps.union_all(after(steps.c.value).where(steps.c.value.is_not(None)))
    return sa.select(steps.c.value).where(steps.c.value.is_not(None)).limit(MAX_CHOICES)
