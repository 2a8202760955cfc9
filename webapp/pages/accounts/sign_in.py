"""Signing in and out. Passwords, counting and lock-out are the business of `services.accounts`."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.urls import iri_to_uri

from webapp.database import read, utc_now, write
from webapp.pages import errors, formats
from webapp.pages.accounts import signed_in
from webapp.services.accounts import accounts
from webapp.services.leads import views
from webapp.services.webhooks import endpoints

NOT_SAVED = "Your session has ended, so your last click was not saved. Sign in and click again."

bp = Blueprint("sign_in", __name__)

Refusal = accounts.WrongSignIn | accounts.LockedOut

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
    right = attempt(email, password)
    if isinstance(right, Refusal):
        page = render_template(
            "accounts/sign_in.html", email=email, next=next_path, error=sentence(right)
        )
        return page, 422
    now = utc_now()
    user = write(lambda s: accounts.finish_sign_in(s, right, password, now))
    signed_in.begin(user)
    if user.role == "admin":
        _tell_of_webhooks()
    view = read(lambda s: views.start(s, user.email))
    start = "pages.leads.index" if view else "pages.my_day.index"
    return redirect(next_path or url_for(start, **(view.asked if view else {})), 303)


def _tell_of_webhooks() -> None:
    names = ", ".join(f"“{name}”" for name in read(endpoints.given_up))
    if names:
        flash(
            f"Webhooks that failed for days are disabled: {names}. See Settings, Webhooks.", "bad"
        )


def attempt(email: str, password: str) -> accounts.Attempt | Refusal:
    """Check a password, outside any transaction: hashing is slow, and other writers would wait."""
    begun = write(lambda session: accounts.begin_sign_in(session, email, utc_now()))
    if isinstance(begun, accounts.LockedOut) or accounts.is_right(begun, password):
        return begun
    return accounts.WrongSignIn()


def sentence(refused: Refusal) -> str:
    """Why nobody was signed in, and what to do."""
    if isinstance(refused, accounts.WrongSignIn):
        return f"{refused} Check both and try again."
    wait = max((refused.until - utc_now()).total_seconds(), 1)
    return f"{refused} Wait {formats.duration(wait)}, then try again."


@bp.errorhandler(CSRFError)
def stale(error: CSRFError) -> ResponseReturnValue:
    """Anybody: the form was open for longer than its session lived; here is a new one."""
    if current_user.is_authenticated:
        return errors.http_error(error)
    page = render_template(
        "accounts/sign_in.html",
        email=request.form.get("email", ""),
        next=own_path(request.form.get("next")),
        error="This page was open too long. Sign in again.",
    )
    return page, 400


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Any role: end all sessions of the person, so that no copy of the cookie is worth anything."""
    key = current_user.key
    write(lambda session: accounts.end_sessions(session, key))
    signed_in.end()
    flash("You are signed out on all your devices.", "message")
    return redirect(url_for("pages.sign_in.show"), 303)
