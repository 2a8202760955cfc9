"""`/api/imports`: a file sent by a program, taken in without a person to ask."""

from flask import Blueprint, Response, request, url_for

from webapp.api import requests, sent
from webapp.api.document.contract import MEGABYTE, describe
from webapp.api.imports import answers
from webapp.api.paths import KEY
from webapp.api.problems import Refused
from webapp.database import Session, read, utc_now, write
from webapp.intake_tables import Import
from webapp.product import product
from webapp.services.imports import imports
from webapp.services.imports.matching import remembered

bp = Blueprint("imports", __name__)

LIST_LENGTH = 50
# The setting of the largest file goes up to this.
MAX_BYTES = 4096 * MEGABYTE
FILE_TYPES = (
    "text/csv",
    "application/gzip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)


@bp.post("/api/imports")
@describe(
    "Import a file",
    scope="admin",
    query=sent.ImportQuery,
    takes_file=True,
    answers={202: answers.Import},
    problems=(413, 415, 422),
    max_bytes=MAX_BYTES,
)
def create_import() -> Response:
    """Send a table of leads or outcomes as the body: CSV of any dialect, plain or gzip, or XLSX.

    The answer is the import, to be followed at `/api/imports/{key}`. Nobody is asked: columns are
    matched by the named mapping, by that of the last file with this header, or by what is beyond
    doubt. What is in doubt fails the import, and its `result` names the columns; so does a wrong
    row, unless these are skipped. The same file may be sent again: it changes nothing.
    """
    if request.mimetype not in FILE_TYPES:
        sentence = f"Send a file as the body, as one of {', '.join(FILE_TYPES)}."
        raise Refused(415, sentence, headers={"Accept": ", ".join(FILE_TYPES)})
    asked, settings, actor = requests.query(sent.ImportQuery), product().settings, requests.actor()
    decided = read(
        lambda session: remembered.asked(
            session,
            asked.mapping,
            time_zone=asked.time_zone,
            empty_clears=asked.empty_clears,
            id_from_email=asked.email_as_id,
        )
    )
    kept = imports.keep_file(
        request.stream, asked.name, settings.data_dir, max_bytes=settings.import_max_bytes
    )
    found = write(
        lambda session: imports.start(
            session,
            kept,
            requested_by=actor,
            now=utc_now(),
            is_automatic=True,
            skip_bad_rows=asked.skip_bad_rows,
            decided=decided,
            uses_remembered=asked.mapping is None,
            sheet=asked.sheet,
        )
    )
    place = {"Location": url_for("api.imports.show_import", key=found.key)}
    return requests.reply(read(lambda session: _answer(session, found)), 202, place)


@bp.get("/api/imports")
@describe("List imports", scope="read", answers={200: answers.Imports})
def list_imports() -> Response:
    """The newest 50 imports, those of people as well."""
    found = read(lambda s: [_answer(s, each) for each in imports.latest(s, LIST_LENGTH)])
    return requests.reply(answers.Imports(imports=found))


@bp.get(f"/api/imports/{KEY}")
@describe("Follow an import", scope="read", answers={200: answers.Import}, problems=(404,))
def show_import(key: int) -> Response:
    """How far an import is, and what came of it."""
    return requests.reply(read(lambda s: _answer(s, imports.by_key(s, key))))


def _answer(session: Session, found: Import) -> answers.Import:
    now = imports.progress(session, found, utc_now())
    is_at_work = found.state in imports.WORKING_STATES
    return answers.Import.model_validate(
        {
            "id": found.key,
            "name": found.name,
            "state": found.state,
            "requested_by": found.requested_by,
            "requested_at": found.requested_at,
            "finished_at": found.finished_at,
            "stage": now.stage if is_at_work else "",
            "progress": now.progress if is_at_work else 1.0,
            "error": found.error,
            "result": imports.summary(found.found),
        }
    )
