"""What became of leads: recorded, withdrawn, never erased."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.services.leads import pipeline
from webapp.services.outcomes import lost_reasons
from webapp.services.outcomes.standing import stands
from webapp.services.outcomes.times import CLOCK_SKEW, OutcomeInFuture
from webapp.services.webhooks import events as webhooks
from webapp.tables import NEVER_WORKED, SOURCES, Lead, Meaning, Outcome, is_assumed

RESULTS: dict[Meaning, str] = {
    True: "converted",
    False: "lost",
    NEVER_WORKED: NEVER_WORKED,
    None: "withdrawn",
}
# The rule of withdrawals by which a whole import is undone.
UNDONE = "undone"
MEANINGS: dict[str, Meaning] = {result: meaning for meaning, result in RESULTS.items()}
# The results that are an outcome: all but a withdrawal.
DEFINITE = MEANINGS.keys() - {RESULTS[None]}


class Effect(IntEnum):
    """What reporting an outcome has done: nothing, a further event, or another outcome counts."""

    NOTHING = 0
    ADDED = 1
    CHANGED = 2


@dataclass(frozen=True)
class Attribution:
    """Who reported an outcome, from which source, and why."""

    source: str
    actor: str
    reason: str | None = None
    rule: str | None = None
    idempotency_key: str | None = None

    @property
    def told_by(self) -> tuple[str, str]:
        """Who speaks: each person and each API key for itself, files and the CRM as one."""
        return told_by(self.source, self.actor)


def told_by(source: str, actor: str) -> tuple[str, str]:
    """Who speaks, by the source and the actor of a statement."""
    return source, actor if source in {"api", "rep"} else ""


@dataclass(frozen=True)
class OutcomeEvent:
    """An outcome reported of a lead; without a time it is about now.

    `recorded_at` is given where it was reported before the lead came. A withdrawal cancels the last
    statement of who withdraws (all that a CRM said), the one that counts, or those whose
    idempotency key begins with its own.
    """

    lead: Lead
    converted: Meaning
    attribution: Attribution
    happened_at: datetime | None = None
    recorded_at: datetime | None = None
    withdraws: Literal["own", "counting", "keyed"] = "own"


def record(
    session: Session,
    lead: Lead,
    converted: Meaning,
    attribution: Attribution,
    *,
    now: datetime,
    happened_at: datetime | None = None,
) -> Effect:
    """Add an outcome and say what that has done. The caller holds the lead's row locked.

    None withdraws the last statement of the same source and actor.
    """
    event = OutcomeEvent(lead, converted, attribution, happened_at)
    return record_many(session, [event], now=now)[0]


def record_many(session: Session, events: Sequence[OutcomeEvent], *, now: datetime) -> list[Effect]:
    """Add outcomes in this order and say of each what that has done.

    1. The same outcome reported again by the same caller adds nothing.
    2. The newest statement by time of happening counts, the later row on a tie. What is only
       inferred (`Outcome.is_assumed`) counts where nobody has reported anything.
    3. A withdrawal cancels a statement and is none; another then counts, whatever its time.
    4. A lead is a new label for training once its outcome is another than the one counted before; a
       withdrawal alone does not make it one.
    5. Nothing counts for a lead that the CRM no longer has; what was reported of it stands.

    The caller holds the leads' rows locked (`leads.find(..., lock=True)`, `leads.resolve_many` or
    `leads.upsert_many`), and so what a backfill waits for.
    """
    if any(s.happened_at and s.happened_at > now + CLOCK_SKEW for s in events):
        raise OutcomeInFuture
    events = _in_words_of_the_list(session, events)
    histories = _histories(session, {s.lead.key for s in events})
    before = {s.lead.key: counting(s.lead) for s in events}
    added: list[_Event] = []
    effects = []
    for event in events:
        history = histories[event.lead.key]
        new = _new_events(event, history, event.recorded_at or now)
        history += new
        added += new
        is_change = bool(new) and _resolve(event.lead, history)
        effects.append(Effect.CHANGED if is_change else Effect.ADDED if new else Effect.NOTHING)
    _insert(session, added)
    changed = [s.lead for s in events if counting(s.lead) != before[s.lead.key]]
    pipeline.show_status(session, changed)
    sources = {s.lead.key: s.attribution.source for s in events}
    webhooks.note_outcomes(session, changed, sources, now)
    return effects


def count_again(session: Session, lead: Lead) -> None:
    """Say again which outcome counts, after a lead was removed or restored; its row is locked."""
    _resolve(lead, _histories(session, {lead.key})[lead.key])
    pipeline.show_status(session, [lead])


def counting(lead: Lead) -> Meaning:
    """What counts for a lead now; None while it is open."""
    return NEVER_WORKED if lead.is_never_worked else lead.outcome


def with_reported_outcome(session: Session, lead_keys: Collection[int]) -> set[int]:
    """The leads with a reported outcome, also one that was withdrawn."""
    query = sa.select(Outcome.lead_key).distinct()
    reported = query.where(Outcome.lead_key.in_(lead_keys), ~Outcome.is_assumed)
    return set(session.scalars(reported))


def told_at(session: Session, lead: Lead, source: str) -> set[datetime]:
    """When all that a source has told of a lead happened, also what was withdrawn."""
    query = sa.select(Outcome.happened_at)
    is_its = (Outcome.lead_key == lead.key, Outcome.source == source)
    return set(session.scalars(query.where(*is_its)))


def first_recorded_at() -> sa.ScalarSelect[datetime]:
    """When the outcome of a lead of the query around it was first known.

    By the first row that says so and that no later statement contradicts: a repeat is nothing new.
    """
    told, later = aliased(Outcome), aliased(Outcome)
    contradicted = sa.exists().where(
        later.lead_key == told.lead_key,
        later.result != told.result,
        _place(later) > _place(told),
        stands(later),
    )
    says_so = told.result == sa.case((Lead.outcome.is_(True), RESULTS[True]), else_=RESULTS[False])
    return (
        sa.select(sa.func.min(told.recorded_at))
        .where(told.lead_key == Lead.key, says_so, ~contradicted)
        .correlate(Lead)
        .scalar_subquery()
    )


@dataclass(eq=False)
class _Event:
    """One outcome event as its history needs it; without a key it is not stored yet."""

    lead_key: int
    result: str
    source: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    reason: str | None
    rule: str | None
    idempotency_key: str | None
    key: int | None = None
    cancels: "_Event | None" = None
    cancelled_by: "_Event | None" = None

    @property
    def told_by(self) -> tuple[str, str]:
        return told_by(self.source, self.actor)

    @property
    def is_statement(self) -> bool:
        """Whether it says something: a withdrawal does not."""
        return self.result != RESULTS[None]

    @property
    def stands(self) -> bool:
        return self.is_statement and self.cancelled_by is None

    @property
    def is_undone(self) -> bool:
        return self.cancelled_by is not None and self.cancelled_by.rule == UNDONE

    @property
    def says(self) -> tuple[str, bool]:
        """What it says, and whether somebody reported it: it was not inferred."""
        return self.result, not is_assumed(self.rule)

    @property
    def place(self) -> tuple[bool, datetime]:
        """Its place among all: after what was only inferred, then by time."""
        return not is_assumed(self.rule), self.happened_at


STORED = [f.name for f in fields(_Event) if f.name not in {"key", "cancels", "cancelled_by"}]
# Built once, of plain columns: to build a statement takes longer than to run it.
_outcomes = cast("sa.Table", Outcome.__table__)
_HISTORIES = (
    sa.select(*(_outcomes.c[name] for name in (*STORED, "key", "cancels")))
    .where(_outcomes.c.lead_key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(_outcomes.c.key)
)
_ADD = sa.insert(_outcomes)
_ADD_AND_TELL = _ADD.returning(_outcomes.c.key, sort_by_parameter_order=True)


def _histories(session: Session, lead_keys: set[int]) -> dict[int, list[_Event]]:
    histories: dict[int, list[_Event]] = defaultdict(list)
    by_key: dict[int, _Event] = {}
    for *row, cancels in session.execute(_HISTORIES, {"keys": list(lead_keys)}):
        event = _Event(*row)
        by_key[event.key or 0] = event
        histories[event.lead_key].append(event)
        if cancels is not None:
            event.cancels, by_key[cancels].cancelled_by = by_key[cancels], event
    return histories


def _in_words_of_the_list(
    session: Session, events: Sequence[OutcomeEvent]
) -> Sequence[OutcomeEvent]:
    """The events with the reasons of lost leads as the list writes them; others stay as sent."""
    given = {e.attribution.reason for e in events if e.converted is False} - {None}
    known = lost_reasons.in_words_of_the_list(session, [text for text in given if text])
    if not known:
        return events
    return [
        replace(e, attribution=replace(e.attribution, reason=known[e.attribution.reason]))
        if e.converted is False and e.attribution.reason in known
        else e
        for e in events
    ]


def _place(row: type[Outcome]) -> sa.Tuple:
    """Where a row stands in its history: see `_Event.place`; on a tie the later row counts."""
    return sa.tuple_(~row.is_assumed, row.happened_at, row.key)


def _in_place(history: Iterable[_Event]) -> list[_Event]:
    """Events in the order in which they count; on a tie the later row is behind."""
    return sorted(history, key=lambda told: told.place)


def _new_events(event: OutcomeEvent, history: list[_Event], now: datetime) -> list[_Event]:
    attribution = event.attribution
    newest_at = max((told.happened_at for told in history), default=now)
    new = _Event(
        lead_key=event.lead.key,
        result=RESULTS[event.converted],
        # Without a time of its own an event is about now, and so after all earlier ones.
        happened_at=event.happened_at or max(now, newest_at),
        recorded_at=now,
        **vars(attribution),
    )
    key = new.idempotency_key
    if key is not None and any(key == told.idempotency_key for told in history):
        return []
    if event.happened_at is not None and _is_told(history, new):
        return []
    if not new.is_statement:
        return _withdrawals(new, _withdrawn(event, history))
    return [] if event.happened_at is None and _is_what_counts(history, new) else [new]


def _withdrawn(event: OutcomeEvent, history: list[_Event]) -> list[_Event]:
    found = [told for told in history if told.stands]
    if event.withdraws == "counting":
        return _in_place(found)[-1:]
    if event.withdraws == "keyed":
        begin = event.attribution.idempotency_key or ""
        return [told for told in found if (told.idempotency_key or "").startswith(begin)]
    own = [told for told in history if told.told_by == event.attribution.told_by]
    if event.attribution.source not in SOURCES:  # a CRM, which says what is so now
        return [told for told in own if told.stands]
    # A withdrawal that is repeated is the same one: it does not cancel what was said before.
    if own and not own[-1].is_statement:
        return []
    at = event.happened_at
    return [t for t in own if t.stands and (at is None or t.happened_at <= at)][-1:]


def _withdrawals(new: _Event, withdrawn: Iterable[_Event]) -> list[_Event]:
    rows: list[_Event] = []
    for told in withdrawn:
        rows.append(replace(new, idempotency_key=None if rows else new.idempotency_key))
        rows[-1].cancels, told.cancelled_by = told, rows[-1]
    return rows


def _is_told(history: list[_Event], new: _Event) -> bool:
    """Whether the same source has reported the same of the same time.

    What was withdrawn may be reported again; by a file or a CRM only where an import was undone.
    """
    is_telling_again = new.idempotency_key is not None
    told = [
        t
        for t in history
        if t.stands or not t.is_statement or (is_telling_again and not t.is_undone)
    ]
    # Whoever brings an export back in brings back what others have told.
    about = (new.result, new.source, new.happened_at)
    return any(about == (t.result, t.source, t.happened_at) for t in told)


def _is_what_counts(history: list[_Event], new: _Event) -> bool:
    counts = _in_place(told for told in history if told.stands)[-1:]
    return [(told.result, told.told_by) for told in counts] == [(new.result, new.told_by)]


def _resolve(lead: Lead, history: list[_Event]) -> bool:
    is_here = lead.removed_at is None
    counts = _in_place(told for told in history if told.stands and is_here)[-1:]
    meaning = MEANINGS[counts[0].result] if counts else None
    lead.outcome_at = _since(history) if counts else None
    if meaning == counting(lead):
        return False
    lead.is_never_worked = meaning == NEVER_WORKED
    lead.outcome = outcome = meaning if isinstance(meaning, bool) else None
    if outcome is not None and outcome != lead.counted_outcome:
        lead.counted_by_run, lead.counted_outcome = None, None
    return True


def _since(history: list[_Event]) -> datetime:
    """When the current outcome took effect; one withdrawn and reported again keeps its time."""
    statements = [told for told in reversed(_in_place(history)) if told.is_statement]
    since = next(told for told in statements if told.stands)
    for told in statements[statements.index(since) :]:
        if told.stands and told.says != since.says:
            break
        if told.stands or _is_undo(told, since):
            since = told
    return since.happened_at


def _is_undo(told: _Event, again: _Event) -> bool:
    """Whether a source withdrew its report and repeated it; what the CRM withdraws was not so."""
    by = told.cancelled_by
    sources = {told.source, by.source if by else None, again.source}
    is_one = len(sources) == 1 and sources <= set(SOURCES)
    return is_one and told.says == again.says and again.happened_at >= again.recorded_at


def _insert(session: Session, added: Sequence[_Event]) -> None:
    """Add rows; a withdrawal names the row it cancels, which has a key once it is stored."""
    pending: list[_Event] = []
    for event in added:
        if event.cancels is not None and event.cancels.key is None:
            keys = session.scalars(_ADD_AND_TELL, _rows(pending))
            for stored, key in zip(pending, keys, strict=True):
                stored.key = key
            pending = []
        pending.append(event)
    if pending:
        session.execute(_ADD, _rows(pending))


def _rows(events: Iterable[_Event]) -> list[dict[str, Any]]:
    return [
        {name: getattr(event, name) for name in STORED}
        | {"cancels": event.cancels and event.cancels.key}
        for event in events
    ]
