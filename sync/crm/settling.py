"""From what was read of Salesforce to outcomes: derived by rule, recorded where they are news."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from sync.salesforce.mapping import LeadMapping
from sync.salesforce.outcomes import (
    GONE,
    Derived,
    LeadFacts,
    OpportunityFacts,
    OutcomeRules,
    derive,
    midnight,
)
from sync.salesforce.window import moment
from webapp.crm_tables import CrmLead, CrmOpportunity
from webapp.services.crm import conflicts, mirror
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.leads import leads, removal
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import CLOCK_SKEW, Attribution, OutcomeEvent
from webapp.tables import Lead, is_assumed

ACTOR = "salesforce"
SHORTEST = timedelta(microseconds=1)
MAX_EXAMPLES = 20
CLOSING = frozenset({"converted", "lost", "never_worked"})
REASONS = {
    "1a": "its opportunity was deleted",
    "1b": "its opportunity is won",
    "1c": "its opportunity is lost",
    "1d": "its opportunity is open again",
    "1m": "it reached the milestone",
    "1u": "its opportunity can no longer be read",
    "2": "it has no opportunity",
    "2a": "the opportunity of its contact was deleted",
    "2b": "the opportunity of its contact is won",
    "2c": "the opportunity of its contact is lost",
    "2d": "the opportunity of its contact is open again",
    "2m": "it reached the milestone by its contact",
    "2n": "it was converted long ago without an opportunity",
    "3": "its status says that it was disqualified",
    "4": "it is being worked on again",
    "4s": "nothing has happened for long",
    GONE: "it was deleted",
    "La": "the opportunity linked by hand was deleted",
    "Lb": "the opportunity linked by hand is won",
    "Lc": "the opportunity linked by hand is lost",
    "Ld": "the opportunity linked by hand is open again",
    "Lm": "it reached the milestone by the opportunity linked by hand",
}


@dataclass
class RunCounts:
    """What a run has done: counts by name, and a few of the outcomes as examples."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)

    def show(self, lead: Lead, said: str, rule: str) -> None:
        """Keep an example for people, while there are few."""
        if len(self.examples) < MAX_EXAMPLES:
            reason = REASONS.get(rule, "")
            self.examples.append(
                {"lead_id": lead.lead_id, "outcome": said, "rule": rule, "reason": reason}
            )


@dataclass(frozen=True)
class SyncContext:
    """What every step of a run works with: what the administrator has set, and the tally."""

    fields: Fields
    mapping: LeadMapping
    rules: CrmRules
    run_counts: RunCounts = field(default_factory=RunCounts)

    @property
    def outcome_rules(self) -> OutcomeRules:
        """The part of the rules that outcomes are derived by."""
        rules = self.rules
        return OutcomeRules(
            milestone=rules.milestone,  # type: ignore[arg-type]
            disqualified=frozenset(rules.disqualified),
            no_opportunity=rules.no_opportunity,  # type: ignore[arg-type]
            no_opportunity_days=rules.no_opportunity_days,
            silent_days=rules.silent_days,
            silence=rules.silence,  # type: ignore[arg-type]
        )


def settle(
    session: Session, context: SyncContext, crm_leads: Iterable[CrmLead], now: datetime
) -> None:
    """Record what became of these leads where Salesforce says something new.

    1. A lead deleted or merged is hidden; its outcome is withdrawn, and what people here said of a
       merged one goes over to the lead that stays.
    2. Won or lost is recorded once; a deal that is open again withdraws.
    3. Where nobody has said anything, it may be assumed; a word takes that back.
    4. Where a person here has said otherwise, that is listed as a conflict.
    """
    mine = [lead for lead in crm_leads if lead.lead_key is not None]
    if not mine:
        return
    book = _Book(session, mine)
    derived = {lead.id: book.derived(lead, context.outcome_rules, now) for lead in mine}
    handed_over = [pair for lead in mine if (pair := _show_or_hide(book, context, lead, now))]
    spoken = {lead.id: _spoken(book, lead, derived[lead.id], now) for lead in mine}
    mirror.keep_said(session, [n for lead in mine if _is_news(lead, n := spoken[lead.id][0])])
    events = [event for _, event in spoken.values() if event is not None]
    for event in events:
        said = outcomes.RESULTS[event.converted]
        context.run_counts.counts[said] += 1
        context.run_counts.show(event.lead, said, event.attribution.rule or "")
    if events:
        outcomes.record_many(session, events, now=now)
    removal.hand_over(session, handed_over, now)
    keys = {s.lead.key for s in events} | {winner.key for _, winner in handed_over}
    if keys:
        opened = conflicts.review(session, keys, context.rules.conflicts, now)
        context.run_counts.counts["conflicts"] += opened


class _Book:
    """What outcomes of some leads depend on, read at once."""

    def __init__(self, session: Session, crm_leads: list[CrmLead]) -> None:
        self.session = session
        alone = [lead.id for lead in crm_leads if lead.is_converted and not lead.opportunity_id]
        self.roles = mirror.roles_of(session, alone)
        ids = {i for lead in crm_leads for i in (lead.opportunity_id, lead.linked_opportunity_id)}
        ids |= {i for found in self.roles.values() for i in found}
        self.deals = mirror.opportunities(session, {i for i in ids if i})
        self.survivors = {
            lead.id: mirror.survivor(session, lead) for lead in crm_leads if lead.merged_into
        }
        keys = {lead.lead_key for lead in (*crm_leads, *self.survivors.values()) if lead}
        self.ours = leads.lock_by_key(session, {key for key in keys if key})
        self.spoken_of = outcomes.spoken_of(session, self.ours)

    def derived(self, lead: CrmLead, rules: OutcomeRules, now: datetime) -> Derived:
        candidates = [deal for i in self.roles.get(lead.id, []) if (deal := self._deal(i))]
        return derive(
            _lead_facts(lead),
            self._deal(lead.opportunity_id),
            candidates,
            rules.without_assumptions() if lead.lead_key in self.spoken_of else rules,
            now=now,
            linked=self._deal(lead.linked_opportunity_id),
        )

    def survivor(self, lead: CrmLead) -> Lead | None:
        found = self.survivors.get(lead.id)
        return self.ours.get(found.lead_key or 0) if found else None

    def _deal(self, row_id: str | None) -> OpportunityFacts | None:
        row = self.deals.get(row_id or "")
        return _opportunity_facts(row) if row is not None and row.is_readable else None


def _show_or_hide(
    book: _Book, context: SyncContext, crm_lead: CrmLead, now: datetime
) -> tuple[Lead, Lead] | None:
    """Bring what people see in line; where a lead was merged, it and the one that stays."""
    lead = book.ours[crm_lead.lead_key or 0]
    if not crm_lead.is_deleted:
        if lead.removed_at is not None:
            removal.restore(book.session, context.fields, lead, now)
        return None
    winner = book.survivor(crm_lead)
    if lead.removed_at is not None and lead.merged_into_key == (winner.key if winner else None):
        return None
    removal.remove(book.session, lead, now, into=winner)
    return (lead, winner) if winner is not None else None


def _spoken(
    book: _Book, crm_lead: CrmLead, derived: Derived, now: datetime
) -> tuple[dict[str, Any], OutcomeEvent | None]:
    """What the mirror notes of a lead, and what is to be said of it: None where that is known."""
    lead = book.ours[crm_lead.lead_key or 0]
    said = _said(lead, crm_lead, derived)
    note = {
        "id": crm_lead.id,
        "said": crm_lead.said,
        "said_at": crm_lead.said_at,
        "rule": crm_lead.rule,
        "source_id": derived.source_id,
        "is_inferred": derived.is_inferred,
    }
    if said is None:
        return note, None
    rule, because = _rule_said(crm_lead, derived, said, has_word=lead.key in book.spoken_of)
    if said == crm_lead.said and _is_alike(said, rule, crm_lead.rule):
        return note | {"rule": rule}, None
    happened_at = _happened_at(crm_lead, derived, rule, now)
    key = f"salesforce:{crm_lead.id}:{derived.source_id}:{said}:{happened_at.isoformat()}"
    reason = f"Salesforce: {because} ({derived.source_id})"
    speaker = Attribution("salesforce", ACTOR, reason, rule, key)
    event = OutcomeEvent(lead, outcomes.MEANINGS[said], speaker, happened_at)
    return note | {"said": said, "said_at": happened_at, "rule": rule}, event


def _rule_said(
    crm_lead: CrmLead, derived: Derived, said: str, *, has_word: bool
) -> tuple[str, str]:
    """By which rule it is said, and why, in words.

    What takes back an assumption is nobody's word either and carries its rule; a lead that is gone
    takes back the words said of it too.
    """
    takes_words_back = derived.rule == GONE and has_word
    if said == "withdrawn" and is_assumed(crm_lead.rule) and not takes_words_back:
        return crm_lead.rule, "what was assumed no longer counts"
    return derived.rule, REASONS[derived.rule]


def _is_alike(said: str, rule: str, before: str | None) -> bool:
    """Whether it says nothing more by this rule than by the one before.

    What a lead that is gone takes back may have been said since another withdrawal.
    """
    return rule == before if said == "withdrawn" else is_assumed(rule) == is_assumed(before)


def _is_news(crm_lead: CrmLead, note: dict[str, Any]) -> bool:
    """Whether there is something to note; why nothing was said yet is no news."""
    names = note if note["said"] else ("is_inferred",)
    return any(getattr(crm_lead, name) != note[name] for name in names)


def _said(lead: Lead, crm_lead: CrmLead, derived: Derived) -> str | None:
    if derived.result in CLOSING:
        return derived.result
    was_definite = crm_lead.said in CLOSING
    # A lead that is gone teaches nothing, whoever said what became of it.
    is_gone = derived.result in {"merged", "void"} and derived.rule == GONE
    return (
        "withdrawn" if was_definite or (is_gone and outcomes.counting(lead) is not None) else None
    )


def _happened_at(crm_lead: CrmLead, derived: Derived, rule: str, now: datetime) -> datetime:
    """Behind what Salesforce said before: a change may move no stamp, or carry an older one.

    A word needs no place behind an assumption: it counts before one, whatever time it is about.
    """
    latest = max(derived.happened_at, moment(crm_lead.stamp)) if derived.rule == GONE else None
    at = latest or derived.happened_at
    if crm_lead.said_at is None or is_assumed(rule) != is_assumed(crm_lead.rule):
        return min(at, now)
    return min(max(at, crm_lead.said_at + SHORTEST), now + CLOCK_SKEW)


def _lead_facts(row: CrmLead) -> LeadFacts:
    return LeadFacts(
        id=row.id,
        stamp=moment(row.stamp),
        created_at=moment(row.created_at),
        status=row.status,
        is_converted=row.is_converted,
        converted_at=midnight(row.converted_on),
        opportunity_id=row.opportunity_id,
        is_deleted=row.is_deleted,
        merged_into=row.merged_into,
        active_at=midnight(row.active_on),
    )


def _opportunity_facts(row: CrmOpportunity) -> OpportunityFacts:
    return OpportunityFacts(
        id=row.id,
        stamp=moment(row.stamp),
        created_at=moment(row.created_at),
        is_closed=row.is_closed,
        is_won=row.is_won,
        is_deleted=row.is_deleted,
        stage_changed_at=moment(row.stage_changed_at) if row.stage_changed_at else None,
    )
