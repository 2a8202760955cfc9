"""What leads hold of one field: forgotten where it means something else, counted to be shown."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ml.fields.fields_file import Field
from webapp.database import change
from webapp.tables import Lead


def forget(session: Session, field: Field) -> int:
    """Make a field unknown in all leads; snapshots keep what was known. Returns how many had it."""
    if field.builtin:
        column = getattr(Lead, field.name)
        return change(
            session, sa.update(Lead).where(column.is_not(None)).values({field.name: None})
        )
    rest: sa.ColumnElement[Any]
    if session.get_bind().dialect.name == "postgresql":
        as_binary = sa.cast(Lead.own_fields, JSONB)
        has_it, rest = (
            as_binary.has_key(field.name),
            sa.cast(as_binary.delete_path([field.name]), sa.JSON),
        )
    else:
        path = f'$."{field.name}"'
        has_it = sa.func.json_type(Lead.own_fields, path).is_not(None)
        rest = sa.func.json_remove(Lead.own_fields, path)
    return change(session, sa.update(Lead).where(has_it).values(own_fields=rest))
