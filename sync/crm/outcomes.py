"""What became of a lead and when, by what the CRM says: pure, by rules 1 to 5."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sync.crm.mapping import parse_time
from webapp.crm_tables import CrmDeal, CrmLead
from webapp.database import DAY
from webapp.services.crm.outcome_rules import CrmRules
from webapp.tables import INACTIVITY_RULE, NO_DEAL_RULE

# The rule of a lead that was deleted or merged.
GONE = "5"
# The rule of a lead with a deal that was never read, by whomever it is linked.
UNREAD = "1u"
# How far the days of any place begin before those of UTC, and end after them.
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=12)
# Why each rule records an outcome or withdraws one, with the CRM's word for a deal.
REASONS = {
    "1a": "its {deal} was deleted",
    "1b": "its {deal} is won",
    "1c": "its {deal} is lost",
    "1d": "its {deal} is open again",
    "1m": "{milestone}",
    "2": "it has no {deal}",
    "2b": "the {deal} of its contact is won",
    "2c": "the {deal} of its contact is lost",
    "2d": "the {deal} of its contact is open again",
    "2m": "its contact has {a_deal}",
    NO_DEAL_RULE: "it was converted long ago without any {deal}",
    "3": "its status means disqualified",
    "4": "it is being worked on again",
    INACTIVITY_RULE: "there was no activity for a long time",
    GONE: "it was deleted",
    "La": "the {deal} linked by hand was deleted",
    "Lb": "the {deal} linked by hand is won",
    "Lc": "the {deal} linked by hand is lost",
    "Ld": "the {deal} linked by hand is open again",
    "Lm": "{a_deal} is linked to it by hand",
}


@dataclass(frozen=True)
class Derived:
    """An outcome with the rule that made it, the record it comes from and when it happened.

    `result` is converted, lost, never_worked, pending, open, or void and merged where the lead or
    its deal is gone.
    """

    result: str
    rule: str
    source_id: str
    happened_at: datetime
    is_one_of_several: bool = False


@dataclass(frozen=True)
class Deals:
    """The deals of a lead that can be read, by who says that they are its.

    `own`: the CRM, without doubt; `by_contact`: those in which its contact has a part; `by_hand`:
    a person here. `is_one_unread`: one of its own cannot be read; and likewise of the others.
    """

    own: Sequence[CrmDeal] = ()
    by_contact: Sequence[CrmDeal] = ()
    by_hand: Sequence[CrmDeal] = ()
    is_one_unread: bool = False
    is_contacts_unread: bool = False
    is_linked_unread: bool = False


def derive(lead: CrmLead, deals: Deals, rules: CrmRules, *, now: datetime) -> Derived:
    """Say what became of a lead.

    What a person has linked comes first, then its own deals, then those of its contact. Nothing is
    lost while a deal is open, or may be; one that is won counts before one that is open.
    """
    if lead.is_deleted:
        return _of_lead("merged" if lead.merged_into else "void", lead, GONE)
    if deals.is_linked_unread:
        return _of_lead("pending", lead, UNREAD)
    others = _by_the_crm(lead, deals, rules, now)
    return _by_hand(deals, others, rules) or others


def time_of(derived: Derived, lead: CrmLead, zone: tzinfo | None) -> datetime:
    """When an outcome happened: never before the lead was made, nor before it was converted.

    Without the CRM's time zone its dates may be those of any place.
    """
    at = derived.happened_at
    if lead.is_converted and derived.rule[:1] in {"1", "2"}:
        earliest, latest = converted_within(lead, zone)
        is_conversion_itself = derived.rule == "1m" and derived.source_id == lead.id
        # A deal may be older than the lead that was added to it.
        at = latest if is_conversion_itself or at < earliest else at
    return max(at, parse_time(lead.created_at))


def converted_within(lead: CrmLead, zone: tzinfo | None) -> tuple[datetime, datetime]:
    """Between which times a lead was converted: on its date, and before what shows it was written.

    The later one is its date: all that was known of the lead that day comes before it.
    """
    made, shown = parse_time(lead.created_at), parse_time(lead.stamp)
    if lead.converted_on is None:
        return made, shown
    start, end = _bounds(date.fromisoformat(lead.converted_on), zone)
    earliest = max(start, made)
    return earliest, max(min(end, shown), earliest)


def is_same_day(one: datetime, other: datetime, zone: tzinfo | None) -> bool:
    """Whether two times lie on one day where the CRM is; in UTC where that is not known."""
    there = zone or UTC
    return one.astimezone(there).date() == other.astimezone(there).date()


def _by_hand(deals: Deals, others: Derived, rules: CrmRules) -> Derived | None:
    there = [deal for deal in deals.by_hand if not deal.is_deleted]
    if there:
        found = _deciding(there, rules)
        return _of_deal(found, rules, "L") if _decides(found, deals, rules) else None
    is_open = others.result in {"open", "void"} or others.rule == "2"
    return _of_deal(deals.by_hand[0], rules, "L") if deals.by_hand and is_open else None


def _by_the_crm(lead: CrmLead, deals: Deals, rules: CrmRules, now: datetime) -> Derived:
    # Not every CRM converts leads: then one that has a deal was worked on with success.
    is_gone = not deals.is_one_unread and all(deal.is_deleted for deal in deals.own)
    if is_gone and not lead.is_converted:
        return _not_converted(lead, rules, now)
    if rules.milestone == "lead_converted" and lead.is_converted:
        return Derived("converted", "1m", lead.id, _converted_at(lead))
    if deals.own or deals.is_one_unread:
        return _of_own(lead, deals, rules)
    found = _without_deal(lead, deals.by_contact, rules, now)
    may_be_other = deals.is_contacts_unread and found.result != "converted"
    return _of_lead("pending", lead, UNREAD) if may_be_other else found


def _converted_at(lead: CrmLead) -> datetime:
    return parse_time(lead.converted_on or lead.stamp)


def _decides(by_hand: CrmDeal, deals: Deals, rules: CrmRules) -> bool:
    """Whether a deal linked by hand comes before the lead's own."""
    if rules.milestone != "deal_won":
        return True
    if by_hand.is_under_way:
        return not any(deal.is_won and not deal.is_deleted for deal in deals.own)
    may_be_won = deals.is_one_unread or any(deal.is_under_way for deal in deals.own)
    return not (by_hand.is_lost and may_be_won)


def _of_own(lead: CrmLead, deals: Deals, rules: CrmRules) -> Derived:
    found = _of_deal(_deciding(deals.own, rules), rules, "1") if deals.own else None
    if found is None or (deals.is_one_unread and found.result in {"lost", "void"}):
        return _of_lead("pending", lead, UNREAD)
    return found


def _of_deal(found: CrmDeal, rules: CrmRules, rule: str) -> Derived:
    stamp = parse_time(found.stamp)
    if found.is_deleted:
        return Derived("void", f"{rule}a", found.id, stamp)
    if rules.milestone != "deal_won":
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
            return Derived(rules.silence, INACTIVITY_RULE, lead.id, inactive_at)
    return _of_lead("open", lead, "4")


def _without_deal(
    lead: CrmLead, candidates: Sequence[CrmDeal], rules: CrmRules, now: datetime
) -> Derived:
    since = _converted_at(lead)
    until = since + timedelta(days=rules.no_deal_days)
    # The date of conversion is the org's, which may be a day ahead of or behind UTC.
    fitting = [
        c
        for c in candidates
        if since - DAY <= parse_time(c.created_at) <= until and not c.is_deleted
    ]
    if fitting:
        deal = _deciding(fitting, rules)
        return replace(_of_deal(deal, rules, "2"), is_one_of_several=len(fitting) > 1)
    if now > until and rules.no_deal != "leave_out":
        return Derived(rules.no_deal, NO_DEAL_RULE, lead.id, until)
    return _of_lead("pending", lead, "2")


def _deciding(deals: Sequence[CrmDeal], rules: CrmRules) -> CrmDeal:
    """Of several the first one won, else the first that is open, else the one lost last."""
    remaining = [deal for deal in deals if not deal.is_deleted] or deals
    in_order = sorted(remaining, key=lambda deal: (parse_time(deal.created_at), deal.id))
    if rules.milestone != "deal_won":
        return in_order[0]
    won = [deal for deal in in_order if deal.is_won]
    under_way = [deal for deal in in_order if deal.is_under_way]
    lost_last = max(in_order, key=lambda deal: parse_time(deal.stage_changed_at or deal.stamp))
    return next(iter(won + under_way), lost_last)


def _of_lead(result: str, lead: CrmLead, rule: str) -> Derived:
    return Derived(result, rule, lead.id, parse_time(lead.stamp))


def _bounds(day: date, zone: tzinfo | None) -> tuple[datetime, datetime]:
    if zone is not None:
        return datetime.combine(day, time.min, zone), datetime.combine(day + DAY, time.min, zone)
    midnight = parse_time(day.isoformat())
    return midnight - EASTERNMOST, midnight + DAY + WESTERNMOST
