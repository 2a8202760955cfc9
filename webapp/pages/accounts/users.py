"""People who may sign in: made, given roles, turned off and on. Administrators only."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import read, utc_now, write
from webapp.pages import formats
from webapp.pages.accounts import rights
from webapp.services.accounts import accounts

bp = Blueprint("users", __name__, url_prefix="/settings/users")


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: everybody who has an account."""
    return _page()


@bp.post("")
def create() -> ResponseReturnValue:
    """Administrators: make an account; its first password stands in this answer only."""
    email, role = request.form.get("email", ""), request.form.get("role", "")
    password, actor, now = accounts.random_password(), current_user.email, utc_now()
    try:
        user = write(
            lambda session: accounts.create(session, email, password, role, now=now, actor=actor)
        )
    except accounts.AccountError as error:
        return _page(error=formats.sentence(error), email=email, role=role), 422
    return _page(made=user, password=password)


@bp.post("/<key:key>/role")
def change_role(key: int) -> ResponseReturnValue:
    """Administrators: give a user another role."""
    role, actor, now = request.form.get("role", ""), current_user.email, utc_now()
    user = write(lambda session: accounts.change_role(session, key, role, actor=actor, now=now))
    return _back(f"{user.email} now has the role {user.role}.")


@bp.post("/<key:key>/deactivate")
def deactivate(key: int) -> ResponseReturnValue:
    """Administrators: sign a user out everywhere and let them in no more."""
    actor, now = current_user.email, utc_now()
    user = write(lambda session: accounts.set_active(session, key, False, actor=actor, now=now))
    return _back(f"{user.email} is signed out and can no longer sign in.")


@bp.post("/<key:key>/activate")
def activate(key: int) -> ResponseReturnValue:
    """Administrators: let a user in again, with the password they had."""
    actor, now = current_user.email, utc_now()
    user = write(lambda session: accounts.set_active(session, key, True, actor=actor, now=now))
    return _back(f"{user.email} can sign in again.")


@bp.post("/<key:key>/password")
def reset_password(key: int) -> ResponseReturnValue:
    """Administrators: a new random password for a user, which stands in this answer only."""
    actor, now = current_user.email, utc_now()
    user, password = write(
        lambda session: accounts.reset_password(session, key, actor=actor, now=now)
    )
    return _page(made=user, password=password)


def _back(sentence: str) -> ResponseReturnValue:
    flash(sentence, "good")
    return redirect(url_for("pages.users.index"), 303)


def _page(**values: object) -> str:
    return render_template(
        "accounts/users.html",
        **{"error": None, "email": "", "role": "rep", "made": None, **values},
        users=read(accounts.everyone),
        sentences=rights.SENTENCES,
    )
