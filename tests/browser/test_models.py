"""The models in a real browser: live progress that ends by itself, promotion, looks."""

import pytest
from playwright.sync_api import expect

from tests.browser.looks import assert_looks_right
from tests.factories import NOW, make_lead, make_leads, make_outcomes
from tests.pages.models.test_monitors import finish_check
from tests.pages.models.test_over_time import lived
from webapp.services.runs import runs

PAGES = [
    "/models",
    "/models/1.0",
    "/models/1.1",
    "/models/1.2",
    "/leads",
    "/leads?status=all",
    "/leads/1",
]


@pytest.fixture
def story(write):
    """A live version, a refused one and how they ranked, and leads of either outcome."""

    def make(session):
        lived(session)
        rows = ({"lead_id": f"L-{n}", "name": f"{'Long' * 12} {n}"} for n in range(20))
        make_outcomes(session, make_leads(session, rows), [n % 2 == 0 for n in range(20)])
        make_lead(session, "open", company="A company with a name as long as they come")

    write(make)


def test_a_training_shows_how_far_it_is_and_ends_by_itself(page, mona, sign_in, story, write, read):
    sign_in(mona)
    page.goto("/models")
    page.get_by_role("button", name="Train now").click()
    expect(page.get_by_text("Waiting for the worker")).to_be_visible()
    run = write(lambda s: runs.claim(s, "training", "w", NOW))
    write(lambda s: runs.renew(s, run, NOW, progress=0.4, stage="Fitting"))
    expect(page.get_by_text("Fitting")).to_be_visible()
    expect(page.get_by_text("40 %")).to_be_visible()
    write(lambda s: runs.finish(s, run, NOW, {"version": "1.2"}))
    expect(page.locator("#model-status").get_by_text("Version 1.2 refused")).to_be_visible()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_version_is_put_in_use_after_a_moment_to_think(
    has_javascript, new_context, mona, sign_in, story
):
    page = sign_in(mona, new_context(java_script_enabled=has_javascript).new_page())
    page.goto("/models/1.2")
    page.get_by_text("Promote 1.2").click()
    expect(page.get_by_text("its scores may be worse")).to_be_visible()
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("heading", name="Promoting version 1.2")).to_be_visible()


def test_a_check_of_the_monitors_ends_by_itself(page, mona, sign_in, champion, write):
    sign_in(mona)
    page.goto("/models")
    monitors = page.locator("#monitors")
    monitors.locator("summary").click()
    monitors.get_by_role("button", name="Check now").click()
    expect(monitors).to_contain_text("checking now")
    write(lambda s: finish_check(s, calibration="act"))
    expect(monitors.locator(".notice")).to_contain_text("What calibration asks for.")
    expect(monitors).not_to_have_attribute("hx-trigger", "every 1s")


def test_the_numbers_of_a_picture_are_in_a_table_beneath(page, mona, sign_in, story):
    sign_in(mona)
    page.goto("/models/1.1")
    panel = page.locator(".evidence .panel", has_text="Conversion by grade")
    panel.get_by_text("Numbers").click()
    expect(panel.get_by_role("rowheader", name="A", exact=True)).to_be_visible()


def test_leads_and_models_look_right_and_keep_the_policy(page, complaints, mona, sign_in, story):
    sign_in(mona)
    for path in PAGES:
        page.goto(path)
        assert_looks_right(page)
    page.goto("/models")
    picture = page.get_by_role("img", name="How well each version ranked as time went on")
    expect(picture).to_be_visible()
    assert complaints == []
