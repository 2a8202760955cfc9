"""What an administrator sets anew takes effect, also in the middle of a run."""

from collections.abc import Callable

import pytest

from sync.salesforce import cases
from sync.salesforce.adapter import SalesforceCrm
from tests import factories
from webapp.services.crm import conflicts, connections, mirror, saved_mapping, sync_runs, unmatched
from webapp.services.crm.field_sources import FieldSource
from webapp.services.crm.kinds import exchange
from webapp.services.crm.kinds.salesforce import SALESFORCE
from webapp.services.crm.kinds.salesforce_ids import full_id
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.runs import runs
from webapp.tables import AuditEntry

RITA = Attribution("rep", "rita@example.com")
OPENS = {"email_opens": ("Email_Opens__c", "as_is")}


@pytest.fixture(scope="session")
def dialect():
    """What runs read and write is tested on both by the cases of outcomes."""
    return "sqlite"


@pytest.fixture
def meanwhile(monkeypatch):
    """`meanwhile(act)` acts once, while the next page of a run is on its way."""
    page = SalesforceCrm.page
    acts: list[Callable[[], None]] = []

    def asked(self, *question):
        answer = page(self, *question)
        while acts:
            acts.pop()()
        return answer

    monkeypatch.setattr(SalesforceCrm, "page", asked)
    return acts.append


def test_a_mapping_saved_in_the_middle_of_a_run_is_applied_to_every_lead(
    fake, salesforce, meanwhile
):
    lead = fake.lead(Email_Opens__c=7)
    meanwhile(lambda: salesforce.map(**OPENS))
    fake.clock.advance(minutes=15)
    run = salesforce.run()
    assert run.state == "succeeded"
    assert "settings changed during this run" in run.result["stopped"]
    salesforce.later(minutes=1)
    assert salesforce.lead(lead).email_opens == 7


def test_rules_saved_in_the_middle_of_a_run_are_applied_to_every_lead(fake, salesforce, meanwhile):
    lead = fake.lead(Status="Closed - Not Converted")
    meanwhile(lambda: salesforce.rules(disqualified=["Closed - Not Converted"], history_days=900))
    fake.clock.advance(minutes=15)
    assert "stopped" in salesforce.run().result
    assert salesforce.read(mirror.reached) == {}
    salesforce.later(minutes=1)
    assert salesforce.outcome(lead) is False


def test_the_run_after_a_change_comes_early(fake, salesforce, meanwhile):
    meanwhile(lambda: salesforce.map(**OPENS))
    fake.clock.advance(minutes=15)
    salesforce.run()
    fake.clock.advance(seconds=31)
    salesforce.tick()
    assert salesforce.read(lambda s: sync_runs.lag(s, salesforce.now)).total_seconds() == 0


def test_the_same_mapping_again_reads_nothing_again(fake, salesforce):
    salesforce.map(**OPENS)
    salesforce.later()
    entries = salesforce.read(lambda s: s.query(AuditEntry).count())
    salesforce.map(**OPENS)
    assert salesforce.read(mirror.reached)["lead"] is not None
    assert salesforce.read(lambda s: s.query(AuditEntry).count()) == entries


def test_the_same_rules_again_stop_no_run_and_derive_nothing_again(session, settings, now):
    settings.salesforce_domain = "acme.my.salesforce.com"
    connections.ensure(session, settings, now)
    for hour, milestone in ((10, "lead_converted"), (11, "lead_converted")):
        rules = CrmRules(milestone=milestone)
        connections.save_rules(session, rules, "ada", now.replace(hour=hour))
    connection = connections.get(session)
    assert connection.changed_at == now.replace(hour=10)
    assert session.query(AuditEntry).count() == 1


def test_another_field_cures_a_mapping_that_stopped_the_runs(fake, salesforce):
    salesforce.map(**OPENS)
    fake.set_access("Email_Opens__c", "missing")
    fake.clock.advance(minutes=15)
    assert "Email opens: There is no lead field Email_Opens__c" in salesforce.run().error
    salesforce.map(email_opens=("Website_Visits__c", "as_is"))
    salesforce.later()


def test_no_mapping_cures_a_login_that_is_refused(fake, salesforce):
    with fake.failing("no run-as user"):
        salesforce.run()
    salesforce.map(**OPENS)
    with pytest.raises(sync_runs.ConnectionBroken):
        salesforce.run()


def test_no_mapping_cures_a_field_that_every_run_needs(fake, salesforce):
    fake.set_access("IsWon", "hidden", "Opportunity")
    fake.clock.advance(minutes=15)
    assert "Opportunity.IsWon cannot be seen" in salesforce.run().error
    salesforce.map(**OPENS)
    with pytest.raises(sync_runs.ConnectionBroken):
        salesforce.run()


def test_other_rules_cure_a_field_that_only_they_need(fake, salesforce):
    salesforce.rules(external_id_field="Gone__c")
    assert "Gone__c" in salesforce.run().error
    salesforce.rules(external_id_field=None)
    salesforce.later()


def test_a_mapping_that_is_tried_starts_no_run_that_waits_for_a_person(fake, salesforce):
    salesforce.map(**OPENS)
    fake.set_access("Email_Opens__c", "hidden")
    fake.clock.advance(minutes=15)
    salesforce.run()
    salesforce.run("sample")
    with pytest.raises(sync_runs.ConnectionBroken):
        salesforce.run()


def test_what_settings_cure_are_cases_that_there_are():
    assert set(exchange.CURED_BY_SETTINGS) - {exchange.WRONG_SETTINGS} <= set(cases.CASES)


def try_out(salesforce, *sources):
    def ask(session):
        return sync_runs.request(session, "sample", "ada", salesforce.now, sources=sources)

    run = salesforce.write(ask)
    salesforce.tick()
    return salesforce.read(lambda s: runs.by_key(s, run.key))


def test_a_mapping_is_tried_before_it_is_saved(fake, salesforce):
    fake.lead(LeadSource="Web", Email_Opens__c=3)
    fake.lead(LeadSource="Webinar")
    run = try_out(
        salesforce,
        FieldSource("email_opens", "Email_Opens__c"),
        FieldSource("lead_source", "LeadSource", fallback="Organic"),
    )
    sample = run.result["sample"]
    assert sample["n_empty"] == {"email_opens": 1}
    assert sample["n_wrong"] == {"lead_source": 1}
    assert [lead["inputs"] for lead in sample["leads"]] == [
        {"email_opens": None, "lead_source": "Webinar"},
        {"email_opens": 3, "lead_source": "Organic"},
    ]
    assert sample["leads"][1]["wrong"] == {"lead_source": "Web"}
    saved = salesforce.read(lambda s: saved_mapping.sources(s, factories.FIELDS))
    assert "email_opens" not in {source.field for source in saved}


def test_a_mapping_that_is_only_tried_stops_no_run(fake, salesforce):
    run = try_out(salesforce, FieldSource("email_opens", "Gone__c"))
    assert run.state == "succeeded"
    assert run.result["sample"]["problems"] == [
        "Email opens: There is no lead field Gone__c, or it is hidden"
    ]
    salesforce.later()


def test_a_field_that_is_filled_by_nothing_stays_so(salesforce, write):
    nothing = [FieldSource("lead_source", None), FieldSource("age", None, "constant", "40")]
    write(lambda s: saved_mapping.save(s, nothing, "ada", salesforce.now))
    sources = salesforce.read(lambda s: saved_mapping.sources(s, factories.FIELDS))
    # The others, of which nobody has said anything, follow the file.
    assert {s.field for s in sources} == {"age", "location", "industry"}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"milestone": "signed"}, "milestone"),
        ({"no_deal": ""}, "no_deal"),
        ({"conflicts": "fight"}, "conflicts"),
        ({"no_deal_days": 0}, "no_deal_days"),
        ({"silent_days": 3}, "silent_days"),
        ({"history_days": None}, "history_days"),
        ({"disqualified": ("x" * 5000,)}, "disqualified"),
        ({"owner_ids": ("0065g000001AbCdAAK",)}, "owner_ids"),
        ({"owner_ids": ("0055g000001AbCdAAA",)}, "owner_ids"),
        ({"owner_ids": ("0055g000001AbCd",)}, "owner_ids"),
        ({"owner_ids": ("005",)}, "owner_ids"),
        ({"owner_ids": ("005' OR 1=1",)}, "owner_ids"),
        ({"record_type_ids": ("' OR 1=1",)}, "record_type_ids"),
        ({"external_id_field": "Owner.Name"}, "external_id_field"),
    ],
)
def test_a_rule_out_of_bounds_is_named(changes, wrong):
    assert list(CrmRules(**changes).mistakes(SALESFORCE)) == [wrong]


def test_rules_as_shipped_and_ids_as_the_api_sends_them_are_right():
    assert CrmRules().mistakes(SALESFORCE) == {}
    assert CrmRules(owner_ids=(full_id("0055g000001AbCd"),)).mistakes(SALESFORCE) == {}


def test_an_id_of_15_characters_is_that_of_18(fake):
    row_id = fake.lead()
    assert full_id(row_id[:15]) == full_id(row_id) == row_id
    assert full_id("no id") == "no id"


def reconnect(salesforce, **rules):
    salesforce.write(lambda s: connections.disconnect(s, "ada", salesforce.now))
    salesforce.connect()
    salesforce.write(lambda s: connections.pause(s, False, "ada", salesforce.now))
    salesforce.rules(**rules)
    salesforce.later()


def test_a_new_connection_records_no_outcome_twice(fake, salesforce):
    rules = {"milestone": "lead_converted"}
    salesforce.rules(**rules)
    lead = fake.lead()
    salesforce.later()
    salesforce.write(
        lambda s: factories.make_outcome(s, lead, False, attribution=RITA, now=salesforce.now)
    )
    fake.convert(lead)
    salesforce.later()
    recorded = salesforce.history(lead)
    assert recorded == [("lost", None), ("converted", "1m")]
    fake.clock.advance(days=2)
    fake.touch(lead)
    reconnect(salesforce, **rules)
    assert salesforce.history(lead) == recorded
    assert salesforce.read(conflicts.n_open) == 1


@pytest.mark.parametrize("by_contact", [False, True])
def test_nor_that_of_a_deal_which_is_read_after_its_lead(by_contact, fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead, not by_contact)
    if by_contact:
        deal = fake.opportunity()
        fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.next_day()
    [recorded] = salesforce.history(lead)
    reconnect(salesforce)
    salesforce.next_day()
    assert salesforce.history(lead) == [recorded]


def test_what_an_earlier_connection_recorded_is_withdrawn_once_it_is_not_so(fake, salesforce):
    lead = fake.lead()
    deal = fake.convert(lead)
    fake.close(deal, won=True)
    salesforce.later()
    fake.reopen(deal)
    reconnect(salesforce)
    assert salesforce.history(lead) == [("converted", "1b"), ("withdrawn", "1d")]
    fake.close(deal, won=True)
    salesforce.later()
    assert salesforce.outcome(lead) is True


def test_an_outcome_by_a_hand_linked_deal_outlives_the_connection(fake, salesforce):
    lead, deal = fake.lead(), fake.opportunity(LeadSource="Web")
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.write(lambda s: unmatched.link(s, deal, lead, "ada", now=salesforce.now))
    salesforce.later()
    reconnect(salesforce)
    assert salesforce.history(lead) == [("converted", "Lb")]
