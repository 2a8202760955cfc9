"""A password that somebody else chose is changed before anything else."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.pages import formats
from webapp.pages.accounts import sign_in, signed_in
from webapp.pages.language import flash
from webapp.services.accounts import accounts, passwords
from webapp.services.accounts.errors import AccountError

bp = Blueprint("new_password", __name__, url_prefix="/new-password")

# What is open before the password is changed.
OPEN = {"pages.new_password.show", "pages.new_password.save", "pages.sign_in.sign_out"}


def ask(endpoint: str) -> ResponseReturnValue | None:
    """Send a person whose password somebody else chose to the page that changes it."""
    if not current_user.must_change_password or endpoint in OPEN:
        return None
    wanted = sign_in.own_path(request.full_path.rstrip("?")) if request.method == "GET" else None
    return redirect(url_for("pages.new_password.show", next=wanted), 303)


@bp.get("")
def show() -> ResponseReturnValue:
    """Any role: where the password is somebody else's choice; others change theirs in Settings."""
    if not current_user.must_change_password:
        return redirect(url_for("pages.settings.index"), 303)
    return _page({}, sign_in.own_path(request.args.get("next")))


@bp.post("")
def save() -> ResponseReturnValue:
    """Any role: a password of one's own, in place of one that somebody else chose."""
    if not current_user.must_change_password:
        return redirect(url_for("pages.settings.index"), 303)
    key, new, wanted = current_user.key, request.form.get("new", ""), request.form.get("next")
    wanted = sign_in.own_path(wanted)
    if new != request.form.get("again", ""):
        return _page({"again": gettext("The two passwords differ.")}, wanted)
    try:
        signed_in.change_password(new, lambda s: accounts.by_key(s, key, lock=True))
    except AccountError as error:
        return _page({"new": formats.sentence(error)}, wanted)
    flash(gettext("Password set."), "good")
    return redirect(wanted or url_for("pages.my_day.index"), 303)


def _page(errors: dict[str, str], wanted: str | None) -> ResponseReturnValue:
    page = render_template(
        "accounts/new_password.html",
        errors=errors,
        next=wanted,
        min_password_length=passwords.MIN_LENGTH,
    )
    return page, 422 if errors else 200
