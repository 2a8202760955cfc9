"""Pages say that demo data is invented, and an administrator removes it by one click."""

import re

import pytest

from tests.factories import FIELDS, make_champion
from tests.learned import make_learned_version
from webapp.database import utc_now
from webapp.services.demo import demo_data, demo_leads
from webapp.services.models import registry


@pytest.fixture
def demo(write):
    write(make_champion)
    write(lambda s: demo_data.load(s, FIELDS, utc_now()))


def test_my_day_says_that_its_leads_are_invented(write, ada, sign_in):
    write(make_champion)
    admin = sign_in(ada)
    write(lambda s: demo_data.load(s, FIELDS, utc_now()))
    assert "These leads are invented" in admin.get("/").text


def test_an_admin_removes_the_demo_by_one_click(demo, ada, sign_in, read):
    admin = sign_in(ada)
    for page in ("/leads", "/models"):
        assert "These leads are invented" in admin.get(page).text
    after = admin.post("/demo/remove", follow_redirects=True).text
    assert "demo leads removed. Now bring in your own." in after
    assert "These leads are invented" not in after
    assert "No leads yet" in after
    assert not read(demo_leads.are_here)


def test_a_model_learned_from_the_demo_says_so(demo, rita, sign_in, write):
    def promote(session):
        version = make_learned_version(session)
        registry.set_alias(session, registry.CHAMPION, version.key, utc_now())

    write(promote)
    assert re.search(r"trained on [\d,]+\s+demo leads", sign_in(rita).get("/leads").text)


def test_a_rep_reads_that_it_is_invented_and_who_can_remove_it(demo, rita, sign_in):
    rep = sign_in(rita)
    shown = rep.get("/leads").text
    assert "These leads are invented" in shown
    assert "An administrator can remove them." in shown
    assert rep.post("/demo/remove").status_code == 403
