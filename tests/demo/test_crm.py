"""What happens in the org, and how an integration that polls it comes to see it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from demo.salesforce.org.clock import moment
from demo.salesforce.org.org import NoSuchRecord, RowLocked

DEAL = "SELECT Id, IsClosed, IsWon, IsDeleted, StageName, SystemModstamp FROM Opportunity"


def test_a_late_commit_appears_behind_what_is_already_seen(fake, api):
    with fake.late_commit(400):
        late = fake.lead()
    early = fake.lead()
    assert [row["Id"] for row in api.rows("SELECT Id FROM Lead")] == [early]
    fake.clock.advance(400)
    rows = api.rows("SELECT Id FROM Lead ORDER BY SystemModstamp, Id")
    assert [row["Id"] for row in rows] == [late, early]


def test_a_change_that_is_not_committed_shows_the_old_values(fake, api):
    lead = fake.lead(City="Bonn")
    with fake.late_commit(60):
        fake.update(lead, City="Oslo")
        assert api.rows("SELECT City FROM Lead")[0]["City"] == "Bonn"
    assert api.rows("SELECT City FROM Lead")[0]["City"] == "Bonn"
    fake.clock.advance(60)
    assert api.rows("SELECT City FROM Lead")[0]["City"] == "Oslo"


def test_a_row_in_an_open_transaction_is_locked(fake, api):
    lead, other = fake.leads(2)
    with fake.late_commit(60):
        fake.update(lead, City="Oslo")
    with pytest.raises(RowLocked):
        fake.update(lead, City="Rome")
    results = api.patch({"id": lead, "Rating": "Hot"}, {"id": other, "Rating": "Hot"}).json()
    assert results[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert results[1] == {"id": other, "success": True, "errors": []}


def test_a_transaction_that_fails_leaves_nothing(fake):
    lead = fake.lead(City="Bonn")

    def break_off():
        with fake.transaction():
            fake.update(lead, City="Oslo")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        break_off()
    fake.update(lead, Rating="Hot")
    assert fake.get(lead)["City"] == "Bonn"


def test_what_the_set_up_changes_meanwhile_is_kept(fake):
    deal = fake.opportunity(StageName="Qualification")
    with fake.late_commit(60):
        fake.update(deal, Amount=5.0)
        assert (fake.get(deal)["Amount"], fake.get(deal)["StageName"]) == (5.0, "Qualification")
    fake.rename_stage("Qualification", "Parked")
    fake.clock.advance(60)
    assert (fake.get(deal)["Amount"], fake.get(deal)["StageName"]) == (5.0, "Parked")


def test_a_bulk_load_has_one_stamp_and_single_changes_have_their_own(fake):
    stamps = {fake.get(lead)["SystemModstamp"] for lead in fake.leads(5)}
    later = [fake.get(fake.lead())["SystemModstamp"] for _ in range(2)]
    assert len(stamps) == 1
    assert stamps.pop() < later[0] < later[1]


def test_conversion_makes_account_contact_deal_and_role(fake):
    lead = fake.lead(FirstName="Ada", LeadSource="Web")
    deal = fake.convert(lead)
    row = fake.get(lead)
    assert (row["IsConverted"], row["Status"]) == (True, "Closed - Converted")
    assert row["ConvertedOpportunityId"] == deal
    assert fake.get(row["ConvertedContactId"])["Name"] == "Ada Ng"
    assert fake.get(deal)["LeadSource"] == "Web"
    roles = fake.org.tables["opportunitycontactrole"].rows.values()
    assert [role["ContactId"] for role in roles] == [row["ConvertedContactId"]]


def test_conversion_without_a_deal_or_onto_one_that_exists(fake):
    alone, joined, deal = fake.lead(), fake.lead(), fake.opportunity()
    assert fake.convert(alone, False) == ""
    assert fake.convert(joined, deal, role=False) == deal
    assert fake.get(alone)["ConvertedOpportunityId"] is None
    assert not fake.org.tables["opportunitycontactrole"].rows


def test_the_date_of_conversion_is_the_orgs_own(fake):
    fake.time_zone = ZoneInfo("America/Los_Angeles")
    lead = fake.lead()
    fake.clock.move_to(moment("2026-11-03T07:30:00.000+0000"))
    fake.convert(lead)
    assert fake.get(lead)["ConvertedDate"] == "2026-11-02"


def test_a_deal_is_won_reopened_and_lost(fake, api):
    deal = fake.opportunity()
    states = []
    for change in ({"won": True}, None, {"won": False}):
        if change:
            fake.close(deal, **change)
        else:
            fake.reopen(deal)
        row = api.rows(DEAL)[0]
        states.append((row["StageName"], row["IsClosed"], row["IsWon"]))
    assert states == [
        ("Closed Won", True, True),
        ("Prospecting", False, False),
        ("Closed Lost", True, False),
    ]


def test_changes_of_the_stages_move_no_stamp(fake, api):
    deal = fake.opportunity(StageName="Qualification")
    before = api.rows(DEAL)[0]["SystemModstamp"]
    fake.rename_stage("Qualification", "Parked")
    fake.change_stage_type("Parked", is_closed=True, is_won=False)
    row = api.rows(DEAL)[0]
    assert (row["StageName"], row["IsClosed"], row["SystemModstamp"]) == ("Parked", True, before)
    assert fake.get(deal)["IsClosed"] is True


def test_a_deleted_deal_is_seen_by_query_all_only_and_comes_back(fake, api):
    deal = fake.convert(fake.lead()) or ""
    fake.delete(deal)
    assert [row["IsDeleted"] for row in api.rows(DEAL)] == [True]
    assert api.get("query/", q=DEAL).json()["records"] == []
    assert api.get("query/", q="SELECT Id FROM OpportunityContactRole").json()["totalSize"] == 0
    fake.undelete(deal)
    assert len(api.get("query/", q=DEAL).json()["records"]) == 1
    assert api.get("query/", q="SELECT Id FROM OpportunityContactRole").json()["totalSize"] == 1


def test_the_recycle_bin_is_emptied_after_fifteen_days(fake, api):
    fake.delete(fake.lead())
    fake.clock.advance(days=14, hours=23)
    api.log_in()
    assert len(api.rows("SELECT Id FROM Lead")) == 1
    fake.clock.advance(hours=2)
    api.log_in()
    assert api.rows("SELECT Id FROM Lead") == []


def test_what_is_purged_is_listed_as_deleted_only(fake, api):
    lead = fake.lead()
    fake.delete(lead)
    fake.purge(lead)
    assert api.rows("SELECT Id FROM Lead") == []
    with pytest.raises(NoSuchRecord):
        fake.get(lead)
    fake.clock.advance(minutes=5)
    span = (fake.clock.now - timedelta(hours=1), fake.clock.now)
    start, end = (each.isoformat() for each in span)
    listed = api.get("sobjects/Lead/deleted/", start=start, end=end).json()["deletedRecords"]
    assert [each["id"] for each in listed] == [lead]


def test_what_was_changed_is_listed_by_time(fake, api):
    early = fake.lead()
    fake.clock.advance(minutes=30)
    late = fake.lead()
    fake.clock.advance(minutes=5)
    span = (fake.clock.now - timedelta(minutes=20), fake.clock.now)
    start, end = (each.isoformat() for each in span)
    listed = api.get("sobjects/Lead/updated/", start=start, end=end).json()
    assert listed["ids"] == [late]
    assert early not in listed["ids"]


@pytest.mark.parametrize(("days", "minutes"), [(16, 60), (1, 1), (0, -5)])
def test_a_span_that_is_too_old_or_short_is_refused(fake, api, days, minutes):
    start = fake.clock.now - timedelta(days=days)
    end = start + timedelta(minutes=minutes)
    answer = api.get("sobjects/Lead/deleted/", start=start.isoformat(), end=end.isoformat())
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_merged_leads_name_their_winner_along_a_chain(fake, api):
    first, second, third = fake.leads(3)
    fake.merge(second, first)
    fake.merge(third, second)
    rows = {row["Id"]: row for row in api.rows("SELECT Id, IsDeleted, MasterRecordId FROM Lead")}
    assert [rows[each]["MasterRecordId"] for each in (first, second, third)] == [
        second,
        third,
        None,
    ]
    assert [rows[each]["IsDeleted"] for each in (first, second, third)] == [True, True, False]


def test_a_hidden_deal_and_its_roles_are_not_there(fake, api):
    deal = fake.convert(fake.lead())
    fake.hide(deal)
    assert api.rows(DEAL) == []
    assert api.rows("SELECT Id FROM OpportunityContactRole") == []
    assert api.rows("SELECT ConvertedOpportunityId FROM Lead")[0]["ConvertedOpportunityId"] == deal
    fake.show(deal)
    assert len(api.rows(DEAL)) == 1


def test_a_change_by_the_system_moves_only_the_system_stamp(fake):
    lead = fake.lead()
    before = fake.get(lead)
    fake.touch(lead)
    after = fake.get(lead)
    assert after["LastModifiedDate"] == before["LastModifiedDate"]
    assert after["SystemModstamp"] > before["SystemModstamp"]


def test_owners_may_be_queues_and_person_accounts_lack_a_company(fake, api):
    fake.allow_person_accounts()
    fake.lead(OwnerId=fake.queue("North"), Company=None, LastActivityDate="2027-01-01")
    row = api.rows("SELECT OwnerId, Company, LastActivityDate FROM Lead")[0]
    assert row["OwnerId"].startswith("00G")
    assert (row["Company"], row["LastActivityDate"]) == (None, "2027-01-01")
