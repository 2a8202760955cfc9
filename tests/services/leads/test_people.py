"""A person's data: all of it given out, and none of it left after an erasure."""

import json

import pytest
import sqlalchemy as sa

from tests import factories
from tests.conftest import MOSTLY_SQLITE, ON_BOTH
from tests.factories import NOW
from webapp.database import Base
from webapp.services.accounts import audit
from webapp.services.leads import people, removal
from webapp.services.remarks import notes
from webapp.tables import Lead, Run

ID, NAME, EMAIL = "quentin@zz-unusual.example", "Quentin Unusualname", "q.other@zz-unusual.example"


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    """What finds and erases a person runs on both."""
    return request.param


@pytest.fixture
def person(write):
    """A lead with an outcome, a note, and traces beside it; and another lead."""

    def make(session):
        lead = factories.make_lead(session, ID, name=NAME, email=EMAIL, company="Acme")
        factories.make_lead(session, "L-2", name="Somebody Else")
        factories.make_outcome(session, lead, True)
        notes.add(session, lead, f"{NAME} called", author="rita@example.com", now=NOW)
        audit.record(session, "rita", "assigned", ID, now=NOW, detail={"to": "omar"})
        audit.record(session, "rita", "promoted", "1.1", now=NOW)
        session.add(
            Run(
                kind="sync", state="succeeded", trigger="clock", requested_by="clock",
                requested_at=NOW, finished_at=NOW, n_attempts=1, progress=1, stage="", task={},
                result={"examples": [{"lead": ID, "note": f"of {EMAIL}"}], "n": 3}, error=None,
            )
        )  # fmt: skip
        return lead.key

    return write(make)


def all_rows(session):
    return {t.name: str(session.execute(sa.select(t)).all()) for t in Base.metadata.sorted_tables}


@ON_BOTH
def test_after_an_erasure_no_row_names_the_person_and_the_others_stay(person, write, read):
    done = write(lambda s: people.erase(s, people.matching(s, EMAIL.upper()), "cli", NOW))
    assert done.n_leads == 1
    rows = read(all_rows)
    for word in (ID, NAME, EMAIL):
        assert {name for name, text in rows.items() if word.casefold() in text.casefold()} == set()
    assert "Somebody Else" in rows["leads"]
    assert "'n': 3" in rows["runs"]
    assert [e.subject for e in read(audit.latest) if e.actor == "rita"] == ["1.1", "erased"]


def test_a_person_is_found_by_id_and_address_and_nobody_else(person, read):
    for who in (ID, f" {ID} ", EMAIL, EMAIL.upper()):
        assert read(lambda s, who=who: people.matching(s, who)) == [person]
    assert read(lambda s: people.matching(s, "Quentin")) == []


def test_everything_of_a_person_is_given_out(person, app):
    result = app.test_cli_runner().invoke(args=["export-person", EMAIL])
    told = json.loads(result.stdout)
    assert {"leads", "snapshots", "outcomes", "notes"} <= set(told)
    assert told["leads"][0]["name"] == NAME
    assert "Somebody Else" not in result.stdout


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_no_file_of_the_data_folder_names_an_erased_person(person, app, settings):
    runner = app.test_cli_runner()
    assert "1  leads" in runner.invoke(args=["erase-person", ID, "--dry-run"]).stdout
    assert any(names_the_person(path) for path in settings.data_dir.rglob("*"))
    result = runner.invoke(args=["erase-person", ID, "--yes"])
    assert (result.exit_code, "Erased 1 lead." in result.stdout) == (0, True)
    assert [path for path in settings.data_dir.rglob("*") if names_the_person(path)] == []
    assert runner.invoke(args=["erase-person", ID, "--yes"]).exit_code == 1


def names_the_person(path):
    text = path.read_bytes().lower() if path.is_file() else b""
    return any(word.lower().encode() in text for word in (ID, NAME, EMAIL, "unusualname"))


def test_a_lead_is_erased_with_those_merged_into_it_by_way_of_another(write, read):
    def merge(session):
        first, second, last, _ = (factories.make_lead(session, f"M-{n}") for n in range(4))
        removal.remove(session, first, NOW, into=second)
        removal.remove(session, second, NOW, into=last)
        return last.key

    last = write(merge)
    write(lambda s: removal.erase(s, [last], "ada@example.com", NOW))
    assert read(lambda s: s.scalars(sa.select(Lead.lead_id)).all()) == ["M-3"]
