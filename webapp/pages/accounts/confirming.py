"""Before keys, users and connections change: the password again, unless just entered."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import Session, utc_now, write
from webapp.pages.accounts import rights, sign_in
from webapp.services.accounts import attempts, sessions
from webapp.services.accounts.errors import TooManyTries, WrongSignIn

PASSWORD = "confirm_password"  # noqa: S105 - the name of a form field
NOT_SENT_ON = {PASSWORD, "csrf_token"}


def ask(endpoint: str) -> ResponseReturnValue | None:
    """Ask for the password where this changes who gets in; the form waits in the page meanwhile."""
    if endpoint not in rights.CONFIRMED or current_user.is_confirmed:
        return None
    if PASSWORD not in request.form:
        return _page(None), 200
    key, now = current_user.session_key, utc_now()

    def confirm(session: Session) -> None:
        attempts.finish(session, right)
        sessions.confirm(session, key, now)

    try:
        right = sign_in.attempt(current_user.email, request.form[PASSWORD])
        write(confirm)
    except WrongSignIn:
        return _page(gettext("This is not your password, or there were too many tries.")), 422
    except TooManyTries as error:
        return _page(sign_in.sentence(error)), 429
    return None


def _page(error: str | None) -> str:
    waiting = [
        (name, value)
        for name, values in request.form.lists()
        if name not in NOT_SENT_ON
        for value in values
    ]
    return render_template("accounts/confirm.html", error=error, waiting=waiting, field=PASSWORD)
