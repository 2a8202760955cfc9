"""Saved views of the lead table."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import Session, utc_now, write
from webapp.pages import formats
from webapp.pages.accounts import sign_in
from webapp.pages.language import flash
from webapp.pages.leads import columns
from webapp.pages.leads.view_tabs import address, asked_at
from webapp.product import product
from webapp.services.leads import views
from webapp.services.leads.views import InvalidView

bp = Blueprint("views", __name__, url_prefix="/leads/views")


@bp.post("")
def save() -> ResponseReturnValue:
    """Any role: keep the filters and the sort of the table under a name."""
    form, who, now = request.form, current_user.email, utc_now()
    asked, is_shared = asked_at(form.get("back", "")), "shared" in form
    try:
        name = form.get("name")
        write(lambda s: views.save(s, name, asked, is_shared=is_shared, by=who, now=now))
    except InvalidView as error:
        flash(
            gettext("%(sentence)s The view was not saved.", sentence=formats.sentence(error)), "bad"
        )
    return _back()


@bp.post("/<key:key>")
def change(key: int) -> ResponseReturnValue:
    """Any role: rename or share an own view, delete it, or begin with it after sign-in."""
    form, who = request.form, current_user.email
    act = form.get("do", "")

    def work(session: Session) -> None:
        if act == "delete":
            views.delete(session, key, by=who)
        elif act in ("start", "stop"):
            views.start_with(session, who, key if act == "start" else None)
        else:
            views.change(session, key, form.get("name"), is_shared="shared" in form, by=who)

    try:
        write(work)
    except InvalidView as error:
        flash(
            gettext("%(sentence)s The view stays as it was.", sentence=formats.sentence(error)),
            "bad",
        )
    return _back()


@bp.post("/columns")
def choose_columns() -> ResponseReturnValue:
    """Any role: choose the columns of the table, or none: those that hold something."""
    there, who = columns.known(product().fields), current_user.email
    chosen = [name for name in request.form.getlist("column") if name in there] or None
    write(lambda session: views.choose_columns(session, who, chosen))
    return _back()


def _back() -> ResponseReturnValue:
    back = sign_in.own_path(request.form.get("back"))
    return redirect(back or url_for("pages.leads.index"), 303)


bp.add_app_template_global(address, "address_of_view")
bp.add_app_template_global(columns.cell)
