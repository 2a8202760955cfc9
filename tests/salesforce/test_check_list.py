"""The check list that a test of the connection prints: each item ok, a warning or failed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from webapp.services.crm.sync_runs import SyncResult

ITEMS = [
    *("Login", "Clock", "Leads", "Lead fields", "People fields", "Owners", "Opportunities"),
    *("Contact roles", "Score fields", "API calls", "Mapped fields"),
]


@pytest.fixture(scope="session")
def dialect():
    """The check list asks Salesforce, not the database."""
    return "sqlite"


@pytest.fixture
def org(fake, salesforce):
    """An org with a lead, which has an opportunity."""
    fake.convert(fake.lead(Email="ann@example.com", LeadSource="Webinar"))
    return fake


def check_list(salesforce):
    """A test of the connection: its run, and the items that are not ok by name."""
    run = salesforce.run("check")
    checks = SyncResult.of(run).checks or []
    return run, {check.name: check for check in checks if check.state != "ok"}


def test_an_org_that_has_everything_is_ok_item_by_item(org, salesforce):
    run, troubled = check_list(salesforce)
    assert [check.name for check in SyncResult.of(run).checks or []] == ITEMS
    assert (run.state, troubled) == ("succeeded", {})


def hide(field, sobject="Lead"):
    return lambda salesforce: salesforce.fake.set_access(field, "hidden", sobject)


def turn_the_clock_on(salesforce):
    clock = salesforce.worker.clock
    salesforce.worker = replace(salesforce.worker, clock=lambda: clock() + timedelta(minutes=4))


def use_half_the_calls(salesforce):
    salesforce.fake.quota.use(salesforce.fake.quota.limit // 2)


def hide_what_is_not_written(salesforce):
    salesforce.rules(writes_scores=False)
    salesforce.fake.set_access("Conversion_Score__c", "missing")


def hide_contact_roles(salesforce):
    salesforce.fake.fail_next("not found", path="OpportunityContactRole")


@pytest.mark.parametrize(
    ("item", "said", "trouble"),
    [
        ("Clock", "240 seconds", turn_the_clock_on),
        ("People fields", "Email cannot be seen", hide("Email")),
        ("Lead fields", "ConvertedDate cannot be seen: conversions are", hide("ConvertedDate")),
        ("Opportunities", "LeadSource cannot be seen: no", hide("LeadSource", "Opportunity")),
        ("Owners", "no owner is matched", lambda s: s.fake.update(s.fake.rep, Email=None)),
        ("Contact roles", "no deal is found for leads converted", hide_contact_roles),
        ("Score fields", "Conversion_Score__c", hide_what_is_not_written),
        ("API calls", "used in the last 24 hours", use_half_the_calls),
    ],
)
def test_what_the_sync_can_do_without_is_a_warning(org, salesforce, item, said, trouble):
    trouble(salesforce)
    run, troubled = check_list(salesforce)
    assert (run.state, list(troubled)) == ("succeeded", [item])
    assert (troubled[item].state, bool(troubled[item].remedy)) == ("warning", True)
    assert said in troubled[item].sentence


def test_an_org_in_which_nothing_can_be_seen_is_two_warnings(salesforce):
    run, troubled = check_list(salesforce)
    assert (run.state, list(troubled)) == ("succeeded", ["Leads", "Opportunities"])
    assert {check.state for check in troubled.values()} == {"warning"}


def hide_opportunities(salesforce):
    salesforce.fake.fail_next("not found", path="Opportunity/describe")


@pytest.mark.parametrize(
    ("item", "said", "trouble"),
    [
        ("Opportunities", "cannot see an object", hide_opportunities),
        ("Opportunities", "Opportunity.IsWon cannot be seen: it", hide("IsWon", "Opportunity")),
        (
            "Score fields",
            "Score_Reasons__c",
            lambda s: s.fake.set_access("Score_Reasons__c", "read-only"),
        ),
        ("Mapped fields", "Lead source", hide("LeadSource")),
    ],
)
def test_what_is_needed_fails_and_the_other_items_are_looked_at(
    org, salesforce, item, said, trouble
):
    trouble(salesforce)
    run, troubled = check_list(salesforce)
    assert [check.name for check in SyncResult.of(run).checks or []] == ITEMS
    assert list(troubled) == [item]
    assert troubled[item].state == "failed"
    assert said in troubled[item].sentence


def test_a_test_that_finds_an_indispensable_field_hidden_fails(org, salesforce):
    org.set_access("IsConverted", "hidden")
    run, troubled = check_list(salesforce)
    assert (run.state, list(troubled)) == ("failed", ["Lead fields"])
    assert "Lead.IsConverted cannot be seen: it shows whether a lead was converted" in run.error


def test_leads_that_are_hidden_are_no_failed_login(org, salesforce):
    with org.failing("not found", path="Lead/describe"):
        run, troubled = check_list(salesforce)
    assert "Login" not in troubled
    assert troubled["Leads"].state == "failed"
    assert "cannot see an object" in (run.error or "")


def test_a_login_that_is_refused_is_the_only_item(org, salesforce):
    with org.failing("no run-as user"):
        run, troubled = check_list(salesforce)
    assert [check.name for check in SyncResult.of(run).checks or []] == ["Login"]
    assert "choose the integration user as Run As" in troubled["Login"].sentence
    assert run.error == troubled["Login"].sentence


def test_leads_come_without_what_is_hidden_and_keep_what_is_known(org, salesforce):
    lead = org.lead(Email="bo@example.com", Phone="1")
    salesforce.later()
    org.set_access("Email", "hidden")
    org.update(lead, Phone="2")
    run = salesforce.later()
    [warning] = SyncResult.of(run).warnings
    assert warning.detail == "Email"
    assert (salesforce.lead(lead).email, salesforce.lead(lead).phone) == ("bo@example.com", "2")
    org.set_access("Email", "full")
    assert SyncResult.of(salesforce.later()).warnings == []
