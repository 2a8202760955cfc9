"""Scores that the CRM rejected, with its reasons."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.database import read
from webapp.pages.addresses import key_argument
from webapp.services.crm import pending_writes

bp = Blueprint("rejected", __name__, url_prefix="/sync/rejected")

PAGE = 50


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: leads whose score was rejected, each with what to do about it."""
    after = key_argument("after")
    rows = read(lambda s: pending_writes.dead_letters(s, after_key=after or 0, limit=PAGE + 1))
    following = rows[PAGE - 1][1].key if len(rows) > PAGE else None
    page = {"rows": rows[:PAGE], "next": following, "is_first": after is None}
    return render_template("crm/lists/rejected.html", **page)
