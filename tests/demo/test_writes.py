"""Writing scores: what each row is answered, and what a write does to its lead."""

import pytest

SCORE = "Conversion_Score__c"


def errors(answer):
    """The code of each row's error, None where it was saved."""
    assert answer.status_code == 200, answer.text
    return [row["errors"][0]["statusCode"] if row["errors"] else None for row in answer.json()]


def test_rows_are_answered_in_order_and_good_ones_saved(fake, api):
    good, converted, deleted, last = fake.leads(4)
    fake.convert(converted)
    fake.delete(deleted)
    nothing = good[:-6] + "zzz" + good[-3:]
    ids = [good, converted, deleted, nothing, "5", "", last]
    answer = api.patch(*({"id": each, SCORE: 50} for each in ids))
    assert errors(answer) == [
        None,
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
        None,
    ]
    assert [row.get("id") for row in answer.json()] == [good, *[None] * 5, last]
    assert [fake.get(each)[SCORE] for each in (good, converted, last)] == [50, None, 50]


def test_ids_that_are_no_leads_or_not_seen_are_of_nothing(fake, api):
    hidden, deal = fake.lead(), fake.opportunity()
    fake.hide(hidden)
    answer = api.patch({"id": hidden, SCORE: 1}, {"id": deal, SCORE: 1})
    assert errors(answer) == ["INVALID_CROSS_REFERENCE_KEY"] * 2


def test_all_or_none_saves_nothing_when_one_row_fails(fake, api):
    good, converted = fake.leads(2)
    fake.convert(converted)
    rows = [{"id": each, SCORE: 50} for each in (good, converted)]
    answer = api.patch(*rows, all_or_none=True)
    assert errors(answer) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "CANNOT_UPDATE_CONVERTED_LEAD"]
    assert fake.get(good)[SCORE] is None


def test_a_write_moves_the_stamps_and_names_its_user(fake, api):
    lead = fake.lead()
    before = fake.get(lead)
    api.patch({"id": lead, SCORE: 50})
    after = fake.get(lead)
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedById"] == fake.integration_user != before["LastModifiedById"]


def test_without_the_header_the_assignment_rule_takes_the_lead(fake, api):
    kept, taken = fake.leads(2)
    api.patch({"id": kept, SCORE: 50})
    del api.session.headers["Sforce-Auto-Assign"]
    api.patch({"id": taken, SCORE: 50})
    assert fake.get(kept)["OwnerId"] == fake.rep
    assert fake.get(taken)["OwnerId"] == fake.assignment_queue


def test_a_duplicate_rule_lets_pass_what_says_so(fake, api):
    lead = fake.lead()
    fake.refuse(lead, "duplicate rule")
    row = {"id": lead, SCORE: 50}
    assert errors(api.patch(row)) == ["DUPLICATES_DETECTED"]
    header = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    assert errors(api.patch(row, **header)) == [None]


def test_a_validation_rule_holds_until_it_is_lifted(fake, api):
    lead, other = fake.leads(2)
    fake.refuse(lead, "validation rule", "Call them first")
    rows = [{"id": each, SCORE: 50} for each in (lead, other)]
    answer = api.patch(*rows)
    assert answer.json()[0]["errors"][0]["message"] == "Call them first"
    assert errors(answer)[1] is None
    fake.allow(lead)
    assert errors(api.patch(*rows)) == [None, None]


@pytest.mark.parametrize(
    ("access", "code"),
    [
        ("read-only", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("hidden", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("missing", "INVALID_FIELD"),
    ],
)
def test_a_field_that_may_not_be_written_fails_every_row(fake, api, access, code):
    leads = fake.leads(2)
    fake.set_access(SCORE, access)
    assert errors(api.patch(*({"id": each, SCORE: 5} for each in leads))) == [code] * 2
    shown = {each["name"]: each for each in api.get("sobjects/Lead/describe").json()["fields"]}
    assert (SCORE in shown) == (access == "read-only")
    read = api.query(f"SELECT {SCORE} FROM Lead").status_code
    assert read == (200 if access == "read-only" else 400)
    fake.set_access(SCORE, "full")
    assert errors(api.patch({"id": leads[0], SCORE: 5})) == [None]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (SCORE, "high", "JSON_PARSER_ERROR"),
        (SCORE, True, "JSON_PARSER_ERROR"),
        (SCORE, 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Score_Updated_At__c", "yesterday", "JSON_PARSER_ERROR"),
        ("Score_Reasons__c", 5, "JSON_PARSER_ERROR"),
        ("Score_Reasons__c", "x" * 1025, "STRING_TOO_LONG"),
        ("CleanStatus", "Other", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("LastName", None, "REQUIRED_FIELD_MISSING"),
        ("IsConverted", True, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("SystemModstamp", "2026-01-01T00:00:00Z", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Agee", 5, "INVALID_FIELD"),
    ],
)
def test_values_are_checked_against_their_field(fake, api, field, value, code):
    lead = fake.lead()
    before = fake.get(lead)
    assert errors(api.patch({"id": lead, field: value})) == [code]
    assert fake.get(lead) == before


def test_values_are_kept_in_the_form_of_their_field(fake, api):
    lead = fake.lead()
    row = {
        "Id": lead,
        SCORE: "12.345",
        "conversion_band__c": "Whatever",
        "Score_Updated_At__c": "2026-11-02T10:00:00+01:00",
        "Rating": "",
    }
    assert errors(api.patch(row)) == [None]
    kept = fake.get(lead)
    assert kept[SCORE] == 12.35
    assert kept["Conversion_Band__c"] == "Whatever"
    assert kept["Score_Updated_At__c"] == "2026-11-02T09:00:00.000+0000"
    assert kept["Rating"] is None


def test_the_size_of_a_batch_is_limited(fake, api):
    answer = api.patch(*({"id": each, SCORE: 5} for each in fake.leads(201)))
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    assert api.patch().json()[0]["message"] == "At least 1 record is required"


def test_the_same_lead_twice_in_a_batch_is_written_once(fake, api):
    lead = fake.lead()
    assert errors(api.patch({"id": lead, SCORE: 1}, {"id": lead, SCORE: 2})) == [
        None,
        "DUPLICATE_VALUE",
    ]
    assert fake.get(lead)[SCORE] == 1


def test_one_record_is_read_and_written_by_its_path(fake, api):
    lead, converted, deleted = fake.leads(3)
    fake.convert(converted)
    fake.delete(deleted)
    done = api.call("PATCH", f"sobjects/Lead/{lead}", json={SCORE: 5})
    assert (done.status_code, done.content) == (204, b"")
    shown = api.get(f"sobjects/Lead/{lead}", fields=f"Id,{SCORE}").json()
    assert (shown["Id"], shown[SCORE], len(shown)) == (lead, 5, 3)
    statuses = {
        each: api.call("PATCH", f"sobjects/Lead/{each}", json={SCORE: 5}).status_code
        for each in (converted, deleted, lead[:-6] + "abc" + lead[-3:])
    }
    assert list(statuses.values()) == [400, 404, 404]
    assert api.get(f"sobjects/Lead/{deleted}").json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert api.get("sobjects/Lead/00Q5e000000zzzz").json()[0]["errorCode"] == "NOT_FOUND"


def test_a_body_that_is_no_json_object_is_refused(fake, api):
    for body in (b"{", b"[]", b""):
        answer = api.call("PATCH", "composite/sobjects", data=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_what_was_sent_can_be_asked_for(fake, api):
    lead, other = fake.leads(2)
    api.patch({"id": lead, SCORE: 1}, {"id": other, SCORE: 2})
    api.patch({"id": lead, SCORE: 3})
    assert [row[SCORE] for row in fake.written(lead)] == [1, 3]
    assert len(fake.patches) == 2
    assert fake.patches[0].headers["Sforce-Auto-Assign"] == "FALSE"
