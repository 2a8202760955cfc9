"""Leads that are probably one person, found for people to merge."""

import json

import pytest

from tests.factories import NOW, make_leads
from webapp.crm_tables import CrmLead
from webapp.services.leads import duplicates, leads

PEOPLE: list[dict[str, object]] = [
    {"lead_id": "a", "name": "Ada", "email": "Ada@x.example", "company": "X"},
    {"lead_id": "b", "name": "A. Lovelace", "email": "ada@X.example"},
    {"lead_id": "c", "name": "ada", "email": "other@x.example", "company": "x"},
    {"lead_id": "d", "name": "Bob", "age": 40, "industry": "Retail", "email_opens": 3},
    {"lead_id": "e", "name": "Bob", "age": 40, "industry": "Retail", "email_opens": 3},
    {"lead_id": "f", "name": "Bob", "age": 41, "industry": "Retail", "email_opens": 3},
    {"lead_id": "g", "name": "Eve", "age": 40},
    {"lead_id": "h", "name": "Eve", "age": 40},
    {"lead_id": "i", "age": 50, "industry": "Retail", "email_opens": 3},
    {"lead_id": "j", "age": 50, "industry": "Retail", "email_opens": 3},
]


@pytest.fixture
def found(write):
    return write(lambda s: (make_leads(s, PEOPLE), duplicates.find(s))[1])


def named(read, found):
    told = read(lambda s: duplicates.known(s, found))
    return {each.shared: [[lead.lead_id for lead in g.leads] for g in each.groups] for each in told}


def test_leads_are_alike_by_address_by_name_and_company_or_by_name_and_inputs(found, read):
    assert named(read, found) == {
        "email": [["a", "b"]],
        "company": [["a", "c"]],
        "inputs": [["d", "e"]],
    }
    assert (found["email"]["n_groups"], found["email"]["n_leads"]) == (1, 2)


def test_leads_that_share_several_things_are_told_once(write, read):
    rows = [{"lead_id": n, "name": "Ada", "company": "X", "email": "a@x.example"} for n in "ab"]
    found = write(lambda s: (make_leads(s, rows), duplicates.find(s))[1])
    assert {"email", "company"} == found.keys()
    assert named(read, found) == {"email": [["a", "b"]]}


def test_what_is_told_under_another_heading_or_gone_is_not_counted_again(write, read):
    rows = [{"lead_id": n, "name": "Ada", "company": "X", "email": "a@x.example"} for n in "abc"]
    rows += [{"lead_id": n, "name": "Bob", "company": "Y"} for n in "defg"]

    def find(session):
        make_leads(session, rows)
        found = duplicates.find(session)
        leads.find(session, "g").removed_at = NOW
        return found

    found = write(find)
    told = read(lambda s: duplicates.known(s, found))
    counts = {each.shared: (each.n_groups, each.n_leads) for each in told}
    assert counts == {"email": (1, 3), "company": (1, 3)}
    assert [group.n for each in told for group in each.groups] == [3, 3]


def test_nothing_about_people_is_kept(found):
    text = json.dumps(found).casefold()
    assert not any(word in text for word in ("ada", "bob", "x.example", "retail"))


def test_those_of_one_contact_of_the_crm_are_found(write):
    def find(session):
        for lead in make_leads(session, [{"lead_id": name} for name in "kl"]):
            session.add(
                CrmLead(
                    id=f"00Q{lead.key:015}",
                    lead_key=lead.key,
                    contact_id="003000000000001AAA",
                    stamp="x",
                    digest="x",
                    inputs_digest="x",
                    values={},
                    created_at="2026-03-02T09:00:00.000+0000",
                    is_converted=True,
                    is_deleted=False,
                    is_unscorable=False,
                    is_to_be_read=False,
                )
            )
        session.flush()
        return duplicates.find(session)

    assert write(find)["contact"]["n_leads"] == 2


def test_leads_that_are_gone_since_are_not_named(found, write, read):
    def remove(session):
        leads.find(session, "b").removed_at = NOW

    write(remove)
    assert "email" not in named(read, found)


def test_the_largest_groups_are_named_and_all_are_counted(write, read):
    rows = [
        {"lead_id": f"{group}-{n}", "email": f"{group}@x.example"}
        for group in range(25)
        for n in range(2 + group % 6)
    ]
    found = write(lambda s: (make_leads(s, rows), duplicates.find(s))[1])["email"]
    assert (found["n_groups"], found["n_leads"]) == (25, len(rows))
    sizes = [n for n, _ in found["groups"]]
    assert sizes == sorted(sizes, reverse=True)
    assert (len(sizes), sizes[0], len(found["groups"][0][1])) == (20, 7, 5)
