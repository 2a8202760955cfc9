"""Exports of the usual CRMs go in as they are, outcomes included, with nothing left to guess."""

from datetime import UTC, datetime

import pytest

from tests.services.imports.reading import CASES, proposal_of, read_file
from webapp.services.imports.matching.questions import MappingRefused, questions

LAYOUTS = CASES / "layouts"
LATER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def read():
    """Read a layout without a person; its times are of 2026."""

    def read(name, **options):
        return read_file(LAYOUTS / name, now=LATER, **options)

    return read


def outcomes(result):
    return {row.record.lead_id: row.record.outcome for row in result.right}


def test_hubspot_contacts_tell_customers_and_unqualified_leads(read):
    result = read("hubspot-contacts.csv")
    assert result.errors == []
    assert outcomes(result) == {"CONT-77a1": None, "CONT-77a2": True, "CONT-77a3": False}
    assert result.values["CONT-77a1"] == {
        "lead_id": "CONT-77a1",
        "name": "Mara Quint",
        "email": "mara.quint@example.com",
        "phone": "555-0101x12",
        "owner": "rita@example.com",
        "location": "Berlin",
        "title": "Buyer",
    }


def test_odoo_leads_are_won_at_100_per_cent_and_lost_when_archived(read):
    result = read("odoo-crm-lead.csv")
    assert result.errors == []
    first, second, third = outcomes(result).values()
    assert (first, second, third) == (True, False, None)
    row = result.values["__export__.crm_lead_522"]
    assert (row["name"], row["company"]) == ("Mara Quint", "Velo Works")
    assert "owner" not in row


def test_pipedrive_deals_have_the_time_of_winning_or_losing(read):
    result = read("pipedrive-deals.csv")
    assert result.errors == []
    assert outcomes(result) == {"101": True, "102": False, "103": None}
    won, lost, still_open = result.right
    assert won.outcome_at == datetime(2026, 3, 11, 17, 20, 41, tzinfo=UTC)
    assert (lost.outcome_at, lost.reason) == (datetime(2026, 3, 12, 9, tzinfo=UTC), "Price")
    assert (still_open.outcome_at, still_open.reason) == (None, None)
    assert any("taken as UTC" in note for note in result.notes)


def test_pipedrive_amounts_with_decimal_commas_are_read(read):
    path = LAYOUTS / "pipedrive-deals.csv"
    column = next(c for c in proposal_of(path).columns if c.column.name == "Deal - Value")
    assert column.column.decimal(point_is_usual=False) == (",", True)


def test_times_are_read_in_the_zone_that_is_told(read):
    result = read("pipedrive-deals.csv", time_zone="Europe/Berlin")
    assert result.right[0].outcome_at == datetime(2026, 3, 11, 16, 20, 41, tzinfo=UTC)


def test_a_salesforce_report_without_ids_is_refused_until_e_mail_may_be_one(read):
    with pytest.raises(MappingRefused, match="e-mail address can be") as refused:
        read("salesforce-report.csv")
    assert refused.value.errors[0].field == "Email"
    result = read("salesforce-report.csv", id_from_email=True)
    assert result.errors == []
    assert outcomes(result) == {
        "mara.quint@example.com": None,
        "tom.aldis@example.com": True,
        "iris.feld@example.com": False,
    }
    row = result.values["tom.aldis@example.com"]
    assert (row["name"], row["company"]) == ("Tom Aldis", "Pump, Pipe & Co")
    assert row["industry"] == "Manufacturing"
    assert result.result.n_rows == 3


def test_weekly_outcomes_wait_where_their_lead_is_unknown(read):
    result = read("weekly-outcomes.csv", leads=["L-1", "L-2", "L-3", "L-4"])
    assert result.errors == []
    assert outcomes(result) == {
        "L-1": True,
        "L-2": False,
        "L-3": None,
        "L-9999": True,
        "L-4": False,
    }
    days = [row.outcome_at and row.outcome_at.date().isoformat() for row in result.right]
    assert days == ["2026-11-27", "2026-11-25", None, "2026-11-26", "2026-11-27"]
    assert (result.preview.n_outcomes, result.preview.n_waiting) == (3, 1)
    assert result.preview.n_new == 0


def test_zoho_leads_not_converted_yet_are_lost_only_where_their_status_says_so(read):
    result = read("zoho-leads.csv")
    assert result.errors == []
    assert outcomes(result) == {"4563": True, "4564": False, "4565": False}
    assert result.values["4565"] == {
        "lead_id": "4565",
        "name": "Feld",
        "company": "Nordlicht AG",
        "owner": "Rita Solberg",
        "email": "iris.feld@example.com",
        "lead_source": "Cold Call",
        "actual_outcome": False,
    }


@pytest.mark.parametrize("name", sorted(path.name for path in LAYOUTS.iterdir()))
def test_no_layout_leaves_more_than_one_question_that_must_be_answered(name):
    must = [q for q in questions(proposal_of(LAYOUTS / name)) if q.must_answer]
    assert len(must) <= 1


@pytest.mark.parametrize("name", sorted(path.name for path in LAYOUTS.iterdir()))
def test_a_mapping_once_accepted_answers_everything_next_week(name, read):
    first = read(name, id_from_email=True)
    known = type(first.mapping).model_validate(first.mapping.to_store())
    again = read(name, known=known)
    assert again.mapping == first.mapping
    assert again.values == first.values
