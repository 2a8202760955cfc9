"""Exports of what people say about leads: it stays out of the files that are imported again."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.exports.exports import BLOCK_ROWS, Export, Row
from webapp.tables import Lead
from webapp.tables.remarks import Note


def notes() -> Export:
    """All notes on leads, in the order in which they were written."""
    return _export("notes", Note, ("text", "author", "written_at", "edited_at"))


def _export(name: str, table: Any, columns: tuple[str, ...]) -> Export:
    def read_block(session: Session, after: int | None) -> tuple[list[Row], int | None]:
        query = sa.select(table, Lead.lead_id).join(Lead, Lead.key == table.lead_key)
        query = query.where(table.key > (after or 0)).order_by(table.key).limit(BLOCK_ROWS)
        found = session.execute(query).all()
        rows = [
            {"lead_id": lead_id, **{column: getattr(row, column) for column in columns}}
            for row, lead_id in found
        ]
        return rows, found[-1][0].key if len(found) == BLOCK_ROWS else None

    return Export(name, ("lead_id", *columns), read_block)
