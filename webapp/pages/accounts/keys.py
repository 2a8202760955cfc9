"""API keys of programs: made, shown once, revoked. Administrators only."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import read, utc_now, write
from webapp.pages.language import flash
from webapp.services.accounts import accounts, api_keys

bp = Blueprint("keys", __name__, url_prefix="/settings/keys")

SCOPE_SENTENCES = {
    "score": gettext("send leads and get their scores"),
    "feedback": gettext("record and withdraw outcomes"),
    "read": gettext("read leads, their histories, models, runs and fields"),
    "admin": gettext(
        "do all of the above, import and export, retrain, promote, roll back, manage keys"
    ),
    api_keys.FORM: gettext(
        "stand in a form on your own site and send leads from there, nothing else"
    ),
}

# In days; empty for ever.
EXPIRIES = {
    "": gettext("never"),
    "30": gettext("in 30 days"),
    "90": gettext("in 90 days"),
    "365": gettext("in a year"),
}


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: all keys, without their texts."""
    return _page()


@bp.post("")
def create() -> ResponseReturnValue:
    """Administrators: make a key; its text stands in this answer and nowhere else."""
    name, scopes = request.form.get("name", "").strip(), request.form.getlist("scope")
    origins = request.form.get("origins", "").replace(",", " ").split()
    ignore_unknown = request.form.get("ignore_unknown") == "yes"
    expires = request.form.get("expires", "")
    errors: dict[str, str] = {}
    for check in (
        lambda: api_keys.clean_name(name),
        lambda: api_keys.check_scopes(scopes),
        lambda: api_keys.clean_origins(scopes, origins),
    ):
        try:
            check()
        except api_keys.InvalidKey as error:
            errors[error.field] = f"{error}."
    if expires not in EXPIRIES:
        errors["expires"] = gettext("Choose one of the list.")
    if not scopes:
        errors["scope"] = gettext("Choose what the program may do.")
    if errors:
        tried = {"name": name, "scopes": scopes, "origins": " ".join(origins), "expires": expires}
        return _page(errors=errors, **tried, ignore_unknown=ignore_unknown), 422
    made: dict[str, Any] = {
        "origins": origins,
        "ignore_unknown": ignore_unknown,
        "expires_in_days": int(expires) if expires else None,
    }
    made |= {"created_by": current_user.email, "owner": current_user.key, "now": utc_now()}
    key, text = write(lambda s: api_keys.create(s, name, scopes, **made))
    return _page(made=key, text=text)


@bp.post("/<key:key>/rotate")
def rotate(key: int) -> ResponseReturnValue:
    """Administrators: a new key in place of one, which works on for a week."""
    actor, now = current_user.email, utc_now()
    made, text = write(lambda s: api_keys.rotate(s, key, actor, now))
    return _page(made=made, text=text, replaced=True)


@bp.post("/<key:key>/take-over")
def take_over(key: int) -> ResponseReturnValue:
    """Administrators: let a key live with one's own account."""
    owner, actor, now = current_user.key, current_user.email, utc_now()
    taken = write(lambda s: api_keys.take_over(s, key, owner, actor=actor, now=now))
    flash(gettext("Key “%(name)s” is yours now.", name=taken.name), "good")
    return redirect(url_for("pages.keys.index"), 303)


@bp.post("/<key:key>/revoke")
def revoke(key: int) -> ResponseReturnValue:
    """Administrators: end a key for good."""
    actor, now = current_user.email, utc_now()
    revoked = write(lambda session: api_keys.revoke(session, key, actor, now))
    flash(
        gettext(
            "Key “%(name)s” revoked. Programs using it no longer have access.", name=revoked.name
        )
    )
    return redirect(url_for("pages.keys.index"), 303)


def _page(**values: object) -> str:
    keys = read(api_keys.everything)
    return render_template(
        "accounts/keys.html",
        **{
            "errors": {},
            "name": "",
            "origins": "",
            "ignore_unknown": False,
            "expires": "90",
            "scopes": ["score", "feedback"],
            "made": None,
            "replaced": False,
            **values,
        },
        keys=keys,
        owners={user.key: user.email for user in read(accounts.everyone)},
        overlap_days=api_keys.OVERLAP.days,
        expired={key.key for key in keys if api_keys.has_expired(key, utc_now())},
        sentences=SCOPE_SENTENCES,
        expiries=EXPIRIES,
    )
