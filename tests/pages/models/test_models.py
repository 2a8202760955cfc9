"""The models page: the story of decisions, the next training, and one version with its evidence."""

import re
from datetime import timedelta

import pytest

from tests.factories import NOW, make_lead, make_outcome, make_version
from tests.learned import challenge, make_learned_version
from tests.pages.models.test_monitors import check_done
from webapp.services.accounts import audit
from webapp.services.models import lifecycle, registry
from webapp.services.runs import runs


@pytest.fixture(scope="session")
def promoted():
    """The gate's decision on a version that learned much."""
    return challenge(True).decision


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path="/models"):
    """The page's text, white space folded."""
    return re.sub(r"\s+", " ", visitor.get(path).text)


def enough_outcomes(session, n=10):
    for number in range(2 * n):
        lead = make_lead(session, f"L-{number}")
        make_outcome(session, lead, number % 2 == 0)


def ask_for_training(session):
    return runs.request(session, "training", trigger="request", requested_by="ada", now=NOW)


def test_a_promoted_version_tells_its_leads_its_gain_and_its_checks(manager, write, promoted):
    write(make_learned_version)
    page = show(manager)
    assert promoted.promote
    assert "Version 1.1 promoted on 2 Mar: on 200 new leads it ranked better than 1.0." in page
    assert "compared with version 1.0 on 200 leads whose outcomes neither had seen." in page
    assert "It passed all checks." in page
    assert promoted.gain is not None
    assert f"Gain {100 * promoted.gain:+.1f} points" in page
    for check in promoted.checks:
        assert f"{check.sentence[:1].upper()}{check.sentence[1:]}." in page


def test_what_a_comparison_has_shown_of_the_rules_of_thumb_is_no_longer_unknown(
    manager, write, promoted
):
    assert "How well it ranks your leads is not known yet" in show(manager)
    write(make_learned_version)
    assert promoted.auc_champion is not None
    page = show(manager)
    assert "On the 200 leads of the last comparison it ranked a converted lead above" in page
    assert f"in {100 * promoted.auc_champion:.0f} of 100 cases." in page


def test_a_refused_version_says_which_checks_did_not_pass(manager, write):
    write(lambda s: make_learned_version(s, is_telling=False))
    page = show(manager)
    failed = [c for c in challenge(False).decision.checks if not c.passed]
    assert failed
    assert "Version 1.1 refused on 2 Mar: on 200 new leads it ranked" in page
    assert f"It failed {len(failed)} of 4 checks, so version 1.0 stayed live." in page
    assert page.count('<li class="failed">') == len(failed)


def test_the_line_to_cross_is_the_one_of_the_decision(manager, write):
    def make(session):
        version = make_learned_version(session)
        version.decision = {**version.decision, "rule": {"min_gain": 0.05, "confidence": None}}

    write(make)
    assert "5.0 required." in show(manager)


def test_a_decision_without_a_gain_has_no_picture(manager, write):
    def make(session):
        version = make_learned_version(session)
        version.decision = {**version.decision, "gain": None, "standard_error": None}

    write(make)
    assert "Too few leads to measure the gain." in show(manager)


def test_the_story_has_failures_and_what_people_did_newest_first(manager, write):
    def make(session):
        make_learned_version(session)
        run = ask_for_training(session)
        runs.claim(session, "training", "w", NOW)
        lifecycle.fail(session, run, "Not enough memory.", NOW)
        audit.record(session, "ada", "rolled back", "version 1.0", now=NOW, detail={"from": "1.1"})

    write(make)
    page = show(manager)
    assert "Training failed on 2 Mar." in page
    assert "Not enough memory." in page
    assert "ada rolled back from version 1.1 to 1.0 on 2 Mar." in page


def test_of_checks_that_failed_one_after_another_the_last_is_told(manager, write):
    def end(session, kind, error, hours):
        at = NOW + timedelta(hours=hours)
        runs.request(session, kind, trigger="clock", requested_by="worker", now=at)
        run = runs.claim(session, kind, "a worker", at)
        assert run is not None
        runs.finish(session, run, at, error=error)

    def make(session):
        end(session, "monitoring", "First.", -1)
        check_done(session)
        end(session, "monitoring", "Second.", 2)
        end(session, "training", "Of a training.", 3)
        end(session, "monitoring", "Third.", 4)

    write(make)
    page = show(manager)
    told = {error: error in page for error in ("First.", "Second.", "Of a training.", "Third.")}
    assert told == {"First.": True, "Second.": False, "Of a training.": True, "Third.": True}


def test_what_the_gate_promotes_is_told_once(manager, write):
    write(
        lambda s: audit.record(
            s, "gate", "promoted", "version 1.1", now=NOW, detail={"from": "1.0"}
        )
    )
    assert "gate promoted" not in show(manager)


def test_a_version_that_the_monitors_replaced_says_why(manager, write):
    def replace(session):
        detail = {"from": "1.1", "reason": "Version 1.1 surely ranks leads wrongly."}
        who = lifecycle.MONITORS
        audit.record(session, who, "rolled back", "version 1.0", now=NOW, detail=detail)

    write(replace)
    page = show(manager)
    assert "Version 1.1 replaced by 1.0 on 2 Mar: it ranked new leads too badly." in page
    assert "<p>Version 1.1 surely ranks leads wrongly.</p>" in page


def test_a_long_story_goes_on_on_further_pages(manager, write):
    def step(number):
        return lambda s: audit.record(
            s,
            f"person-{number}",
            "promoted",
            "version 1.1",
            now=NOW.replace(second=number),
            detail={"from": "1.0"},
        )

    for number in range(25):
        write(step(number))
    seen, addresses = [], ["/models"]
    for address in addresses:
        page = manager.get(address).text
        seen += re.findall(r"person-(\d+)", page)
        addresses += re.findall(r'href="(/models\?before=\d+)">Earlier', page)
    assert seen == [str(n) for n in reversed(range(25))]


@pytest.mark.parametrize("before", ["x", "1e9", "99999999999999999999"])
def test_a_damaged_address_of_a_page_is_refused(before, manager):
    assert manager.get(f"/models?before={before}").status_code == 400


@pytest.mark.parametrize("watched", ["x", "-1", "0", str(2**63), "9" * 5000])
def test_a_run_that_no_database_can_hold_is_not_watched(watched, manager):
    assert manager.get(f"/models/status?watched={watched}").status_code == 400


def test_the_next_training_counts_what_is_missing(manager, write):
    write(lambda s: enough_outcomes(s, 3))
    page = show(manager)
    assert "44 more outcomes until the next training" in page
    assert "3 converted: at least 10 needed" in page
    assert re.search(r"<button [^>]*disabled[^>]*>Train now", page)


def test_a_training_asked_for_shows_its_progress_until_it_is_done(manager, write, read):
    write(enough_outcomes)
    assert manager.post("/models/retrain").location == "/models"
    [run] = read(lambda s: runs.latest(s, "training"))
    assert run.requested_by == "mona@example.com"
    fragment = manager.get("/models/status").text
    assert f'hx-get="/models/status?watched={run.key}" hx-trigger="every 1s"' in fragment
    assert "Training a new version" in fragment
    assert fragment.strip() in manager.get("/models").text


def test_a_finished_training_is_told_and_asks_no_more(manager, write):
    run = write(ask_for_training)

    def finish(session):
        runs.claim(session, "training", "w", NOW)
        version, result = make_learned_version(session), {"reason": "Promoted: " + "why, " * 40}
        runs.finish(session, runs.by_key(session, run.key), NOW, {"version": version.name} | result)

    write(finish)
    fragment = manager.get(f"/models/status?watched={run.key}").text
    assert re.search(
        r"<p>Version 1.1 promoted on .{5,12}: on .* new leads it ranked better", fragment
    )
    assert "why, why" not in fragment
    assert "hx-trigger" not in fragment
    assert "Next training" in manager.get("/models/status").text


def test_a_training_nobody_takes_up_asks_for_the_worker(manager, write):
    write(ask_for_training)
    assert "No worker has picked this up yet" in manager.get("/models/status").text


def test_a_training_is_asked_for_once(manager, write):
    write(enough_outcomes)
    manager.post("/models/retrain")
    answer = manager.post("/models/retrain")
    assert answer.status_code == 409
    assert "Wait until it is done" in answer.text


def test_too_few_outcomes_are_told_in_words(manager):
    answer = manager.post("/models/retrain")
    assert answer.status_code == 409
    assert "at least 10 of each are needed" in answer.text


def test_a_version_is_promoted_by_a_person(manager, write, read):
    write(make_version)
    assert "Promote 1.1" in show(manager, "/models/1.1")
    assert manager.post("/models/1.1/promote").location == "/models"
    [run] = read(lambda s: runs.latest(s, "rescoring"))
    assert (run.task["version"], run.requested_by) == ("1.1", "mona@example.com")
    assert "Promoting version 1.1" in show(manager)


def test_going_back_is_the_same_and_says_so(manager, write):
    def make(session):
        version = make_version(session)
        registry.set_alias(session, registry.CHAMPION, version.key, NOW)

    write(make)
    assert "Roll back to 1.0" in show(manager, "/models/1.0")
    assert "Roll back" not in show(manager, "/models/1.1")


def test_the_live_version_is_not_promoted_again(manager):
    answer = manager.post("/models/1.0/promote")
    assert answer.status_code == 409
    assert "Version 1.0 is already live." in answer.text


def test_while_one_takes_over_no_other_can_be_chosen(manager, write):
    for _ in range(2):
        write(make_version)
    manager.post("/models/1.1/promote")
    assert "A training or promotion is running" in show(manager, "/models/1.2")
    assert manager.post("/models/1.2/promote").status_code == 409


def test_the_evidence_is_drawn_against_what_was_needed(manager, write, promoted):
    write(make_learned_version)
    page = show(manager)
    counts = f"{promoted.n_converted} converted and {promoted.n_lost} lost. At least 20 of each"
    assert counts in page
    assert (
        f"{promoted.log_loss_champion:.4f} before, {promoted.log_loss_challenger:.4f} after" in page
    )


def test_before_the_first_training_its_precision_is_foretold(manager, write):
    write(lambda s: enough_outcomes(s, 12))
    page = show(manager)
    rows = re.findall(r'scope="row">([\d,]+)( <span class="chip">now)?.{0,300}?± (0\.\d\d)', page)
    assert [n for n, _, _ in rows] == ["24", "50", "100", "200", "500", "1,000"]
    assert [n for n, now, _ in rows if now] == ["24"]
    assert {n: width for n, _, width in rows}["50"] == "0.14"


@pytest.mark.parametrize("n_converted", [0, 100])
def test_a_share_that_is_only_assumed_is_said_to_be_and_is_none_of_now(n_converted, manager, write):
    def make(session):
        for number in range(n_converted):
            make_lead(session, f"L-{number}", actual_outcome=True)

    write(make)
    page = show(manager)
    assert "if 17 % of leads convert (assumed until you have outcomes of both kinds)." in page
    assert '<span class="chip">now' not in page
    assert re.findall(r'scope="row">([\d,]+) ?</th>', page)[0] == ("200" if n_converted else "100")


def test_after_the_first_training_nothing_is_foretold(manager, write):
    def make(session):
        version = make_learned_version(session)
        registry.set_alias(session, registry.CHAMPION, version.key, NOW)

    write(make)
    assert "How precisely the first model" not in show(manager)


def test_a_rep_sees_no_models_and_changes_none(rita, sign_in):
    rep = sign_in(rita)
    for answer in (rep.get("/models"), rep.post("/models/retrain"), rep.get("/models/1.0")):
        assert answer.status_code == 403


def make_version_of_changed_world(session):
    """Earlier leads say of later ones nothing, though a random split sees much."""
    version = make_learned_version(session)
    measured = version.metrics["in_time_order"] | {"verdict": "lost", "auc": 0.52}
    version.metrics = {**version.metrics, "in_time_order": measured}
    return version


def test_a_version_shows_its_backtest(manager, write):
    write(make_learned_version)
    (block,) = challenge(True).metrics["in_time_order"]["blocks"]
    page = show(manager, "/models/1.1")
    assert "Past outcomes predict new ones</h2>" in page
    assert "No significant loss over time." in page
    assert "these leads also helped to choose the model" in page
    assert f"the first {block['n_before']}</th>" in page
    assert f"{block['auc']:.3f}</td>" in page
    assert "The past no longer predicts" not in show(manager)


def test_an_order_that_nobody_told_is_called_so(manager, write):
    def make(session):
        version = make_learned_version(session)
        version.training = {**version.training, "is_dated": False}

    write(make)
    assert "newer leads are those that came in later" in show(manager, "/models/1.1")


def test_a_past_that_no_longer_predicts_is_told_on_both_pages(manager, write):
    write(make_version_of_changed_world)
    assert "The past no longer predicts</h2>" in show(manager, "/models/1.1")
    page = show(manager)
    assert "The past no longer predicts.</strong>" in page
    assert "than a random split suggests (AUC 0.52 instead of" in page
    assert 'href="/models/1.1#backtest"' in page


def test_where_nothing_was_found_to_predict_the_version_says_so_without_alarm(manager, write):
    def make(session):
        version = make_learned_version(session)
        all_tied = {"verdict": "nothing", "auc": 0.5, "auc_low": 0.5, "auc_high": 0.5}
        measured = version.metrics["in_time_order"] | all_tied
        version.metrics = {**version.metrics, "in_time_order": measured}

    write(make)
    page = show(manager, "/models/1.1")
    assert "Nothing predictive found</h2>" in page
    assert "AUC is 0.500 on " in page
    assert "no longer predicts" not in show(manager)


def test_a_version_without_a_backtest_says_nothing_of_it(manager, write):
    def make(session):
        version = make_learned_version(session)
        version.metrics = {k: v for k, v in version.metrics.items() if k != "in_time_order"}

    write(make)
    assert 'id="backtest"' not in show(manager, "/models/1.1")


def test_a_version_that_was_trained_is_not_called_recalibrated(manager, write):
    def go_live(session, *, is_demo):
        version = make_learned_version(session)
        version.training = {**version.training, "is_demo": is_demo}
        lifecycle.switch(session, version, "gate", NOW)

    for is_demo in (False, True):
        write(lambda s, is_demo=is_demo: go_live(s, is_demo=is_demo))
        page = " ".join(manager.get("/models").text.split())
        live = re.search(r'id="live".*?</section>', page)[0]
        assert "Trained on 200 leads" in live
        assert "Recalibrated" not in live
