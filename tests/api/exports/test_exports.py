"""`/api/exports`: the same files by HTTP, and in a command."""

import csv
import io
import stat

import pytest

from tests.factories import make_lead, make_outcome


@pytest.fixture(scope="session")
def dialect():
    """What is read is tested on both in tests/services/exports."""
    return "sqlite"


@pytest.fixture
def queue(write):
    write(make_queue)


def make_queue(session):
    for n in range(3):
        make_lead(session, f"L-{n}", name=f"Lead {n}", email_opens=n)
    make_outcome(session, "L-0", True)


def ids(text):
    return [row["lead_id"] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.usefixtures("queue")
def test_all_leads_are_a_file_of_csv_unless_a_view_is_asked_for(program):
    answer = program("GET", "/api/exports/leads")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=leads-")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert ids(answer.text) == ["L-0", "L-1", "L-2"]
    view = program("GET", "/api/exports/leads?sort=name")
    assert ids(view.text) == ["L-1", "L-2"]


@pytest.mark.usefixtures("queue")
@pytest.mark.parametrize(("name", "n_rows"), [("leads", 3), ("outcomes", 1), ("scores", 3)])
def test_json_lines_have_one_object_a_line(program, name, n_rows):
    answer = program("GET", f"/api/exports/{name}?format=jsonl")
    assert answer.headers["Content-Type"] == "application/jsonl"
    assert len(answer.text.splitlines()) == n_rows


def test_what_cannot_be_asked_is_refused_with_its_rule(client, headers):
    answer = client.get("/api/exports/leads?format=xlsx&statsu=open", headers=headers)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {"?format", "?statsu"}
    assert client.get("/api/exports/leads?sort=age", headers=headers).status_code == 422


@pytest.mark.usefixtures("queue", "champion")
def test_the_command_writes_a_file_that_only_its_owner_reads(app, tmp_path):
    path = tmp_path / "leads.csv"
    run = app.test_cli_runner().invoke
    result = run(args=["export-leads", str(path), "--view", "status=converted"])
    assert result.exit_code == 0, result.output
    assert ids(path.read_text()) == ["L-0"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ids(run(args=["export-leads", "--of", "outcomes"]).output) == ["L-0"]
    refused = run(args=["export-leads", "--view", "sort=age"])
    assert refused.exit_code == 1
    assert "sort: must be one of" in refused.output
