"""My day: the right leads and numbers, each a link to exactly these, in few queries."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.apps import engine_of
from tests.conftest import MOSTLY_SQLITE, ON_BOTH
from tests.factories import make_lead, make_outcome
from webapp.database import utc_now
from webapp.services.leads import leads
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.remarks import overrides
from webapp.services.runs import workers

MAX_QUERIES = 6
MAX_BYTES = 100_000
RITA = "rita@example.com"
STRONG: dict[str, Any] = {"email_opens": 40, "website_visits": 40, "content_downloads": 15}
NOW = datetime.now(UTC).replace(microsecond=0)
# A link whose text is a number, with what it counts.
NUMBER = re.compile(r'<a href="(/leads[^"]*)">([\d,]+)</a>')


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    return request.param


def days_ago(days):
    return NOW - timedelta(days=days)


@pytest.fixture
def made(write, champion):
    """Rita's leads of every kind, and some of others, over the last two months."""

    def make(session):
        for owner in (RITA, "omar@example.com", None):
            who: dict[str, Any] = {"owner": owner, "lead_source": "Referral"}
            for n, days in enumerate((0, 3, 20, 400, None)):
                told = {**who, **STRONG, "days_since_contact": days, "name": f"Hot {n} {owner}"}
                make_lead(session, f"hot-{owner}-{n}", now=days_ago(5), **told)
            cold = {**who, "email_opens": 0, "website_visits": 0, "days_since_contact": 90}
            make_lead(session, f"cold-{owner}", now=days_ago(40), **cold)
            make_lead(session, f"new-{owner}", now=NOW, **who)
            make_lead(session, f"rose-{owner}", now=days_ago(3), **cold)
            make_lead(session, f"rose-{owner}", now=days_ago(1), email_opens=40)
            for n, days in enumerate((0, 1, 32, 33, 70)):
                lead = make_lead(
                    session, f"was-{owner}-{n}", now=days_ago(days + 1), **who, **STRONG
                )
                told_by = Attribution("rep", owner or RITA)
                make_outcome(session, lead, n % 2 == 0, attribution=told_by, now=days_ago(days))
        told_by = Attribution("rep", RITA)
        make_outcome(session, "new-omar@example.com", "never_worked", attribution=told_by, now=NOW)

    write(make)


@pytest.fixture
def statements(app):
    found = []

    @sa.event.listens_for(engine_of(app), "before_cursor_execute")
    def note(connection, cursor, statement, *rest):
        if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT")):
            found.append(statement)

    return found


def matching(client, path):
    """How many leads the table shows at an address."""
    page = client.get(path).text.split("<tbody", 1)
    return page[1].count('<tr id="lead-') if len(page) > 1 else 0


def section(page, title):
    return page.split(f'aria-label="{title}"')[1].split("</section>")[0]


@ON_BOTH
def test_every_number_is_a_link_to_exactly_those_leads(made, rita, mona, sign_in):
    for person in (rita, mona):
        client = sign_in(person)
        links = NUMBER.findall(client.get("/").text.replace("&amp;", "&"))
        assert len(links) >= (5 if person is rita else 35)
        counted = {path: int(n) for path, n in links}
        assert sum(counted.values()) > 0
        assert {path: matching(client, path) for path in counted} == counted


def test_a_rep_sees_which_leads_to_call_what_rose_and_why(made, rita, sign_in):
    page = sign_in(rita).get("/").text
    call = section(page, "To call")
    assert [f"Hot {n} {RITA}" in call for n in range(5)] == [False, True, True, True, True]
    assert "never contacted" in call
    rising = section(page, "Rising")
    assert f"rose-{RITA}" in rising
    assert re.search(r"E-?mail opens\s+0 → 40", rising)
    assert f"new-{RITA}" in section(page, "New")
    assert "omar@example.com" not in call + rising + section(page, "New")


def test_what_i_closed_is_taken_back_in_one_click(made, rita, sign_in, read):
    rep = sign_in(rita)
    closed = section(rep.get("/").text, "Closed by you")
    assert "Undo" in closed
    forms = re.findall(r'action="([^"]+)"', closed)
    answer = rep.post(forms[0].replace("&amp;", "&"), data={"outcome": "withdrawn", "back": "/"})
    assert (answer.status_code, answer.location) == (303, "/")
    after = section(rep.get("/").text, "Closed by you")
    assert len(re.findall("<form", after)) == len(forms) - 1


def test_whoever_owns_nothing_is_told_what_to_do(champion, rita, sign_in):
    page = sign_in(rita).get("/").text
    assert "No open lead is yours." in page
    assert "ask a manager to assign you some" in page
    for sentence in (
        "once they have waited a week for a call",
        "You closed nothing since yesterday.",
    ):
        assert sentence in page


def test_managers_see_conversion_by_grade_and_reps_do_not(made, rita, mona, sign_in):
    assert "Conversion this month" not in sign_in(rita).get("/").text
    page = sign_in(mona).get("/").text
    assert "Conversion this month" in page
    assert "No CRM is connected." in page
    assert "Model 1.0" in page


def test_a_rep_who_sees_only_their_own_counts_only_these(made, settings, rita, sign_in):
    settings.reps_see = "own"
    rep = sign_in(rita)
    links = NUMBER.findall(rep.get("/").text.replace("&amp;", "&"))
    assert all(matching(rep, path) == int(n) for path, n in links)


def test_the_page_asks_little_and_weighs_little(made, rita, mona, sign_in, statements):
    for person in (rita, mona):
        client = sign_in(person)
        client.get("/")
        statements.clear()
        answer = client.get("/")
        assert answer.status_code == 200
        assert len(statements) <= MAX_QUERIES, "\n\n".join(statements)
        assert len(answer.data) < MAX_BYTES


@ON_BOTH
def test_an_overridden_lead_counts_in_the_grade_that_its_person_gave_it(
    made, rita, mona, sign_in, write
):
    def override(session):
        for lead_id, probability in ((f"hot-{RITA}-1", 0.01), (f"was-{RITA}-1", 0.01)):
            lead = leads.find(session, lead_id, lock=True)
            told: dict[str, Any] = {"reason": "wrong number", "author": RITA, "now": NOW}
            overrides.put(session, lead, probability, until=NOW + timedelta(days=1), **told)

    client = sign_in(mona)
    before = dict(NUMBER.findall(client.get("/").text.replace("&amp;", "&")))
    write(override)
    counted = dict(NUMBER.findall(client.get("/").text.replace("&amp;", "&")))
    assert counted != before
    assert {path: matching(client, path) for path in counted} == {
        path: int(n) for path, n in counted.items()
    }


def test_a_manager_reads_that_no_worker_runs(champion, mona, sign_in, write):
    client = sign_in(mona)
    assert "No worker has run yet." in client.get("/").text
    write(lambda s: workers.report(s, "worker-1", NOW - timedelta(hours=2)))
    assert "The worker was last at work" in client.get("/").text
    write(lambda s: workers.report(s, "worker-2", utc_now()))
    assert "worker" not in client.get("/").text


def test_a_lead_of_a_list_leads_on_within_that_list(made, rita, sign_in):
    client = sign_in(rita)
    page = client.get("/").text
    links = re.findall(r'<a class="cut" href="(/leads/\d+\?from=[^"]+)"', section(page, "To call"))
    first, second = (html.unescape(link) for link in links[:2])
    opened = client.get(first).text
    following = re.search(r'href="([^"]+)" data-key="j"', opened)[1]
    assert html.unescape(following) == second
    assert 'data-key="u"' in opened
