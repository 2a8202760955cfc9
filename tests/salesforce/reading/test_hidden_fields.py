"""Every field that is asked for, hidden one by one: few stop the sync, all others are a warning."""

import pytest

from sync.crm.protocol import DEALS, LEADS
from sync.salesforce import access
from tests.salesforce.conftest import opened
from webapp.services.crm import mirror
from webapp.services.crm.sync_runs import SyncResult

STOPPING = {
    LEADS: {
        *("Id", "SystemModstamp", "CreatedDate", "IsConverted", "ConvertedOpportunityId"),
        *("IsDeleted", "MasterRecordId"),
    },
    DEALS: {"Id", "SystemModstamp", "CreatedDate", "IsClosed", "IsWon", "IsDeleted"},
}
FIELDS: list[tuple[str, str]] = [(LEADS, name) for name in access.LEAD_FIELDS if "." not in name]
FIELDS += [(DEALS, name) for name in access.OPPORTUNITY_FIELDS]
LONG_AGO, LATER = "2026-01-01T00:00:00.000+0000", "2027-01-01T00:00:00.000+0000"


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is what Salesforce is asked for."""
    return "sqlite"


@pytest.mark.parametrize(("obj", "field"), FIELDS)
def test_only_what_is_indispensable_stops_the_sync(fake, obj, field):
    fake.convert(fake.lead())
    fake.set_access(field, "hidden", access.OBJECTS[obj])
    crm = opened(fake)
    described = crm.describe()
    if field in STOPPING[obj]:
        [sentence] = described.missing
        assert sentence.startswith(f"{access.OBJECTS[obj]}.{field} cannot be seen: it shows w")
        return
    assert described.missing == []
    assert described.hidden == [field if obj == LEADS else f"Opportunity.{field}"]
    for each in (LEADS, DEALS):
        assert len(crm.page(each, LONG_AGO, LATER).rows) == 1


@pytest.mark.parametrize(
    ("field", "rules"),
    [
        ("Status", {"disqualified": ("Closed - Not Converted",)}),
        ("LastActivityDate", {"silent_days": 30}),
        ("OwnerId", {"owner_ids": ("0055g000001AbCdAAK",)}),
        ("Email", {"external_id_field": "Email"}),
    ],
)
def test_what_the_administrator_s_rules_go_by_is_indispensable(fake, field, rules):
    fake.set_access(field, "hidden")
    [sentence] = opened(fake, **rules).describe().unfit
    assert sentence.startswith(f"Lead.{field} cannot be seen: ")


def test_the_sync_goes_on_and_what_is_known_stays(fake, salesforce):
    lead = fake.lead()
    salesforce.later()
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    for field in ("ConvertedDate", "Status"):
        fake.set_access(field, "hidden")
    fake.set_access("LeadSource", "hidden", "Opportunity")
    fake.touch(lead)
    [warning] = SyncResult.of(salesforce.later()).warnings
    assert warning.detail == "Status, ConvertedDate, Opportunity.LeadSource"
    assert salesforce.history(lead) == [("converted", "1b")]
    kept = salesforce.read(lambda s: mirror.leads_by_id(s, [lead])[lead])
    assert (kept.status, kept.converted_on) == ("Closed - Converted", "2026-11-02")


def test_without_contact_roles_what_was_told_by_them_stays(fake, salesforce):
    lead = fake.lead()
    fake.convert(lead, opportunity=False)
    deal = fake.opportunity()
    fake.contact_role(deal, fake.get(lead)["ConvertedContactId"])
    fake.close(deal, won=True)
    salesforce.later()
    salesforce.next_day()
    fake.set_access("ContactId", "hidden", "OpportunityContactRole")
    [warning] = SyncResult.of(salesforce.later(days=1, minutes=1)).warnings
    assert warning.message.startswith("The contact roles of opportunities cannot be seen.")
    assert salesforce.history(lead) == [("converted", "2b")]
