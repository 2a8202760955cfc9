"""The demo data: what pages say of it, and its removal by one click."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import utc_now, write
from webapp.pages.language import flash
from webapp.services.demo import demo_data

bp = Blueprint("demo", __name__, url_prefix="/demo")


@bp.post("/remove")
def remove() -> ResponseReturnValue:
    """Admins: delete the invented leads with all of theirs."""
    actor, now = current_user.email, utc_now()
    n_leads, n_sent = write(lambda s: demo_data.remove(s, actor, now))
    stays = (
        gettext(" %(n_sent)s stay, since a program or file has sent them too.", n_sent=n_sent)
        if n_sent
        else ""
    )
    flash(
        gettext(
            "%(n_leads)s demo leads removed.%(stays)s Now bring in your own.",
            n_leads=n_leads,
            stays=stays,
        ),
        "good",
    )
    return redirect(url_for("pages.leads.index"), 303)
