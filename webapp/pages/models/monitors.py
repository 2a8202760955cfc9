"""Whether the live version still fits: what the last check found, and a button for another."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import Session, read, utc_now, write
from webapp.pages.addresses import key_argument
from webapp.services.models import monitoring
from webapp.services.runs import runs

bp = Blueprint("monitors", __name__, url_prefix="/models/monitors")


@bp.get("")
def show() -> ResponseReturnValue:
    """Managers, fragment: the findings, or that a check is at work."""
    return render_template("models/_monitors.html", **read(state))


@bp.post("")
def check() -> ResponseReturnValue:
    """Managers: ask the worker for a check now."""
    actor, now = current_user.email, utc_now()
    run = write(lambda session: monitoring.request(session, actor, now))
    return redirect(url_for("pages.models.index", asked=run.key), 303)


def state(session: Session) -> dict[str, Any]:
    """What the fragment is drawn from; who has `asked` for a check sees what it found."""
    return {
        "asked": key_argument("asked"),
        "report": monitoring.newest(session),
        "checking": runs.unfinished(session, monitoring.KIND),
    }
