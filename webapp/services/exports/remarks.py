"""Exports of what people say about leads: it stays out of the files that are imported again."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.exports.exports import BLOCK_ROWS, Export, Row
from webapp.tables import Lead
from webapp.tables.remarks import Note, ScoreOverride, ScoreReport


def notes() -> Export:
    """All notes on leads, in the order in which they were written."""
    about = ("text", "author", "written_at", "edited_at")
    return _export("notes", Note, dict(zip(about, about, strict=True)))


def score_reports() -> Export:
    """All scores that people said are wrong, open and resolved, with the model's score then."""
    about = ("reason", "note", "author", "reported_at", "resolved_at", "resolved_by")
    columns = {"conversion_score": "probability", "grade": "grade", "model_version": "version"}
    return _export("score-reports", ScoreReport, dict(zip(about, about, strict=True)) | columns)


def overrides() -> Export:
    """All scores that people set beside the model's, also those that ended."""
    about = ("reason", "author", "made_at", "until", "ended_at", "ended_by")
    columns = {"override_score": "probability"} | dict(zip(about, about, strict=True))
    return _export("overrides", ScoreOverride, columns)


def _export(name: str, table: Any, columns: dict[str, str]) -> Export:
    """The rows of a table; `columns` of the file -> what the table calls them."""

    def read_block(session: Session, after: int | None) -> tuple[list[Row], int | None]:
        query = sa.select(table, Lead.lead_id).join(Lead, Lead.key == table.lead_key)
        query = query.where(table.key > (after or 0)).order_by(table.key).limit(BLOCK_ROWS)
        found = session.execute(query).all()
        rows = [
            {"lead_id": lead_id, **{told: getattr(row, column) for told, column in columns.items()}}
            for row, lead_id in found
        ]
        return rows, found[-1][0].key if len(found) == BLOCK_ROWS else None

    return Export(name, ("lead_id", *columns), read_block)
