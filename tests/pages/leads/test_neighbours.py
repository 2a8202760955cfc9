"""From lead to lead within the view of the table that one was opened from."""

import re

import pytest

from tests.factories import make_lead, make_outcome
from webapp.services.leads import lead_table

N_LEADS = 7


@pytest.fixture
def rep(rita, sign_in, write, monkeypatch):
    monkeypatch.setattr(lead_table, "PAGE_SIZE", 3)

    def make(session):
        for n in range(N_LEADS):
            make_lead(session, f"L-{n}", name=f"Lead {n}", email_opens=3 * n, industry="Retail")
        make_lead(session, "X", name="Other", industry="Mining")

    write(make)
    return sign_in(rita)


def first_link(rep, table):
    return re.search(r'href="(/leads/\d+[^"]*)"', rep.get(table).text)[1].replace("&amp;", "&")


def walk(rep, address, text):
    """The names of the leads from one on, by a link of their pages."""
    names = []
    while address:
        page = rep.get(address).text
        names.append(re.search(r"<h1>(.*?)</h1>", page)[1])
        found = re.search(rf'href="([^"]+)" data-key="[jk]"[^>]*>{text}<', page)
        address = found and found[1].replace("&amp;", "&")
    return names


@pytest.mark.parametrize("sort", ["score", "name", "scored"])
def test_next_goes_through_the_whole_view_and_stays_in_it(rep, sort):
    start = first_link(rep, f"/leads?industry=Retail&sort={sort}")
    names = walk(rep, start, "Next")
    assert sorted(names) == [f"Lead {n}" for n in range(N_LEADS)]
    assert "Lead+" not in start
    assert "Lead%20" not in start


def test_previous_goes_back_to_the_first_of_the_page(rep):
    page = rep.get(first_link(rep, "/leads?industry=Retail")).text
    following = re.search(r'href="([^"]+)" data-key="j"', page)[1].replace("&amp;", "&")
    assert walk(rep, following, "Previous") == ["Lead 5", "Lead 6"]
    assert 'href="/leads?industry=Retail" data-key="u"' in page


def test_a_lead_that_left_the_view_still_leads_on(rep, write):
    start = first_link(rep, "/leads?industry=Retail")
    write(lambda s: make_outcome(s, "L-6", True))
    assert walk(rep, start, "Next")[:2] == ["Lead 6", "Lead 5"]


@pytest.mark.parametrize("view", ["sort=odd", "after=x", "a" * 3000, "%00"])
def test_a_damaged_view_is_none(rep, view):
    answer = rep.get("/leads/1?from=" + view.replace("=", "%3D"))
    assert answer.status_code == 200
    assert "All leads" in answer.text or "Back to the view" in answer.text


def test_phone_and_mail_are_links(rep, write):
    lead = write(lambda s: make_lead(s, "P", email="ada@example.com", phone="+44 20 7946"))
    page = rep.get(f"/leads/{lead.key}").text
    assert '<a href="mailto:ada@example.com">ada@example.com</a>' in page
    assert '<a href="tel:+44207946">+44 20 7946</a>' in page
