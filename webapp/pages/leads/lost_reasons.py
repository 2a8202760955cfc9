"""Why leads are lost: the list for administrators, and the report for managers."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages import formats
from webapp.pages.language import flash
from webapp.services.leads.filters.kinds import GRADES
from webapp.services.outcomes import lost_reason_changes, lost_reasons, lost_report
from webapp.services.outcomes.lost_reason_changes import InvalidReason

REPORTED = timedelta(days=90)
MAX_SOURCES = 8

bp = Blueprint("lost_reasons", __name__, url_prefix="/settings/lost-reasons")


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: how often each reason was given; administrators change the list."""
    since = utc_now() - REPORTED

    def find(session: Session) -> dict[str, object]:
        lines = lost_report.report(session, since)
        sources = {source for line in lines for source in line.by_source}
        by_n = sorted(sources, key=lambda name: -sum(line.by_source[name] for line in lines))
        everything = lost_reasons.everything(session)
        return {"lines": lines, "sources": by_n[:MAX_SOURCES], "reasons": everything}

    return render_template("leads/lost_reasons.html", grades=GRADES, **read(find))


@bp.post("")
def add() -> ResponseReturnValue:
    """Administrators: add a reason, or offer a retired one again."""
    name, who, now = request.form.get("name", ""), current_user.email, utc_now()
    return _change(lambda session: lost_reason_changes.add(session, name, by=who, now=now))


@bp.post("/<key:key>/rename")
def rename(key: int) -> ResponseReturnValue:
    """Administrators: call a reason otherwise, in all outcomes too."""
    name, who, now = request.form.get("name", ""), current_user.email, utc_now()
    return _change(lambda session: lost_reason_changes.rename(session, key, name, by=who, now=now))


@bp.post("/<key:key>/retire")
def retire(key: int) -> ResponseReturnValue:
    """Administrators: offer a reason no more."""
    who, now = current_user.email, utc_now()
    write(lambda session: lost_reason_changes.retire(session, key, by=who, now=now))
    return redirect(url_for("pages.lost_reasons.index"), 303)


def _change(work: Callable[[Session], None]) -> ResponseReturnValue:
    try:
        write(work)
    except InvalidReason as error:
        flash(gettext("%(sentence)s Nothing was changed.", sentence=formats.sentence(error)), "bad")
    return redirect(url_for("pages.lost_reasons.index"), 303)
