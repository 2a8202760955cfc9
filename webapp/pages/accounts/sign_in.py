"""Signing in and out. Passwords and counting tries are the business of `services.accounts`."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.urls import iri_to_uri

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.pages import errors, formats
from webapp.pages.accounts import signed_in
from webapp.pages.language import flash
from webapp.services.accounts import attempts, passwords, sessions
from webapp.services.accounts.attempts import Attempt
from webapp.services.accounts.errors import TooManySignIns, TooManyTries, WrongSignIn
from webapp.services.leads import views
from webapp.services.webhooks import endpoints

NOT_SAVED = gettext(
    "Your session has ended, so your last click was not saved. Sign in and click again."
)

bp = Blueprint("sign_in", __name__)

# A path of our own: a second slash or a backslash would name another host to a browser.
OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)


def ask() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and afterwards back to the page they were on."""
    from_htmx = bool(request.headers.get("HX-Request"))
    # Never through the Host header: it is anybody's text, and may be no host at all.
    page = request.headers.get("HX-Current-URL" if from_htmx else "Referer", "")
    here = request.full_path if request.method == "GET" and not from_htmx else page
    if request.method != "GET":
        flash(NOT_SAVED, "bad")
    target = url_for("pages.sign_in.show", next=own_path(_path(here)))
    return ("", 401, {"HX-Redirect": target}) if from_htmx else redirect(target, 303)


def own_path(path: str | None) -> str | None:
    """The path if it leads to a page of ours, else None."""
    return path if path and OWN_PATH.fullmatch(path) and len(path) < 2000 else None


def _path(address: str) -> str | None:
    try:
        page = urlsplit(iri_to_uri(address))
    except ValueError:
        return None
    return page.path + (f"?{page.query}" if page.query else "")


@bp.get("/sign-in")
def show() -> ResponseReturnValue:
    """Anybody."""
    if current_user.is_authenticated:
        return redirect(own_path(request.args.get("next")) or url_for("pages.my_day.index"), 303)
    return render_template(
        "accounts/sign_in.html", email="", next=own_path(request.args.get("next"))
    )


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Anybody: check the password and begin a session."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    next_path = own_path(request.form.get("next"))
    try:
        right = attempt(email, password)
        newer = passwords.renewed(right.password_hash, password)
        user = signed_in.begin(lambda s: attempts.finish(s, right, newer))
    except (WrongSignIn, TooManyTries) as error:
        page = render_template(
            "accounts/sign_in.html", email=email, next=next_path, error=sentence(error)
        )
        return page, 429 if isinstance(error, TooManyTries) else 422
    if user.role == "admin":
        _tell_of_webhooks()
    view = read(lambda s: views.start(s, user.email))
    start = "pages.leads.index" if view else "pages.my_day.index"
    return redirect(next_path or url_for(start, **(view.asked if view else {})), 303)


def _tell_of_webhooks() -> None:
    names = ", ".join(f"“{name}”" for name in read(endpoints.given_up))
    if names:
        flash(
            gettext(
                "Webhooks that failed for days are disabled: %(names)s. See Settings, Webhooks.",
                names=names,
            ),
            "bad",
        )


def attempt(email: str, password: str) -> Attempt:
    """Check a password, outside any transaction: hashing is slow, and other writers would wait.

    Else `WrongSignIn`, or `TooManyTries` where the caller has to wait.
    """
    caller, now = signed_in.caller(), utc_now()
    begun = write(lambda session: attempts.begin(session, email, caller, now))
    try:
        is_right = attempts.is_right(begun, password)
    except TooManySignIns:
        write(lambda session: attempts.take_back(session, begun))
        raise
    if not is_right:
        write(lambda session: attempts.note_failure(session, begun, now))
        raise WrongSignIn
    return begun


def sentence(refused: WrongSignIn | TooManyTries) -> str:
    """Why nobody was signed in, and what to do."""
    if isinstance(refused, WrongSignIn):
        return gettext(
            "%(refused)s Check both; if they are right, wait a few minutes.", refused=refused
        )
    wait = max((refused.until - utc_now()).total_seconds(), 1)
    return gettext(
        "%(refused)s. Wait %(duration)s, then try again.",
        refused=refused,
        duration=formats.duration(wait),
    )


@bp.errorhandler(CSRFError)
def stale(error: CSRFError) -> ResponseReturnValue:
    """Anybody: the form was open for longer than its session lived; here is a new one."""
    if current_user.is_authenticated:
        return errors.http_error(error)
    page = render_template(
        "accounts/sign_in.html",
        email=request.form.get("email", ""),
        next=own_path(request.form.get("next")),
        error=gettext("This page was open too long. Sign in again."),
    )
    return page, 400


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Any role: end this session, so that no copy of its cookie is worth anything."""
    user_key, key = current_user.key, current_user.session_key
    write(lambda session: sessions.end(session, user_key, key))
    signed_in.end()
    flash(gettext("You are signed out."), "message")
    answer = redirect(url_for("pages.sign_in.show"), 303)
    # Not the cookies: by that of the device its owner is known next time.
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer
