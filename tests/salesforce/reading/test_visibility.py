"""A record that is no longer visible keeps its last outcome, and the run reports it."""

import pytest

from sync.crm import visibility
from sync.crm.faults import RECORDS_LOST
from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.crm.kinds import exchange
from webapp.services.leads import leads
from webapp.tables import AuditEntry


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is the order of things; the cases run their statements on both."""
    return "sqlite"


@pytest.fixture
def any_loss(salesforce):
    """Nothing stops a run."""
    salesforce.settings.sync_max_lost_percent = 100


def won(fake, n=1):
    """Leads with a deal each that is won, and the deals."""
    made = fake.leads(n, LeadSource="Webinar")
    deals = [fake.convert(lead) for lead in made]
    for deal in deals:
        fake.close(deal, won=True)
    return made, deals


def told(run):
    return [warning["words"] for warning in run.result["warnings"]]


def state(salesforce):
    return salesforce.read(lambda s: connections.get(s).breaker_case)


def test_a_deal_that_is_hidden_keeps_its_last_word(fake, salesforce, any_loss):
    [lead], [deal] = won(fake)
    salesforce.later()
    fake.hide(deal)
    run = salesforce.later(days=1, minutes=1)
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "1b")]
    assert told(run) == [
        "1 of 1 opportunities (100%) can no longer be read. They were not deleted, so the last"
        " outcome of each stays."
    ]


def test_a_lead_that_is_hidden_keeps_its_last_word(fake, salesforce, any_loss):
    [lead], _ = won(fake)
    salesforce.later()
    fake.hide(lead)
    run = salesforce.later(days=1, minutes=1)
    assert salesforce.outcome(lead) is True
    assert told(run)[0].startswith("1 of 1 leads (100%) can no longer be read.")


def test_a_hidden_deal_of_the_contact_keeps_its_last_word(fake, salesforce, any_loss):
    lead = fake.lead()
    fake.convert(lead, False)
    deal = fake.opportunity()
    fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.next_day()
    assert salesforce.outcome(lead) is True
    fake.hide(deal)
    salesforce.next_day()
    assert salesforce.outcome(lead) is True


def test_a_role_that_was_taken_away_is_a_statement(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, False)
    deal = fake.opportunity()
    role = fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.next_day()
    fake.purge(role)
    salesforce.next_day()
    assert salesforce.outcome(lead) is None


@pytest.mark.parametrize("is_purged", [False, True])
def test_a_deleted_deal_is_a_statement(fake, salesforce, is_purged):
    [lead], [deal] = won(fake)
    salesforce.later()
    fake.delete(deal)
    if is_purged:
        fake.purge(deal)
    run = salesforce.later(days=1, minutes=1)
    assert salesforce.history(lead)[-1] == ("withdrawn", "1a")
    assert told(run) == []


@pytest.mark.parametrize("obj", ["leads", "opportunities"])
def test_54_more_than_5_percent_stop_the_run_before_it_changes_anything(fake, salesforce, obj):
    made, deals = won(fake, 40)
    fresh = fake.lead(LeadSource="Referral")
    salesforce.later()
    lost = (made if obj == "leads" else deals)[:3]
    fake.hide(*lost)
    fake.clock.advance(days=1, minutes=1)
    fake.update(fresh, LeadSource="Cold Call")
    fake.requests.clear()
    run = salesforce.run()
    assert run.state == "failed"
    share = {"leads": "3 of 41 leads (7%)", "opportunities": "3 of 40 opportunities (8%)"}[obj]
    assert run.error == f"{RECORDS_LOST.message} No longer visible: {share}"
    assert state(salesforce) == exchange.LOST == RECORDS_LOST.name
    assert salesforce.lead(fresh).lead_source == "Referral"
    assert fake.patches == []
    assert [salesforce.outcome(lead) for lead in made] == [True] * 40
    with pytest.raises(sync_runs.ConnectionBroken):
        salesforce.run()


def test_up_to_5_percent_are_told_and_the_run_goes_on(fake, salesforce):
    _, deals = won(fake, 40)
    salesforce.later()
    fake.hide(*deals[:2])
    run = salesforce.later(days=1, minutes=1)
    assert told(run)[0].startswith("2 of 40 opportunities (5%) can no longer be read.")


def test_a_person_may_go_on_without_them_and_is_asked_about_the_next_loss(fake, salesforce):
    made, deals = won(fake, 20)
    salesforce.later()
    fake.hide(*deals[:4])
    fake.clock.advance(days=1, minutes=1)
    assert salesforce.run().state == "failed"
    salesforce.write(lambda s: connections.accept_losses(s, "ada", salesforce.now))
    fake.clock.advance(minutes=1)
    salesforce.tick()
    assert state(salesforce) is None
    salesforce.next_day()
    assert [salesforce.outcome(lead) for lead in made] == [True] * 20
    fake.hide(*deals[4:7])
    fake.clock.advance(days=1, minutes=1)
    assert salesforce.run().state == "failed"
    [entry] = salesforce.read(
        lambda s: s.query(AuditEntry).filter_by(action="accepted lost records").all()
    )
    assert entry.detail == {"deal": "4 of 20"}


def test_the_command_accepts_a_loss_as_the_page_does(fake, salesforce):
    _, deals = won(fake, 20)
    salesforce.later()
    fake.hide(*deals[:4])
    fake.clock.advance(days=1, minutes=1)
    assert salesforce.run().state == "failed"
    command = salesforce.app.test_cli_runner()
    accepted = command.invoke(args=["accept-lost-records"])
    assert accepted.output == (
        "The sync goes on without 4 of 20 opportunities (20%). Their last outcomes stay.\n"
    )
    assert state(salesforce) is None
    [entry] = salesforce.read(audit.latest)[:1]
    assert (entry.actor, entry.action) == ("cli", "accepted lost records")
    fake.show(*deals)
    salesforce.next_day()
    again = command.invoke(args=["accept-lost-records"])
    assert again.exit_code == 1
    assert again.output == "Error: All records are visible: there is nothing to accept.\n"


def test_no_more_than_ids_are_read_to_see_what_is_still_shown(fake, salesforce):
    won(fake, 3)
    salesforce.later()
    fake.clock.advance(days=1, minutes=1)
    fake.requests.clear()
    salesforce.run()
    asked = [r.soql for r in fake.requests if " WHERE Id IN " in r.soql][:2]
    assert [a.partition(" WHERE")[0] for a in asked] == [
        "SELECT Id, SystemModstamp FROM Lead",
        "SELECT Id, SystemModstamp FROM Opportunity",
    ]


def test_the_oldest_records_are_drawn_as_often_as_the_newest(salesforce):
    rows = [lead_row(n) for n in range(2000)]
    salesforce.write(lambda s: mirror.keep_leads(s, rows))
    drawn = salesforce.read(lambda s: mirror.some_leads(s, 500))
    oldest = {row["id"] for row in rows[:500]}
    # Of 500 draws 125 are expected there, and fewer than 70 once in 10,000,000 times.
    assert 70 < len(oldest & set(drawn)) < 180


def lead_row(n):
    empty = dict.fromkeys(("active_on", "status", "converted_on", "contact_id", "merged_into"))
    texts = {"id": f"00Q{n:012}AAA", "stamp": f"{n:06}", "created_at": f"{n:06}"}
    digests = {"digest": "", "inputs_digest": "", "values": {}}
    return {**texts, **digests, **empty, "is_converted": False, "is_deleted": False}


def test_access_given_back_and_tested_lets_it_go_on(fake, salesforce):
    _, deals = won(fake, 4)
    salesforce.later()
    fake.hide(*deals)
    fake.clock.advance(days=1, minutes=1)
    assert salesforce.run().state == "failed"
    fake.show(*deals)
    assert salesforce.run("check").state == "succeeded"
    assert told(salesforce.later()) == []


def test_neither_a_test_nor_a_new_login_lifts_the_stop_for_lost_records(fake, salesforce):
    made = fake.leads(4)
    salesforce.later()
    fake.hide(*made)
    assert salesforce.run("reconcile").state == "failed"
    run = salesforce.run("check")
    assert run.error.startswith(RECORDS_LOST.message)
    assert run.result["checks"][-1]["name"] == "Records read before"
    assert state(salesforce) == exchange.LOST
    salesforce.connect()
    assert salesforce.run().error.startswith(RECORDS_LOST.message)
    assert state(salesforce) == exchange.LOST


def test_what_happened_while_it_was_hidden_is_read_when_it_is_back(fake, salesforce, any_loss):
    lead, other = fake.leads(2, LeadSource="Webinar")
    salesforce.later()
    salesforce.next_day()
    fake.hide(lead)
    fake.clock.advance(days=1)
    fake.close(fake.convert(lead), won=True)
    new = fake.lead(LeadSource="Referral")
    fake.hide(new)
    for _ in range(12):
        salesforce.later(days=1, minutes=1)
    assert salesforce.outcome(lead) is None
    fake.show(lead, new)
    salesforce.next_day()
    assert salesforce.outcome(lead) is True
    assert salesforce.lead(new).lead_source == "Referral"
    assert salesforce.lead(other).outcome is None


def test_one_that_is_back_is_found_whichever_are_drawn(fake, salesforce, any_loss, monkeypatch):
    monkeypatch.setattr(visibility, "SAMPLE", 3)
    made = fake.leads(3)
    salesforce.later()
    fake.hide(*made)
    salesforce.later(days=1, minutes=1)
    fake.leads(40)
    salesforce.later()
    fake.clock.advance(days=10)
    fake.close(fake.convert(made[0]), won=True)
    for _ in range(8):
        salesforce.later(days=1, minutes=1)
    fake.show(made[0])
    salesforce.next_day()
    assert salesforce.outcome(made[0]) is True


def test_a_score_refused_while_the_lead_was_hidden_is_written_when_it_is_back(
    fake, salesforce, any_loss
):
    lead = fake.lead(LeadSource="Webinar")
    fake.fail_next("id of nothing", on=lead)
    salesforce.later()
    assert fake.get(lead)["Conversion_Score__c"] is None
    fake.hide(lead)
    salesforce.later(days=1, minutes=1)
    fake.show(lead)
    salesforce.next_day()
    assert fake.get(lead)["Conversion_Score__c"] is not None


def test_a_score_refused_while_the_lead_was_hidden_for_an_hour_is_written_the_next_day(
    fake, salesforce
):
    lead = fake.lead(LeadSource="Webinar")
    fake.fail_next("id of nothing", on=lead)
    salesforce.later()
    salesforce.later()
    assert fake.get(lead)["Conversion_Score__c"] is None
    salesforce.next_day()
    assert fake.get(lead)["Conversion_Score__c"] is not None


def test_no_score_is_sent_to_a_lead_that_stays_hidden(fake, salesforce, any_loss):
    lead = fake.lead(LeadSource="Webinar")
    fake.fail_next("id of nothing", on=lead)
    salesforce.later()
    fake.hide(lead)
    n_sent = len(fake.patches)
    salesforce.next_day()
    assert len(fake.patches) == n_sent


def test_rows_that_come_in_several_answers_are_not_out_of_sight(fake, salesforce):
    fake.leads(8)
    salesforce.later()
    fake.rest.queries.page_cap = 3
    assert told(salesforce.later(days=1, minutes=1)) == []


def test_a_hidden_lead_is_not_erased(fake, salesforce, any_loss):
    lead = fake.lead()
    salesforce.later()
    fake.hide(lead)
    salesforce.next_day()
    assert salesforce.read(lambda s: leads.find(s, lead)).removed_at is None
