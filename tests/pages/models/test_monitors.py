"""The monitors on the models page: every state, in words with what to do."""

import re
from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_champion, make_lead, make_outcome
from tests.learned import make_learned_version, make_recalibration
from webapp.services.models import lifecycle, monitoring, registry
from webapp.services.runs import runs

FINDINGS = {
    "calibration": ("Calibration", {"n": 60, "n_converted": 30, "expected": 11.2, "z": 6.3}),
    "live_auc": ("Ranking", {"auc": 0.71, "low": 0.61, "high": 0.81, "claim": "failed"}),
    "score_drift": ("Scores of new leads", {"psi": 0.31}),
    "field_drift": ("Fields of new leads", {"psi": 0.05}),
    "selection": ("Where outcomes come from", {}),
}


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path="/models/monitors"):
    """The text of the fragment that the page includes, white space folded."""
    return re.sub(r"\s+", " ", visitor.get(path).text)


def check_done(session, **verdicts):
    """A check of the champion, each monitor good unless said otherwise."""
    monitoring.request(session, "ada", NOW)
    finish_check(session, **verdicts)


def finish_check(session, **verdicts):
    """End the check that was asked for."""
    champion = registry.champion(session)
    found = [
        {
            "name": name,
            "title": title,
            "verdict": verdicts.get(name, "good"),
            "sentence": f"What {name} found.",
            "advice": f"What {name} asks for." if name in verdicts else "",
            "figures": figures,
        }
        for name, (title, figures) in FINDINGS.items()
    ]
    run = runs.claim(session, monitoring.KIND, "w", NOW)
    assert run is not None
    result = {"champion": champion.name, "champion_key": champion.key, "findings": found}
    runs.finish(session, run, NOW, result | {"seen": {}})


def test_before_the_first_check_the_page_says_when_it_comes(manager):
    page = show(manager)
    assert "not checked yet" in page
    assert "Every hour, and ten minutes after 20 new outcomes, the worker checks" in page
    assert 'class="notice' not in page


def test_where_all_is_good_nothing_stands_in_the_way(manager, write):
    write(check_done)
    page = show(manager)
    assert '<span class="chip chip-good">as expected</span>' in page
    assert "What selection found." in page
    assert 'class="notice' not in page


def test_the_most_urgent_warning_says_what_was_found_and_what_to_do(manager, write):
    write(lambda s: check_done(s, selection="look", calibration="act"))
    page = show(manager)
    [banner] = re.findall(
        r'<div class="(notice[^"]*)"> <p><strong>([^<]+)</strong> ([^<]+)</p>', page
    )
    assert banner == (
        "notice notice-bad",
        "Calibration.",
        "What calibration found. What calibration asks for. 1 more warning below.",
    )
    assert '<span class="monitor-advice">What selection asks for.</span>' in page
    assert '<span class="chip chip-bad">critical</span>' in page
    assert '<details class="panel" open>' in page


def test_where_no_outcome_speaks_for_the_version_it_is_not_called_good(manager, write):
    write(lambda s: check_done(s, calibration="unknown", live_auc="unknown"))
    page = show(manager)
    assert "chip-good" not in page.partition("</summary>")[0]
    assert "too few outcomes to judge" in page


def test_a_failed_claim_is_said_so_also_once_another_version_is_live(manager, write):
    def judge(session):
        starter = registry.champion(session)
        version = make_learned_version(session)
        lifecycle.switch(session, version, "gate", NOW)
        check_done(session)
        return starter

    starter = write(judge)
    failed = '<span class="chip chip-bad">claim failed</span>'
    assert f"<p>{failed} What live_auc found.</p>" in show(manager, "/models")
    write(lambda s: lifecycle.switch(s, registry.version(s, starter.name), "mona", NOW))
    page = show(manager, "/models/1.1")
    assert failed in page
    assert "<p>What live_auc found.</p>" in page
    assert failed not in show(manager, "/models")


def test_what_was_found_of_another_version_is_no_warning(manager, write):
    def switch(session):
        check_done(session, calibration="act")
        run = runs.last_success(session, monitoring.KIND)
        run.result = {**run.result, "champion_key": 99, "champion": "0.9"}

    write(switch)
    page = show(manager)
    assert "version 0.9 was checked" in page
    assert 'class="notice' not in page


def test_who_asks_for_a_check_sees_what_it_found(manager, write):
    location = manager.post("/models/monitors").location
    assert '<details class="panel" open>' in show(manager, location)
    [fragment] = re.findall(r'hx-get="(/models/monitors[^"]*)"', show(manager, location))
    write(finish_check)
    assert '<details class="panel" open>' in show(manager, fragment)
    assert '<details class="panel" >' in show(manager)


def fail(session):
    run = runs.claim(session, monitoring.KIND, "w", NOW)
    assert run is not None
    runs.finish(session, run, NOW, error="It broke.")


def test_check_now_asks_the_worker_and_the_fragment_follows_it(manager, read, write):
    assert manager.post("/models/monitors").status_code == 303
    fragment = manager.get("/models/monitors").text
    assert 'hx-trigger="every 1s"' in fragment
    assert "<html" not in fragment
    assert fragment.strip() in manager.get("/models").text
    assert manager.post("/models/monitors").status_code == 409
    write(fail)
    assert "hx-trigger" not in manager.get("/models/monitors").text


def test_a_check_that_failed_is_part_of_the_story(manager, write):
    write(lambda s: monitoring.request(s, "ada", NOW))
    write(fail)
    page = show(manager, "/models")
    assert "<span>Monitor check failed on 2 Mar.</span>" in page
    assert "<p>It broke.</p>" in page


def really_check(session):
    """A check as the worker does it."""
    monitoring.request(session, "ada", NOW)
    run = runs.claim(session, monitoring.KIND, "w", NOW)
    assert run is not None
    found = monitoring.check(session, FIELDS, monitoring.Trigger(50), NOW, may_recalibrate=False)
    runs.finish(session, run, NOW, found.result)


def test_outcomes_of_leads_never_scored_before_are_not_said_to_be_missing(manager, write):
    def live(session):
        for number in range(30):
            make_lead(session, f"L-{number}", actual_outcome=number % 2 == 0)

    write(live)
    write(really_check)
    page = show(manager)
    told = "Leads have not been followed for long enough to tell how many convert in the end."
    assert told in page
    assert (
        "Of the leads that had the time to end either way, 0 converted and 0 were lost after they"
        " were scored; 10 of each are needed."
    ) in page


def test_a_real_check_reads_well(manager, write):
    def live(session):
        for number in range(30):
            lead = make_lead(
                session, f"L-{number}", email_opens=number % 9, now=NOW - timedelta(days=3)
            )
            make_outcome(session, lead, number % 2 == 0)

    write(live)
    write(really_check)
    page = show(manager)
    assert re.search(r"15 of 30 leads converted, about \d+ expected\.", page)
    told = "Scores run too low. Do not rely on the percentages until they are recalibrated."
    assert told in page
    assert re.search(
        r"AUC 0\.\d\d \(0\.\d\d to 0\.\d\d\) on 30 leads that were decided after", page
    )
    assert "Version 1.0 was not trained on leads" in page


def test_an_auc_of_scores_that_all_tie_has_no_interval(manager, write):
    def live(session):
        for number in range(30):
            lead = make_lead(session, f"L-{number}", now=NOW - timedelta(days=3))
            make_outcome(session, lead, number % 2 == 0)

    write(live)
    write(really_check)
    assert "AUC 0.50 on 30 leads that were decided after they were scored." in show(manager)


def test_a_recalibration_is_told_as_a_decision_and_can_be_rolled_back(manager, write):
    write(make_recalibration)
    page = show(manager, "/models")
    told = "Version 1.2 recalibrated on 2 Mar. Scores were too low: 20 of 27 leads converted, about"
    assert told in page
    assert re.search(r"Log-odds of every score: multiplied by \d\.\d\d, then moved by \+\d", page)
    assert "Recalibrated from version 1.1 on 27 leads" in page
    assert "Recalibrated from 1.1 on" in show(manager, "/models/1.2")
    assert "Roll back to 1.1" in show(manager, "/models/1.1")


def test_a_recalibration_shows_what_the_fields_do_in_the_version_it_was_made_from(manager, write):
    write(make_recalibration)
    drawn = [
        re.findall(r'<title id="field-\d+.*?</title>', show(manager, f"/models/{name}"))
        for name in ("1.1", "1.2")
    ]
    assert drawn[0]
    assert drawn[0] == drawn[1]


def test_a_recalibration_of_rules_of_thumb_does_not_say_that_they_were_learned(manager, write):
    write(lambda s: make_recalibration(s, make_champion(s)))
    page = show(manager, "/models/1.1")
    assert "training leads" not in page[page.index("Fields by influence") :]
    fields = page[page.index("What each field does") :]
    assert "Effect</th>" in fields
    assert "Leads</th>" not in fields
    card = show(manager, "/models/1.1/card.md")
    assert "None: general rules. It was recalibrated on 27 leads" in card
    assert "; assumed)" in card


def test_after_a_recalibration_a_lead_is_compared_with_the_new_level(manager, write):
    write(make_recalibration)
    lead = write(lambda s: make_lead(s, "L-1", industry="Software", website_visits=3))
    page = show(manager, f"/leads/{lead.key}")
    assert "likely to convert (average lead: 74 %)." in page  # 20 of 27
    assert ", against 32 % overall." in page


def test_the_figures_of_a_recalibration_are_told_from_those_of_its_decision(manager, write):
    write(make_recalibration)
    assert "These leads also set the calibration" in show(manager, "/models/1.2")
    assert "These leads also set the calibration" not in show(manager, "/models/1.1")


def test_a_version_compared_with_a_recalibration_says_who_set_its_level(manager, write):
    def challenge(session):
        make_recalibration(session)
        champion = registry.champion(session)
        make_learned_version(session).parent_key = champion.key

    write(challenge)
    page = show(manager, "/models/1.3")
    assert "Some of these leads set the calibration of version 1.2, which favours it." in page
    assert "which favours it" not in show(manager, "/models/1.1")


@pytest.mark.parametrize("form", ["json", "md"])
def test_the_card_of_a_recalibration_says_what_it_is(form, manager, write):
    write(make_recalibration)
    text = show(manager, f"/models/1.2/card.{form}")
    assert "This is an earlier version, recalibrated on the leads it is measured on." in text
