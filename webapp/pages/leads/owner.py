"""Whose lead it is: given to somebody else, and taken back."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext, ngettext
from webapp.database import Session, read, utc_now, write
from webapp.pages import form_values, formats
from webapp.pages.accounts import sign_in
from webapp.pages.language import flash
from webapp.services.leads import leads
from webapp.services.leads.leads import LeadNotFound
from webapp.services.owners import assigning
from webapp.services.owners.assigning import NotAnOwner, OwnedByCrm

MAX_ADDRESS = 254

bp = Blueprint("owner", __name__, url_prefix="/leads")


@bp.post("/<key:key>/owner")
def assign(key: int) -> ResponseReturnValue:
    """Any role: give the lead to an account, or to nobody where none is chosen."""
    owner = form_values.text("owner", MAX_ADDRESS)
    who, now = current_user.email, utc_now()
    try:
        write(lambda session: assigning.assign_one(session, key, owner, by=who, now=now))
    except NotAnOwner as error:
        flash(
            gettext(
                "%(sentence)s The owner stays; choose somebody from the list.",
                sentence=formats.sentence(error),
            ),
            "bad",
        )
    except OwnedByCrm as error:
        flash(
            gettext(
                "%(sentence)s Change it there; it appears here after the next sync.",
                sentence=formats.sentence(error),
            ),
            "bad",
        )
    return redirect(_back(key), 303)


@bp.post("/owner/undo")
def undo() -> ResponseReturnValue:
    """Any role: give leads back to who had them before one assignment."""
    batch = form_values.token("batch", assigning.BATCH, gettext("the key of an assignment"))
    who, now = current_user.email, utc_now()
    back = write(lambda session: assigning.undo(session, batch, by=who, now=now))
    n = len(back)
    done = ngettext(
        "%(n)s lead has its previous owner again.",
        "%(n)s leads have their previous owner again.",
        n,
    )
    flash(done if back else gettext("Nothing to undo: the owner has changed since."))
    path = sign_in.own_path(request.form.get("back"))
    return redirect(path or url_for("pages.my_day.index"), 303)


def _back(key: int) -> str:
    """The lead's page, or the table where whoever gave it away does not see it any longer."""

    def is_seen(session: Session) -> bool:
        try:
            leads.by_key(session, key)
        except LeadNotFound:
            return False
        return True

    if read(is_seen):
        return url_for("pages.lead.show", key=key, _anchor="owned")
    flash(gettext("The lead was given away. You no longer see it."))
    return url_for("pages.leads.index")
