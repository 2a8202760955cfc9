"""Errors of pages: a sentence and the next step, as a page or as a notice beside the page."""

import pytest
import sqlalchemy as sa


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


def test_a_stale_form_is_told_apart_from_a_wrong_one(rep):
    rep.environ_base.pop("HTTP_X_CSRFTOKEN")
    answer = rep.post("/sign-out")
    assert answer.status_code == 400
    assert "This page was open too long" in answer.text


def test_a_missing_right_says_whom_to_ask(rep):
    answer = rep.get("/settings/keys")
    assert answer.status_code == 403
    assert "Ask an administrator" in answer.text


def test_where_htmx_asks_an_error_is_a_notice_and_no_page(rep):
    answer = rep.get("/settings/keys", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "<html" not in answer.text


def test_an_address_that_leads_nowhere_is_a_page_of_ours(rep, client):
    for visitor in (rep, client):
        answer = visitor.get("/no/such/page")
        assert answer.status_code == 404
        assert "This page does not exist." in answer.text


def test_a_database_out_of_reach_is_told_in_words(rep, write):
    write(lambda session: session.execute(sa.text("ALTER TABLE users RENAME TO elsewhere")))
    page = rep.get("/settings")
    fragment = rep.get("/settings", headers={"HX-Request": "true"})
    assert (page.status_code, fragment.status_code) == (503, 503)
    assert "The database is not available right now" in page.text
    assert fragment.headers["HX-Retarget"] == "#notices"


def test_no_page_is_kept_by_a_browser(rep):
    assert rep.get("/settings").headers["Cache-Control"] == "no-store"
