"""Reps who see only their own and unowned leads: no page shows or changes another's."""

import pytest
import sqlalchemy as sa

from tests.factories import NOW, make_lead, make_outcome, make_user
from webapp.database import Base
from webapp.pages.accounts.rights import MIN_ROLE
from webapp.services.leads import leads
from webapp.services.owners import assigning
from webapp.tables import Lead, Score

HIS = "Zebediah"  # Omar's lead; nobody else is called so
SEARCHES = ("", "?q=zeb&status=all", "?owner=omar@example.com", "?status=all&sort=name", "?q=O-1")
# What the forms of pages send; a new one that takes leads by number sends them by these names.
FORM = {
    "outcome": "lost",
    "owner": "rita@example.com",
    "reason": "price",
    "text": "a note",
    "lead_id": "O-1",
    "name": "Changed",
    "shown": "{}",
}
BY_KEY = ("key", "keys", "lead", "leads", "lead_key", "selected")


@pytest.fixture
def dialect():
    """The same statements are narrowed on both in tests/services/owners."""
    return "sqlite"


@pytest.fixture
def settings(settings):
    settings.reps_see = "own"
    return settings


@pytest.fixture
def made(write, champion):
    """Rita's lead, Omar's and nobody's, by key."""

    def make(session):
        make_user(session, "omar@example.com")
        hers = make_lead(session, "R-1", name="Berenice", owner="rita@example.com")
        his = make_lead(session, "O-1", name=HIS, owner="omar@example.com")
        closed = make_lead(session, "O-2", name=f"{HIS} Closed", owner="omar@example.com")
        make_outcome(session, closed, False)
        return hers.key, his.key, make_lead(session, "N-1", name="Nathaniel").key

    return write(make)


@pytest.fixture
def pages(app):
    """Method, endpoint and the parts of the address, of every page that a rep may open."""
    rules = [r for r in app.url_map.iter_rules() if r.endpoint.startswith("pages.")]
    adapter = app.url_map.bind("localhost")

    def walk(**values):
        for rule in rules:
            if MIN_ROLE[rule.endpoint] == "rep" and rule.arguments == values.keys():
                method = "POST" if "POST" in rule.methods else "GET"
                yield method, rule.endpoint, adapter.build(rule.endpoint, values)

    return walk


def everything_of(session, key):
    """All rows of all tables that say something of a lead."""
    found = {}
    for table in Base.metadata.sorted_tables:
        column = table.c.get("lead_key") if table.name != "leads" else table.c.key
        if column is not None:
            found[table.name] = session.execute(sa.select(table).where(column == key)).all()
    return found


def test_no_page_of_a_rep_shows_the_lead_of_another(pages, made, rita, sign_in):
    rep = sign_in(rita)
    for method, endpoint, path in pages():
        for search in SEARCHES if method == "GET" else ():
            answer = rep.get(path + search)
            assert HIS not in answer.text.replace('value="zeb"', ""), f"{endpoint}{search}"
    for method, endpoint, path in pages(key=made[1]):
        answer = rep.open(path, method=method, data=FORM if method == "POST" else None)
        assert answer.status_code == 404, f"{method} {endpoint}"
        assert HIS not in answer.text, endpoint


def test_no_form_of_a_rep_changes_the_lead_of_another(pages, made, rita, sign_in, read):
    before, rep = read(lambda s: everything_of(s, made[1])), sign_in(rita)
    form = {**FORM, **dict.fromkeys(BY_KEY, str(made[1]))}
    for values in ({}, {"key": made[1]}):
        for method, endpoint, path in pages(**values):
            if method == "POST" and not endpoint.startswith(("pages.sign_in", "pages.settings")):
                assert HIS not in rep.post(path, data=form).text, endpoint
                assert read(lambda s: everything_of(s, made[1])) == before, endpoint


def test_own_and_unowned_leads_open_as_ever(pages, made, rita, sign_in):
    rep = sign_in(rita)
    for key in (made[0], made[2]):
        for method, endpoint, path in pages(key=key):
            if method == "GET":
                assert rep.get(path).status_code == 200, endpoint
    table = rep.get("/leads").text
    assert ("Berenice" in table, "Nathaniel" in table) == (True, True)


def test_managers_see_all_leads(made, mona, sign_in):
    manager = sign_in(mona)
    assert HIS in manager.get("/leads").text
    assert HIS in manager.get(f"/leads/{made[1]}").text


def test_the_id_of_anothers_lead_cannot_be_entered_anew(made, rita, sign_in, read):
    answer = sign_in(rita).post("/leads/new", data={"lead_id": "O-1", "name": "Mine now"})
    assert answer.status_code == 403
    assert "Lead O-1 belongs to somebody else. Ask them or a manager" in answer.text
    assert read(lambda s: leads.find(s, "O-1").name) == HIS


def test_a_rep_gives_a_lead_away_in_its_form_and_keeps_its_history(made, rita, sign_in, read):
    form = {"lead_id": "R-1", "owner": "omar@example.com", "email_opens": "9"}
    shown = '{"lead_id": "R-1", "owner": "rita@example.com"}'
    answer = sign_in(rita).post("/leads/new", data={**form, "shown": shown})
    assert answer.status_code == 200
    found = read(lambda s: leads.find(s, "R-1"))
    assert (found.owner, found.email_opens) == ("omar@example.com", 9)
    assert read(lambda s: s.scalar(sa.select(Score.owner).where(Score.lead_key == found.key))) == (
        "omar@example.com"
    )
    assert sign_in(rita).get(f"/leads/{found.key}").status_code == 404


def test_who_gave_a_lead_away_can_take_it_back(made, rita, write, read):
    done = write(
        lambda s: assigning.assign(s, [made[0]], "omar@example.com", by=rita.email, now=NOW)
    )
    write(lambda s: assigning.undo(s, done.batch, by=rita.email, now=NOW))
    assert read(lambda s: s.get(Lead, made[0]).owner) == rita.email
