"""What people say of a score, on the lead's page, in the review list and on the models page."""

import re
from datetime import timedelta

import pytest

from tests.factories import make_lead
from webapp.database import utc_now
from webapp.services.leads import leads
from webapp.services.remarks import overrides

DAY = timedelta(days=1)


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1", name="Ada", website_visits=3))


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


def show(person, address):
    return re.sub(r"\s+", " ", person.get(address).text)


def test_a_wrong_score_is_reported_reviewed_and_counted_by_grade(rep, mona, sign_in, lead):
    data = {"reason": "not_a_fit", "note": "a student"}
    assert rep.post(f"/leads/{lead.key}/score-report", data=data).status_code == 303
    page = show(rep, f"/leads/{lead.key}")
    assert "You reported this score as wrong" in page
    assert re.search(r"<b>Score \d+ reported as wrong</b>: Too high: not a fit", page)
    manager = sign_in(mona)
    assert "1 to review" in show(manager, "/models")
    assert re.search(r'data-label="too high:">1<', show(manager, "/models"))
    listed = show(manager, "/score-reports")
    assert "a student" in listed
    action = re.search(r'action="(/score-reports/\d+/resolve)"', listed)[1]
    assert manager.post(action).location == "/score-reports"
    assert manager.post(action).status_code == 404
    assert "Nothing to review" in show(manager, "/score-reports")
    assert "mona" in show(manager, "/score-reports?state=resolved")
    assert "You reported" not in show(rep, f"/leads/{lead.key}")
    assert manager.get("/score-reports?state=odd").status_code == 400


def link(page, key):
    found = re.search(rf'href="([^"]+)" data-key="{key}"', page)
    return found and found[1].replace("&amp;", "&")


def test_a_manager_goes_from_report_to_report_and_back_to_the_list(rep, mona, sign_in, write):
    made = [write(lambda s, n=n: make_lead(s, f"R-{n}", name=f"Lead {n}")) for n in range(3)]
    for each in made:
        rep.post(f"/leads/{each.key}/score-report", data={"reason": "other"})
    manager = sign_in(mona)
    addresses = re.findall(r'href="(/leads/[^"]+)"', manager.get("/score-reports").text)
    page = show(manager, addresses[0])
    pages = [page]
    while address := link(page, "j"):
        page = show(manager, address)
        pages.append(page)
    assert re.findall(r"<h1>(.*?)</h1>", "".join(pages)) == ["Lead 2", "Lead 1", "Lead 0"]
    assert "<h1>Lead 1</h1>" in show(manager, link(page, "k"))
    assert link(page, "u") == "/score-reports?state=open"
    # A rep sees no more of the list than before.
    assert link(show(rep, addresses[0]), "j") is None
    assert link(show(rep, addresses[0]), "u") == "/leads"


@pytest.mark.parametrize("place", ["x", "0", "99999999999999999999", "77"])
def test_a_damaged_place_among_the_reports_is_none(place, lead, mona, sign_in):
    page = show(sign_in(mona), f"/leads/{lead.key}?from=report%3D{place}%26state%3Dodd")
    assert "<h1>Ada</h1>" in page
    assert link(page, "j") is None


def test_a_report_is_taken_back(rep, lead):
    rep.post(f"/leads/{lead.key}/score-report", data={"reason": "other"})
    rep.post(f"/leads/{lead.key}/score-report/take-back")
    page = show(rep, f"/leads/{lead.key}")
    assert "reported as wrong" not in page
    assert rep.post(f"/leads/{lead.key}/score-report", data={"reason": "x"}).status_code == 400


def test_an_override_stands_beside_the_models_score_until_it_is_ended(rep, lead, read):
    until = (utc_now() + 7 * DAY).date().isoformat()
    data = {"score": "93", "until": until, "reason": "met their CEO"}
    assert rep.post(f"/leads/{lead.key}/override", data=data).location == f"/leads/{lead.key}"
    page = show(rep, f"/leads/{lead.key}")
    assert re.search(r"<strong>93</strong> <span class=\"grade grade-a\">.* set by you until", page)
    assert f">{until}</time>: met their CEO" in page
    score = read(lambda s: leads.current_probability(s, lead))
    assert f"</span>{round(score * 100)}</p>" in page
    rep.post(f"/leads/{lead.key}/override/end")
    page = show(rep, f"/leads/{lead.key}")
    assert "set by you" not in page
    assert "Override ended" in page


def test_a_refused_override_says_all_that_is_wrong_and_keeps_what_was_entered(rep, lead, read):
    answer = rep.post(f"/leads/{lead.key}/override", data={"score": "200", "reason": "kept"})
    assert answer.status_code == 422
    assert "A score is a whole number from 0 to 100." in answer.text
    assert "A date is written like" in answer.text
    assert 'value="kept"' in answer.text
    assert read(lambda s: overrides.of_leads(s, [lead.key], utc_now())) == {}
