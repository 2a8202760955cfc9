"""Scores written back: only on real change, never in an echo, never to a converted lead."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from demo.salesforce.fake import FakeSalesforce
from ml.fields.fields_file import category_key
from sync.salesforce import cases
from tests.conftest import ON_BOTH
from tests.factories import FIELDS, make_lead
from tests.salesforce.outcomes.test_pipeline_cases import NOT_CONVERTED
from webapp.services.crm import pending_writes
from webapp.services.leads import leads, records, scoring
from webapp.services.outcomes.outcomes import Attribution
from webapp.tables import Lead


@pytest.fixture
def scored(fake, salesforce):
    """A lead whose score has been written."""
    lead = fake.lead(LeadSource="Webinar")
    salesforce.later()
    assert len(fake.patches) == 1
    return lead


@ON_BOTH
def test_the_five_fields_are_written(fake, salesforce, scored):
    row = fake.get(scored)
    lead = salesforce.lead(scored)
    probability = salesforce.read(lambda s: leads.current_probability(s, lead))
    assert row["Conversion_Score__c"] == round(100 * probability, 2)
    assert row["Conversion_Band__c"] in {"High", "Medium", "Low"}
    assert 0 < len(row["Score_Reasons__c"]) <= 1024
    assert row["Score_Model_Version__c"] == "1.0"
    assert row["Score_Updated_At__c"].startswith(f"{salesforce.now:%Y-%m-%dT%H:%M}")


def test_the_org_s_assignment_rules_are_not_run_and_its_duplicate_rules_only_warn(fake, scored):
    [patch] = fake.patches
    assert patch.headers["Sforce-Auto-Assign"] == "FALSE"
    assert patch.headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"
    assert fake.get(scored)["OwnerId"] == fake.rep


def test_our_own_write_comes_back_without_an_echo(fake, salesforce, scored):
    for _ in range(3):
        run = salesforce.later()
        assert run.result["counts"].get("leads_changed", 0) == 0
    assert len(fake.patches) == 1
    assert len(salesforce.read(lambda s: leads.snapshots(s, leads.find(s, scored)))) == 1


def test_a_user_s_edit_one_second_before_our_write_is_seen(fake, salesforce):
    lead = fake.lead(Industry="Banking")
    fake.clock.advance(minutes=15)
    fake.update(lead, Industry="Energy")
    fake.clock.advance(seconds=1)
    salesforce.run()
    fake.update(lead, Industry="Retail")
    with fake.acting_as(fake.integration_user):
        fake.clock.advance(seconds=1)
        fake.update(lead, Conversion_Score__c=1)
    salesforce.later()
    assert salesforce.lead(lead).industry == "Retail"


def test_a_small_move_of_the_score_is_not_written_and_a_large_one_is(fake, salesforce, scored):
    salesforce.write(
        lambda s: make_lead(
            s, scored, attribution=Attribution("api", "x"), now=salesforce.now, email_opens=40
        )
    )
    salesforce.later()
    assert len(fake.patches) == 2
    salesforce.write(
        lambda s: make_lead(
            s, scored, attribution=Attribution("api", "x"), now=salesforce.now, email_opens=40
        )
    )
    salesforce.later()
    assert len(fake.patches) == 2


def test_a_converted_lead_is_never_written(fake, salesforce, scored):
    fake.convert(scored)
    salesforce.later()
    salesforce.write(lambda s: make_lead(s, scored, now=salesforce.now, email_opens=40))
    salesforce.later()
    assert len(fake.written(scored)) == 1


def test_writes_go_200_a_call(fake, salesforce):
    fake.leads(450, LeadSource="Web")
    salesforce.later()
    assert [len(p.records) for p in fake.patches] == [200, 200, 50]


def test_nothing_is_written_where_that_is_switched_off(fake, salesforce):
    salesforce.rules(writes_scores=False)
    fake.lead()
    salesforce.later()
    assert fake.patches == []


def test_without_the_fields_reading_goes_on_and_the_run_says_what_to_do(fake, salesforce):
    fake.set_access("Conversion_Score__c", "hidden")
    lead = fake.lead()
    run = salesforce.later()
    assert salesforce.lead(lead).crm_id == lead
    assert fake.patches == []
    assert run.result["warnings"][0]["detail"] == "Conversion_Score__c"


def test_an_activity_in_the_future_is_contact_today(fake, salesforce):
    salesforce.map(days_since_contact=("LastActivityDate", "days_since"))
    lead = fake.lead(LastActivityDate=(salesforce.now.date() + timedelta(days=9)).isoformat())
    salesforce.later()
    assert salesforce.lead(lead).days_since_contact == 0


def test_a_lead_owned_by_a_queue_has_its_name(fake, salesforce):
    lead = fake.lead(OwnerId=fake.queue("Inbound"))
    salesforce.later()
    assert salesforce.lead(lead).owner == "Inbound"


def test_a_person_account_without_company_is_a_lead(fake, salesforce):
    lead = fake.lead(Company=None)
    salesforce.later()
    assert salesforce.lead(lead).company is None


@ON_BOTH
def test_a_source_outside_the_list_is_unknown_or_what_was_chosen(fake, salesforce):
    lead = fake.lead(LeadSource="Purchased List")
    salesforce.later()
    assert salesforce.lead(lead).lead_source is None
    salesforce.map(lead_source=("LeadSource", "as_is", "Advertisement"))
    salesforce.later()
    assert category_key(salesforce.lead(lead).lead_source or "") == "advertisement"


@ON_BOTH
def test_what_was_learned_of_a_lead_after_its_conversion_is_no_input(fake, salesforce):
    salesforce.map(email_opens=("Email_Opens__c", "as_is"), industry=("Industry", "as_is"))
    lead = fake.lead(Industry="Banking", Email_Opens__c=30)
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    [snapshot] = salesforce.read(lambda s: leads.snapshots(s, leads.find(s, lead)))
    # What is empty was asked for; the opens were withheld.
    assert snapshot.inputs == {"industry": "Banking", "lead_source": None, "location": None}
    assert snapshot.came_with_outcome


def test_inputs_of_a_lead_stay_as_they_were_before_its_conversion(fake, salesforce):
    salesforce.map(email_opens=("Email_Opens__c", "as_is"))
    lead = fake.lead(Email_Opens__c=2)
    salesforce.later()
    with fake.transaction():
        fake.update(lead, Email_Opens__c=30)
        fake.convert(lead)
    salesforce.later()
    found = salesforce.read(lambda s: leads.snapshots(s, leads.find(s, lead)))
    empty = dict.fromkeys(("industry", "lead_source", "location"))
    assert [s.inputs for s in found] == [{"email_opens": 2} | empty]
    assert not found[0].came_with_outcome


def test_two_leads_with_one_external_id_do_not_become_one(fake, salesforce):
    salesforce.rules(external_id_field="Website")
    first = fake.lead(Website="L-1")
    second = fake.lead(Website="L-1")
    salesforce.later()
    assert salesforce.lead("L-1").crm_id == first
    assert salesforce.lead(second).crm_id == second


@ON_BOTH
def test_a_lead_known_from_elsewhere_is_joined_by_its_external_id(fake, salesforce):
    salesforce.rules(external_id_field="Website")
    record = records.clean(FIELDS, {"lead_id": "L-7", "email_opens": 3})
    attribution = Attribution("api", "a program")
    salesforce.write(
        lambda s: scoring.score_lead(s, FIELDS, record, attribution, now=salesforce.now)
    )
    lead = fake.lead(Website="L-7")
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    assert salesforce.lead("L-7").outcome is True
    assert salesforce.lead("L-7").email_opens == 3


def test_a_score_that_goes_stale_with_the_days_is_renewed_overnight(fake, salesforce):
    salesforce.map(days_since_contact=("LastActivityDate", "days_since"))
    lead = fake.lead(LastActivityDate=salesforce.now.date().isoformat())
    salesforce.later()
    fake.clock.advance(days=59)
    salesforce.next_day()
    assert salesforce.lead(lead).days_since_contact == 60
    assert len(fake.written(lead)) == 2
    assert salesforce.read(pending_writes.n_by_state) == {"sent": 1}


@pytest.mark.parametrize(
    ("case", "close", "reopen"),
    [
        ("lead deleted", FakeSalesforce.delete, FakeSalesforce.undelete),
        ("lead converted", FakeSalesforce.convert, lambda o, i: o.update(i, **NOT_CONVERTED)),
    ],
)
def test_a_lead_that_took_no_score_takes_one_when_it_is_open_again(
    case, close, reopen, fake, salesforce
):
    lead = fake.lead(LeadSource="Webinar")
    fake.fail_next(case, on=lead)
    salesforce.later()
    close(fake, lead)
    salesforce.later()
    reopen(fake, lead)
    salesforce.later()
    assert fake.get(lead)["Conversion_Score__c"] is not None


@ON_BOTH
def test_a_score_that_waits_for_the_org_waits_as_long_as_that_takes(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    read_only = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE"
    fake.refuse(lead, "row lock", code=read_only)
    for _ in range(pending_writes.MAX_ATTEMPTS + 1):
        salesforce.later()
    assert salesforce.read(pending_writes.n_by_state) == {"due": 1}
    fake.allow(lead)
    salesforce.later()
    assert fake.get(lead)["Conversion_Score__c"] is not None


@ON_BOTH
def test_a_run_counts_as_refused_what_the_list_of_refused_scores_has(fake, salesforce):
    refused, locked, converted = (fake.lead(LeadSource=s) for s in ("Web", "Webinar", "Other"))
    fake.refuse(refused, "validation rule")
    fake.refuse(locked, "row lock")
    fake.refuse(converted, "lead converted")
    counts = salesforce.run().result["counts"]
    assert counts["scores_rejected"] == 1
    assert counts["scores_to_retry"] == 1
    assert counts["scores_unwanted"] == 1
    assert salesforce.read(pending_writes.n_by_state)["dead"] == 1


@pytest.mark.parametrize("code", ["NOBODY_KNOWS_THIS", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"])
def test_one_bad_row_is_one_bad_row_whatever_its_code(code, fake, salesforce):
    some = fake.leads(450, LeadSource="Webinar")
    for lead in some[::200]:
        fake.refuse(lead, "validation rule", "Region is closed", code=code)
    run = salesforce.later()
    assert run.result["counts"]["scores_written"] == 447
    assert run.result["counts"]["scores_to_retry"] == 3
    assert run.result["warnings"] == []
    # Tried again with longer and longer pauses, then listed with the org's own words.
    for _ in range(pending_writes.MAX_ATTEMPTS):
        salesforce.later(hours=1)
    listed = salesforce.read(pending_writes.dead_letters)
    assert {lead.lead_id for _, lead in listed} == set(some[::200])
    assert all("Region is closed" in row.detail for row, _ in listed)
    assert len(fake.written(some[1])) == 1


def test_what_refuses_most_rows_of_one_call_alone_does_not_stop_the_others(fake, salesforce):
    some = fake.leads(450, LeadSource="Webinar")
    for lead in some[:150]:
        fake.refuse(lead, "field read-only")
    run = salesforce.later()
    assert run.result["counts"]["scores_written"] == 300
    assert len(fake.patches) == 3


def test_what_refuses_most_rows_of_two_calls_in_a_row_stops_the_writing(fake, salesforce):
    some = fake.leads(650, LeadSource="Webinar")
    for lead in some:
        fake.refuse(lead, "validation rule", code="NOBODY_KNOWS_THIS")
    run = salesforce.later()
    assert len(fake.patches) == 2
    assert run.result["warnings"][0]["words"] == cases.UNKNOWN_ROW.message


@pytest.mark.parametrize(
    ("code", "case"),
    [
        ("FIELD_INTEGRITY_EXCEPTION", "record breaks a rule"),
        ("FIELD_FILTER_VALIDATION_EXCEPTION", "record breaks a rule"),
        ("INACTIVE_OWNER_OR_USER", "owner is inactive"),
        ("LIMIT_EXCEEDED", "trigger or flow failed"),
        ("FLOW_EXCEPTION", "trigger or flow failed"),
        ("NUMBER_OUTSIDE_VALID_RANGE", "score does not fit its field"),
        ("DUPLICATE_VALUE", "value not unique"),
        ("DUPLICATES_DETECTED", "duplicate rule"),
    ],
)
def test_a_code_that_is_known_is_listed_at_once_in_words(code, case, fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.refuse(lead, "validation rule", code=code)
    salesforce.later()
    [(row, _)] = salesforce.read(pending_writes.dead_letters)
    assert row.case == case


@ON_BOTH
def test_a_step_makes_no_more_scores_due_than_others_can_wait_for(fake, salesforce, monkeypatch):
    fake.leads(5, LeadSource="Webinar")
    salesforce.later()
    monkeypatch.setattr(pending_writes, "CHUNK", 2)
    steps, offer = [], pending_writes._offer

    def counted(session, keys, *rest, **how):
        steps.append((session, len(keys)))
        return offer(session, keys, *rest, **how)

    monkeypatch.setattr(pending_writes, "_offer", counted)
    rescored = sa.update(Lead).values(scored_at=salesforce.now + timedelta(minutes=10))
    moved = sa.update(pending_writes.CrmScoreWrite).values(sent_score=0)
    for change in (rescored, moved):
        salesforce.write(lambda s, change=change: s.execute(change))
    run = salesforce.later()
    assert run.result["counts"]["scores_written"] == 5
    assert [n for _, n in steps[:3]] == [2, 2, 1]
    assert len({id(session) for session, _ in steps}) == len(steps)
