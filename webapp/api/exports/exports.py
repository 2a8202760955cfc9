"""`/api/exports`: leads, outcomes, score history and what people say of leads, as files."""

from flask import Blueprint, Response

from webapp.api import requests, sent
from webapp.api.document.contract import describe
from webapp.exporting import files
from webapp.product import product
from webapp.services.exports import exports, remarks
from webapp.services.exports.columns import FORMATS

bp = Blueprint("exports", __name__)
FILES = tuple(FORMATS.values())


@bp.get("/api/exports/leads")
@describe(
    "Export leads", scope="admin", query=sent.ExportedLeadsQuery, answers={200: None}, files=FILES
)
def export_leads() -> Response:
    """All leads, those that the CRM has removed as well, with outcome, score and grade.

    With a filter or a sort, only the leads that `/api/leads` lists for it, all of its pages in its
    order.

    The file goes back in by an import, unchanged. In CSV, an apostrophe stands before text that a
    spreadsheet would run as a formula (it begins with =, +, -, @, tab or line end); an import
    takes it away again.
    """
    asked = requests.lead_filters(sent.ExportedLeadsQuery)
    form, percent = asked.pop("format"), product().settings.explore_percent
    export = exports.leads_asked(product().fields, asked, explore_percent=percent)
    return files.response(export, form, requests.actor())


@bp.get("/api/exports/outcomes")
@describe(
    "Export outcomes", scope="admin", query=sent.ExportQuery, answers={200: None}, files=FILES
)
def export_outcomes() -> Response:
    """All outcome events of all leads, withdrawals as well, in the order they were recorded in."""
    form = requests.query(sent.ExportQuery).format
    return files.response(exports.outcomes(), form, requests.actor())


@bp.get("/api/exports/scores")
@describe(
    "Export the score history",
    scope="admin",
    query=sent.ExportQuery,
    answers={200: None},
    files=FILES,
)
def export_scores() -> Response:
    """What was known of each lead at each scoring, and the score that it got."""
    form = requests.query(sent.ExportQuery).format
    return files.response(exports.scores(product().fields), form, requests.actor())


@bp.get("/api/exports/notes")
@describe("Export notes", scope="admin", query=sent.ExportQuery, answers={200: None}, files=FILES)
def export_notes() -> Response:
    """The notes that people wrote on leads, in the order they were written in."""
    form = requests.query(sent.ExportQuery).format
    return files.response(remarks.notes(), form, requests.actor())


@bp.get("/api/exports/score-reports")
@describe(
    "Export scores reported as wrong",
    scope="admin",
    query=sent.ExportQuery,
    answers={200: None},
    files=FILES,
)
def export_score_reports() -> Response:
    """The scores that people said are wrong, with the model's score then; no model learns from it.

    `reason` is not_a_fit or no_interest (too high), good_fit or wants_to_buy (too low), wrong_data
    or other.
    """
    form = requests.query(sent.ExportQuery).format
    return files.response(remarks.score_reports(), form, requests.actor())


@bp.get("/api/exports/overrides")
@describe(
    "Export overrides", scope="admin", query=sent.ExportQuery, answers={200: None}, files=FILES
)
def export_overrides() -> Response:
    """The scores that people set beside the model's, also those that ended."""
    form = requests.query(sent.ExportQuery).format
    return files.response(remarks.overrides(), form, requests.actor())
