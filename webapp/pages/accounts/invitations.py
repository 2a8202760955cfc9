"""The page behind an invitation: a person sets a password and is signed in."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.sentences import gettext
from webapp.database import read, utc_now
from webapp.pages import formats
from webapp.pages.accounts import signed_in
from webapp.pages.language import flash
from webapp.services.accounts import invitations, passwords
from webapp.services.accounts.errors import AccountError

bp = Blueprint("invitations", __name__, url_prefix="/invitations")


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """Anybody who has the link."""
    return _page(token, {})


@bp.post("/<token>")
def accept(token: str) -> ResponseReturnValue:
    """Anybody who has the link: set the password that it is for, and begin a session."""
    password, now = request.form.get("new", ""), utc_now()
    if password != request.form.get("again", ""):
        return _page(token, {"again": gettext("The two passwords differ.")})
    found = read(lambda s: invitations.find(s, token, now))
    former = read(lambda s: invitations.former_passwords(s, found))
    try:
        chosen = passwords.hashed(password, found.email, former)
        signed_in.begin(lambda s: invitations.accept(s, token, chosen, now), by="link")
    except AccountError as error:
        return _page(token, {"new": formats.sentence(error)})
    flash(gettext("Password set. You are signed in."), "good")
    return redirect(url_for("pages.my_day.index"), 303)


def _page(token: str, errors: dict[str, str]) -> ResponseReturnValue:
    found = read(lambda s: invitations.find(s, token, utc_now()))
    page = render_template(
        "accounts/invitation.html",
        invitation=found,
        token=token,
        errors=errors,
        min_password_length=passwords.MIN_LENGTH,
    )
    return page, 422 if errors else 200
