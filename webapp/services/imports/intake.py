"""Rows of an import file taken in: what is new in them is scored, kept and recorded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ml.fields.fields_file import Value
from webapp.services.imports.import_rows import ImportRow
from webapp.services.leads import leads, scoring
from webapp.services.leads.scoring import ScoringInput
from webapp.services.models import registry
from webapp.services.models.registry import InUse
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.tables import Lead, Snapshot


@dataclass(frozen=True)
class Origin:
    """Who imports, the digest of the file, and how many of its rows were taken in before."""

    actor: str
    digest: str
    n_rows_before: int = 0


@dataclass(frozen=True)
class Taken:
    """What some rows have brought."""

    n_new_leads: int = 0
    n_snapshots: int = 0
    n_outcomes: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(
            self.n_new_leads + other.n_new_leads,
            self.n_snapshots + other.n_snapshots,
            self.n_outcomes + other.n_outcomes,
        )


def take_in(session: Session, rows: Sequence[ImportRow], origin: Origin, *, now: datetime) -> Taken:
    """Take in rows in their order, as one by one.

    1. A row says nothing twice: of a file that is repeated those of known leads are passed over,
       and a row that tells nothing new of its lead leaves no snapshot.
    2. A row older than the lead's newest snapshot goes into the history, and fills in what nobody
       has told of the lead.
    3. An outcome that is known already adds nothing; one without a time is about now.
    4. A row of a lead that was merged into another is of that other one.
    """
    records = scoring.of_survivors(session, [row.record for row in rows])
    rows = [replace(row, record=record) for row, record in zip(rows, records, strict=True)]
    versions = registry.in_use(session)
    batches = (Batch(session, versions, rows, origin, now=now) for rows in _without_repeats(rows))
    return sum((batch.take_in() for batch in batches), Taken())


def _without_repeats(rows: Sequence[ImportRow]) -> Iterator[list[ImportRow]]:
    """Cut the rows where a lead comes again."""
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
        self.rows = [row for row in rows if not self._was_taken_in(row)]
        keys = [lead.key for lead in self.leads.values()]
        self.newest = leads.latest_snapshots(session, keys)

    def take_in(self) -> Taken:
        """Add to leads, history, scores and outcomes what the rows tell."""
        n_known = len(self.leads)
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
        n_outcomes = self._record()
        return Taken(len(self.leads) - n_known, n_snapshots, n_outcomes)

    def _was_taken_in(self, row: ImportRow) -> bool:
        """Whether the row was taken in with the same file, and its lead not erased since."""
        return row.number <= self.origin.n_rows_before and row.record.lead_id in self.leads

    def _newest_of(self, row: ImportRow) -> Snapshot | None:
        lead = self.leads.get(row.record.lead_id)
        return self.newest.get(lead.key) if lead else None

    def _known_at(self, row: ImportRow) -> dict[str, Any]:
        """The inputs of the row's lead that were known at the row's time."""
        lead, moment = self.leads[row.record.lead_id], row.scored_at or self.now
        before = leads.snapshot_at(self.session, lead, moment)
        return before.inputs if before is not None else {}

    def _score(self, inputs: Sequence[ScoringInput]) -> int:
        """Score the leads of which the rows tell something new; return the snapshots added."""
        scored = scoring.score_many(self.session, self.versions, inputs, source="csv", now=self.now)
        self.leads |= {lead.lead_id: lead for lead, _ in scored}
        return sum(not scoring_input.is_repeat for scoring_input in inputs)

    def _is_known(self, row: ImportRow) -> bool:
        lead = self.leads.get(row.record.lead_id)
        people = row.record.people.items()
        is_same_person = lead is not None and all(getattr(lead, n) == v for n, v in people)
        return is_same_person and self._is_repeat(row)

    def _is_repeat(self, row: ImportRow) -> bool:
        newest = self._newest_of(row)
        told = row.record.inputs.items()
        return newest is not None and all(newest.inputs.get(n) == v for n, v in told)

    def _arrival(self, row: ImportRow) -> ScoringInput:
        taken_at = row.scored_at or self.now
        with_outcome = _came_with_outcome(row)
        return ScoringInput(row.record, taken_at, with_outcome, is_repeat=self._is_repeat(row))

    def _keep_history(self, row: ImportRow, before: Mapping[str, Value]) -> bool:
        """Add a snapshot of the past where the row tells what was not known of the lead then."""
        lead, moment = self.leads[row.record.lead_id], row.scored_at or self.now
        values = {n: v for n, v in {**before, **row.record.inputs}.items() if v is not None}
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
        """Yield what a late row tells that nobody has told, as of the newest snapshot.

        What was known before the row's time and is not now was made unknown since: it stays so.
        """
        lead = self.leads[row.record.lead_id]
        told = {**before, **leads.known_inputs(lead)}
        news = {n: v for n, v in row.record.inputs.items() if n not in told}
        inputs: dict[str, Value] = {n: v for n, v in news.items() if v is not None}
        people = {n: v for n, v in row.record.people.items() if getattr(lead, n) is None}
        if inputs or people:
            record = replace(row.record, inputs=inputs, people=people)
            is_with_outcome = newest.came_with_outcome
            yield ScoringInput(record, newest.taken_at, is_with_outcome, is_repeat=not inputs)

    def _record(self) -> int:
        events = [
            self._event(row, lead)
            for row in self.rows
            if _reports(row) and not _tells_nothing(row, lead := self.leads[row.record.lead_id])
        ]
        return sum(outcomes.record_many(self.session, events, now=self.now))

    def _event(self, row: ImportRow, lead: Lead) -> OutcomeEvent:
        key, told = f"{self.origin.digest}:{row.number}", row.exported
        attribution = Attribution("csv", self.origin.actor, idempotency_key=key)
        if told is not None:
            attribution = replace(
                attribution, source=told.source, reason=told.reason, rule=told.rule
            )
        return OutcomeEvent(lead, row.record.outcome, attribution, row.outcome_at)


def _came_with_outcome(row: ImportRow) -> bool:
    """Whether the inputs may be as young as the outcome beside them: of no time, or of its own."""
    return row.record.outcome is not None and row.scored_at in {None, row.outcome_at}


def _reports(row: ImportRow) -> bool:
    """Whether the row says what became of the lead, or takes that back."""
    is_withdrawal = row.exported is not None and row.exported.is_withdrawal
    return is_withdrawal or row.record.outcome is not None


def _tells_nothing(row: ImportRow, lead: Lead) -> bool:
    """Whether the row says, of no certain time, what is known of the lead anyway."""
    return row.outcome_at is None and row.record.outcome == outcomes.counting(lead)
