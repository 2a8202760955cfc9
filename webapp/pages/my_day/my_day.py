"""My day, the start page: which leads to look at, and for managers the team in numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import Session, read, utc_now
from webapp.pages.accounts import signed_in
from webapp.pages.my_day import setup_list
from webapp.product import product
from webapp.services.demo import demo_leads
from webapp.services.demo.ids import IDS
from webapp.services.models import registry
from webapp.services.my_day import own_leads, state, team
from webapp.services.runs import workers

bp = Blueprint("my_day", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Any role: own leads to call, risen, new and closed; for managers also the team."""
    me, now, fields = current_user.email, utc_now(), product().fields
    is_manager = signed_in.may("pages.models.index")

    def look(session: Session) -> dict[str, Any]:
        if not is_manager:
            live = registry.serving(session)
            return {"lists": own_leads.lists(session, fields, live, me=me, now=now)}
        how = state.state(session)
        live = how.version, registry.scorecard(session, how.version)
        has_any = how.has_overrides
        lists = own_leads.lists(*(session, fields, live), me=me, now=now, has_overrides=has_any)
        return {
            "lists": lists,
            "team": team.by_grade(session, live, now),
            "state": how,
            "no_worker": workers.is_gone(how.worker_seen_at, now),
            "setup": setup_list.steps(session),
        }

    values = read(look)
    shown = (item.lead.lead_id for each in values["lists"].values() for item in each.items)
    has_demo = not IDS.isdisjoint(shown) and read(demo_leads.are_here)
    return render_template("my_day/index.html", is_manager=is_manager, has_demo=has_demo, **values)


@bp.app_template_filter()
def contact_at(contact_day: float) -> datetime | None:
    """When a lead was contacted last, from days since 1970; None where it never was."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=contact_day) if contact_day else None
