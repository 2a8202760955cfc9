"""The page of lost reasons: administrators add, rename and retire them."""

import re

import pytest


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def rename(admin, before, name):
    page = admin.get("/settings/lost-reasons").text
    form = rf'action="(/settings/lost-reasons/\d+/rename)"(?:(?!</form>).)*value="{before}"'
    action = re.search(form, page, re.DOTALL)[1]
    return admin.post(action, data={"name": name}, follow_redirects=True).text


def test_an_administrator_renames_a_reason(admin):
    page = rename(admin, "No budget", "No money left")
    assert "No money left" in page
    assert "No budget" not in page
    assert "lost reason No budget" in admin.get("/settings/audit-log").text


def test_a_name_that_is_taken_is_refused_with_the_reason(admin):
    page = rename(admin, "No budget", "no need")
    assert "No need is on the list already. Nothing was changed." in page
    assert "No budget" in page


def test_a_reason_that_is_gone_is_told(admin):
    answer = admin.post("/settings/lost-reasons/999/rename", data={"name": "x"})
    assert answer.status_code == 404


def test_a_manager_reads_the_list_only(mona, sign_in):
    manager = sign_in(mona)
    assert "Rename" not in manager.get("/settings/lost-reasons").text
    answer = manager.post("/settings/lost-reasons/1/rename", data={"name": "x"})
    assert answer.status_code == 403
