"""What the daily look at everything finds that no change has told."""

import sqlalchemy as sa

from sync.crm import reconcile, visibility
from sync.salesforce import soql
from tests.apps import engine_of
from tests.conftest import ON_BOTH
from tests.salesforce.failures.bodies import rest
from webapp.services.crm import connections
from webapp.services.leads import leads


@ON_BOTH
def test_months_with_another_number_of_leads_are_told_until_the_loss_is_accepted(fake, salesforce):
    lead = fake.lead()
    fake.lead()
    salesforce.later()
    salesforce.later()
    assert salesforce.run("reconcile").result["drift"] == []
    salesforce.settings.sync_max_lost_percent = 50
    fake.hide(lead)
    [month] = salesforce.run("reconcile").result["drift"]
    assert month == {"month": f"{salesforce.now:%Y-%m}", "crm": 1, "leadloop": 2}
    salesforce.write(lambda s: connections.accept_losses(s, "admin@acme.example", salesforce.now))
    assert salesforce.run("reconcile").result["drift"] == []


def test_leads_that_no_run_could_have_read_yet_are_not_missing(fake, salesforce):
    fake.lead()
    assert salesforce.run("reconcile").result["drift"] == []
    salesforce.later()
    fake.clock.advance(minutes=30)
    fake.lead()
    fake.clock.advance(minutes=1)
    assert salesforce.run("reconcile").result["drift"] == []


@ON_BOTH
def test_more_deletions_than_fit_an_answer_are_asked_for_in_halves(fake, salesforce):
    purged, other = fake.lead(), fake.lead()
    salesforce.later()
    fake.delete(purged)
    fake.purge(purged)
    fake.clock.advance(minutes=15)
    too_many = rest("EXCEEDED_ID_LIMIT", "There are too many records")
    fake.answer_next(too_many, 400, path="sobjects/Lead/deleted")
    salesforce.run("reconcile")
    asked = [call for call in fake.calls if "sobjects/Lead/deleted" in call.path]
    # Once whole, in two halves, and once more whole when what is gone is erased.
    assert len(asked) == 4
    found = salesforce.read(lambda s: leads.lock_many(s, [purged, other]))
    assert set(found) == {other}


@ON_BOTH
def test_a_formula_changes_without_a_stamp_and_is_read_again_at_night(fake, salesforce):
    fake.add_field("Health__c | double 3,0 | NFS | Health | formula")
    salesforce.map(email_opens=("Health__c", "as_is"))
    lead, converted = fake.leads(2, Health__c=3)
    salesforce.later()
    fake.convert(converted)
    salesforce.later()
    for each in (lead, converted):
        fake.calculate(each, Health__c=9)
    salesforce.later()
    assert salesforce.lead(lead).email_opens == 3
    fake.clock.advance(days=8)
    run = salesforce.run()
    assert salesforce.lead(lead).email_opens == 9
    assert run.result["counts"]["leads_changed"] >= 1
    assert salesforce.lead(converted).email_opens == 3


def test_without_a_mapped_formula_no_lead_is_read_again_for_it(fake, salesforce):
    fake.add_field("Health__c | double 3,0 | NFS | Health | formula")
    fake.lead()
    salesforce.later()
    fake.clock.advance(days=8)
    fake.requests.clear()
    salesforce.run()
    by_ids = [q for q in fake.queries if "FROM Lead WHERE Id IN" in q]
    assert len(by_ids) == 1, "to see whether all is still shown"


def test_a_look_that_takes_more_calls_than_a_day_goes_on_the_next_day(
    fake, salesforce, monkeypatch
):
    for lead in fake.leads(12, LeadSource="Webinar"):
        fake.close(fake.convert(lead), won=True)
    salesforce.later()
    monkeypatch.setattr(soql, "IDS_PER_QUERY", 1)
    monkeypatch.setattr(reconcile, "CHUNK", 2)
    monkeypatch.setattr(visibility, "SAMPLE", 1)
    salesforce.settings.salesforce_daily_calls = 24
    looked_at = [reconciled_at(salesforce)]
    new = fake.lead(LeadSource="Referral")
    for _ in range(4):
        fake.clock.advance(days=1)
        salesforce.run()
        assert fake.get(new)["Conversion_Score__c"] is not None
        looked_at.append(reconciled_at(salesforce))
    assert looked_at[0] == looked_at[1] < looked_at[-1]


def reconciled_at(salesforce):
    return salesforce.read(lambda s: connections.get(s).reconciled_at)


def test_a_night_without_news_changes_no_lead_and_no_link(fake, salesforce):
    fake.convert(fake.lead())
    with_part = fake.lead()
    fake.convert(with_part, False)
    fake.contact_role(fake.opportunity(), fake.get(with_part)["ConvertedContactId"])
    fake.lead()
    salesforce.later()
    salesforce.next_day()
    changed = []

    @sa.event.listens_for(engine_of(salesforce.app), "before_cursor_execute")
    def keep(connection, cursor, statement, *_):
        words = statement.split()
        if words[0] != "SELECT" and {"crm_leads", "crm_links"} & set(words[:4]):
            changed.append(statement)

    salesforce.next_day()
    assert changed == []
