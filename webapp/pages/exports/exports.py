"""Exports: everything, or what the lead table shows, as a file. Administrators only."""

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from webapp.exporting import files
from webapp.product import product
from webapp.services.exports import exports, remarks
from webapp.services.exports.columns import FORMATS
from webapp.services.exports.exports import Export

bp = Blueprint("exports", __name__, url_prefix="/exports")


@bp.get("")
def index() -> ResponseReturnValue:
    """Administrators: what can be exported, and how it comes back."""
    return render_template("exports/index.html")


@bp.get("/leads")
def leads() -> ResponseReturnValue:
    """Administrators: the leads that filters of the lead table name, else all."""
    asked = {name: value for name, value in request.args.items() if name != "format"}
    percent = product().settings.explore_percent
    export = exports.leads_asked(
        product().fields, asked, explore_percent=percent, me=current_user.email
    )
    return _file(export)


@bp.get("/outcomes")
def outcomes() -> ResponseReturnValue:
    """Administrators: all outcome events."""
    return _file(exports.outcomes())


@bp.get("/scores")
def scores() -> ResponseReturnValue:
    """Administrators: the score history of all leads."""
    return _file(exports.scores(product().fields))


@bp.get("/notes")
def notes() -> ResponseReturnValue:
    """Administrators: the notes on all leads."""
    return _file(remarks.notes())


@bp.get("/score-reports")
def score_reports() -> ResponseReturnValue:
    """Administrators: the scores that people said are wrong."""
    return _file(remarks.score_reports())


@bp.get("/overrides")
def overrides() -> ResponseReturnValue:
    """Administrators: the scores that people set beside the model's."""
    return _file(remarks.overrides())


def _file(export: Export) -> Response:
    form = request.args.get("format", "csv")
    if form not in FORMATS:
        raise BadRequest
    return files.response(export, form, current_user.email)
