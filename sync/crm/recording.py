"""Recording what became of leads, where the CRM says something new."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy.orm import Session

from sync.crm.outcomes import (
    REASONS,
    UNREAD,
    Deals,
    Derived,
    derive,
    is_same_day,
    time_of,
)
from sync.crm.sync_run import SyncContext
from webapp.crm_tables import CrmDeal, CrmLead
from webapp.services.crm import conflicts, links, mirror, pending_writes
from webapp.services.crm.outcome_rules import MAX_EXAMPLES, CrmRules
from webapp.services.crm.sync_runs import Example
from webapp.services.leads import leads, pipeline, removal
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.services.outcomes.times import CLOCK_SKEW
from webapp.tables import Lead, is_assumed

MIN_STEP = timedelta(microseconds=1)


def record_outcomes_of(
    session: Session, context: SyncContext, ids: Collection[str], now: datetime
) -> None:
    """Record what became of the leads with these ids of the CRM."""
    record_outcomes(session, context, mirror.leads_by_id(session, ids).values(), now)


def record_outcomes(
    session: Session, context: SyncContext, crm_leads: Iterable[CrmLead], now: datetime
) -> None:
    """Record what became of these leads where the CRM says something new.

    1. A lead deleted or merged is hidden; what people reported of it goes to the one that stays.
    2. A lead whose deal is open is in the pipeline until its outcome is known.
    3. Won or lost is recorded once; a deal that is open again withdraws what the CRM said.
    4. Where nobody has reported an outcome, it may be inferred; a report withdraws that.
    5. Where a person here has reported another outcome, that is listed as a conflict.
    """
    mine = [lead for lead in crm_leads if lead.lead_key is not None]
    if not mine:
        return
    facts = _Facts(session, mine)
    derived = {lead.id: facts.derived(lead, context.rules, now) for lead in mine}
    is_pending = {lead.lead_key or 0: derived[lead.id].result == "pending" for lead in mine}
    left = pipeline.put(session, is_pending)
    closing = [lead for lead in mine if facts.is_closing(lead, derived[lead.id])]
    facts.first_scored = leads.first_scored(session, [lead.lead_key or 0 for lead in closing])
    handed_over = [pair for lead in mine if (pair := _show_or_hide(facts, context, lead, now))]
    noted = {lead.id: _events(facts, context, lead, derived[lead.id], now=now) for lead in mine}
    won_before = [lead for lead in mine if lead.outcome == "converted"]
    no_longer_won = {
        lead.lead_key or 0 for lead in won_before if noted[lead.id][0]["outcome"] != "converted"
    }
    mirror.keep_outcomes(session, [n for lead in mine if _is_news(lead, n := noted[lead.id][0])])
    events = [event for _, found in noted.values() for event in found]
    for event in events:
        outcome, rule = outcomes.RESULTS[event.converted], event.attribution.rule or ""
        context.result.counts[outcome] += 1
        if len(context.result.examples) < MAX_EXAMPLES:
            because = (event.attribution.reason or "").partition(": ")[2].rpartition(" (")[0]
            example = Example(event.lead.lead_id, outcome, rule, because)
            context.result.examples.append(example)
    removal.hand_over(session, handed_over, now)
    if events:
        outcomes.record_many(session, events, now=now)
    offer_again(session, context, left | no_longer_won, now)
    keys = {s.lead.key for s in events} | {winner.key for _, winner in handed_over}
    if keys:
        opened = conflicts.review(session, keys, context.rules.conflicts, now)
        context.result.counts["conflicts"] += opened


def offer_again(
    session: Session, context: SyncContext, lead_keys: Collection[int], now: datetime
) -> None:
    """Have the scores of these leads written where they are open again: meanwhile none were."""
    if lead_keys and context.rules.writes_scores:
        n_due = pending_writes.offer_again(session, lead_keys, context.bands, now)
        context.result.counts["scores_due"] += n_due


class _Facts:
    """What outcomes of some leads depend on, read at once."""

    def __init__(self, session: Session, crm_leads: list[CrmLead]) -> None:
        self.session = session
        self.links = links.of_leads(session, [lead.id for lead in crm_leads])
        ids = {link.deal_id for found in self.links.values() for link in found}
        self.deals = {i: deal for i, deal in mirror.deals(session, ids).items() if deal.is_known}
        self.survivors = {
            lead.id: mirror.survivor(session, lead) for lead in crm_leads if lead.merged_into
        }
        keys = {lead.lead_key for lead in (*crm_leads, *self.survivors.values()) if lead}
        self.ours = leads.lock_by_key(session, {key for key in keys if key})
        self.reported = outcomes.with_reported_outcome(session, self.ours)
        # When those whose outcome is about to be recorded had their first inputs.
        self.first_scored: dict[int, datetime] = {}

    def derived(self, lead: CrmLead, rules: CrmRules, now: datetime) -> Derived:
        rules = rules.without_inference() if lead.lead_key in self.reported else rules
        own = {link.deal_id for link in self.links[lead.id] if link.origin in links.OWN}
        unread = {k.origin for k in self.links[lead.id] if k.deal_id not in self.deals}
        deals = Deals(
            own=self._readable(own),
            by_contact=self._linked(lead, "contact"),
            by_hand=self._linked(lead, "person"),
            is_one_unread=not unread.isdisjoint(links.OWN),
            is_contacts_unread="contact" in unread,
            is_linked_unread="person" in unread,
        )
        return derive(lead, deals, rules, now=now)

    def is_linked(self, lead: CrmLead) -> bool:
        """Whether its outcome came from a link made by hand that is still there."""
        by_hand = {k.deal_id for k in self.links[lead.id] if k.origin == "person"}
        return _is_by_hand(lead) and lead.source_id in by_hand

    def was_unlinked(self, lead: CrmLead, derived: Derived) -> bool:
        """Whether its outcome came from a link made by hand, and nothing says so any more."""
        is_known = lead.outcome in outcomes.DEFINITE and derived.rule != UNREAD
        is_gone = _is_by_hand(lead) and not self.is_linked(lead)
        return is_known and is_gone and lead.source_id not in {lead.id, derived.source_id}

    def is_closing(self, lead: CrmLead, derived: Derived) -> bool:
        """Whether an outcome is about to be recorded."""
        is_new = derived.result != lead.outcome or self.was_unlinked(lead, derived)
        return derived.result in outcomes.DEFINITE and is_new

    def survivor(self, lead: CrmLead) -> Lead | None:
        found = self.survivors.get(lead.id)
        return self.ours.get(found.lead_key or 0) if found else None

    def _linked(self, lead: CrmLead, origin: str) -> list[CrmDeal]:
        return self._readable({k.deal_id for k in self.links[lead.id] if k.origin == origin})

    def _readable(self, deal_ids: Collection[str]) -> list[CrmDeal]:
        return [self.deals[i] for i in sorted(deal_ids) if i in self.deals]


def _show_or_hide(
    facts: _Facts, context: SyncContext, crm_lead: CrmLead, now: datetime
) -> tuple[Lead, Lead] | None:
    """Bring what people see in line; where a lead was merged, it and the one that stays."""
    lead = facts.ours[crm_lead.lead_key or 0]
    if not crm_lead.is_deleted:
        if lead.removed_at is not None:
            removal.restore(facts.session, context.fields, lead, now)
        return None
    winner = facts.survivor(crm_lead)
    if lead.removed_at is not None and lead.merged_into_key == (winner.key if winner else None):
        return None
    removal.remove(facts.session, lead, now, into=winner)
    if winner is None:
        return None
    survivor = facts.survivors[crm_lead.id]
    if survivor is not None and links.hand_over(facts.session, crm_lead.id, survivor.id):
        # Its outcome is derived from them when it is read.
        mirror.read_again(facts.session, [survivor.id])
    return lead, winner


def _is_by_hand(crm_lead: CrmLead) -> bool:
    return (crm_lead.rule or "").startswith(mirror.BY_HAND)


def _events(
    facts: _Facts, context: SyncContext, crm_lead: CrmLead, derived: Derived, *, now: datetime
) -> tuple[dict[str, Any], list[OutcomeEvent]]:
    """What the mirror notes of a lead, and what is to be recorded: nothing where that is known."""
    if facts.was_unlinked(crm_lead, derived):
        return _without_link(facts, context, crm_lead, derived, now=now)
    if derived.rule == UNREAD and _is_by_hand(crm_lead):
        return _note_of(crm_lead), []
    outcome = _outcome(crm_lead, derived)
    note = _note_of(crm_lead) | {"source_id": derived.source_id}
    if outcome is None:
        return note, []
    # What withdraws an inferred outcome is inferred itself and carries its rule.
    is_retracted = outcome == "withdrawn" and is_assumed(crm_lead.rule)
    rule = (crm_lead.rule or "") if is_retracted else derived.rule
    if outcome == crm_lead.outcome and is_assumed(rule) == is_assumed(crm_lead.rule):
        # What is on record goes on naming a deal linked by hand: with its link it is withdrawn.
        return (_note_of(crm_lead) if facts.is_linked(crm_lead) else note | {"rule": rule}), []
    because = _because(context, outcome, rule)
    if outcome == "withdrawn" and (crm_lead.rule, rule) == ("3", "4"):
        because = "its status no longer counts as disqualified"
    because += ", one of several" if derived.is_one_of_several and not is_retracted else ""
    happened_at = _happened_at(crm_lead, derived, rule, context.zone, now=now)
    told = replace(derived, rule=rule, happened_at=happened_at)
    event = _event(facts, context, crm_lead, told, outcome=outcome, because=because)
    return note | {"outcome": outcome, "outcome_at": event.happened_at, "rule": rule}, [event]


def _without_link(
    facts: _Facts, context: SyncContext, crm_lead: CrmLead, derived: Derived, *, now: datetime
) -> tuple[dict[str, Any], list[OutcomeEvent]]:
    """Withdraw what a link brought that was removed; what else is known then has its own date."""
    removed = replace(derived, happened_at=now)
    because = f"the link to its {context.kind.deal} was removed by hand"
    cited = crm_lead.source_id
    withdrawn = _event(
        facts, context, crm_lead, removed, outcome="withdrawn", because=because, cited=cited
    )
    note = _note_of(crm_lead) | {"rule": derived.rule, "source_id": derived.source_id}
    if derived.result not in outcomes.DEFINITE:
        return note | {"outcome": "withdrawn"}, [withdrawn]
    told = replace(derived, happened_at=min(time_of(derived, crm_lead, context.zone), now))
    because = _because(context, derived.result, derived.rule)
    event = _event(facts, context, crm_lead, told, outcome=derived.result, because=because)
    # All that is told later is dated behind all of this.
    at = max(filter(None, (crm_lead.outcome_at, event.happened_at)))
    return note | {"outcome": derived.result, "outcome_at": at}, [withdrawn, event]


def _note_of(crm_lead: CrmLead) -> dict[str, Any]:
    return {"id": crm_lead.id} | {c.key: getattr(crm_lead, c.key) for c in mirror.OUTCOME_COLUMNS}


def _event(
    facts: _Facts,
    context: SyncContext,
    crm_lead: CrmLead,
    told: Derived,
    *,
    outcome: str,
    because: str,
    cited: str | None = None,
) -> OutcomeEvent:
    lead, at = facts.ours[crm_lead.lead_key or 0], told.happened_at
    first = facts.first_scored.get(lead.key)
    if outcome != "withdrawn" and first and at < first and is_same_day(at, first, context.zone):
        # Else a lead that was made and closed within a day would be a label without inputs.
        at, because = first, f"{because}, dated by the first sync of that day"
    source, name = context.kind.key, context.kind.name
    if facts.was_unlinked(crm_lead, told):
        # The same of the same time would be no news.
        earlier = outcomes.told_at(facts.session, lead, source)
        while at in earlier:
            at += MIN_STEP
    key = f"{source}:{crm_lead.id}:{told.source_id}:{outcome}:{at.isoformat()}"
    reason = f"{name}: {because} ({cited or told.source_id})"
    attribution = Attribution(source, source, reason, told.rule, key)
    return OutcomeEvent(lead, outcomes.MEANINGS[outcome], attribution, at)


def _because(context: SyncContext, outcome: str, rule: str) -> str:
    if outcome == "withdrawn" and is_assumed(rule):
        return "the rule that inferred it no longer applies"
    kind, is_by_deal = context.kind, context.rules.milestone == "deal_created"
    milestone = f"{kind.a_deal} was created from it" if is_by_deal else "it was converted"
    return REASONS.get(rule, "").format(deal=kind.deal, a_deal=kind.a_deal, milestone=milestone)


def _is_news(crm_lead: CrmLead, note: dict[str, Any]) -> bool:
    """Whether there is something to note; that a lead is open is no news."""
    is_open = note["source_id"] == crm_lead.id and crm_lead.source_id is None
    if is_open and not note["outcome"]:
        return False
    return any(getattr(crm_lead, name) != value for name, value in note.items())


def _outcome(crm_lead: CrmLead, derived: Derived) -> str | None:
    if derived.result in outcomes.DEFINITE:
        return derived.result
    # What cannot be read, or was not yet, is no statement.
    is_withdrawn = crm_lead.outcome in outcomes.DEFINITE and derived.rule != UNREAD
    return "withdrawn" if is_withdrawn else None


def _happened_at(
    crm_lead: CrmLead, derived: Derived, rule: str, zone: tzinfo | None, *, now: datetime
) -> datetime:
    """Behind what the CRM said before: a change may move no stamp, or carry an older one."""
    at = time_of(derived, crm_lead, zone)
    if crm_lead.outcome_at is None or is_assumed(rule) != is_assumed(crm_lead.rule):
        return min(at, now)
    return min(max(at, crm_lead.outcome_at + MIN_STEP), now + CLOCK_SKEW)
