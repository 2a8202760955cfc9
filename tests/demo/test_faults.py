"""Each fault answers exactly as the table of observed failures says, by name and by cause."""

import json

import pytest
import requests

from demo.salesforce.http import faults

NO_COLUMN = (
    "\nSELECT Id, X__c FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'X__c' on "
    "entity 'Lead'. If you are attempting to use a custom field, be sure to append the '__c' after "
    "the custom field name."
)
NO_OBJECT = (
    "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\nsObject type "
    "'XYZZY' is not supported."
)
READ_ONLY = (
    "Unable to create/update fields: Conversion_Score__c. Please check the security settings of "
    "this field and verify that it is read/write for your profile or permission set."
)
WRONG_TYPE = (
    "Cannot deserialize instance of datetime from VALUE_STRING value yesterday or request may be "
    "missing a required field at [Source: N/A; line: -1, column: -1][line:-1, column:-1]"
)
SOAP_OFF = (
    "INVALID_OPERATION: SOAP API login() is disabled by default in this org. Contact the org "
    "administrator to enable SOAP API login()."
)

# number, name, status, error code (of REST, OAuth or the row), how the message starts
TABLE = [
    (1, "session expired", 401, "INVALID_SESSION_ID", "Session expired or invalid"),
    (2, "session refused", 401, "INVALID_SESSION_ID", "This session is not valid for use with"),
    (3, "401 with a dict", 401, None, ""),
    (3, "401 with a page", 401, "<html>", ""),
    (4, "wrong password", 400, "invalid_grant", "authentication failure"),
    (5, "no run-as user", 400, "invalid_grant", "no client credentials user enabled"),
    (6, "wrong domain", 400, "invalid_grant", "request not supported on this domain"),
    (7, "wrong consumer key", 400, "invalid_client_id", "client identifier invalid"),
    (7, "wrong consumer secret", 400, "invalid_client", "invalid client credentials"),
    (8, "user not approved", 400, "invalid_grant", "user hasn't approved this consumer"),
    (8, "app not approved", 400, "invalid_app_access", "user is not admin approved to access"),
    (9, "SOAP login off", 500, "<?xml", SOAP_OFF),
    (10, "day quota used", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    (11, "too many long requests", 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit"),
    (12, "maintenance", 503, "SERVER_UNAVAILABLE", ""),
    (12, "maintenance page", 503, "<html>", ""),
    (12, "maintenance for a second", 503, "SERVER_UNAVAILABLE", ""),
    (13, "bad gateway", 502, "<html>", ""),
    (13, "edge", 420, "Enhance", ""),
    (15, "login page", 200, "<html>", ""),
    (16, "locator expired", 400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
    (17, "query too slow", 400, "QUERY_TIMEOUT", "Your query request was running for too long."),
    (18, "field missing", 400, "INVALID_FIELD", NO_COLUMN),
    (19, "object not visible", 400, "INVALID_TYPE", NO_OBJECT),
    (20, "broken query", 400, "MALFORMED_QUERY", "\nSELECT Id FROM Lead WHERE Id IN ()"),
    (21, "address too long", 414, "<html>", ""),
    (21, "headers too long", 431, "<html>", ""),
    (22, "version retired", 410, "GONE", ""),
    (
        23,
        "API off for the org",
        403,
        "API_DISABLED_FOR_ORG",
        "The REST API is not enabled for this",
    ),
    (23, "API off for the user", 403, "API_CURRENTLY_DISABLED", "API is disabled for this user"),
    (24, "lead converted", 200, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"),
    (25, "row lock", 200, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
    (26, "id of nothing", 200, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    (27, "lead deleted", 200, "ENTITY_IS_DELETED", "entity is deleted"),
    (28, "field read-only", 200, "INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY),
    (29, "field not deployed", 200, "INVALID_FIELD", "No such column 'Conversion_Score__c' on so"),
    (30, "validation rule", 200, "FIELD_CUSTOM_VALIDATION_EXCEPTION", ""),
    (31, "duplicate rule", 200, "DUPLICATES_DETECTED", "Use one of these records?"),
    (32, "rolled back", 200, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not"),
    (33, "empty batch", 400, "REQUIRED_FIELD_MISSING", "At least 1 record is required"),
    (34, "not found", 404, "NOT_FOUND", "The requested resource does not exist"),
    (35, "external id not unique", 300, None, ""),
    (36, "trigger fails", 200, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "LeadTrigger: execution of"),
    (37, "read-only window", 503, "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", ""),
    (38, "no access", 200, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on obj"),
    (39, "wrong type", 200, "JSON_PARSER_ERROR", WRONG_TYPE),
    (40, "not in the picklist", 200, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "picklist field: "),
    (43, "login retry", 400, "unknown_error", "retry your request"),
    (43, "login under way", 400, "invalid_grant", "token request is already being processed"),
    (44, "login rate", 400, "invalid_grant", "login rate exceeded"),
    (45, "proxy login", 407, "<html>", ""),
    (47, "request timeout", 408, "<html>", ""),
    (47, "too early", 425, "<html>", ""),
    (47, "server error", 500, "INTERNAL_ERROR", "An unexpected error occurred."),
    (47, "origin down", 521, "<html>", ""),
    (41, "too many requests", 429, "<html>", ""),
    (47, "origin slow", 524, "<html>", ""),
    (48, "edge refuses", 403, "<html>", ""),
    (49, "query too complicated", 400, "QUERY_TOO_COMPLICATED", "Query is either selecting too"),
    (50, "operation too large", 400, "OPERATION_TOO_LARGE", "exceeded 100000 distinct ids"),
    (51, "security policy", 403, "TXN_SECURITY_METERING_ERROR", "An error occurred while"),
    (55, "IP address refused", 400, "invalid_grant", "ip restricted"),
]
# What the socket does, or where an answer sends the caller.
HANGUPS = {
    "timeout",
    "reset",
    "truncated body",
    "answer lost",
    "slow body",
    "slow headers",
    "captive portal",
}
# An answer of another shape may have any; a certificate and a loss of sight are no answers.
NO_FAULTS = {42, 52, 54}


def send(fake, api, name):
    """A request that this fault can hit, and the lead that it writes."""
    lead = fake.lead()
    target = faults.named(name).target
    if target == "login":
        return requests.post(f"{fake.url}/services/oauth2/token", {}, timeout=5)
    if target == "soap":
        return requests.post(f"{fake.url}/services/Soap/u/59.0", "<x/>", timeout=5)
    if target == "write":
        return api.patch({"id": lead, "Conversion_Score__c": 5})
    return api.query("SELECT Id FROM Lead")


def code_and_message(answer):
    """The code and the message of any of the forms that an error has."""
    if answer.text[:1] not in "[{":
        return answer.text, answer.text
    body = answer.json()
    first = body[0] if isinstance(body, list) else body
    if not isinstance(first, dict):
        return None, ""
    first = (first.get("errors") or [first])[0]
    code = first.get("errorCode") or first.get("statusCode") or first.get("error")
    return code, first.get("error_description") or first.get("message", "")


@pytest.mark.parametrize(("number", "name", "status", "code", "words"), TABLE)
def test_a_fault_by_name_is_answered_as_the_table_says(
    fake, api, number, name, status, code, words
):
    fake.fail_next(name)
    answer = send(fake, api, name)
    found, message = code_and_message(answer)
    assert answer.status_code == status
    assert (found or "").startswith(code or "")
    assert words in message
    assert faults.named(name).number == number
    again = send(fake, api, name)
    is_over = (again.status_code, *code_and_message(again)) != (status, found, message)
    assert is_over != (name == "SOAP login off"), "only that one has a cause that lasts"


def test_every_case_of_the_table_is_there():
    listed = {name for _, name, *_ in TABLE} | HANGUPS
    assert listed == set(faults.BY_NAME)
    assert {fault.number for fault in faults.ALL} == set(range(1, 56)) - NO_FAULTS


def test_a_fault_that_is_none_is_named():
    with pytest.raises(KeyError, match="no fault 'row lok'"):
        faults.named("row lok")


def row_error(answer):
    return answer.json()[0]["errors"][0]


def expected_row(name, lead):
    return faults.named(name).row_result(lead)["errors"][0]


def test_rows_fail_by_cause_as_they_do_by_name(fake, api):
    converted, deleted, lead = fake.leads(3)
    fake.convert(converted)
    fake.delete(deleted)
    score = {"Conversion_Score__c": 5}
    for name, each in {"lead converted": converted, "lead deleted": deleted}.items():
        assert row_error(api.patch({"id": each} | score)) == expected_row(name, each)
    wrong = api.patch({"id": lead, "Score_Updated_At__c": "yesterday"})
    assert row_error(wrong) == expected_row("wrong type", lead)
    fake.set_access("Conversion_Score__c", "read-only")
    assert row_error(api.patch({"id": lead} | score)) == expected_row("field read-only", lead)
    fake.set_access("Conversion_Score__c", "missing")
    assert row_error(api.patch({"id": lead} | score)) == expected_row("field not deployed", lead)


def test_a_lock_by_cause_is_a_lock_by_name(fake, api):
    lead = fake.lead()
    with fake.late_commit(60):
        fake.update(lead, City="Oslo")
    answer = api.patch({"id": lead, "Rating": "Hot"})
    assert row_error(answer) == expected_row("row lock", lead)


@pytest.mark.parametrize(
    ("soql", "name"),
    [
        ("SELECT Id, X__c FROM Lead", "field missing"),
        ("select count() from XYZZY", "object not visible"),
        ("SELECT Id FROM Lead WHERE Id IN ()", "broken query"),
    ],
)
def test_queries_fail_by_cause_as_they_do_by_name(api, soql, name):
    answer = api.query(soql)
    assert (answer.status_code, answer.json()) == (400, faults.answer(name).json)


def test_limits_are_met_by_cause_as_by_name(fake, api):
    ids = ",".join(["'00Q5e0000000001EAA'"] * 800)
    assert api.query(f"SELECT Id FROM Lead WHERE Id IN ({ids})").status_code == 414
    assert api.query(f"SELECT {'Id,' * 200} FROM Lead", Much="x" * 16_000).status_code == 431
    url = f"{fake.url}/services/data/v30.0/limits"
    assert api.session.get(url, timeout=5).json() == faults.answer("version retired").json
    fake.quota.use(fake.quota.limit)
    assert api.get("limits").json() == faults.answer("day quota used").json
    fake.clock.advance(hours=25)
    api.log_in()
    assert api.get("limits").status_code == 200


def test_the_api_is_switched_off_by_cause_as_by_name(fake, api):
    for whom in ("org", "user"):
        fake.rest.api_is_off_for = whom
        assert api.get("limits").json() == faults.answer(f"API off for the {whom}").json


# Orders


def test_the_nth_request_fails(fake, api):
    fake.fail_at(3, "query too slow")
    soql = "SELECT Id FROM Lead"
    assert [api.query(soql).status_code for _ in range(4)] == [200, 200, 400, 200]


def test_a_fault_hits_only_what_it_can(fake, api):
    order = fake.fail_next("query too slow", times=2)
    assert api.get("limits").status_code == 200
    assert order.n_hits == 0
    assert api.query("SELECT Id FROM Lead").status_code == 400
    assert order.n_hits == 1


def test_a_fault_lasts_for_a_while(fake, api):
    fake.fail_for("maintenance", seconds=60)
    assert [api.get("limits").status_code for _ in range(2)] == [503, 503]
    fake.clock.advance(60)
    assert api.get("limits").status_code == 200


def test_a_fault_lasts_for_a_block_or_until_all_is_healed(fake, api):
    with fake.failing("bad gateway", path="/limits") as order:
        assert api.get("limits").status_code == 502
        assert api.query("SELECT Id FROM Lead").status_code == 200
    assert (api.get("limits").status_code, order.n_hits) == (200, 1)
    fake.fail_next("edge", times=100)
    fake.heal()
    assert api.get("limits").status_code == 200


def test_an_order_waits_for_its_lead(fake, api):
    lead, other = fake.leads(2)
    fake.fail_next("row lock", on=lead)
    score = {"Conversion_Score__c": 5}
    assert api.patch({"id": other} | score).json()[0]["success"] is True
    rows = api.patch({"id": other} | score, {"id": lead} | score).json()
    assert [row["success"] for row in rows] == [True, False]
    assert api.patch({"id": lead} | score).json()[0]["success"] is True


def test_a_row_is_chosen_by_its_place(fake, api):
    leads = fake.leads(3)
    fake.fail_next("trigger fails", row=2)
    rows = api.patch(*({"id": each, "Conversion_Score__c": 5} for each in leads)).json()
    assert [row["success"] for row in rows] == [True, True, False]


def test_an_answer_may_say_when_to_come_back(fake, api):
    fake.fail_next("maintenance for a second")
    assert api.get("limits").headers["Retry-After"] == "1"
    fake.fail_next("maintenance", headers={"Retry-After": "86400"})
    assert api.get("limits").headers["Retry-After"] == "86400"


# Sockets


def test_a_reset_leaves_nothing_done_and_a_lost_answer_all(fake, api):
    lead = fake.lead()
    for name, saved in (("reset", None), ("answer lost", 5)):
        fake.fail_next(name)
        with pytest.raises(requests.ConnectionError):
            api.patch({"id": lead, "Conversion_Score__c": 5})
        assert fake.get(lead)["Conversion_Score__c"] == saved


def test_a_body_breaks_off(fake, api):
    fake.leads(5)
    fake.fail_next("truncated body")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.query("SELECT Id FROM Lead")


def test_a_hang_ends_when_the_fake_stops(fake, api):
    fake.fail_next("timeout", seconds=3600)
    with pytest.raises(requests.Timeout):
        api.session.get(f"{fake.url}/services/data/v66.0/limits", timeout=0.1)
    fake.stop()
    with pytest.raises(requests.ConnectionError):
        api.get("limits")


def test_row_results_are_json_as_recorded():
    row = faults.named("row lock").row_result("00Q1")
    assert json.loads(json.dumps(row)) == {
        "success": False,
        "errors": [
            {
                "statusCode": "UNABLE_TO_LOCK_ROW",
                "message": "unable to obtain exclusive access to this record or 1 records: 00Q1",
                "fields": [],
            }
        ],
    }
