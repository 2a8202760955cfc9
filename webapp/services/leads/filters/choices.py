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
    """The `choices` of several facets, each by the name of its filter."""
    version, _ = registry.serving(session)
    given = {"version_key": version.key}
    return {name: list(session.scalars(_choices(f), given)) for name, f in facets.items()}


def choices(session: Session, facet: str) -> list[str]:
    """The values that leads have in a facet, sorted, at most `MAX_CHOICES`: a filter's list."""
    version, _ = registry.serving(session)
    return list(session.scalars(_choices(facet), {"version_key": version.key}))


@cache
def _choices(facet: str) -> Rows:
    """The query of `choices`; to build it takes longer than to run it."""
    found = sa.union_all(
        *(sa.select(_values(status, facet).subquery()) for status in STATUSES)
    ).subquery()
    return sa.select(found.c.value).distinct().order_by(found.c.value).limit(MAX_CHOICES)


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
