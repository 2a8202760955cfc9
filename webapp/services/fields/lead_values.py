"""What leads hold of a field: how many have it, and how those converted."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields, Value
from ml.fields.types import value_text
from ml.scorecard.reasons import span_text
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
    builtin = [getattr(Lead, field.name) for field in fields if field.builtin]
    newest = _newest(*builtin).subquery()
    columns = [column for column in newest.c if column.name != "own_fields"]
    counted = sa.select(sa.func.count(), *map(sa.func.count, columns)).select_from(newest)
    n_leads, *n_known = session.execute(counted).one()
    own = sa.func.json_each(newest.c.own_fields).table_valued("key")
    keys = sa.select(own.c.key, sa.func.count()).select_from(newest).join(own, sa.true())
    of_own: dict[str, int] = dict(session.execute(keys.group_by(own.c.key)).all())
    of_builtin = zip((column.name for column in columns), n_known, strict=True)
    return Coverage(n_leads, dict.fromkeys(fields.names, 0) | of_own | dict(of_builtin))


def groups(session: Session, field: Field) -> list[Group]:
    """Count the values of a field among the `MAX_LEADS` leads scored last, with their outcomes.

    The most frequent of a category come first, the rest together behind; of many numbers up to
    `MAX_BINS` ranges with about as many leads each.
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


def _newest(*columns: Any) -> sa.Select[Any]:
    query = sa.select(Lead.own_fields, *columns).where(Lead.removed_at.is_(None))
    return query.order_by(Lead.scored_at.desc(), Lead.key.desc()).limit(MAX_LEADS)


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
