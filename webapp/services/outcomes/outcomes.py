"""What became of leads: recorded, withdrawn, never erased."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.database import PLAIN_ROWS, change
from webapp.tables import NEVER_WORKED, Lead, Meaning, Outcome, Score, is_assumed

CLOCK_SKEW = timedelta(minutes=15)
# A day begins this much earlier in the easternmost zones than in UTC.
EASTERNMOST = timedelta(hours=14)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME_LENGTH = 40
TIME_RULE = (
    "a time in ISO 8601 with its offset (2026-03-02T09:30:00+01:00), or a date (2026-03-02: the"
    " end of that day in UTC), from 1970 to now; up to 15 minutes ahead is now"
)
RESULTS: dict[Meaning, str] = {
    True: "converted",
    False: "lost",
    NEVER_WORKED: NEVER_WORKED,
    None: "withdrawn",
}
MEANINGS: dict[str, Meaning] = {result: meaning for meaning, result in RESULTS.items()}


class OutcomeInFuture(ValueError):
    """The reported time of an outcome lies in the future."""

    def __init__(self) -> None:
        super().__init__("must not lie in the future")


@dataclass(frozen=True)
class Attribution:
    """Who reported an outcome, from which source, and why."""

    source: str
    actor: str
    reason: str | None = None
    rule: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class OutcomeEvent:
    """An outcome reported of a lead; without a time it is about now.

    `recorded_at` is given where it was reported before the lead came.
    """

    lead: Lead
    converted: Meaning
    attribution: Attribution
    happened_at: datetime | None = None
    recorded_at: datetime | None = None


def record(
    session: Session,
    lead: Lead,
    converted: Meaning,
    attribution: Attribution,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> bool:
    """Add an outcome (None withdraws it) and say whether what counts for the lead has changed.

    The caller holds the lead's row locked, as for `record_many`.
    """
    return record_many(session, [OutcomeEvent(lead, converted, attribution, happened_at)], now=now)[
        0
    ]


def record_many(session: Session, events: Sequence[OutcomeEvent], *, now: datetime) -> list[bool]:
    """Add outcomes in this order and say of each whether what counts for its lead has changed.

    1. The same outcome reported again by the same source adds nothing.
    2. The row is added; the newest by time of happening counts, the later row on a tie. What is
       only inferred (`Outcome.is_assumed`) counts where nobody has reported anything.
    3. A lead becomes a new label for the next training once its outcome is another than the
       one counted before: a withdrawal alone does not make it one.

    The caller holds the rows of the leads locked (`leads.find(..., lock=True)`,
    `leads.resolve_many` or `leads.upsert_many`), and so what a backfill waits for.
    """
    if any(s.happened_at and s.happened_at > now + CLOCK_SKEW for s in events):
        raise OutcomeInFuture
    histories = _histories(session, {s.lead.key for s in events})
    before = {s.lead.key: counting(s.lead) for s in events}
    rows: list[dict[str, Any]] = []
    changes = []
    for event in events:
        row = _new_row(event, histories[event.lead.key], event.recorded_at or now)
        rows += [row] if row else []
        changes.append(row is not None and _resolve(event.lead, histories[event.lead.key]))
    if rows:
        session.execute(sa.insert(Outcome), rows, execution_options=PLAIN_ROWS)
    _show(session, [s.lead for s in events if counting(s.lead) != before[s.lead.key]])
    return changes


def parse_time(value: object, now: datetime) -> datetime | None:
    """Read when an outcome happened, None where it is not given or is now; else ValueError.

    A date means its end, so that all that was known on that day comes before the outcome; a day
    that has not ended means now, so that it can be reported again without adding anything.
    """
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TIME_LENGTH:
        raise ValueError(f"must be {TIME_RULE}")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return _exact(value, now)
    if datetime.combine(day, time.min, UTC) > now + EASTERNMOST:
        raise OutcomeInFuture
    end = _since_1970(datetime.combine(day, time.max, UTC))
    return end if end < now else None


def _exact(text: str, now: datetime) -> datetime | None:
    at = None
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo is not None else None
    if at is None:
        raise ValueError(f"must be {TIME_RULE}")
    if at > now + CLOCK_SKEW:
        raise OutcomeInFuture
    # The clock of another machine may run ahead a little: what it has just noted is of now.
    return _since_1970(at) if at <= now else None


def _since_1970(at: datetime) -> datetime:
    if at < EARLIEST:
        raise ValueError(f"must be {TIME_RULE}")
    return at


def counting(lead: Lead) -> Meaning:
    """What counts for a lead now; None while it is open."""
    return NEVER_WORKED if lead.is_never_worked else lead.outcome


def with_reported_outcome(session: Session, lead_keys: Collection[int]) -> set[int]:
    """The leads with a reported outcome, also one that was withdrawn."""
    query = sa.select(Outcome.lead_key).distinct()
    reported = query.where(Outcome.lead_key.in_(lead_keys), ~Outcome.is_assumed)
    return set(session.scalars(reported))


def first_recorded_at() -> sa.ScalarSelect[datetime]:
    """When the outcome of a lead of the query around it was first known.

    By the first row that none after it contradicts, in the order in which rows count: reporting
    the same again, also after a withdrawal, is nothing new.
    """
    told, later = aliased(Outcome), aliased(Outcome)
    contradicted = sa.exists().where(
        later.lead_key == told.lead_key,
        later.result.not_in((told.result, RESULTS[None])),
        _place(later) > _place(told),
    )
    return (
        sa.select(sa.func.min(told.recorded_at))
        .where(told.lead_key == Lead.key, ~contradicted)
        .correlate(Lead)
        .scalar_subquery()
    )


def count(session: Session) -> int:
    """The number of leads whose outcome is known now."""
    return session.scalar(sa.select(sa.func.count()).where(Lead.outcome.is_not(None))) or 0


class _Event(NamedTuple):
    """One outcome event as its history needs it."""

    result: str
    source: str
    happened_at: datetime
    recorded_at: datetime
    idempotency_key: str | None
    rule: str | None

    @property
    def is_reported(self) -> bool:
        """Whether somebody reported it: it was not inferred."""
        return not is_assumed(self.rule)

    @property
    def place(self) -> tuple[bool, datetime]:
        """Its place in the history: after what was only inferred, then by time."""
        return self.is_reported, self.happened_at


def _histories(session: Session, lead_keys: set[int]) -> dict[int, list[_Event]]:
    """The outcome events of each lead, the one that counts last."""
    told = (getattr(Outcome, name) for name in _Event._fields)
    query = sa.select(Outcome.lead_key, *told).where(Outcome.lead_key.in_(lead_keys))
    histories: dict[int, list[_Event]] = defaultdict(list)
    order = (Outcome.is_assumed.desc(), Outcome.happened_at, Outcome.key)
    for lead_key, *row in session.execute(query.order_by(*order)):
        histories[lead_key].append(_Event(*row))
    return histories


def _place(row: type[Outcome]) -> sa.Tuple:
    """Where a row stands in its history: see `_Event.place`; on a tie the later row counts."""
    return sa.tuple_(~row.is_assumed, row.happened_at, row.key)


def _new_row(event: OutcomeEvent, history: list[_Event], now: datetime) -> dict[str, Any] | None:
    """Add an event to the lead's history and give its row; None where it is known."""
    attribution = event.attribution
    newest_at = history[-1].happened_at if history else now
    told = _Event(
        result=RESULTS[event.converted],
        source=attribution.source,
        # Without a time of its own an event is about now, and so after all earlier ones.
        happened_at=event.happened_at or max(now, newest_at),
        recorded_at=now,
        idempotency_key=attribution.idempotency_key,
        rule=attribution.rule,
    )
    is_repeated = _is_told if event.happened_at else _is_what_counts
    if _has_key(history, told) or is_repeated(history, told):
        return None
    # Behind all that happened at the same time: on a tie the later row counts.
    history.insert(bisect_right(history, told.place, key=lambda t: t.place), told)
    about = {
        "lead_key": event.lead.key,
        "actor": attribution.actor,
        "reason": attribution.reason,
    }
    return {**told._asdict(), **about}


def _has_key(history: list[_Event], new: _Event) -> bool:
    """Whether an event with this key was recorded before."""
    key = new.idempotency_key
    return key is not None and any(key == told.idempotency_key for told in history)


def _is_told(history: list[_Event], new: _Event) -> bool:
    """Whether the same source has reported the same of the same time."""
    return any(new[:3] == told[:3] for told in history)


def _is_what_counts(history: list[_Event], new: _Event) -> bool:
    """Whether an event about now reports only what counts already."""
    if not history:
        return new.result == "withdrawn"
    is_same_source = history[-1].source == new.source or new.result == "withdrawn"
    return history[-1].result == new.result and is_same_source


def _resolve(lead: Lead, history: list[_Event]) -> bool:
    """Bring the lead's outcome, and since when it is so, in line with its history."""
    meaning = MEANINGS[history[-1].result]
    lead.outcome_at = _since(history) if meaning is not None else None
    if meaning == counting(lead):
        return False
    lead.is_never_worked = meaning == NEVER_WORKED
    lead.outcome = outcome = meaning if isinstance(meaning, bool) else None
    if outcome is not None and outcome != lead.counted_outcome:
        lead.counted_by_run, lead.counted_outcome = None, None
    return True


def _since(history: list[_Event]) -> datetime:
    """When the current outcome took effect; one withdrawn and reported again keeps its time."""
    since, withdrawal = history[-1], None
    for told in reversed(history):
        is_same = (told.result, told.is_reported) == (since.result, since.is_reported)
        if is_same and (withdrawal is None or _is_undo(told, withdrawal, since)):
            since, withdrawal = told, None
        elif told.result == "withdrawn" and withdrawal is None:
            withdrawal = told
        else:
            break
    return since.happened_at


def _is_undo(told: _Event, withdrawal: _Event, again: _Event) -> bool:
    """Whether a source withdrew its own report and then repeated it, giving no other time.

    What the CRM withdraws was not so: a deal was open again.
    """
    sources = {told.source, withdrawal.source, again.source}
    is_about_now = again.happened_at >= again.recorded_at
    return len(sources) == 1 and "salesforce" not in sources and is_about_now


def _show(session: Session, changed: Iterable[Lead]) -> None:
    """Repeat the changed outcomes where the lead table filters by them."""
    keys: dict[str, list[int]] = defaultdict(list)
    for lead in {lead.key: lead for lead in changed}.values():
        keys[lead.status].append(lead.key)
    for status, lead_keys in keys.items():
        change(session, sa.update(Score).where(Score.lead_key.in_(lead_keys)).values(status=status))
