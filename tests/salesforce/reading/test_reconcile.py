"""What the daily look at everything finds that no change has told."""

from tests.salesforce.failures.bodies import rest
from webapp.services.leads import leads


def test_months_with_another_number_of_leads_are_told(fake, salesforce):
    salesforce.settings.sync_max_lost_percent = 50
    lead = fake.lead()
    fake.lead()
    salesforce.later()
    assert salesforce.run("reconcile").result["drift"] == []
    fake.hide(lead)
    [month] = salesforce.run("reconcile").result["drift"]
    assert month == {"month": f"{salesforce.now:%Y-%m}", "crm": 1, "leadloop": 2}


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
