"""The demo data: what pages say of it, and its removal by one click."""

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import utc_now, write
from webapp.services.demo import demo_data

bp = Blueprint("demo", __name__, url_prefix="/demo")


@bp.post("/remove")
def remove() -> ResponseReturnValue:
    """Admins: delete the invented leads with all of theirs."""
    actor, now = current_user.email, utc_now()
    n_leads, n_sent = write(lambda s: demo_data.remove(s, actor, now))
    stays = f" {n_sent} stay, since a program or file has sent them too." if n_sent else ""
    flash(f"{n_leads} demo leads removed.{stays} Now bring in your own.", "good")
    return redirect(url_for("pages.leads.index"), 303)
