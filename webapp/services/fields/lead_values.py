"""What leads hold of a field: how many have it, how those converted, and how it is forgotten."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields, Value
from ml.fields.types import value_text
from ml.scorecard.reasons import span_text
from webapp.database import change
from webapp.tables import Lead

# Newest leads that are looked at: pages stay quick, however many there are.
MAX_LEADS = 20_000
MAX_SHOWN = 30
MAX_BINS = 6


@dataclass(frozen=True)
class Coverage:
    """How many of the leads that were looked at have a value of each field, by its name."""

    n_leads: int
    n_known: dict[str, int]

    def share(self, name: str) -> float:
        """The share of the leads that have it, from 0 to 1."""
        return self.n_known.get(name, 0) / self.n_leads if self.n_leads else 0.0


@dataclass(frozen=True)
class Group:
    """Leads with one value, or with values of one range, and what became of them."""

    text: str
    n_leads: int
    n_converted: int
    n_lost: int

    @property
    def conversion(self) -> float | None:
        """The share that converted of those with an outcome, None where none has one."""
        n = self.n_converted + self.n_lost
        return self.n_converted / n if n else None


def coverage(session: Session, fields: Fields) -> Coverage:
    """Count how many of the `MAX_LEADS` leads scored last have a value of each field."""
    newest = _newest(*(getattr(Lead, f.name) for f in fields if f.builtin)).subquery()
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    counted = [
        sa.func.count(sa.case((_has(newest.c, field, is_postgresql), 1))).label(field.name)
        for field in fields
    ]
    row = session.execute(
        sa.select(sa.func.count().label("n_leads"), *counted).select_from(newest)
    ).one()
    return Coverage(row[0], dict(zip(fields.names, row[1:], strict=True)))


def groups(session: Session, field: Field) -> list[Group]:
    """Count the values of a field among the `MAX_LEADS` leads scored last, with their outcomes.

    Returns
    -------
    list of Group
        Of a category the most frequent values, the rest together behind them; of many different
        numbers up to `MAX_BINS` ranges with about as many leads each.
    """
    column = getattr(Lead, field.name) if field.builtin else sa.null()
    rows = session.execute(_newest(column.label("value"), Lead.outcome))
    pairs = [
        (row.value if field.builtin else row.own_fields.get(field.name), row.outcome)
        for row in rows
    ]
    known = [(value, outcome) for value, outcome in pairs if value is not None]
    return _of_numbers(field, known) if field.kind.is_numeric else _of_words(known)


def values(session: Session, field: Field) -> list[Value]:
    """Every known value of a field among the `MAX_LEADS` leads scored last."""
    column = getattr(Lead, field.name) if field.builtin else sa.null()
    rows = session.execute(_newest(column.label("value")))
    found = (row.value if field.builtin else row.own_fields.get(field.name) for row in rows)
    return [value for value in found if value is not None]


def forget(session: Session, field: Field) -> None:
    """Make a field unknown in all leads; snapshots keep what was known."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    gone: dict[str, Any] = {field.name: None}
    if not field.builtin:
        gone = {"own_fields": _own_without(field.name, is_postgresql)}
    has_it = _has(Lead.__table__.c, field, is_postgresql)
    change(session, sa.update(Lead).where(has_it).values(gone))


def _newest(*columns: Any) -> sa.Select[Any]:
    query = sa.select(Lead.own_fields, *columns).where(Lead.removed_at.is_(None))
    return query.order_by(Lead.scored_at.desc(), Lead.key.desc()).limit(MAX_LEADS)


def _has(columns: Any, field: Field, is_postgresql: bool) -> sa.ColumnElement[bool]:
    """Whether a lead has a value of a field, as SQL."""
    if field.builtin:
        is_known: sa.ColumnElement[bool] = columns[field.name].is_not(None)
        return is_known
    if is_postgresql:
        found: sa.ColumnElement[bool] = sa.cast(columns.own_fields, JSONB).has_key(field.name)
        return found
    return sa.func.json_type(columns.own_fields, f'$."{field.name}"').is_not(None)


def _own_without(name: str, is_postgresql: bool) -> sa.ColumnElement[Any]:
    if is_postgresql:
        return sa.cast(sa.cast(Lead.own_fields, JSONB).delete_path([name]), sa.JSON)
    return sa.func.json_remove(Lead.own_fields, f'$."{name}"')


def _of_words(known: Iterable[tuple[Value, bool | None]]) -> list[Group]:
    by_text: dict[str, list[bool | None]] = defaultdict(list)
    for value, outcome in known:
        by_text[value_text(value)].append(outcome)
    ordered = sorted(by_text.items(), key=lambda item: (-len(item[1]), item[0]))
    shown = [_group(text, outcomes) for text, outcomes in ordered[:MAX_SHOWN]]
    if rest := ordered[MAX_SHOWN:]:
        together = [outcome for _, outcomes in rest for outcome in outcomes]
        shown.append(_group(f"{len(rest):,} other values", together))
    return shown


def _of_numbers(field: Field, known: Sequence[tuple[Value, bool | None]]) -> list[Group]:
    numbers = [(v, o) for v, o in known if isinstance(v, int | float) and not isinstance(v, bool)]
    ordered = sorted(v for v, _ in numbers)
    places = (len(ordered) * i // MAX_BINS for i in range(1, MAX_BINS))
    uppers = sorted({ordered[place] for place in places} - set(ordered[-1:])) if ordered else []
    bounds = [None, *uppers, None]
    found = []
    for lower, upper in pairwise(bounds):
        outcomes = [
            outcome
            for value, outcome in numbers
            if (lower is None or value > lower) and (upper is None or value <= upper)
        ]
        found.append(_group(span_text(field, lower, upper), outcomes))
    return found if numbers else []


def _group(text: str, outcomes: Sequence[bool | None]) -> Group:
    return Group(text, len(outcomes), outcomes.count(True), outcomes.count(False))
