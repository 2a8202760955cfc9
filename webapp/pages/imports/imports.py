"""Importing a file of leads as a conversation: drop it, match its columns, preview, import."""

import csv
import io
from collections.abc import Callable

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import NotFound

from ml.sentences import gettext
from webapp.database import Session, read, utc_now, write
from webapp.pages.imports import step
from webapp.pages.language import flash
from webapp.product import product
from webapp.services.fields.declaring import Author
from webapp.services.imports import imports
from webapp.services.leads.records import PEOPLE_FIELDS
from webapp.services.outcomes import waiting

bp = Blueprint("imports", __name__, url_prefix="/imports")

LIST_LENGTH = 20
LAST_COLUMNS = ("actual_outcome", "scored_at", "outcome_at")


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: where to drop a file, and the latest imports."""
    return _page()


@bp.post("")
def upload() -> ResponseReturnValue:
    """Managers: keep the file and ask the worker to read it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(gettext("Choose a file first.")), 422
    settings, actor, now = product().settings, current_user.email, utc_now()
    try:
        kept = imports.keep_file(
            file.stream, file.filename, settings.data_dir, max_bytes=settings.import_max_bytes
        )
    except imports.FileTooLarge as error:
        return _page(
            gettext("%(error)s. Split it and import the parts one by one.", error=error)
        ), 422
    found = write(lambda session: imports.start(session, kept, requested_by=actor, now=now))
    return redirect(url_for("pages.imports.show", key=found.key), 303)


@bp.get("/<key:key>")
def show(key: int) -> ResponseReturnValue:
    """Managers: one import, at the step where it stands."""
    return step.render(step.PAGE, key)


@bp.get("/<key:key>/status")
def status(key: int) -> ResponseReturnValue:
    """Managers, fragment: how far the worker is, or the next step."""
    return step.render(step.FRAGMENT, key)


@bp.post("/<key:key>/confirm")
def confirm(key: int) -> ResponseReturnValue:
    """Managers: import the good rows, unless fields have changed since they were checked."""
    by = Author(current_user.email, utc_now(), product().settings.fields_file)
    if not write(lambda session: imports.confirm(session, key, by)):
        flash(
            gettext(
                "A field has changed since this preview, so the rows are checked "
                "again. Nothing was imported yet: look at the new preview, then import."
            )
        )
    return redirect(url_for("pages.imports.show", key=key), 303)


@bp.post("/<key:key>/back")
def back(key: int) -> ResponseReturnValue:
    """Managers: change what the columns mean after all."""
    return _go_on(key, lambda session: imports.back_to_matching(session, key))


@bp.post("/<key:key>/cancel")
def cancel(key: int) -> ResponseReturnValue:
    """Managers: give the import up; nothing of it was taken in."""
    now = utc_now()
    write(lambda session: imports.cancel(session, key, now))
    flash(gettext("Import cancelled. Nothing was changed."))
    return redirect(url_for("pages.imports.index"), 303)


@bp.post("/<key:key>/undo")
def undo(key: int) -> ResponseReturnValue:
    """Managers: take back all that the import did."""
    actor, now = current_user.email, utc_now()
    return _go_on(key, lambda session: imports.request_undo(session, key, actor, now))


@bp.get("/<key:key>/wrong-rows.csv")
def wrong_rows(key: int) -> ResponseReturnValue:
    """Managers: the rows with errors as a file, each with the reason."""
    found = read(lambda session: imports.by_key(session, key))
    path = imports.rejected_path(product().settings.data_dir, found)
    if path is None:
        raise NotFound
    stem = found.name.partition(".")[0]
    return send_file(
        path, mimetype="text/csv", as_attachment=True, download_name=f"{stem} - errors.csv"
    )


@bp.get("/columns.csv")
def columns() -> ResponseReturnValue:
    """Managers: an empty file with all columns, to fill in."""
    names = [f.name for f in product().fields.declared]
    text = io.StringIO()
    csv.writer(text).writerow(["lead_id", *PEOPLE_FIELDS, *names, *LAST_COLUMNS])
    headers = {"Content-Disposition": "attachment; filename=leads.csv"}
    return Response(text.getvalue(), headers=headers, mimetype="text/csv")


def _go_on(key: int, work: Callable[[Session], None]) -> ResponseReturnValue:
    write(work)
    return redirect(url_for("pages.imports.show", key=key), 303)


def _page(error: str | None = None) -> str:
    return render_template(
        "imports/index.html",
        imports=read(lambda session: imports.latest(session, LIST_LENGTH)),
        error=error,
        waiting=read(lambda session: waiting.count(session, utc_now())),
        waiting_days=product().settings.waiting_outcome_days,
        max_megabytes=product().settings.import_max_megabytes,
    )
