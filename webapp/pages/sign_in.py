"""Signing in and out. Passwords, counting and lock-out are the business of `services.accounts`."""

import re
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import utc_now, write
from webapp.models import User
from webapp.pages import formats, signed_in
from webapp.services import accounts

bp = Blueprint("sign_in", __name__)

# A path of our own: a second slash or a backslash would name another host to a browser.
OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*", re.ASCII)


def ask() -> ResponseReturnValue:
    """Send a visitor to the sign-in page, and afterwards back to the page they were on."""
    if not request.headers.get("HX-Request"):
        path = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("pages.sign_in.show", next=own_path(path)), 303)
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    path = page.path + (f"?{page.query}" if page.query else "")
    target = url_for("pages.sign_in.show", next=own_path(path))
    return "", 401, {"HX-Redirect": target}


def own_path(path: str | None) -> str | None:
    """The path if it leads to a page of ours, else None."""
    return path if path and OWN_PATH.fullmatch(path) and len(path) < 2000 else None


@bp.get("/sign-in")
def show() -> ResponseReturnValue:
    """Anybody."""
    if current_user.is_authenticated:
        return redirect(own_path(request.args.get("next")) or url_for("pages.home"), 303)
    return render_template("sign_in.html", email="", next=own_path(request.args.get("next")))


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Anybody: check the password and begin a session."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    next_path = own_path(request.form.get("next"))
    found = user_or_refusal(email, password)
    if isinstance(found, User):
        signed_in.begin(found)
        return redirect(next_path or url_for("pages.home"), 303)
    page = render_template("sign_in.html", email=email, next=next_path, error=sentence(found))
    return page, 422


def user_or_refusal(email: str, password: str) -> User | accounts.WrongSignIn | accounts.LockedOut:
    """Check a password between two short transactions: hashing is slow, and writers wait."""
    attempt = write(lambda session: accounts.begin_sign_in(session, email, utc_now()))
    if isinstance(attempt, accounts.LockedOut):
        return attempt
    if not accounts.is_right(attempt, password):
        return accounts.WrongSignIn()
    return write(lambda session: accounts.finish_sign_in(session, attempt, password, utc_now()))


def sentence(refused: accounts.WrongSignIn | accounts.LockedOut) -> str:
    """Why nobody was signed in, and what to do."""
    if isinstance(refused, accounts.WrongSignIn):
        return f"{refused} Check both and try again."
    wait = max((refused.until - utc_now()).total_seconds(), 1)
    return f"{refused} Wait {formats.duration(wait)}, then try again."


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Any role: end all sessions of the person, so that no copy of the cookie is worth anything."""
    key = current_user.key
    write(lambda session: accounts.end_sessions(session, key))
    signed_in.end()
    flash("You are signed out on all your devices.", "message")
    return redirect(url_for("pages.sign_in.show"), 303)
