"""A person's own account, and for administrators the settings in force and the audit log."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import utc_now, write
from webapp.pages import rights, signed_in
from webapp.services import accounts

bp = Blueprint("settings", __name__, url_prefix="/settings")


@bp.get("")
def index() -> ResponseReturnValue:
    """Any role: the person's own account."""
    return _account_page({})


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    """Any role: a new password for oneself, against the present one."""
    key, now = current_user.key, utc_now()
    old, new = request.form.get("old", ""), request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _account_page({"again": "This is not the same as the new password."})
    try:
        user = write(lambda session: accounts.change_password(session, key, old, new, now=now))
    except accounts.WrongPassword as error:
        return _account_page({"old": str(error)})
    except accounts.AccountError as error:
        return _account_page({"new": str(error)})
    signed_in.begin(user)
    flash("Your password is changed. Other devices are signed out.", "good")
    return redirect(url_for("pages.settings.index"), 303)


def _account_page(errors: dict[str, str]) -> ResponseReturnValue:
    page = render_template(
        "settings/account.html",
        errors=errors,
        role_sentences=rights.SENTENCES,
        min_password_length=accounts.MIN_PASSWORD_LENGTH,
    )
    return page, 422 if errors else 200
