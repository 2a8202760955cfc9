"""What programs really send: each call is understood, or refused with a sentence, and nothing
known is lost. The inputs follow public bug reports about webhook builders, form plugins and CRMs.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import pointers
from webapp.services.leads import leads

FORM = "application/x-www-form-urlencoded"
WORDS_FOR_UNKNOWN = ["", " ", "nan", "None", "NULL", "n/a", "#N/A", "-", "--none--", "Unknown"]


@pytest.fixture
def dialect():
    """Reading what was sent reaches no database, and the statements are tested elsewhere."""
    return "sqlite"


@pytest.fixture
def post(client, headers, champion):
    """`post(path, body)` sends JSON; text goes as it is, with its type."""

    def post(path, body, kind="application/json"):
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return client.post(path, data=data, content_type=kind, headers=headers)

    return post


@pytest.fixture
def known(read):
    return lambda lead_id: read(lambda s: leads.known_inputs(leads.find(s, lead_id)))


@pytest.mark.parametrize("sent", ["8", " 8 ", "8.0", 8.0, "+8", "08", "8e0", "8\u00a0"])
def test_a_number_in_any_plain_spelling_is_that_number(post, known, sent):
    lead = {"lead_id": "a40", "email_opens": sent, "lead_source": "Referral"}
    answer = post("/score", lead)
    assert (answer.status_code, answer.json["warnings"]) == (200, [])
    [row] = post("/score/batch", {"leads": [{**lead, "lead_id": "a40b"}]}).json["results"]
    assert row["warnings"] == []
    for lead_id in ("a40", "a40b"):
        assert known(lead_id) == {"email_opens": 8, "lead_source": "Referral"}


@pytest.mark.parametrize("sent", ["\uff18", "\u0668", "\u096e", "\u200b8", "\uff18.\uff10"])
def test_a_number_in_digits_of_another_script_is_read_and_told(post, known, sent):
    [warning] = post("/score", {"lead_id": "L-1", "email_opens": sent}).json["warnings"]
    assert warning["message"] == "must be written with the digits 0 to 9; read as 8"
    assert known("L-1") == {"email_opens": 8}


@pytest.mark.parametrize("word", WORDS_FOR_UNKNOWN)
def test_empty_text_and_words_for_unknown_are_unknown_and_never_zero(post, known, word):
    post("/score", {"lead_id": "a41", "email_opens": 3, "actual_outcome": True})
    told = {"lead_id": "a41", "email_opens": word, "industry": word, "lead_source": word}
    answer = post("/score", {**told, "actual_outcome": word})
    assert (answer.status_code, answer.json["actual_outcome"]) == (200, True)
    assert known("a41") == {}
    assert len(answer.json["warnings"]) == (0 if not word.strip() else 3)


@pytest.mark.parametrize("sent", [["8"], {"n": 8}, True, "8 visits", "1,234", "½", 8.5, "0x10"])
def test_a_value_of_another_type_is_refused_and_what_is_known_stays(post, known, sent):
    post("/score", {"lead_id": "L-1", "email_opens": 3})
    answer = post("/score", {"lead_id": "L-1", "email_opens": sent})
    assert (answer.status_code, pointers(answer)) == (422, ["/email_opens"])
    assert known("L-1") == {"email_opens": 3}


@pytest.mark.parametrize("sent", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
def test_no_number_of_json_loses_the_other_rows_of_a_batch(post, known, sent):
    body = f'{{"leads":[{{"lead_id":"a57","email_opens":{sent}}},{{"lead_id":"a57b"}}]}}'
    first, second = post("/score/batch", body).json["results"]
    assert first["error"]["errors"][0]["message"].startswith("must be a whole number")
    assert second["lead_id"] == "a57b"


@pytest.mark.parametrize("sent", [-1, "-1", 1_000_001, 1e15, 10**30])
def test_a_number_out_of_range_is_named_and_the_lead_is_scored(post, known, sent):
    answer = post("/score", {"lead_id": "L-1", "email_opens": sent, "age": 30})
    [warning] = answer.json["warnings"]
    assert (answer.status_code, warning["field"]) == (200, "email_opens")
    assert known("L-1") == {"age": 30}


@pytest.mark.parametrize("sent", ["Web", "Phone Inquiry", "ORGANIC_SEARCH", "Other", "x" * 500])
def test_a_choice_of_their_own_is_named_and_the_lead_is_scored(post, known, sent):
    answer = post("/score", {"lead_id": "a56", "lead_source": sent, "age": 30})
    [warning] = answer.json["warnings"]
    assert (answer.status_code, warning["field"]) == (200, "lead_source")
    assert sent.startswith(warning["value"][:50])
    assert known("a56") == {"age": 30}


@pytest.mark.parametrize("sent", [{"lead_source": "Fax"}, {"email_opens": -4}, {"age": 900}])
def test_a_value_that_breaks_its_rule_keeps_what_was_known(post, known, sent):
    before = {"email_opens": 8, "lead_source": "Referral", "age": 40}
    post("/score", {"lead_id": "a57", **before})
    answer = post("/score", {"lead_id": "a57", "industry": "Retail", **sent})
    [warning] = answer.json["warnings"]
    assert warning["message"].endswith("not used, what was known before is kept")
    assert known("a57") == {**known("a57"), **before, "industry": "Retail"}


@pytest.mark.parametrize(
    ("sent", "choice"),
    [
        ("email campaign", "Email Campaign"),
        ("Trade-Show", "Trade Show"),
        ("TRADE_SHOW", "Trade Show"),
        ("  cold   call ", "Cold Call"),
        ("\uff32\uff45\uff46\uff45\uff52\uff52\uff41\uff4c", "Referral"),
    ],
)
def test_a_choice_in_another_spelling_is_that_choice(post, known, sent, choice):
    assert post("/score", {"lead_id": "a56", "lead_source": sent}).json["warnings"] == []
    assert known("a56") == {"lead_source": choice}


@pytest.mark.parametrize(
    ("sent", "lead_id"),
    [
        (12345, "12345"),
        (12345.0, "12345"),
        (-5, "-5"),
        (" Ada@Example.com ", "Ada@Example.com"),
        ("\u200bL-1\ufeff", "L-1"),
        ("ada\u0301", "adá"),
        ("\u3000\u0448\u0435\u0441\u0442\u044c\u3000", "\u0448\u0435\u0441\u0442\u044c"),
        ("١٢٣", "١٢٣"),
        ("00Q5f000001AbCd", "00Q5f000001AbCdEAK"),
    ],
)
def test_an_id_has_one_form(post, sent, lead_id):
    assert post("/score", {"lead_id": sent}).json["lead_id"] == lead_id
    rows = [{"lead_id": sent}, {"lead_id": "a54"}]
    found = post("/score/batch", {"leads": rows}).json["results"]
    assert [row["lead_id"] for row in found] == [lead_id, "a54"]
    rows = [{"lead_id": sent, "outcome": "won"}]
    [row] = post("/feedback/batch", {"outcomes": rows}).json["results"]
    assert (row["lead_id"], row["outcome"]) == (lead_id, True)


@pytest.mark.parametrize(
    "sent", [12.5, True, ["L-1"], {}, None, "1.23457E+14", "1,23457E+14", *WORDS_FOR_UNKNOWN[:-1]]
)
def test_what_is_no_id_is_refused_and_the_other_rows_are_kept(post, sent):
    assert pointers(post("/score", {"lead_id": sent})) == ["/lead_id"]
    rows = [{"lead_id": sent}, {"lead_id": "a54"}]
    wrong, right = post("/score/batch", {"leads": rows}).json["results"]
    assert (wrong["error"]["status"], right["lead_id"]) == (422, "a54")


def test_ids_that_differ_by_case_are_two_and_by_space_are_one(post, client, headers):
    post("/score", {"lead_id": "Ada@Example.com", "email_opens": 1})
    other = client.put("/feedback/ada@example.com?outcome=true", headers=headers)
    assert (other.status_code, other.json["detail"]) == (404, "Lead ada@example.com not found")
    same = client.put("/feedback/%20Ada@Example.com%20?outcome=true", headers=headers)
    assert (same.status_code, same.json["lead_id"]) == (200, "Ada@Example.com")


CONVERTED = [
    "won",
    " WON ",
    "1",
    "1.0",
    "True",
    "yes",
    "Closed Won",
    "closed_won",
    "\uff37\uff4f\uff4e",
]
LOST = ["lost", "0", "0.0", "FALSE", "No", "CLOSED-LOST", "closed  lost"]


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [*((w, True) for w in (*CONVERTED, 1, 1.0, True)), *((w, False) for w in (*LOST, 0, False))],
)
def test_an_outcome_is_read_in_plain_words_at_every_entrance(post, client, headers, sent, outcome):
    assert (
        post("/score", {"lead_id": "a", "actual_outcome": sent}).json["actual_outcome"] is outcome
    )
    for lead_id in ("b", "c"):
        post("/score", {"lead_id": lead_id})
    assert post("/feedback/b", {"outcome": sent}).json["outcome"] is outcome
    if isinstance(sent, str):
        query = {"outcome": sent}
        answer = client.post("/feedback/c", query_string=query, headers=headers)
        assert answer.json["outcome"] is outcome
        form = f"lead_id=d&actual_outcome={sent}"
        assert post("/score", form, FORM).json["actual_outcome"] is outcome


@pytest.mark.parametrize(
    "sent", ["qualified", "open", "2", 2, -1, [True], {"won": True}, "x" * 999]
)
def test_another_outcome_is_refused_with_the_list(post, sent):
    post("/score", {"lead_id": "L-1", "actual_outcome": False})
    answer = post("/feedback/L-1", {"outcome": sent})
    assert (answer.status_code, pointers(answer)) == (422, ["/outcome"])
    assert "closed won" in answer.json["errors"][0]["rule"]
    assert post("/score", {"lead_id": "L-1"}).json["actual_outcome"] is False


@pytest.mark.parametrize(
    ("ahead", "status"), [(timedelta(minutes=10), 200), (timedelta(hours=3), 422)]
)
def test_a_clock_that_is_a_little_ahead_loses_no_outcome(post, ahead, status):
    post("/score", {"lead_id": "a47"})
    at = (datetime.now(UTC) + ahead).isoformat()
    assert post("/feedback/a47", {"outcome": True, "occurred_at": at}).status_code == status


@pytest.mark.parametrize(
    "at", [" 2026-03-02 ", "2026-03-02t09:30:00z", "2026-03-02 09:30:00+0100", "", "null", None]
)
def test_a_time_in_any_form_of_iso_8601_or_none_is_read(post, at):
    post("/score", {"lead_id": "L-1"})
    assert post("/feedback/L-1", {"outcome": True, "occurred_at": at}).status_code == 200


@pytest.mark.parametrize("at", ["02.03.2026", "3/2/2026", "2026-03-02T09:30:00", 1772443800, "x"])
def test_a_time_that_has_two_readings_is_refused(post, at):
    post("/score", {"lead_id": "L-1"})
    answer = post("/feedback/L-1", {"outcome": True, "occurred_at": at})
    assert (answer.status_code, pointers(answer)) == (422, ["/occurred_at"])


def test_rows_of_one_lead_in_one_batch_are_taken_one_after_another(post, known):
    rows = [
        {"lead_id": "d", "email_opens": 1, "age": 40},
        {"lead_id": " d\u200b", "email_opens": None},
        {"lead_id": "d", "industry": "Banking"},
        {"lead_id": "d", "email_opens": []},
        7,
    ]
    found = post("/score/batch", {"leads": rows}).json["results"]
    assert ["error" in row for row in found] == [False, False, False, True, True]
    assert known("d") == {"age": 40, "industry": "Banking"}


def test_an_outcome_that_comes_before_its_lead_is_not_lost(post, client, headers):
    assert client.put("/feedback/a49", json={"outcome": True}, headers=headers).status_code == 404
    [row] = post("/feedback/batch", {"outcomes": [{"lead_id": "a49", "outcome": True}]}).json[
        "results"
    ]
    assert row["waiting"] is True
    assert post("/score", {"lead_id": "a49"}).json["actual_outcome"] is True


def test_post_does_what_put_does_and_a_bare_list_is_named(post, client, headers):
    post("/score", {"lead_id": "a47"})
    assert client.post("/feedback/a47?outcome=true", headers=headers).json["outcome"] is True
    assert post("/feedback/a47", {"outcome": False}).json["outcome"] is False
    refused = post("/feedback/batch", [{"lead_id": "a47", "outcome": True}])
    assert (refused.status_code, refused.json["errors"][0]["message"]) == (422, "must be an object")
