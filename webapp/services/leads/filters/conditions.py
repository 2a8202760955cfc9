"""What filters and sorts of the lead table ask of the database, on SQLite and PostgreSQL."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased

from ml.fields.types import Field, Value
from webapp.services.outcomes.standing import stands
from webapp.tables import Lead, Outcome

# What each database calls the type of a JSON value; SQLite takes booleans out as 0 and 1.
NUMBERS = ("number", "integer", "real")
BOOLEANS = ("boolean", "integer")
_counts = aliased(Outcome)


class _json_type(sa.sql.functions.FunctionElement[str]):  # noqa: N801 - written as in SQL
    type = sa.String()
    inherit_cache = True


@compiles(_json_type)
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_type({compiler.process(element.clauses, **options)})"


@compiles(_json_type, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_typeof({compiler.process(element.clauses, **options)})"


def counting_outcome(*wanted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether the outcome that counts for the lead of the query around it is so."""
    newest = (
        sa.select(_counts.key)
        .where(_counts.lead_key == Lead.key, stands(_counts))
        .order_by(_counts.is_assumed, _counts.happened_at.desc(), _counts.key.desc())
        .limit(1)
        .correlate(Lead)
        .scalar_subquery()
    )
    return sa.select(Outcome.key).where(Outcome.key == newest, *wanted).correlate(Lead).exists()


def value_of(field: Field, sample: Value) -> sa.ColumnElement[Any]:
    """A field of the lead as a column to compare with values of the sample's type.

    A value of another type, kept from before the field had this one, is null.
    """
    if field.builtin:
        column: sa.ColumnElement[Any] = getattr(Lead, field.name)
        return column
    value: Any = Lead.own_fields[field.name]
    if isinstance(sample, bool):
        return sa.case((_json_type(value).in_(BOOLEANS), value.as_boolean()))
    if isinstance(sample, str):
        return sa.case((_json_type(value).in_(("string", "text")), value.as_string()))
    return sa.case((_json_type(value).in_(NUMBERS), value.as_float()))
