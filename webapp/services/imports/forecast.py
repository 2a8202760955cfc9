"""What an import would do, told before: counts by lead, and examples."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.services.crm import mirror
from webapp.services.imports.changes import known_values
from webapp.services.imports.matching.mapping import LEAD_ID, OUTCOME
from webapp.services.imports.rows import ImportRow
from webapp.services.leads import leads, scoring
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import RESULTS
from webapp.stored import ImportPreview, LeadChange, ValueChange
from webapp.tables import Lead, Meaning, Outcome

MAX_CHANGES_SHOWN = 5

# Result, source and time of an outcome event; what one that waits says, and its time.
Event: TypeAlias = tuple[str, str, datetime]
Waiting: TypeAlias = tuple[Meaning, datetime | None]


class Known(NamedTuple):
    """What is known of a lead: values of its fields and what people read, and its outcome.

    `scored_at` is of its newest inputs, `events` are those of its outcomes, and `inputs_at` has
    what it was scored by at times of rows. One that `is_read` comes from the CRM.
    """

    values: Mapping[str, Any]
    outcome: Meaning
    outcome_at: datetime | None = None
    scored_at: datetime | None = None
    events: Collection[Event] = ()
    inputs_at: Mapping[datetime, Sequence[Mapping[str, Any]]] = {}
    is_read: bool = False


class Beside(NamedTuple):
    """What is known of the leads of some rows by the ids in them, and which outcomes wait."""

    leads: Mapping[str, Known]
    waiting: Mapping[str, Sequence[Waiting]] = {}


def known_leads(session: Session, rows: Collection[ImportRow], now: datetime) -> Beside:
    """What is known of the leads of some rows, by the ids in the rows."""
    names = leads.survivors(session, [row.record.lead_id for row in rows])
    found = session.scalars(sa.select(Lead).where(Lead.lead_id.in_(names.values()))).all()
    keys = [lead.key for lead in found]
    moments = {row.scored_at for row in rows if row.scored_at}
    newest = scoring.latest_snapshots(session, keys) if moments else {}
    scored = leads.inputs_at(session, keys, moments)
    told = _events(session, keys) if any(row.outcome_at for row in rows) else {}
    read = mirror.read_keys(session, keys if any(row.is_of_crm for row in rows) else [])
    known = {
        lead.lead_id: Known(
            known_values(lead),
            outcomes.counting(lead),
            lead.outcome_at,
            newest[lead.key].taken_at if lead.key in newest else None,
            told.get(lead.key, ()),
            scored.get(lead.key, {}),
            lead.key in read,
        )
        for lead in found
    }
    unknown = {lead_id for lead_id, name in names.items() if name not in known}
    return Beside(
        {lead_id: known[name] for lead_id, name in names.items() if name in known},
        waiting.standing(session, unknown, now),
    )


def _events(session: Session, lead_keys: Collection[int]) -> dict[int, set[Event]]:
    found: dict[int, set[Event]] = {}
    for told in session.scalars(sa.select(Outcome).where(Outcome.lead_key.in_(lead_keys))):
        event = told.result, told.source, told.happened_at
        found.setdefault(told.lead_key, set()).add(event)
    return found


@dataclass(slots=True)
class _Lead:
    """What the rows so far bring to one lead; `waits` are outcomes of theirs that wait for it."""

    outcome: Meaning
    outcome_at: datetime | None
    is_: Literal["unseen", "waiting", "new", "changed", "unchanged"] = "unseen"
    waits: tuple[Waiting, ...] = ()
    events: frozenset[Event] = frozenset()

    def wait(self, outcome: Meaning, at: datetime | None, kept: Sequence[Waiting]) -> None:
        """Let an outcome wait, unless it does already."""
        self.is_, said = "waiting", [*kept, *self.waits]
        is_repeated = (outcome, at) in said if at else bool(said) and said[-1][0] == outcome
        if outcome is not None and not is_repeated:
            self.waits += ((outcome, at),)

    def come(self, kept: Sequence[Waiting]) -> int:
        """Become a lead; say how many outcomes have waited for it."""
        self.is_, said = "new", [*kept, *self.waits]
        self.events |= {(RESULTS[outcome], "csv", at) for outcome, at in said if at}
        self.outcome, self.waits = said[-1][0] if said else None, ()
        return len(said)


class Forecast:
    """What right rows would bring; `waits` if outcomes of unknown people wait for their leads."""

    def __init__(self, *, waits: bool) -> None:
        self.waits = waits
        self.n_outcomes = 0
        self.leads: dict[int, _Lead] = {}
        self.changes: dict[str, dict[str, ValueChange]] = {}
        self.turned: dict[str, ValueChange] = {}

    def add(self, rows: Iterable[ImportRow], beside: Beside) -> None:
        """Go through the next rows, with what is known of their leads."""
        for row in rows:
            lead_id = row.record.lead_id
            known = beside.leads.get(lead_id)
            before = (known.outcome, known.outcome_at) if known else (None, None)
            lead = self.leads.setdefault(hash(lead_id), _Lead(*before))
            if known is not None:
                self._compare(row, lead, known)
            elif lead.is_ != "new" and self.waits and not row.tells_who:
                lead.wait(row.record.outcome, row.outcome_at, beside.waiting.get(lead_id, ()))
                continue
            elif lead.is_ != "new":
                self.n_outcomes += lead.come(beside.waiting.get(lead_id, ()))
            self._tell(row, lead, known)

    def result(self) -> ImportPreview:
        """What was found."""
        n = Counter(lead.is_ for lead in self.leads.values())
        return ImportPreview(
            n_new=n["new"],
            n_changed=n["changed"],
            n_unchanged=n["unchanged"],
            n_outcomes=self.n_outcomes,
            n_waiting=sum(len(lead.waits) for lead in self.leads.values()),
            changes=[
                LeadChange(lead_id=lead_id, changes=list(changes.values()))
                for lead_id, changes in self.changes.items()
            ],
            turned=[
                LeadChange(lead_id=lead_id, changes=[change])
                for lead_id, change in self.turned.items()
            ],
        )

    def _compare(self, row: ImportRow, lead: _Lead, known: Known) -> None:
        changes = {change.field: change for change in _changes(row, known)}
        if changes:
            lead.is_ = "changed"
        elif lead.is_ == "unseen":
            lead.is_ = "unchanged"
        shown = self.changes.get(row.record.lead_id)
        if shown is not None:
            shown |= changes
        elif changes and len(self.changes) < MAX_CHANGES_SHOWN:
            self.changes[row.record.lead_id] = changes

    def _tell(self, row: ImportRow, lead: _Lead, known: Known | None) -> None:
        """Count an outcome unless it is on record, and see whether another one counts then."""
        outcome, at = row.record.outcome, row.outcome_at
        is_withdrawal = bool(row.exported and row.exported.withdraws)
        if outcome is None and not (is_withdrawal and lead.outcome is not None):
            return
        is_left_to_crm = row.is_of_crm and known is not None and known.is_read
        if is_left_to_crm or (at is None and outcome == lead.outcome):
            return
        if at is not None:
            event = RESULTS[outcome], row.exported.source if row.exported else "csv", at
            if event in lead.events or (known and event in known.events):
                return
            lead.events |= {event}
        self.n_outcomes += 1
        if lead.outcome is not None and at and lead.outcome_at and at < lead.outcome_at:
            return
        lead.outcome, lead.outcome_at = outcome, at
        turned = self.turned.get(row.record.lead_id)
        if known and known.outcome is not None and (turned or len(self.turned) < MAX_CHANGES_SHOWN):
            self._turn(row.record.lead_id, known.outcome, outcome)

    def _turn(self, lead_id: str, old: Meaning, new: Meaning) -> None:
        self.turned.pop(lead_id, None)
        if new != old:
            words = [RESULTS[meaning].replace("_", " ") for meaning in (old, new)]
            self.turned[lead_id] = ValueChange(field=OUTCOME, old=words[0], new=words[1])


def _changes(row: ImportRow, known: Known) -> Iterator[ValueChange]:
    """The values that a row changes; one older than what is known only fills in."""
    at = row.scored_at
    is_late = bool(at and known.scored_at and at < known.scored_at)
    passed_over = {LEAD_ID, OUTCOME}
    if at and row.repeats(known.inputs_at.get(at, ())):
        passed_over |= row.record.inputs.keys()
    for name, new in row.values.items():
        old = known.values.get(name)
        if name not in passed_over and new != old and not (is_late and old is not None):
            yield ValueChange(field=name, old=old, new=new)
