"""A person's own account, and for administrators the settings in force and the audit log."""

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.exporting import audit_lines as audit_lines_file
from webapp.pages import formats, language
from webapp.pages.accounts import rights, sign_in, signed_in
from webapp.pages.addresses import key_argument
from webapp.pages.language import flash
from webapp.product import product
from webapp.services import mail
from webapp.services.accounts import attempts, audit, passwords, preferences, sessions
from webapp.services.accounts.errors import AccountError, TooManyTries, WrongSignIn
from webapp.services.my_day import digests

bp = Blueprint("settings", __name__, url_prefix="/settings")

AUDIT_PAGE = 100


@bp.get("")
def index() -> ResponseReturnValue:
    """Any role: the person's own account."""
    return _account_page({})


@bp.get("/audit-log")
def audit_log() -> ResponseReturnValue:
    """Administrators: who did what, the newest first."""
    before = key_argument("before")
    entries = read(lambda session: audit.latest(session, AUDIT_PAGE + 1, before))
    older = entries[AUDIT_PAGE - 1].key if len(entries) > AUDIT_PAGE else None
    return render_template("accounts/audit_log.html", entries=entries[:AUDIT_PAGE], older=older)


@bp.get("/audit-log.jsonl")
def audit_lines() -> ResponseReturnValue:
    """Administrators: the whole audit log as a file of JSON lines."""
    name = f"audit-log-{utc_now():%Y-%m-%d}.jsonl"
    return Response(
        stream_with_context(audit_lines_file.begin(current_user.email)),
        mimetype="application/x-ndjson",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


@bp.get("/in-force")
def configuration() -> ResponseReturnValue:
    """Administrators: the settings that this process runs with, without secrets."""
    return render_template("accounts/configuration.html", settings=product().settings.shown())


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    """Any role: a new password for oneself, against the present one."""
    email, new = current_user.email, request.form.get("new", "")
    if new != request.form.get("again", ""):
        return _account_page({"again": gettext("The two passwords differ.")})
    try:
        right = sign_in.attempt(email, request.form.get("old", ""))
        signed_in.change_password(new, lambda s: attempts.finish(s, right))
    except WrongSignIn:
        return _account_page(
            {"old": gettext("This is not your current password, or there were too many tries.")}
        )
    except TooManyTries as error:
        return _account_page({"old": sign_in.sentence(error)})
    except AccountError as error:  # of the new one; the old one was right
        write(lambda s: attempts.take_back(s, right))
        return _account_page({"new": formats.sentence(error)})
    flash(gettext("Password changed. Your other devices are signed out."), "good")
    return redirect(url_for("pages.settings.index"), 303)


@bp.post("/sessions/<key:key>/end")
def end_session(key: int) -> ResponseReturnValue:
    """Any role: sign out on one of one's devices."""
    user_key = current_user.key
    write(lambda s: sessions.end(s, user_key, key))
    flash(gettext("That device is signed out."), "good")
    return redirect(url_for("pages.settings.index"), 303)


@bp.post("/sessions/end-others")
def end_other_sessions() -> ResponseReturnValue:
    """Any role: sign out everywhere but here."""
    user_key, here = current_user.key, current_user.session_key
    write(lambda s: sessions.end_all(s, user_key, but=here))
    flash(gettext("You are signed out on all other devices."), "good")
    return redirect(url_for("pages.settings.index"), 303)


@bp.post("/digest")
def change_digest() -> ResponseReturnValue:
    """Any role: a digest by mail each day at an hour, or none."""
    hour, zone = request.form.get("hour", ""), request.form.get("time_zone", "").strip()
    key, now = current_user.key, utc_now()
    try:
        found = write(lambda session: digests.want(session, key, hour, zone, now=now))
    except (digests.InvalidDigest, preferences.InvalidPreference) as error:
        return _account_page({error.field: error.args[0]})
    flash(gettext("Daily digest saved.") if found else gettext("Daily digest turned off."), "good")
    return redirect(url_for("pages.settings.index"), 303)


@bp.post("/language")
def change_language() -> ResponseReturnValue:
    """Any role: in which language, format and time zone pages are written for them."""
    names = ("language", "formats", "time_zone")
    wanted = {name: request.form.get(name, "").strip() for name in names}
    key, languages = current_user.key, language.languages()
    try:
        write(lambda session: preferences.prefer(session, key, wanted, languages=languages))
    except preferences.InvalidPreference as error:
        # The digest's form on the same page has a time zone, too.
        return _account_page({f"read_{error.field}": error.args[0]})
    flash(gettext("Language and region saved."), "good")
    return redirect(url_for("pages.settings.index"), 303)


def _account_page(errors: dict[str, str]) -> ResponseReturnValue:
    page = render_template(
        "accounts/account.html",
        errors=errors,
        has_mail=mail.is_on(product().settings),
        digest=read(lambda session: digests.find(session, current_user.key)),
        role_sentences=rights.SENTENCES,
        min_password_length=passwords.MIN_LENGTH,
        sessions=read(lambda session: sessions.of_user(session, current_user.key, utc_now())),
        languages=[(name, language.own_name(name)) for name in language.languages()],
        all_formats=[(name, language.own_name(name)) for name in preferences.FORMATS],
    )
    return page, 422 if errors else 200
