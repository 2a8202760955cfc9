"""Importing a file of leads: the upload, and how far the worker is with it."""

import csv
import io

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.database import read, utc_now, write
from webapp.product import product
from webapp.services.imports import imports
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.services.outcomes import waiting

bp = Blueprint("imports", __name__, url_prefix="/imports")

LIST_LENGTH = 20
LAST_COLUMNS = ("actual_outcome", "scored_at", "outcome_at")


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: the upload form and the latest imports."""
    return _page()


@bp.post("")
def upload() -> ResponseReturnValue:
    """Managers: keep the file and ask the worker to import it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page("Choose a file first."), 422
    settings, actor, now = product().settings, current_user.email, utc_now()
    try:
        kept = imports.keep_file(
            file.stream, file.filename, settings.data_dir, max_bytes=settings.import_max_bytes
        )
    except imports.FileTooLarge as error:
        return _page(f"{error}. Split it and import the parts one by one."), 422
    skip = request.form.get("skip_wrong_rows") == "yes"
    found = write(
        lambda session: imports.start(
            session, kept, requested_by=actor, now=now, is_automatic=True, skip_bad_rows=skip
        )
    )
    return redirect(url_for("pages.imports.show", key=found.key), 303)


@bp.get("/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Managers: one import."""
    return _import("imports/show.html", key)


@bp.get("/<key:key>/status")
def status(key: int) -> ResponseReturnValue:
    """Managers, fragment: how far the import is, or what came of it."""
    return _import("imports/_status.html", key)


@bp.get("/columns.csv")
def columns() -> ResponseReturnValue:
    """Managers: an empty file with all columns, to fill in."""
    names = [f.name for f in product().fields.declared]
    text = io.StringIO()
    csv.writer(text).writerow(["lead_id", *PEOPLE_FIELDS, *names, *LAST_COLUMNS])
    headers = {"Content-Disposition": "attachment; filename=leads.csv"}
    return Response(text.getvalue(), headers=headers, mimetype="text/csv")


def _page(error: str | None = None) -> str:
    return render_template(
        "imports/index.html",
        imports=read(lambda session: imports.latest(session, LIST_LENGTH)),
        error=error,
        waiting=read(lambda session: waiting.count(session, utc_now())),
        waiting_days=product().settings.waiting_outcome_days,
        fields=product().fields.declared,
        max_megabytes=product().settings.import_max_megabytes,
    )


def _import(template: str, key: int) -> str:
    found = read(lambda session: imports.by_key(session, key))
    run = read(lambda session: imports.progress(session, found, utc_now()))
    return render_template(template, found=found, run=run)
