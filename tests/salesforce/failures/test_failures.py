"""The failures of docs/salesforce.md, by number: what the product does and what people read."""

from dataclasses import replace

import pytest

from sync.crm.http import session as http
from sync.salesforce import cases, soql
from tests.salesforce.failures.endings import breaker, comes_back, failed, survived
from webapp.services.crm import mirror, pending_writes
from webapp.services.crm.kinds import exchange


@pytest.fixture(scope="session")
def dialect():
    """What is tested here is the wire; statements are tested on both databases elsewhere."""
    return "sqlite"


def test_01_an_expired_token_is_renewed_once_and_no_row_is_lost(fake, salesforce, monkeypatch):
    monkeypatch.setattr(soql, "PAGE_ROWS", 20)
    leads = fake.leads(50)
    fake.fail_at(8, "session expired")
    survived(fake, salesforce, *leads)
    assert len(fake.logins) == 2


@pytest.mark.parametrize("name", ["session refused", "session expired"])
def test_02_a_session_refused_twice_is_tried_again_by_the_next_run(fake, salesforce, name):
    lead = fake.lead()
    with fake.failing(name):
        comes_back(fake, salesforce, cases.SESSION_REFUSED)
        assert len(fake.logins) == 2
    salesforce.tick()
    assert salesforce.lead(lead).crm_id == lead


def test_02_a_user_who_lost_access_costs_one_login_a_run(fake, salesforce):
    salesforce.later()
    fake.oauth.has_api_access = False
    comes_back(fake, salesforce, cases.SESSION_REFUSED)
    fake.requests.clear()
    comes_back(fake, salesforce, cases.SESSION_REFUSED)
    assert len(fake.logins) == 1


def test_02_a_session_id_that_has_ended_waits_for_a_person(fake, salesforce):
    salesforce.connect(method="session", session_id="x" * 20)
    failed(fake, salesforce, cases.SESSION_ENDED, n_logins=0)


@pytest.mark.parametrize("name", ["401 with a dict", "401 with a page"])
def test_03_a_401_of_any_form_is_an_expired_token(fake, salesforce, name):
    fake.fail_next(name)
    survived(fake, salesforce, fake.lead())
    with fake.failing(name):
        comes_back(fake, salesforce, cases.SESSION_REFUSED)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("wrong password", cases.WRONG_LOGIN, id="04"),
        pytest.param("no run-as user", cases.NO_RUN_AS_USER, id="05"),
        pytest.param("wrong domain", cases.WRONG_DOMAIN, id="06"),
        pytest.param("wrong consumer key", cases.WRONG_KEY, id="07-key"),
        pytest.param("wrong consumer secret", cases.WRONG_KEY, id="07-secret"),
        pytest.param("user not approved", cases.NOT_APPROVED, id="08-user"),
        pytest.param("app not approved", cases.NOT_APPROVED, id="08-app"),
    ],
)
def test_04_to_08_a_refused_login_waits_for_a_person(fake, salesforce, name, case):
    with fake.failing(name):
        failed(fake, salesforce, case, n_logins=1)
    salesforce.connect()
    survived(fake, salesforce, fake.lead())


def test_55_a_login_from_an_address_that_is_not_let_in_waits_for_a_person(fake, salesforce):
    with fake.failing("IP address refused"):
        failed(fake, salesforce, cases.ADDRESS_REFUSED, n_logins=1)


def test_09_a_login_with_a_token_that_is_switched_off_says_what_to_use(fake, salesforce):
    salesforce.connect(
        method="password", username="a@b.example", password="pw", security_token="token"
    )
    with fake.failing("SOAP login off"):
        failed(fake, salesforce, cases.OLD_LOGIN_OFF, n_logins=1)


def test_10_a_used_day_quota_stops_every_call_and_keeps_the_place(fake, salesforce):
    lead = fake.lead()
    fake.clock.advance(minutes=15)
    fake.fail_at(2, "day quota used")
    run = salesforce.run()
    assert run.state == "succeeded"
    assert run.result["stopped"].startswith(cases.DAY_QUOTA.message)
    n_requests = len(fake.requests)
    fake.clock.advance(minutes=45)
    salesforce.tick()
    assert len(fake.requests) == n_requests
    fake.clock.advance(minutes=20)
    salesforce.tick()
    assert salesforce.lead(lead).crm_id == lead


def test_11_too_many_long_requests_are_waited_for(fake, salesforce):
    fake.fail_next("too many long requests", times=2)
    survived(fake, salesforce, fake.lead())
    waits = [w for w in salesforce.stop.waits if w]
    assert len(waits) == 2
    assert all(0 <= w <= 60 for w in waits)


@pytest.mark.parametrize("name", ["maintenance", "maintenance page"])
def test_12_maintenance_is_waited_for_and_a_long_one_fails_the_run(fake, salesforce, name):
    fake.fail_next(name, times=3)
    survived(fake, salesforce, fake.lead())
    with fake.failing(name):
        run = salesforce.run()
    assert run.state == "failed"
    assert run.error.startswith(cases.MAINTENANCE.message)
    assert breaker(salesforce) is None, "the next run comes by itself"
    survived(fake, salesforce)


def test_12_a_wait_that_is_asked_for_is_kept_up_to_two_minutes(fake, salesforce):
    fake.fail_next("maintenance for a second")
    survived(fake, salesforce, fake.lead())
    assert salesforce.stop.waits == [1]
    fake.fail_next("maintenance", headers={"Retry-After": "7200"})
    survived(fake, salesforce)
    assert salesforce.stop.waits == [1, 120]


def test_12_a_wait_that_an_answer_asked_for_is_made_once(fake, salesforce):
    fake.fail_next("maintenance", headers={"Retry-After": "120"})
    fake.fail_next("reset", times=2)
    survived(fake, salesforce, fake.lead())
    assert [wait == 120 for wait in salesforce.stop.waits if wait] == [True, False, False]


@pytest.mark.parametrize("name", ["bad gateway", "edge"])
def test_13_a_server_on_the_way_that_fails_is_waited_for(fake, salesforce, name):
    fake.fail_next(name, times=2)
    survived(fake, salesforce, fake.lead())


@pytest.mark.parametrize("name", ["timeout", "reset", "truncated body", "answer lost"])
def test_14_a_broken_connection_is_tried_again(fake, salesforce, monkeypatch, name):
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    fake.fail_next(name, times=2)
    survived(fake, salesforce, fake.lead())


def test_14_a_write_whose_answer_is_lost_is_left_to_the_next_run(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.clock.advance(minutes=15)
    fake.fail_next("answer lost", path="composite")
    run = salesforce.run()
    assert run.state == "succeeded"
    assert run.result["warnings"][0]["words"] == cases.UNREACHABLE.message
    assert len(fake.patches) == 1
    salesforce.later()
    assert len(fake.written(lead)) == 2
    salesforce.later()
    assert len(fake.written(lead)) == 2


def test_15_a_login_page_instead_of_an_answer_is_not_stored(fake, salesforce):
    fake.fail_next("login page", times=2)
    survived(fake, salesforce, fake.lead())
    with fake.failing("login page"):
        run = salesforce.run()
    assert run.error.startswith(cases.NOT_SALESFORCE.message)


def test_16_a_forgotten_query_is_asked_again_from_where_we_stand(fake, salesforce):
    fake.fail_next("locator expired")
    survived(fake, salesforce, fake.lead())


def test_17_a_slow_query_asks_for_half_the_time(fake, salesforce):
    leads = fake.leads(3)
    salesforce.rules(history_days=20)
    # The first query asks for the time zone.
    fake.fail_next("query too slow", times=2, n_spared=1)
    survived(fake, salesforce, *leads)
    lead_queries = [q for q in fake.queries if "FROM Lead" in q]
    assert len(lead_queries) >= 4


def test_17_a_query_that_is_slow_for_one_minute_fails_the_run(fake, salesforce):
    with fake.failing("query too slow"):
        run = salesforce.run()
    assert run.error.startswith(cases.QUERY_SLOW.message)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("field missing", cases.FIELD_MISSING, id="18"),
        pytest.param("object not visible", cases.OBJECT_MISSING, id="19"),
        pytest.param("broken query", cases.BAD_QUERY, id="20"),
        pytest.param("version retired", cases.VERSION_RETIRED, id="22"),
        pytest.param("API off for the org", cases.API_OFF, id="23-org"),
        pytest.param("API off for the user", cases.API_OFF, id="23-user"),
        pytest.param("not found", cases.WRONG_PATH, id="34"),
    ],
)
def test_18_to_23_and_34_what_only_an_administrator_can_change_waits_for_one(
    fake, salesforce, name, case
):
    with fake.failing(name):
        failed(fake, salesforce, case)
    salesforce.connect()
    survived(fake, salesforce, fake.lead())


def test_18_the_field_that_is_missing_is_named(fake, salesforce):
    with fake.failing("field missing"):
        run = failed(fake, salesforce, cases.FIELD_MISSING)
    assert "X__c" in run.error


def test_18_a_mapped_field_that_vanished_is_named_before_anything_is_asked(fake, salesforce):
    salesforce.map(email_opens=("Email_Opens__c", "as_is"))
    fake.set_access("Email_Opens__c", "missing")
    run = failed(fake, salesforce, replace(cases.FIELD_MISSING, name=exchange.WRONG_SETTINGS))
    assert "Email_Opens__c" in run.error
    assert fake.queries == []


def test_20_an_empty_list_is_never_asked_for(fake, salesforce):
    salesforce.later()
    salesforce.next_day()
    assert not any("IN ()" in q for q in fake.queries)


@pytest.mark.parametrize("name", ["address too long", "headers too long"])
def test_21_an_address_too_long_asks_for_fewer(fake, salesforce, name):
    leads = fake.leads(8)
    salesforce.later()
    salesforce.later(hours=1)
    salesforce.write(lambda s: mirror.read_again(s, leads))
    fake.clock.advance(hours=1)
    fake.requests.clear()
    fake.fail_at(3, name)
    survived(fake, salesforce, *leads)
    by_ids = [q for q in fake.queries if "Id IN" in q]
    assert [q.count("00Q") for q in by_ids] == [8, 4, 4]


def score_write(salesforce, lead):
    key = salesforce.lead(lead).key
    row = salesforce.read(lambda s: s.get(pending_writes.CrmScoreWrite, key))
    return row.state, row.case


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("lead converted", cases.CONVERTED, id="24"),
        pytest.param("id of nothing", cases.RECORD_MISSING, id="26"),
        pytest.param("lead deleted", cases.RECORD_DELETED, id="27"),
    ],
)
def test_24_26_27_a_lead_that_takes_no_scores_is_not_written_again(fake, salesforce, name, case):
    leads = fake.leads(5, LeadSource="Webinar")
    fake.refuse(leads[2], name)
    run = salesforce.later()
    assert run.result["counts"]["scores_written"] == 4
    assert fake.get(leads[3])["Conversion_Score__c"] is not None
    fake.allow(leads[2])
    for _ in range(3):
        salesforce.later()
    assert len(fake.written(leads[2])) == 1
    assert score_write(salesforce, leads[2]) == ("stopped", case.name)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("row lock", cases.ROW_LOCKED, id="25"),
        pytest.param("rolled back", cases.ROLLED_BACK, id="32"),
    ],
)
def test_25_and_32_only_the_row_that_was_not_saved_is_written_again(fake, salesforce, name, case):
    leads = fake.leads(5, LeadSource="Webinar")
    fake.fail_next(name, on=leads[2])
    salesforce.later()
    assert score_write(salesforce, leads[2]) == ("due", case.name)
    salesforce.later()
    assert [len(fake.written(lead)) for lead in leads] == [1, 1, 2, 1, 1]
    assert score_write(salesforce, leads[2]) == ("sent", None)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("field read-only", cases.FIELD_READ_ONLY, id="28"),
        pytest.param("field not deployed", cases.FIELD_MISSING, id="29"),
        pytest.param("wrong type", cases.WRONG_TYPE, id="39"),
        pytest.param("not in the picklist", cases.PICKLIST, id="40"),
    ],
)
def test_28_29_39_40_what_refuses_every_row_stops_after_two_calls(fake, salesforce, name, case):
    leads = fake.leads(450, LeadSource="Webinar")
    for lead in leads:
        fake.refuse(lead, name)
    run = salesforce.later()
    assert len(fake.patches) == 2
    assert run.result["warnings"][0]["words"] == case.message
    assert salesforce.lead(leads[0]).crm_id, "reading goes on"


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param("validation rule", cases.VALIDATION_RULE, id="30"),
        pytest.param("trigger fails", cases.TRIGGER, id="36"),
        pytest.param("no access", cases.NO_RECORD_ACCESS, id="38"),
    ],
)
def test_30_36_38_a_rule_of_the_org_is_shown_with_its_text(fake, salesforce, name, case):
    leads = fake.leads(5, LeadSource="Webinar")
    fake.refuse(leads[2], name)
    salesforce.later()
    [(row, lead)] = salesforce.read(pending_writes.dead_letters)
    assert lead.lead_id == leads[2]
    assert row.case == case.name
    assert row.detail
    salesforce.later()
    assert len(fake.written(leads[2])) == 1


def test_31_a_duplicate_rule_that_only_warns_does_not_keep_the_score_out(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.refuse(lead, "duplicate rule")
    salesforce.later()
    assert score_write(salesforce, lead) == ("sent", None)


def test_38_no_access_to_most_leads_is_a_matter_of_permissions(fake, salesforce):
    leads = fake.leads(450, LeadSource="Webinar")
    for lead in leads:
        fake.refuse(lead, "no access")
    run = salesforce.later()
    assert len(fake.patches) == 2
    assert run.result["warnings"][0]["words"] == cases.NO_RECORD_ACCESS.message


def test_33_nothing_is_never_written(fake, salesforce):
    salesforce.later()
    assert fake.patches == []


def test_33_and_35_other_answers_to_a_write_mark_nothing_as_written(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    for name in ("empty batch", "external id not unique"):
        fake.fail_next(name, path="composite")
        run = salesforce.later()
        assert run.result["warnings"]
        assert score_write(salesforce, lead) == ("due", None)
    salesforce.later()
    assert score_write(salesforce, lead) == ("sent", None)


def test_37_in_a_read_only_window_reading_goes_on_and_scores_wait(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    with fake.failing("read-only window"):
        run = salesforce.later()
    assert run.result["warnings"][0]["words"] == cases.READ_ONLY.message
    assert salesforce.lead(lead).crm_id == lead
    salesforce.later()
    assert score_write(salesforce, lead) == ("sent", None)


def test_41_a_request_for_fewer_requests_is_waited_for(fake, salesforce):
    fake.fail_next("too many requests")
    survived(fake, salesforce, fake.lead())
    assert len(salesforce.stop.waits) == 1


def test_42_an_answer_of_another_shape_marks_nothing_as_written(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.answer_next({"results": [{"id": lead, "success": True}]}, path="composite")
    run = salesforce.later()
    assert run.result["warnings"][0]["words"] == cases.WRONG_SHAPE.message
    assert score_write(salesforce, lead) == ("due", None)
