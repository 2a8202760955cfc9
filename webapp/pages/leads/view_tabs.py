"""The saved views above the lead table, each with its count and its address."""

from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from flask import url_for
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import Session
from webapp.product import product
from webapp.services.leads import lead_query, view_counts, views
from webapp.services.leads.filters.kinds import InvalidQuery
from webapp.services.leads.lead_query import Query
from webapp.tables.views import SavedView


class BuiltIn(NamedTuple):
    """A view that everybody has, its count under `key` among those of saved views."""

    key: int
    name: str
    asked: dict[str, str]


BUILT_IN = (
    BuiltIn(0, gettext("All open"), {}),
    BuiltIn(-1, gettext("Mine to call"), {"grade": "A,B", "owner": "me", "not_contacted_for": "7"}),
)


def tabs(session: Session, here: dict[str, str]) -> dict[str, Any]:
    """What the tabs above the table show, where the table shows what is asked `here`."""
    who = current_user.email
    found, settings = views.visible(session, who), views.settings(session, who)
    queries = {view.key: query for view in found if (query := _query(view.asked))}
    percent = product().settings.explore_percent
    queries |= {view.key: query for view in BUILT_IN if (query := _query(view.asked))}
    counted = view_counts.counts(session, queries, explore_percent=percent)
    return {
        "built_in": [view for view in BUILT_IN if view.key in queries],
        "views": found,
        "counts": counted,
        "start_view": settings.start_view,
        "here": here,
        "chosen": settings.columns,
    }


def address(view: SavedView) -> str:
    """The address of a view."""
    return url_for("pages.leads.index", **view.asked)


def asked_at(address: str) -> dict[str, str]:
    """The filters and the sort of an address of the table, as they are written there."""
    parts = {name: values[-1] for name, values in parse_qs(urlsplit(address).query).items()}
    query = _query(parts)
    return query.parameters() if query else {}


def _query(asked: dict[str, str]) -> Query | None:
    """A saved query; None where a field that it asks for is no longer declared."""
    try:
        return lead_query.read(asked, product().fields, me=current_user.email)
    except InvalidQuery:
        return None
