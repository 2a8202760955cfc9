"""An export as text, written while it is read: a block at a time, each in its own transaction."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask import Response, stream_with_context

from webapp.database import read, utc_now, write
from webapp.services.exports import exports
from webapp.services.exports.columns import FORMATS
from webapp.services.exports.exports import Export, Row
from webapp.services.exports.formulas import defused


def begin(export: Export, form: str, actor: str) -> Iterator[str]:
    """Put an export on record, and give its text piece by piece, in one of `FORMATS`."""
    write(lambda session: exports.note(session, export, actor, form, now=utc_now()))
    return _csv(export) if form == "csv" else _json_lines(export)


def response(export: Export, form: str, actor: str) -> Response:
    """Answer with an export as a file, sent while it is read."""
    name = f"{export.name}-{utc_now():%Y-%m-%d}.{form}"
    return Response(
        stream_with_context(begin(export, form, actor)),
        mimetype=FORMATS[form],
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )


def _blocks(export: Export) -> Iterator[list[Row]]:
    place: Any = None
    while True:
        # At once, before the place changes.
        rows, place = read(lambda session: export.read_block(session, place))  # noqa: B023
        yield rows
        if place is None:
            return


def _csv(export: Export) -> Iterator[str]:
    yield _lines([export.columns])
    for rows in _blocks(export):
        yield _lines([[_cell(row[name]) for name in export.columns] for row in rows])


def _lines(rows: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A cell of a file; numbers stay numbers, which no spreadsheet runs."""
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else value


def _json_lines(export: Export) -> Iterator[str]:
    for rows in _blocks(export):
        yield "".join(
            json.dumps(row, ensure_ascii=False, default=datetime.isoformat) + "\n" for row in rows
        )
