"""What became of a lead by what Salesforce says: pure, by rules 1 to 5 of docs/salesforce.md."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sync.crm.mapping import parse_time
from webapp.crm_tables import CrmLead, CrmOpportunity
from webapp.services.crm.outcome_rules import CrmRules

# The rule of a lead that was deleted or merged.
GONE = "5"
# Why each rule records an outcome or withdraws one.
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


@dataclass(frozen=True)
class Derived:
    """An outcome with the rule that made it, the record it comes from and when it happened.

    `result` is converted, lost, never_worked, pending, open, or void and merged where the lead or
    its opportunity is gone.
    """

    result: str
    rule: str
    source_id: str
    happened_at: datetime
    is_inferred: bool = False


def derive(
    lead: CrmLead,
    opportunity: CrmOpportunity | None,
    candidates: Sequence[CrmOpportunity],
    rules: CrmRules,
    *,
    now: datetime,
    linked: CrmOpportunity | None = None,
) -> Derived:
    """Say what became of a lead.

    `opportunity` is the one it was converted to, if it can be read; `candidates` those in which its
    contact plays a role; `linked`, chosen by a person, comes before them all. Nothing is lost while
    a deal is open.
    """
    if lead.is_deleted:
        return _of_lead("merged" if lead.merged_into else "void", lead, GONE)
    if linked is not None and not (_is_lost(linked) and _is_open(opportunity)):
        return _of_opportunity(linked, rules, "L")
    if not lead.is_converted:
        return _not_converted(lead, rules, now)
    if rules.milestone == "lead_converted":
        return Derived("converted", "1m", lead.id, _converted_at(lead))
    if lead.opportunity_id is None:
        return _without_opportunity(lead, candidates, rules, now)
    unread = _of_lead("pending", lead, "1u")
    return _of_opportunity(opportunity, rules, "1") if opportunity else unread


def _converted_at(lead: CrmLead) -> datetime:
    return parse_time(lead.converted_on or lead.stamp)


def _of_opportunity(found: CrmOpportunity, rules: CrmRules, rule: str) -> Derived:
    stamp = parse_time(found.stamp)
    if found.is_deleted:
        return Derived("void", f"{rule}a", found.id, stamp)
    if rules.milestone != "opportunity_won":
        return Derived("converted", f"{rule}m", found.id, parse_time(found.created_at))
    changed_at = parse_time(found.stage_changed_at) if found.stage_changed_at else stamp
    if found.is_won:
        return Derived("converted", f"{rule}b", found.id, changed_at)
    if found.is_closed:
        return Derived("lost", f"{rule}c", found.id, changed_at)
    return Derived("pending", f"{rule}d", found.id, stamp)


def _not_converted(lead: CrmLead, rules: CrmRules, now: datetime) -> Derived:
    if lead.status in rules.disqualified:
        return _of_lead("lost", lead, "3")
    if rules.silent_days:
        active_at = max(parse_time(lead.active_on or lead.created_at), parse_time(lead.created_at))
        inactive_at = active_at + timedelta(days=rules.silent_days)
        if now > inactive_at:
            return Derived(rules.silence, "4s", lead.id, inactive_at)
    return _of_lead("open", lead, "4")


def _without_opportunity(
    lead: CrmLead, candidates: Sequence[CrmOpportunity], rules: CrmRules, now: datetime
) -> Derived:
    since = _converted_at(lead)
    until = since + timedelta(days=rules.no_opportunity_days)
    # The date of conversion is the org's, which may be a day ahead of or behind UTC.
    fitting = [
        c
        for c in candidates
        if since - timedelta(days=1) <= parse_time(c.created_at) <= until and not c.is_deleted
    ]
    if fitting:
        deal = _deciding(fitting, rules)
        return replace(_of_opportunity(deal, rules, "2"), is_inferred=len(fitting) > 1)
    if now > until and rules.no_opportunity != "leave_out":
        return Derived(rules.no_opportunity, "2n", lead.id, until)
    return _of_lead("pending", lead, "2")


def _deciding(deals: Sequence[CrmOpportunity], rules: CrmRules) -> CrmOpportunity:
    """Of several the first one won, else the first that is open, else the one lost last."""
    in_order = sorted(deals, key=lambda deal: (parse_time(deal.created_at), deal.id))
    if rules.milestone != "opportunity_won":
        return in_order[0]
    won = [deal for deal in in_order if deal.is_won]
    under_way = [deal for deal in in_order if _is_open(deal)]
    lost_last = max(in_order, key=lambda deal: parse_time(deal.stage_changed_at or deal.stamp))
    return next(iter(won + under_way), lost_last)


def _is_open(deal: CrmOpportunity | None) -> bool:
    return deal is not None and not (deal.is_closed or deal.is_deleted)


def _is_lost(deal: CrmOpportunity) -> bool:
    return bool(deal.is_closed and not (deal.is_won or deal.is_deleted))


def _of_lead(result: str, lead: CrmLead, rule: str) -> Derived:
    return Derived(result, rule, lead.id, parse_time(lead.stamp))
