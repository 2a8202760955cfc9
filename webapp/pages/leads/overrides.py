"""A score of a person's own beside the model's, until a date."""

from flask import Blueprint, render_template, request, url_for
from flask import redirect as to
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import Session, read, utc_now, write
from webapp.pages.accounts import sign_in
from webapp.pages.leads import lead_view
from webapp.services.leads import leads
from webapp.services.remarks import overrides
from webapp.services.remarks.overrides import InvalidOverride

bp = Blueprint("overrides", __name__, url_prefix="/leads")

ENTERED = ("score", "until", "reason")


@bp.post("/<key:key>/override")
def put(key: int) -> ResponseReturnValue:
    """Any role: override the score until a date, or change the override there is."""
    now = utc_now()
    entered = {name: request.form.get(name, "") for name in ENTERED}
    try:
        probability, until, reason = overrides.read(
            entered["score"], entered["until"], entered["reason"], now
        )
    except InvalidOverride as error:
        view = read(lambda session: lead_view.view(session, key))
        told = {"entered": entered, "override_errors": error.errors}
        return render_template("leads/show.html", **view, **told), 422

    def work(session: Session) -> None:
        lead = leads.find(session, leads.by_key(session, key).lead_id, lock=True)
        told = {"until": until, "reason": reason, "author": current_user.email, "now": now}
        overrides.put(session, lead, probability, **told)

    write(work)
    return _to_lead(key)


@bp.post("/<key:key>/override/end")
def end(key: int) -> ResponseReturnValue:
    """Any role: end the override now."""

    def work(session: Session) -> None:
        lead = leads.find(session, leads.by_key(session, key).lead_id, lock=True)
        overrides.end(session, lead, current_user.email, utc_now())

    write(work)
    return _to_lead(key)


def _to_lead(key: int) -> ResponseReturnValue:
    back = sign_in.own_path(request.form.get("back"))
    return to(back or url_for("pages.lead.show", key=key), 303)
