"""What training reads: every labelled lead with its inputs as they were before the outcome."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from ml.fields.fields_file import Fields, Value
from webapp import field_lists
from webapp.crm_tables import CrmLead, CrmLink
from webapp.services.leads import leads
from webapp.services.models import lead_groups
from webapp.services.models.lead_groups import Known
from webapp.tables import Lead, Snapshot

MAX_WAITS = 4_000  # newest outcomes that landmarks are taken from
# Leads in a row get ages spread evenly: by the golden section, as a ratio of Fibonacci numbers.
SPREAD, STEPS = 377, 610


@dataclass(frozen=True)
class LabelledLead:
    """A lead with a known outcome and the inputs to learn from.

    `came_with_outcome` marks inputs not known to be older than it; `counted_by_run` first saw it.
    """

    lead_key: int
    inputs: dict[str, Value]
    converted: bool
    came_with_outcome: bool
    counted_by_run: int
    outcome_at: datetime
    scored_since: datetime
    in_crm_since: str | None


@dataclass(frozen=True)
class Labelled:
    """All that a training run may learn from.

    `is_evidence` marks leads labelled since the champion was trained; `n_left_out` counts those of
    which only later inputs are known, `n_outdated` those before the world changed. `groups` has a
    number for the person or company of each lead.
    """

    leads: list[LabelledLead]
    is_evidence: list[bool]
    n_left_out: int
    groups: list[int]
    n_outdated: int = 0

    @property
    def is_dated(self) -> bool:
        """Whether time tells old outcomes from new ones: not where most leads are of one day."""
        days = Counter(lead.outcome_at.date() for lead in self.leads)
        return 2 * max(days.values(), default=0) <= len(self.leads)

    def since(self, first: int) -> "Labelled":
        """The leads from a place on."""
        return replace(
            self,
            leads=self.leads[first:],
            is_evidence=self.is_evidence[first:],
            groups=self.groups[first:],
        )

    def about(self) -> dict[str, Any]:
        """What is kept of it with the version: counts, and from when to when."""
        n_converted = sum(lead.converted for lead in self.leads)
        return {
            "n_leads": len(self.leads),
            "n_groups": len(set(self.groups)),
            "n_converted": n_converted,
            "n_lost": len(self.leads) - n_converted,
            "n_came_with_outcome": sum(lead.came_with_outcome for lead in self.leads),
            "n_left_out": self.n_left_out,
            "first_outcome_at": self.leads[0].outcome_at.isoformat() if self.leads else None,
            "last_outcome_at": self.leads[-1].outcome_at.isoformat() if self.leads else None,
            "is_dated": self.is_dated,
        }


def collect(
    session: Session, run_key: int, *, since_run: int, since: datetime | None = None
) -> Labelled:
    """Read what a run may learn from, against a champion trained by `since_run` (0: by none).

    Outcomes that happened before `since` are outdated.

    A lead's snapshot is that of its landmark (`at_landmark`), else the first one if it came with
    the outcome. Others would tell what they should predict and are left out. Labels that arrived
    after the claim are left for the next run.
    """
    found = list(_labels(session, run_key))
    known = [lead for lead in found if lead is not None]
    leads = [lead for lead in known if since is None or lead.outcome_at >= since]
    is_evidence = [lead.counted_by_run > since_run for lead in leads]
    groups = groups_of(session, {lead.lead_key: lead.inputs for lead in leads})
    return Labelled(leads, is_evidence, len(found) - len(known), groups, len(known) - len(leads))


def _labels(session: Session, run_key: int) -> Iterator[LabelledLead | None]:
    """Yield labels in order, None for a lead left out; values of another meaning are unknown."""
    meanings = field_lists.current(session).meanings
    own, earliest = aliased(Snapshot), aliased(Snapshot)
    of_lead = sa.select(earliest.key).where(earliest.lead_key == Lead.key).correlate(Lead)
    first = of_lead.order_by(earliest.taken_at, earliest.key).limit(1).scalar_subquery()
    chosen = sa.func.coalesce(at_landmark(session), first)
    is_usable = sa.or_(own.came_with_outcome, own.taken_at <= Lead.outcome_at)
    query = (
        sa.select(
            Lead.key,
            own.inputs,
            Lead.outcome,
            own.came_with_outcome,
            Lead.counted_by_run,
            Lead.outcome_at,
            Lead.created_at,
            CrmLead.created_at,
            own.key,
        )
        .select_from(Lead)
        .outerjoin(CrmLead, CrmLead.lead_key == Lead.key)
        .outerjoin(own, sa.and_(own.key == chosen, is_usable))
        .where(Lead.outcome.is_not(None), Lead.counted_by_run <= run_key)
        .order_by(Lead.outcome_at, Lead.key)
        .execution_options(yield_per=2000)
    )
    for lead_key, inputs, *label, snapshot_key in session.execute(query):
        if snapshot_key is None:
            yield None
            continue
        values = meanings.still_true(inputs, meanings.list_of(snapshot_key))
        yield LabelledLead(lead_key, values, *label)


def groups_of(session: Session, inputs: Mapping[int, dict[str, Value]]) -> list[int]:
    """Number the persons and companies of labelled leads, told by their keys and inputs.

    Who they are is not kept.
    """
    records: dict[int, set[Hashable]] = {key: {key} for key in inputs}
    in_crm = (
        sa.select(CrmLead.lead_key, CrmLead.contact_id, CrmLink.deal_id)
        .outerjoin(CrmLink, CrmLink.crm_lead_id == CrmLead.id)
        .where(CrmLead.lead_key.is_not(None))
        .execution_options(yield_per=2000)
    )
    for key, *ids in session.execute(in_crm):
        if key in records:
            records[key].update(each for each in ids if each is not None)
    people = (
        sa.select(Lead.key, Lead.email, Lead.company, Lead.merged_into_key)
        .where(Lead.outcome.is_not(None))
        .execution_options(yield_per=2000)
    )
    known = {
        key: Known(inputs[key], email, company, tuple(records[key] | ({merged} - {None})))
        for key, email, company, merged in session.execute(people)
        if key in inputs
    }
    return lead_groups.groups([known[key] for key in inputs])


def newest_open(session: Session, fields: Fields, limit: int = 2000) -> list[dict[str, Value]]:
    """What is known of the open leads that were scored last, demo leads left out."""
    is_invented = sa.exists().where(
        Snapshot.lead_key == Lead.key, Snapshot.source == leads.DEMO_SOURCE
    )
    query = (
        sa.select(Lead)
        .where(Lead.outcome.is_(None), ~Lead.is_never_worked, ~Lead.is_in_pipeline, ~is_invented)
        .order_by(Lead.scored_at.desc(), Lead.key)
    )
    return [leads.collected_inputs(lead) for lead in session.scalars(query.limit(limit))]


def at_landmark(session: Session) -> sa.Function[int]:
    """The key of the snapshot to judge the lead in the query around it by.

    The last one from before its landmark and its outcome, if any; at least the first; none of those
    that came with an outcome. Landmarks are ages that have nothing to do with how a lead ends (van
    Houwelingen 2007, Scandinavian Journal of Statistics 34:70-85): what adds up while leads are
    open would else tell how long they were. They lie evenly within `landmark_days`.
    """
    before = aliased(Snapshot)
    usable = (
        sa.select(before.key)
        .where(before.lead_key == Lead.key, ~before.came_with_outcome)
        .where(sa.or_(Lead.outcome_at.is_(None), before.taken_at <= Lead.outcome_at))
        .correlate(Lead)
    )
    landmark = landmark_days(session) / STEPS * (Lead.key * SPREAD % STEPS)
    newest = usable.where(DaysBetween(Lead.created_at, before.taken_at) <= landmark)
    newest = newest.order_by(before.taken_at.desc(), before.key.desc())
    first = usable.order_by(before.taken_at, before.key)
    return sa.func.coalesce(newest.limit(1).scalar_subquery(), first.limit(1).scalar_subquery())


def landmark_days(session: Session) -> float:
    """The median days from the first score to the outcome that comes sooner; 0 without outcomes."""
    query = (
        sa.select(Lead.outcome, Lead.created_at, Lead.outcome_at)
        .where(Lead.outcome.is_not(None), Lead.created_at < Lead.outcome_at)
        .order_by(Lead.outcome_day.desc(), Lead.key.desc())
    )
    waits: defaultdict[Any, list[float]] = defaultdict(list)
    for converted, since, until in session.execute(query.limit(MAX_WAITS)):
        assert until is not None  # so the query asks
        waits[converted].append((until - since) / timedelta(days=1))
    return min(map(median, waits.values()), default=0.0)


class DaysBetween(GenericFunction[float]):
    """The days from one time to another, in SQL."""

    type = sa.Float()
    inherit_cache = True


@compiles(DaysBetween, "sqlite")
def _days_in_sqlite(element: DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(each, **options) for each in element.clauses)
    return f"(julianday({until}) - julianday({since}))"


@compiles(DaysBetween, "postgresql")
def _days_in_postgresql(element: DaysBetween, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(each, **options) for each in element.clauses)
    return f"(EXTRACT(EPOCH FROM {until} - {since}) / 86400)"
