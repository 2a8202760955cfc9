"""Values that were taken with a warning, counted in memory by field and value, then stored."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Field, Fields
from ml.fields.lenient import choice_of
from ml.fields.reading import NOT_IN_LIST, NULL
from ml.sentences import gettext
from webapp.database import hold, insert
from webapp.intake_tables import Surprise
from webapp.services.leads.records import MAX_SHOWN_LENGTH, UNKNOWN_FIELD

STORED_EVERY_SECONDS = 1
MAX_GATHERED = 1000
MAX_VALUES = 200
# Stands for all fields that are not known; their names are the values.
NOT_DECLARED = gettext("(not declared)")
KEYS = ("field", "kind", "value")
Seen = tuple[str, str, str]


class Told(Protocol):
    """What a sender is told of a value: the field, the value as it came, the kind of surprise.

    The kind is None where nothing is wrong with the value by itself.
    """

    @property
    def field(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def kind(self) -> str | None: ...


class Gathered:
    """Counts of this process that are not stored yet, by field, kind and value."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Seen] = Counter()
        self._sources: dict[Seen, str] = {}
        self._stored_at_seconds = time.monotonic()

    def add(self, seen: Iterable[Seen], source: str) -> bool:
        """Count, and say whether it is time to store what was gathered."""
        with self._lock:
            for one in seen:
                is_known = one in self._counts or len(self._counts) < MAX_GATHERED
                place = one if is_known else (one[0], one[1], "")
                self._counts[place] += 1
                self._sources[place] = source
            return time.monotonic() - self._stored_at_seconds > STORED_EVERY_SECONDS

    def flush(self, keep: Callable[[Mapping[Seen, tuple[int, str]]], object]) -> None:
        """Hand over the counts with the last sources; where `keep` fails they are counted on."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            self._stored_at_seconds = time.monotonic()
            found = {one: (n, self._sources[one]) for one, n in counts.items()}
        if not found:
            return
        try:
            keep(found)
        except BaseException:
            with self._lock:
                self._counts += counts
            raise

    @property
    def n_waiting(self) -> int:
        """How many values are counted and not stored yet."""
        return self._counts.total()


def seen(fields: Fields, warnings: Iterable[Told]) -> list[Seen]:
    """What is counted of warnings; text about people and free text is not kept."""
    return [_seen(fields, w.field, w.value, w.kind) for w in warnings if w.kind is not None]


def store(session: Session, gathered: Mapping[Seen, tuple[int, str]], now: datetime) -> None:
    """Add counts; beyond the first values of a field others are counted together."""
    hold(session, "surprises")
    n_values = sa.select(Surprise.field, sa.func.count()).group_by(Surprise.field)
    counts = dict(session.execute(n_values).all())
    query = sa.select(Surprise.field, Surprise.kind, Surprise.value)
    known: set[Seen] = {(field, kind, value) for field, kind, value in session.execute(query)}
    rows: dict[Seen, dict[str, Any]] = {}
    for seen, (n, source) in sorted(gathered.items()):
        field, kind, _ = place = seen
        if seen not in known and counts.get(field, 0) >= MAX_VALUES:
            place = field, kind, ""
        elif seen not in known:
            counts[field] = counts.get(field, 0) + 1
        row = rows.setdefault(place, dict(zip(KEYS, place, strict=True)) | {"n": 0})
        row |= {"n": row["n"] + n, "last_seen_at": now, "last_source": source}
    if rows:
        statement = insert(session, Surprise)
        new = statement.excluded
        session.execute(
            statement.on_conflict_do_update(
                index_elements=KEYS,
                set_={
                    "n": Surprise.n + new.n,
                    "last_seen_at": new.last_seen_at,
                    "last_source": new.last_source,
                },
            ),
            list(rows.values()),
        )


def everything(session: Session) -> list[Surprise]:
    """All counts, the most frequent first."""
    return list(session.scalars(sa.select(Surprise).order_by(Surprise.n.desc(), Surprise.key)))


def forget(session: Session, key: int) -> None:
    """Delete a count that somebody has dealt with."""
    session.execute(sa.delete(Surprise).where(Surprise.key == key))


def forget_read(session: Session, field: Field) -> None:
    """Delete the counts of values that the field reads now."""
    query = sa.select(Surprise).where(Surprise.field == field.name, Surprise.kind == NOT_IN_LIST)
    for one in session.scalars(query):
        if choice_of(one.value, field) is not None:
            session.delete(one)


def _seen(fields: Fields, field: str, value: str, kind: str) -> Seen:
    if kind == UNKNOWN_FIELD:
        return NOT_DECLARED, kind, field
    # What may have been cut to be shown cannot be recognized when it comes again.
    is_kept = kind in (NOT_IN_LIST, NULL) and len(value) < MAX_SHOWN_LENGTH
    return field, kind, value if is_kept and field in fields else ""
