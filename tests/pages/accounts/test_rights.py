"""Who may open what: the table of rights against the pages that there are."""

import pytest

from tests.factories import make_user
from tests.pages.every_page import every_page
from webapp.pages.accounts.rights import ANYBODY, MIN_ROLE
from webapp.tables import ROLES


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def dialect(request):
    """Every page is opened once on each, whatever it asks the database."""
    return request.param


@pytest.fixture
def pages(app):
    return every_page(app)


def test_every_page_states_its_right(pages):
    assert {endpoint for _, _, endpoint in pages} - set(MIN_ROLE) == set()


def test_every_stated_right_belongs_to_a_page(pages):
    assert set(MIN_ROLE) - {endpoint for _, _, endpoint in pages} == set()


def test_whoever_is_not_signed_in_is_asked_to(pages, client):
    for method, path, endpoint in pages:
        if MIN_ROLE[endpoint] != ANYBODY:
            answer = client.open(path, method=method)
            assert answer.status_code == 303, path
            assert answer.location.startswith("/sign-in"), path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_pages_and_no_others(role, pages, write, sign_in):
    person = sign_in(write(lambda session: make_user(session, role=role)))
    person.environ_base.pop("HTTP_X_CSRFTOKEN")
    for method, path, endpoint in pages:
        least = MIN_ROLE[endpoint]
        may = least == ANYBODY or ROLES.index(role) >= ROLES.index(least)
        # A change that is allowed gets as far as the check of its token, and no further.
        allowed = {200, 302, 303, 404} if method == "GET" else {400}
        status = person.open(path, method=method).status_code
        assert status in (allowed if may else {403}), f"{role} {method} {path}: {status}"


def test_a_change_without_a_token_is_refused(pages, ada, sign_in):
    admin = sign_in(ada)
    admin.environ_base["HTTP_X_CSRFTOKEN"] = "a.forged.token"
    changes = [path for method, path, _ in pages if method == "POST"]
    assert {path: admin.post(path).status_code for path in changes} == dict.fromkeys(changes, 400)


def test_whatever_changes_something_is_a_page_or_needs_a_key(app):
    changing = {
        r.endpoint for r in app.url_map.iter_rules() if r.methods - {"GET", "HEAD", "OPTIONS"}
    }
    assert {endpoint.partition(".")[0] for endpoint in changing} <= {"pages", "api"}


def test_the_bar_shows_what_a_person_may_open(rita, mona, sign_in):
    rep, manager = sign_in(rita).get("/settings").text, sign_in(mona).get("/settings").text
    assert ">Import</a>" in manager
    assert ">Import</a>" not in rep
    assert ">API keys</a>" not in rep + manager
