"""Rows of an import file taken in: what is new in them is scored, kept and recorded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Value
from webapp import field_lists
from webapp.intake_tables import Import, WaitingOutcome
from webapp.services.crm import mirror
from webapp.services.imports import changes
from webapp.services.imports.matching.mapping import Mapping as ColumnsMapping
from webapp.services.imports.rows import ImportRow
from webapp.services.leads import leads, scoring
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.services.models.registry import InUse
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import RESULTS, Attribution, Effect, OutcomeEvent
from webapp.services.outcomes.waiting import WaitingEvent
from webapp.tables import Lead, Outcome, Snapshot


@dataclass(frozen=True)
class Origin:
    """Who imports, by which import, and what earlier imports of the same file have taken in.

    With `keep_days` the file holds nothing that a score rests on: outcomes of unknown leads wait so
    long, unless their row says who the lead is.
    A file that `asks` tells by an empty cell that a known lead has no value; an export of the
    product does not: nobody may have asked for it.
    `n_rows_before` counts its first rows that were taken in by the same mapping; what `earlier`
    imports have recorded is not recorded again.
    """

    actor: str
    import_key: int
    keep_days: int | None = None
    asks: bool = True
    n_rows_before: int = 0
    earlier: tuple[int, ...] = ()


def origin(session: Session, found: Import, keep_days: int) -> Origin:
    """Who imports, and what earlier imports of the file took in that were not undone.

    Outcomes of a file without inputs wait `keep_days` for unknown leads. Imports that left out
    wrong rows, or read by another mapping, took in other rows.
    """
    query = sa.select(Import).where(
        Import.digest == found.digest,
        Import.key < found.key,
        Import.state.not_in(("undoing", "undone")),
    )
    earlier = session.scalars(query).all()
    same = (e.found for e in earlier if e.mapping == found.mapping)
    n_rows = max((result.n_done for result in same if not result.n_wrong), default=0)
    mapping = ColumnsMapping.model_validate(found.mapping)
    return Origin(
        found.requested_by,
        found.key,
        keep_days=keep_days if mapping.is_of_outcomes_only else None,
        asks=not mapping.is_of_export,
        n_rows_before=n_rows,
        earlier=tuple(e.key for e in earlier),
    )


@dataclass(frozen=True)
class Taken:
    """What some rows have brought: leads that are new or changed the first time, and events.

    Outcomes that waited for a new lead are brought by the row that makes it.
    """

    n_new_leads: int = 0
    n_changed: int = 0
    n_snapshots: int = 0
    n_outcomes: int = 0
    n_waiting: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def n_leads_waited_for(session: Session, import_key: int) -> int:
    """How many leads are still not known for which the import has kept outcomes."""
    begin = statement_key(import_key, 0).removesuffix("0")
    query = sa.select(sa.func.count(WaitingOutcome.lead_id.distinct()))
    kept = WaitingOutcome.idempotency_key.startswith(begin, autoescape=True)
    return session.scalar(query.where(kept)) or 0


def take_in(session: Session, rows: Sequence[ImportRow], origin: Origin, *, now: datetime) -> Taken:
    """Take in rows in their order, as one by one.

    1. A row that tells nothing new leaves no snapshot: what the newest one has, or what the lead
       was scored by at the row's own time. What a repeated file repeats is passed over.
    2. A row older than the lead's newest snapshot goes into the history, and fills in what
       nobody has told of the lead.
    3. An outcome that is known already adds nothing; one without a time is about now.
    4. A row of a lead that was merged into another is of that other one.
    """
    records = scoring.of_survivors(session, [row.record for row in rows])
    rows = [
        row if record is row.record else replace(row, record=record)
        for row, record in zip(rows, records, strict=True)
    ]
    versions = registry.in_use(session)
    batches = (Batch(session, versions, rows, origin, now=now) for rows in _without_repeats(rows))
    return sum((batch.take_in() for batch in batches), Taken())


def _without_repeats(rows: Sequence[ImportRow]) -> Iterator[list[ImportRow]]:
    batch: dict[str, ImportRow] = {}
    for row in rows:
        if row.record.lead_id in batch:
            yield list(batch.values())
            batch = {}
        batch[row.record.lead_id] = row
    if batch:
        yield list(batch.values())


class Batch:
    """Rows of different leads, with what is known of these before."""

    def __init__(
        self,
        session: Session,
        versions: InUse,
        rows: Sequence[ImportRow],
        origin: Origin,
        *,
        now: datetime,
    ) -> None:
        self.session, self.versions, self.origin, self.now = session, versions, origin, now
        self.leads = leads.lock_many(session, [row.record.lead_id for row in rows])
        taken = [row for row in rows if not self._was_taken_in(row) and not self._waits(row)]
        taken = taken if origin.asks else [self._without_questions(row) for row in taken]
        self.rows = self._without_recorded_inputs(taken)
        self.n_waiting = self._keep_waiting([row for row in rows if self._waits(row)])
        keys = [lead.key for lead in self.leads.values()]
        self.newest = scoring.latest_snapshots(session, keys)
        self.before = changes.Before.of(session, self.leads.values())
        self.asked = {lead.key: {*lead.asked_fields} for lead in self.leads.values()}
        self.made: set[int] = set()

    def take_in(self) -> Taken:
        inputs: list[ScoringInput] = []
        n_snapshots = 0
        for row in self.rows:
            newest = self._newest_of(row)
            if newest is not None and row.scored_at and row.scored_at < newest.taken_at:
                before = self._known_at(row)
                inputs += self._gaps(row, newest, before)
                n_snapshots += self._keep_history(row, before)
            elif not self._is_known(row):
                inputs.append(self._arrival(row))
        n_snapshots += self._score(inputs)
        n_new = len(self.made)
        n_came_true, n_own = self._came_true() if n_new else (0, 0)
        events = self._events()
        effects = outcomes.record_many(self.session, events, now=self.now)
        n_outcomes = sum(effect is not Effect.NOTHING for effect in effects) + n_came_true
        n_changed = changes.note(
            self.session,
            self.origin.import_key,
            self.leads.values(),
            self.before,
            told={event.lead.key for event in events},
            made=self.made,
        )
        return Taken(n_new, n_changed, n_snapshots, n_outcomes, self.n_waiting - n_own)

    def _came_true(self) -> tuple[int, int]:
        """How many outcomes new leads have that waited for them, and how many by this import."""
        query = sa.select(Outcome.idempotency_key).where(
            Outcome.lead_key.in_(self.made), Outcome.result != RESULTS[None]
        )
        names = self.session.scalars(query).all()
        own = statement_key(self.origin.import_key, 0).removesuffix("0")
        return len(names), sum((name or "").startswith(own) for name in names)

    def _waits(self, row: ImportRow) -> bool:
        may_wait = self.origin.keep_days is not None and not row.tells_who
        return may_wait and row.record.lead_id not in self.leads

    def _keep_waiting(self, rows: Sequence[ImportRow]) -> int:
        events = [
            WaitingEvent(
                row.record.lead_id, row.record.outcome, self._attribution(row), row.outcome_at
            )
            for row in rows
            if row.record.outcome is not None
        ]
        if not events:
            return 0
        keep_days = self.origin.keep_days or 0
        return sum(waiting.keep(self.session, events, now=self.now, keep_days=keep_days))

    def _was_taken_in(self, row: ImportRow) -> bool:
        """Whether the row was taken in with the same file, and its lead not erased since."""
        return row.number <= self.origin.n_rows_before and row.record.lead_id in self.leads

    def _without_questions(self, row: ImportRow) -> ImportRow:
        """The row as it tells of a known lead nothing of fields that nobody asked for."""
        lead = self.leads.get(row.record.lead_id)
        if lead is None:
            return row
        told = row.record.inputs.items()
        inputs = {n: v for n, v in told if v is not None or n in lead.asked_fields}
        return replace(row, record=replace(row.record, inputs=inputs, asked=frozenset()))

    def _without_recorded_inputs(self, rows: Sequence[ImportRow]) -> list[ImportRow]:
        keys = {lead_id: lead.key for lead_id, lead in self.leads.items()}
        moments = {row.scored_at for row in rows if row.scored_at}
        scored = leads.inputs_at(self.session, keys.values(), moments)
        return [
            replace(row, record=replace(row.record, inputs={}, asked=frozenset()))
            if row.scored_at
            and row.repeats(scored.get(keys.get(row.record.lead_id, 0), {}).get(row.scored_at, ()))
            else row
            for row in rows
        ]

    def _newest_of(self, row: ImportRow) -> Snapshot | None:
        lead = self.leads.get(row.record.lead_id)
        return self.newest.get(lead.key) if lead else None

    def _known_at(self, row: ImportRow) -> dict[str, Any]:
        lead, moment = self.leads[row.record.lead_id], row.scored_at or self.now
        before = leads.snapshot_at(self.session, lead, moment)
        meanings = field_lists.current(self.session).meanings
        return meanings.still_true(before.inputs, meanings.list_of(before.key)) if before else {}

    def _score(self, inputs: Sequence[ScoringInput]) -> int:
        scored = scoring.score_many(self.session, self.versions, inputs, source="csv", now=self.now)
        self.leads |= {lead.lead_id: lead for lead, _ in scored}
        new = (lead for lead, _ in scored if lead.key not in self.before.values)
        # Another may have made a lead since these were locked, at its own time.
        self.made = {lead.key for lead in new if lead.created_at == self.now}
        return sum(not scoring_input.is_repeat for scoring_input in inputs)

    def _is_known(self, row: ImportRow) -> bool:
        lead = self.leads.get(row.record.lead_id)
        people = row.record.people.items()
        is_same_person = lead is not None and all(getattr(lead, n) == v for n, v in people)
        return is_same_person and self._is_repeat(row)

    def _is_repeat(self, row: ImportRow) -> bool:
        newest, asked = self._newest_of(row), {*row.record.inputs, *row.record.asked}
        if newest is None or asked - self.asked[newest.lead_key]:
            return False
        known = self.before.values[newest.lead_key]
        return all(known.get(n) == v for n, v in row.record.inputs.items())

    def _arrival(self, row: ImportRow) -> ScoringInput:
        taken_at = row.scored_at or self.now
        with_outcome = _came_with_outcome(row)
        return ScoringInput(row.record, taken_at, with_outcome, is_repeat=self._is_repeat(row))

    def _keep_history(self, row: ImportRow, before: Mapping[str, Value]) -> bool:
        lead, moment = self.leads[row.record.lead_id], row.scored_at or self.now
        values = {**dict.fromkeys(row.record.asked), **before, **row.record.inputs}
        if values == before:
            return False
        then = ScoringInput(row.record, moment, _came_with_outcome(row))
        probability = self.versions.card.score(values).probability
        new = scoring.snapshot(lead, then, values, probability, versions=self.versions)
        scoring.keep_snapshots(self.session, [new], source="csv")
        return True

    def _gaps(
        self, row: ImportRow, newest: Snapshot, before: Mapping[str, Value]
    ) -> Iterator[ScoringInput]:
        """Yield what a late row tells that nobody has told, nor made unknown since."""
        lead = self.leads[row.record.lead_id]
        told = {n for n, v in before.items() if v is not None} | leads.known_inputs(lead).keys()
        news = {n: v for n, v in row.record.inputs.items() if n not in told}
        inputs: dict[str, Value] = {n: v for n, v in news.items() if v is not None}
        people = {n: v for n, v in row.record.people.items() if getattr(lead, n) is None}
        if inputs or people:
            record = replace(row.record, inputs=inputs, people=people, asked=frozenset())
            is_with_outcome = newest.came_with_outcome
            yield ScoringInput(record, newest.taken_at, is_with_outcome, is_repeat=not inputs)

    def _events(self) -> list[OutcomeEvent]:
        read = mirror.read_keys(
            self.session, [self.leads[row.record.lead_id].key for row in self.rows if row.is_of_crm]
        )
        pairs = [(row, self.leads[row.record.lead_id]) for row in self.rows if _reports(row)]
        pairs = [
            (row, lead)
            for row, lead in pairs
            # Only the CRM itself says what it says of a lead that is read there.
            if not _tells_nothing(row, lead) and not (row.is_of_crm and lead.key in read)
        ]
        known = self._recorded_before([row for row, _ in pairs])
        return [
            self._event(row, lead) for row, lead in pairs if (lead.key, row.number) not in known
        ]

    def _recorded_before(self, rows: Sequence[ImportRow]) -> set[tuple[int, int]]:
        names = {
            statement_key(import_key, row.number): row.number
            for import_key in self.origin.earlier
            for row in rows
        }
        if not names:
            return set()
        # Not by the names: of a file that comes each hour these are too many for a statement.
        query = sa.select(Outcome.lead_key, Outcome.idempotency_key).where(
            Outcome.lead_key.in_([lead.key for lead in self.leads.values()]),
            Outcome.idempotency_key.is_not(None),
        )
        found = self.session.execute(query)
        return {(lead_key, names[name]) for lead_key, name in found if name in names}

    def _event(self, row: ImportRow, lead: Lead) -> OutcomeEvent:
        event = OutcomeEvent(lead, row.record.outcome, self._attribution(row), row.outcome_at)
        withdraws = row.exported.withdraws if row.exported else None
        return replace(event, withdraws=withdraws) if withdraws else event

    def _attribution(self, row: ImportRow) -> Attribution:
        key, told = statement_key(self.origin.import_key, row.number), row.exported
        attribution = Attribution("csv", self.origin.actor, row.reason, idempotency_key=key)
        return replace(attribution, source=told.source, rule=told.rule) if told else attribution


def _came_with_outcome(row: ImportRow) -> bool:
    """Whether the inputs may be as young as the outcome beside them: of no time, or of its own."""
    return row.record.outcome is not None and row.scored_at in {None, row.outcome_at}


def _reports(row: ImportRow) -> bool:
    is_withdrawal = row.exported is not None and row.exported.withdraws is not None
    return is_withdrawal or row.record.outcome is not None


def statement_key(import_key: int, row_number: int) -> str:
    """The key by which an outcome of a row is recorded once, and found again for an undo."""
    return f"import-{import_key}:{row_number}"


def _tells_nothing(row: ImportRow, lead: Lead) -> bool:
    """Whether the row says, of no certain time, what is known of the lead anyway."""
    return row.outcome_at is None and row.record.outcome == outcomes.counting(lead)
