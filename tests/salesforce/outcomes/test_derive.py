"""The truth table of outcomes, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from sync.crm.mapping import parse_time, stamp
from sync.crm.outcomes import Deals, derive
from webapp.crm_tables import CrmDeal, CrmLead
from webapp.services.crm.outcome_rules import CrmRules

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def row(table, **values):
    """A row as it would be read from the database; times are given as such."""
    texts = {n: stamp(v) if isinstance(v, datetime) else v for n, v in values.items()}
    return table(**texts)


def but(before, **values):
    """The same row with other values."""
    columns = sa.inspect(type(before)).column_attrs.keys()
    return row(type(before), **{n: getattr(before, n) for n in columns} | values)


LEAD = row(CrmLead, id="00Q1", stamp=NOW - 10 * DAY, created_at=NOW - 100 * DAY, status="Working")
CONVERTED = but(LEAD, is_converted=True, converted_on=NOW - 20 * DAY)
DEAL = row(CrmDeal, id="0061", stamp=NOW - 3 * DAY, created_at=NOW - 20 * DAY)
WON = but(DEAL, is_closed=True, is_won=True, stage_changed_at=NOW - 5 * DAY)
LOST = but(DEAL, is_closed=True, stage_changed_at=NOW - 5 * DAY)
RULES = CrmRules(disqualified=("Closed - Not Converted",))


def said(lead, *own, rules=RULES, **deals):
    derived = derive(lead, Deals(own, **deals), rules, now=NOW)
    return derived.result, derived.rule


@pytest.mark.parametrize(
    ("lead", "deal", "expected"),
    [
        (CONVERTED, but(WON, is_deleted=True), ("void", "1a")),
        (CONVERTED, WON, ("converted", "1b")),
        (CONVERTED, LOST, ("lost", "1c")),
        (CONVERTED, DEAL, ("pending", "1d")),
        (CONVERTED, None, ("pending", "2")),
        (but(LEAD, status="Closed - Not Converted"), None, ("lost", "3")),
        (LEAD, None, ("open", "4")),
        (but(LEAD, is_deleted=True), None, ("void", "5")),
        (but(LEAD, is_deleted=True, merged_into="00Q2"), None, ("merged", "5")),
        (but(CONVERTED, is_deleted=True), WON, ("void", "5")),
    ],
)
def test_each_rule_by_itself(lead, deal, expected):
    assert said(lead, *filter(None, [deal])) == expected


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (WON, ("converted", "2b")),
        (LOST, ("lost", "2c")),
        (DEAL, ("pending", "2d")),
        (but(WON, created_at=NOW - 30 * DAY), ("pending", "2")),
        (but(WON, created_at=NOW + 80 * DAY), ("pending", "2")),
        (but(WON, is_deleted=True), ("pending", "2")),
    ],
)
def test_without_an_opportunity_that_of_the_contact_counts(candidate, expected):
    assert said(CONVERTED, by_contact=[candidate]) == expected


LATER = NOW - 10 * DAY


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (WON, but(WON, id="0062", created_at=LATER), ("0061", "converted")),
        (LOST, but(WON, id="0062", created_at=LATER), ("0062", "converted")),
        (LOST, but(DEAL, id="0062", created_at=LATER), ("0062", "pending")),
        (DEAL, but(LOST, id="0062", created_at=LATER), ("0061", "pending")),
        (DEAL, but(WON, id="0062", created_at=LATER), ("0062", "converted")),
        (LOST, but(LOST, id="0062", stage_changed_at=NOW - 8 * DAY), ("0061", "lost")),
    ],
)
def test_of_two_fitting_deals_one_won_counts_else_one_open_else_the_last_lost(
    first, second, expected
):
    derived = derive(CONVERTED, Deals(by_contact=[second, first]), RULES, now=NOW)
    assert (derived.source_id, derived.result) == expected
    assert derived.is_one_of_several
    assert not derive(CONVERTED, Deals(by_contact=[first]), RULES, now=NOW).is_one_of_several


@pytest.mark.parametrize(
    ("policy", "age_days", "expected"),
    [
        ("leave_out", 91, ("pending", "2")),
        ("lost", 89, ("pending", "2")),
        ("lost", 91, ("lost", "2n")),
        ("converted", 91, ("converted", "2n")),
    ],
)
def test_long_after_a_conversion_without_opportunity_the_policy_decides(policy, age_days, expected):
    lead = but(CONVERTED, converted_on=NOW - age_days * DAY)
    assert said(lead, rules=replace(RULES, no_deal=policy)) == expected


@pytest.mark.parametrize(
    ("milestone", "lead", "deal", "expected"),
    [
        ("deal_created", CONVERTED, DEAL, ("converted", "1m")),
        ("deal_created", CONVERTED, LOST, ("converted", "1m")),
        ("deal_created", CONVERTED, but(DEAL, is_deleted=True), ("void", "1a")),
        ("deal_created", CONVERTED, None, ("pending", "2")),
        ("lead_converted", CONVERTED, None, ("converted", "1m")),
        ("lead_converted", CONVERTED, LOST, ("converted", "1m")),
        ("lead_converted", LEAD, None, ("open", "4")),
    ],
)
def test_an_earlier_milestone_counts_where_it_was_chosen(milestone, lead, deal, expected):
    rules = replace(RULES, milestone=milestone)
    assert said(lead, *filter(None, [deal]), rules=rules) == expected


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (but(LEAD, active_on=NOW - 59 * DAY), "open"),
        (but(LEAD, active_on=NOW - 61 * DAY), "lost"),
        (but(LEAD, active_on=NOW + 5 * DAY), "open"),
        (but(LEAD, created_at=NOW - 59 * DAY), "open"),
        (LEAD, "lost"),
    ],
)
def test_silence_counts_as_lost_only_where_it_was_chosen(lead, expected):
    assert said(lead)[0] == "open"
    assert said(lead, rules=replace(RULES, silent_days=60))[0] == expected


def test_silent_leads_may_count_as_never_worked():
    rules = replace(RULES, silent_days=60, silence="never_worked")
    assert said(LEAD, rules=rules) == ("never_worked", "4s")


OTHER = {"id": "0062", "created_at": NOW - 10 * DAY}


@pytest.mark.parametrize("lead", [LEAD, CONVERTED], ids=["never converts", "converted"])
@pytest.mark.parametrize(
    ("own", "is_one_unread", "expected"),
    [
        ([LOST, but(WON, **OTHER)], False, ("converted", "1b")),
        ([LOST, but(DEAL, **OTHER)], False, ("pending", "1d")),
        ([but(WON, is_deleted=True), but(LOST, **OTHER)], False, ("lost", "1c")),
        ([LOST], True, ("pending", "1u")),
        ([WON], True, ("converted", "1b")),
        ([], True, ("pending", "1u")),
    ],
)
def test_of_several_deals_one_won_counts_and_none_is_lost_while_another_may_be_open(
    lead, own, is_one_unread, expected
):
    assert said(lead, *own, is_one_unread=is_one_unread) == expected


def test_a_lead_that_never_converts_is_open_again_once_all_its_deals_are_deleted():
    assert said(LEAD, but(WON, is_deleted=True)) == ("open", "4")


def test_an_opportunity_chosen_by_a_person_comes_before_all_others():
    assert said(CONVERTED, WON, by_hand=[but(LOST, id="0069")]) == ("lost", "Lc")
    assert said(LEAD, by_hand=[WON]) == ("converted", "Lb")


@pytest.mark.parametrize(
    ("lead", "own", "expected"),
    [
        (CONVERTED, [WON], ("converted", "1b")),
        (CONVERTED, [DEAL], ("pending", "1d")),
        (but(LEAD, status="Closed - Not Converted"), [], ("lost", "3")),
        (CONVERTED, [], ("void", "La")),
        (LEAD, [], ("void", "La")),
    ],
)
def test_a_deleted_opportunity_chosen_by_a_person_decides_only_where_nothing_else_does(
    lead, own, expected
):
    assert said(lead, *own, by_hand=[but(WON, id="0069", is_deleted=True)]) == expected


def test_of_an_open_opportunity_chosen_by_a_person_and_a_won_one_the_won_one_counts():
    assert said(CONVERTED, WON, by_hand=[but(DEAL, id="0069")]) == ("converted", "1b")
    assert said(CONVERTED, LOST, by_hand=[but(DEAL, id="0069")]) == ("pending", "Ld")


def test_nothing_is_lost_by_a_person_s_choice_while_another_opportunity_was_never_read():
    assert said(CONVERTED, by_hand=[but(LOST, id="0069")], is_one_unread=True)[1] == "1u"
    assert said(CONVERTED, by_hand=[but(WON, id="0069")], is_one_unread=True)[1] == "Lb"


def test_a_lost_opportunity_chosen_by_a_person_decides_only_once_no_deal_is_open():
    lost = but(LOST, id="0069")
    assert said(CONVERTED, DEAL, by_hand=[lost]) == ("pending", "1d")
    assert said(CONVERTED, but(DEAL, is_deleted=True), by_hand=[lost]) == ("lost", "Lc")


def test_an_outcome_happened_when_the_stage_changed():
    assert derive(CONVERTED, Deals([WON]), RULES, now=NOW).happened_at == NOW - 5 * DAY
    unknown = but(WON, stage_changed_at=None)
    assert derive(CONVERTED, Deals([unknown]), RULES, now=NOW).happened_at == NOW - 3 * DAY


def test_a_date_without_a_time_begins_in_utc_on_any_night():
    assert parse_time("2026-10-25") == datetime(2026, 10, 25, tzinfo=UTC)
