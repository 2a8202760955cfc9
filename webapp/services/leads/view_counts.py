"""How many leads saved views hold, in one query for all of them."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import utc_now
from webapp.services.leads.lead_query import Query, Scope
from webapp.services.models import registry
from webapp.services.owners import sight
from webapp.services.remarks import overrides
from webapp.tables import Score

MAX_COUNTED = 1_000


def counts(
    session: Session, queries: Mapping[int, Query], *, explore_percent: float
) -> dict[int, int]:
    """How many leads each query without a search matches, up to one more than `MAX_COUNTED`."""
    version, card = registry.serving(session)
    seen, said = sight.owners(session), overrides.active(session, utc_now())
    columns = [
        _count(Scope(version.key, card, query, explore_percent, 0, seen, said)).label(f"n_{key}")
        for key, query in queries.items()
        if not query.search_words
    ]
    keys = [key for key, query in queries.items() if not query.search_words]
    found = session.execute(sa.select(*columns)).one() if columns else ()
    return dict(zip(keys, found, strict=True))


def _count(scope: Scope) -> sa.ScalarSelect[int]:
    each = [
        sa.select(Score.lead_key)
        .where(*place.filters(), *part, *place.below())
        .limit(MAX_COUNTED + 1)
        for place in (scope, *scope.by_people())
        for part in place.parts()
    ]
    found = sa.union_all(*(sa.select(part.subquery()) for part in each)).subquery()
    some = sa.select(found).limit(MAX_COUNTED + 1).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()
