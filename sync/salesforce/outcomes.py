"""What became of a lead by what Salesforce says: pure, by rules 1 to 5 of docs/salesforce.md."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

Result = Literal["converted", "lost", "never_worked", "pending", "open", "void", "merged"]
Milestone = Literal["opportunity_won", "opportunity_created", "lead_converted"]
Policy = Literal["leave_out", "converted", "lost"]
Silence = Literal["lost", "never_worked"]
# The rule of a lead that was deleted or merged.
GONE = "5"


@dataclass(frozen=True)
class OutcomeRules:
    """What the administrator chose."""

    milestone: Milestone = "opportunity_won"
    disqualified: frozenset[str] = frozenset()
    no_opportunity: Policy = "leave_out"
    no_opportunity_days: int = 90
    # What leads without any activity for so long count as; None: they stay open.
    silent_days: int | None = None
    silence: Silence = "lost"

    def without_assumptions(self) -> "OutcomeRules":
        """The same where somebody has spoken: time alone says nothing more."""
        return replace(self, no_opportunity="leave_out", silent_days=None)


@dataclass(frozen=True)
class LeadFacts:
    """What a lead's outcome depends on."""

    id: str
    stamp: datetime
    created_at: datetime
    status: str | None = None
    is_converted: bool = False
    converted_at: datetime | None = None
    opportunity_id: str | None = None
    is_deleted: bool = False
    merged_into: str | None = None
    active_at: datetime | None = None


@dataclass(frozen=True)
class OpportunityFacts:
    """What an opportunity says."""

    id: str
    stamp: datetime
    created_at: datetime
    is_closed: bool = False
    is_won: bool = False
    is_deleted: bool = False
    stage_changed_at: datetime | None = None


@dataclass(frozen=True)
class Derived:
    """An outcome with the rule that made it, the record it comes from and when it happened."""

    result: Result
    rule: str
    source_id: str
    happened_at: datetime
    is_inferred: bool = False

    @property
    def converted(self) -> bool | None:
        """As `webapp.services.outcomes.outcomes` takes it; None where nothing definite is known."""
        return {"converted": True, "lost": False}.get(self.result)


def derive(
    lead: LeadFacts,
    opportunity: OpportunityFacts | None,
    candidates: Sequence[OpportunityFacts],
    rules: OutcomeRules,
    *,
    now: datetime,
    linked: OpportunityFacts | None = None,
) -> Derived:
    """Say what became of a lead.

    `opportunity` is the one the lead was converted to, None where there is none or it cannot be
    read; `candidates` are those in which the converted contact plays a role; `linked` is one that
    a person has chosen, which comes before them all.
    """
    if lead.is_deleted:
        return _of_lead("merged" if lead.merged_into else "void", lead, GONE)
    if linked is not None:
        return _of_opportunity(linked, rules, "L")
    if not lead.is_converted:
        return _not_converted(lead, rules, now)
    if rules.milestone == "lead_converted":
        return Derived("converted", "1m", lead.id, lead.converted_at or lead.stamp)
    if lead.opportunity_id is None:
        return _without_opportunity(lead, candidates, rules, now)
    unread = _of_lead("pending", lead, "1u")
    return _of_opportunity(opportunity, rules, "1") if opportunity else unread


def midnight(date_text: str | None) -> datetime | None:
    """The beginning, in UTC, of a date that came without a time."""
    return datetime.fromisoformat(date_text).replace(tzinfo=UTC) if date_text else None


def _of_opportunity(found: OpportunityFacts, rules: OutcomeRules, rule: str) -> Derived:
    if found.is_deleted:
        return Derived("void", f"{rule}a", found.id, found.stamp)
    if rules.milestone != "opportunity_won":
        return Derived("converted", f"{rule}m", found.id, found.created_at)
    changed_at = found.stage_changed_at or found.stamp
    if found.is_won:
        return Derived("converted", f"{rule}b", found.id, changed_at)
    if found.is_closed:
        return Derived("lost", f"{rule}c", found.id, changed_at)
    return Derived("pending", f"{rule}d", found.id, found.stamp)


def _not_converted(lead: LeadFacts, rules: OutcomeRules, now: datetime) -> Derived:
    if lead.status in rules.disqualified:
        return _of_lead("lost", lead, "3")
    last_seen_at = max(lead.active_at or lead.created_at, lead.created_at)
    if rules.silent_days and now - last_seen_at > timedelta(days=rules.silent_days):
        silent_at = last_seen_at + timedelta(days=rules.silent_days)
        return Derived(rules.silence, "4s", lead.id, silent_at)
    return _of_lead("open", lead, "4")


def _without_opportunity(
    lead: LeadFacts, candidates: Sequence[OpportunityFacts], rules: OutcomeRules, now: datetime
) -> Derived:
    since = lead.converted_at or lead.stamp
    until = since + timedelta(days=rules.no_opportunity_days)
    # The date of conversion is the org's, which may be a day ahead of or behind UTC.
    fitting = [
        c
        for c in candidates
        if since - timedelta(days=1) <= c.created_at <= until and not c.is_deleted
    ]
    if fitting:
        first = min(fitting, key=lambda c: (c.created_at, c.id))
        derived = _of_opportunity(first, rules, "2")
        return Derived(
            derived.result, derived.rule, derived.source_id, derived.happened_at, len(fitting) > 1
        )
    if now > until and rules.no_opportunity != "leave_out":
        return Derived(rules.no_opportunity, "2n", lead.id, until)
    return _of_lead("pending", lead, "2")


def _of_lead(result: Result, lead: LeadFacts, rule: str) -> Derived:
    return Derived(result, rule, lead.id, lead.stamp)
