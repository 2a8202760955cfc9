"""What an administrator has left to set up, on My day."""

import re

import pytest

from tests.factories import NOW, make_lead
from tests.learned import make_learned_version
from webapp.services import setup
from webapp.services.accounts import invitations
from webapp.services.fields import declaring
from webapp.services.fields.declaring import Author
from webapp.services.models import lifecycle, registry
from webapp.services.runs import runs

TITLES = ["Say how many leads convert", "Declare your fields", "Import your leads"]


@pytest.fixture
def starter(write):
    write(lambda session: setup.starter_version(session, None, NOW))


@pytest.fixture
def admin(starter, ada, sign_in):
    return sign_in(ada)


def done(admin):
    """Each step of the list, and whether it is done."""
    page = admin.get("/").text
    lines = re.findall(r'<li (class="is-done")?>.*?<a href="/[^"]+">(.*?)</a>', page, re.DOTALL)
    return {text: bool(mark) for mark, text in lines}


def rate_of(read):
    return read(lambda s: registry.scorecard(s, registry.starter(s)).base_rate)


def test_a_new_store_has_everything_left_to_set_up(admin):
    assert done(admin) == dict.fromkeys([*TITLES, "Invite your team"], False)


def test_each_step_is_ticked_once_it_is_done(admin, write):
    admin.post("/setup/conversion-rate", data={"percent": "12"})
    assert done(admin)["Say how many leads convert"]
    field = {"name": "seats", "type": "count", "label": "Seats"}
    write(lambda s: declaring.declare_field(s, field, Author("ada", NOW, None)))
    assert done(admin)["Declare your fields"]
    write(lambda s: make_lead(s, "DEMO-001"))
    assert not done(admin)["Import your leads"]
    write(lambda s: make_lead(s, "L-1"))
    assert done(admin)["Import your leads"]
    write(lambda s: invitations.invite(s, "rita@example.com", "rep", actor="ada", now=NOW))
    assert done(admin) == {}


def test_the_list_is_hidden_by_each_administrator_for_themselves(admin):
    assert admin.post("/setup/hide").status_code == 303
    assert admin.post("/setup/hide").status_code == 303
    assert done(admin) == {}


def test_nobody_but_administrators_sees_the_list(starter, mona, sign_in):
    assert "Set up Leadloop" not in sign_in(mona).get("/").text


def test_the_starter_model_expects_what_it_is_told(admin, read):
    assert 'value="16.8"' in admin.get("/setup/conversion-rate").text
    answer = admin.post("/setup/conversion-rate", data={"percent": "7,5 %"})
    assert answer.location == "/"
    assert rate_of(read) == pytest.approx(0.075)
    asked = read(lambda s: runs.unfinished(s, "rescoring"))
    assert (asked.task["version"], asked.requested_by) == ("1.1", "ada@example.com")
    page = admin.get("/models").text
    assert "not trained on your data. 7.5 of 100 leads are expected to convert." in page


@pytest.mark.parametrize("entered", ["", "0", "100", "-3", "many", "nan", "1e400"])
def test_a_rate_that_is_none_is_refused(entered, admin, read):
    answer = admin.post("/setup/conversion-rate", data={"percent": entered})
    assert answer.status_code == 422
    assert "Enter a number above 0 and below 100, such as 12." in answer.text
    assert rate_of(read) == pytest.approx(0.168, abs=0.001)


def test_a_rate_that_the_live_model_has_learned_is_not_asked_for(admin, write):
    def go_live(session):
        lifecycle.switch(session, make_learned_version(session), "gate", NOW)

    write(go_live)
    assert done(admin)["Say how many leads convert"]
    assert "There is nothing to do" in admin.get("/setup/conversion-rate").text
    assert admin.post("/setup/conversion-rate", data={"percent": "9"}).status_code == 409
