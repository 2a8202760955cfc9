"""`/api/imports`: a file by a program, with nobody to ask."""

import gzip
from datetime import UTC, datetime

import pytest

from tests.services.imports.workbooks import write_workbook
from webapp.services.leads import leads

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LEADS = b"lead_id,age,actual_outcome\nL-1,30,won\nL-2,31,\n"


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both in tests/services/imports."""
    return "sqlite"


@pytest.fixture
def send(client, headers, champion):
    """Send a file and give the answer."""

    def send(content, kind=CSV, **query):
        return client.post(
            "/api/imports",
            data=content,
            headers={**headers, "Content-Type": kind},
            query_string=query,
        )

    return send


@pytest.fixture
def follow(client, headers, do_import):
    """Do what the worker does and tell what came of the import of an answer."""

    def follow(answer):
        assert answer.status_code == 202, answer.text
        do_import()
        return client.get(answer.location, headers=headers).json

    return follow


@pytest.mark.parametrize(("pack", "kind"), [(bytes, CSV), (gzip.compress, "application/gzip")])
def test_a_file_is_taken_in_and_followed(pack, kind, send, follow, read, client, headers):
    answer = send(pack(LEADS), kind, name="weekly.csv")
    assert (answer.json["state"], answer.json["stage"]) == ("reading", "Waiting for the worker")
    done = follow(answer)
    assert (done["name"], done["state"], done["error"]) == ("weekly.csv", "done", None)
    counts = [done["result"][name] for name in ("read", "new", "outcomes", "rejected")]
    assert counts == [2, 2, 1, []]
    assert read(lambda s: leads.find(s, "L-1")).outcome is True
    assert client.get("/api/imports", headers=headers).json["imports"] == [done]


def test_what_is_ambiguous_is_refused_by_name(send, follow):
    file = b"lead_id,actual_outcome,closed on\nL-1,won,03/04/2026\nL-2,Ghosted,31.12.2025\n"
    done = follow(send(file))
    assert done["state"] == "failed"
    assert "“Ghosted” mean converted, lost" in done["error"]
    assert [row["column"] for row in done["result"]["rejected"]] == ["actual_outcome", "closed on"]


def test_a_wrong_row_fails_the_import_unless_it_is_skipped(send, follow):
    file = b"lead_id,age\nL-1,30\nL-2,old\n"
    failed = follow(send(file))
    assert (failed["state"], failed["result"]["new"]) == ("failed", 0)
    assert failed["result"]["rejected"][0]["line"] == 3
    assert follow(send(file, skip_bad_rows="true"))["result"]["new"] == 1


def test_an_empty_cell_clears_where_that_is_asked_for(send, follow, read):
    follow(send(LEADS))
    follow(send(b"lead_id,age\nL-1,\n"))
    assert read(lambda s: leads.find(s, "L-1")).age == 30
    follow(send(b"lead_id,age\nL-1,\n", empty_clears="true"))
    assert read(lambda s: leads.find(s, "L-1")).age is None


def test_what_a_person_would_answer_can_be_sent_along(send, follow, read, tmp_path):
    rows = [["Email", "Status", "Closed on"], ["Ada@example.com", "Won", "2026-01-05 09:30"]]
    book = write_workbook(tmp_path / "leads.xlsx", {"Notes": [["read me"]], "Leads": rows})
    asked = {"sheet": "Leads", "email_as_id": "true", "time_zone": "America/New_York"}
    assert follow(send(book.read_bytes(), XLSX, **asked))["result"]["waiting"] == 1
    follow(send(b"lead_id,age\nada@example.com,30\n"))
    assert read(lambda s: leads.find(s, "ada@example.com")).outcome_at == datetime(
        2026, 1, 5, 14, 30, tzinfo=UTC
    )


def test_a_sheet_and_a_time_zone_that_there_are_not_are_refused(send, follow, tmp_path):
    book = write_workbook(tmp_path / "leads.xlsx", {"Leads": [["lead_id"], ["L-1"]]})
    assert "no sheet “Deals”" in follow(send(book.read_bytes(), XLSX, sheet="Deals"))["error"]
    answer = send(LEADS, time_zone="Mars")
    assert answer.status_code == 422
    assert "time zone" in answer.json["errors"][0]["message"]


def test_a_mapping_that_there_is_not_is_refused_with_those_there_are(send):
    answer = send(LEADS, mapping="weekly")
    assert answer.status_code == 422
    assert "There is no mapping 'weekly'. Known: none so far." in answer.json["detail"]


def test_a_body_of_another_kind_is_refused(send):
    assert send(b"{}", "application/json").status_code == 415


def test_a_file_that_is_too_large_is_refused(send, settings):
    settings.import_max_megabytes = 1
    assert send(b"x" * 1_500_000).status_code == 413


def test_an_import_that_there_is_not_is_not_found(client, headers):
    assert client.get("/api/imports/12345", headers=headers).status_code == 404
