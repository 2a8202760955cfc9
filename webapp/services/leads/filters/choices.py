"""The values that leads have where the lead table is filtered by them."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.models import registry
from webapp.tables import STATUSES, Score, User
from webapp.tables.reasons import LostReason

MAX_CHOICES = 200
# Names of lists beside the facets, of which none is called so.
REASONS, ACCOUNTS = "lost reasons", "accounts"
Rows: TypeAlias = sa.Select[*tuple[Any, ...]]


class Offered(NamedTuple):
    """What people choose from in the lead table.

    `facets` has the values that leads have, sorted, at most `MAX_CHOICES` each, by the name of the
    filter; `reasons` why leads are lost, in the order of the list; `accounts` who may own a lead.
    """

    facets: dict[str, list[str]]
    reasons: list[str]
    accounts: list[str]


def offered(session: Session, facets: Mapping[str, str]) -> Offered:
    """What people choose from, in one statement; `facets` are columns by the name of the filter."""
    version, _ = registry.serving(session)
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rows = session.execute(_choices(tuple(facets.values())), {"version_key": version.key})
    for list_, place, value in rows:
        found[list_].append((place, value))
    lists = {name: [value for _, value in sorted(some)] for name, some in found.items()}
    values = {name: lists.get(column, []) for name, column in facets.items()}
    return Offered(values, lists.get(REASONS, []), lists.get(ACCOUNTS, []))


@cache
def _choices(facets: tuple[str, ...]) -> sa.CompoundSelect[Any]:
    """The query of `offered`; to build it takes longer than to run it."""
    reasons = sa.select(sa.literal(REASONS), LostReason.key, LostReason.name)
    accounts = sa.select(sa.literal(ACCOUNTS), sa.literal(0), User.email).where(User.is_active)
    return sa.union_all(
        *(_of_facet(facet) for facet in facets),
        reasons.where(LostReason.retired_at.is_(None)),
        accounts,
    )


def _of_facet(facet: str) -> Rows:
    found = sa.union_all(
        *(sa.select(_values(status, facet).subquery()) for status in STATUSES)
    ).subquery()
    values = sa.select(found.c.value).distinct().order_by(found.c.value).limit(MAX_CHOICES)
    some = values.subquery()
    return sa.select(sa.literal(facet), sa.literal(0), some.c.value)


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
