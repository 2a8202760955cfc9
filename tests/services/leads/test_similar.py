"""Past leads like one: by the parts of their scores, among a bounded number."""

import pytest

from tests.factories import FIELDS, make_leads, make_outcomes
from webapp.services.leads import leads, similar
from webapp.services.models import registry


@pytest.fixture
def past(write):
    """Twenty leads won and lost; the even ones are referrals."""

    def make(session):
        rows = [
            {
                "lead_id": f"L-{n:02}",
                "lead_source": "Referral" if n % 2 == 0 else "Cold Call",
                "email_opens": n,
            }
            for n in range(40)
        ]
        made = make_leads(session, rows)
        make_outcomes(session, made[:38], [n < 19 for n in range(38)])

    write(make)


def find(read, lead_id="L-38"):
    def look(session):
        version, card = registry.serving(session)
        return similar.past(session, card, version.key, leads.find(session, lead_id))

    return read(look)


def test_the_most_alike_of_each_outcome_come_first(past, read):
    found = find(read)
    for outcome in similar.OUTCOMES:
        assert len(found[outcome]) == similar.MAX_SHOWN
        assert {each.lead.status for each in found[outcome]} == {outcome}
        assert {each.lead.lead_source for each in found[outcome]} == {"Referral"}
        distances = [each.distance for each in found[outcome]]
        assert distances == sorted(distances)
    assert found["lost"][0].lead.lead_id == "L-36"


def test_a_closed_lead_is_not_like_itself(past, read):
    assert "L-36" not in [each.lead.lead_id for each in find(read, "L-36")["lost"]]


def test_few_leads_are_looked_at_and_the_nearest_by_score_are_among_them(past, read, monkeypatch):
    monkeypatch.setattr(similar, "MAX_CANDIDATES", 1)
    assert sum(map(len, find(read).values())) <= 4
    assert FIELDS["lead_source"].declared
