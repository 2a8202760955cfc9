"""What a version claims is borne out by outcomes, or said to have failed soon, rarely wrongly."""

import numpy as np
import pytest

from ml.monitoring.claims import Interval, meet, of_a_winner
from ml.monitoring.performance import ScoredOutcome
from ml.training.evaluate import delong
from ml.training.metrics import claim

APART = {0.5: 0.0, 0.6: 0.358, 0.7: 0.742}  # of the means of normal scores, by AUC


def leads(rng, auc, n):
    """Scores and outcomes of leads that are ranked with an AUC; a third converts."""
    converted = rng.random(n) < 1 / 3
    sign = 1 if auc >= 0.5 else -1
    scores = rng.standard_normal(n) + sign * APART[max(auc, round(1 - auc, 1))] * converted
    return 1 / (1 + np.exp(-scores)), converted


def claimed(rng, auc=0.7, n=250):
    scores, converted = leads(rng, auc, n)
    return claim(converted, scores, (0.9, 0.7, 0.4)).auc


def told(rng, *parts):
    """Outcomes in order, of so many leads ranked with each AUC."""
    found = [pair for auc, n in parts for pair in zip(*leads(rng, auc, n), strict=True)]
    return [
        ScoredOutcome(float(score), bool(converted), place)
        for place, (score, converted) in enumerate(found)
    ]


@pytest.mark.parametrize(("n", "seed"), [(60, 1), (300, 2)])
def test_nine_of_ten_intervals_of_a_claimed_auc_hold_its_true_value(n, seed):
    rng = np.random.default_rng(seed)
    for auc in (0.5, 0.7):
        found = [claimed(rng, auc, n) for _ in range(80)]
        assert 0.82 <= np.mean([each.low <= auc <= each.high for each in found]) <= 0.98


def test_leads_that_come_twice_claim_no_narrower_an_interval():
    scores, converted = leads(np.random.default_rng(0), 0.7, 100)
    once = claim(converted, scores, (0.9, 0.7, 0.4))
    groups = np.tile(np.arange(100), 2)
    twice = claim(np.tile(converted, 2), np.tile(scores, 2), (0.9, 0.7, 0.4), groups)
    assert twice.auc == pytest.approx(once.auc)
    assert twice.rate == pytest.approx(once.rate)
    assert twice.log_loss == pytest.approx(once.log_loss)


def test_an_order_without_a_mistake_still_claims_less_than_certainty():
    found = claim(np.arange(20) > 9, np.arange(20) / 20, (0.9, 0.7, 0.4))
    assert found.auc.value == found.auc.high == 1
    assert 0.6 < found.auc.low < 0.95


def test_a_claim_that_holds_is_hardly_ever_said_to_have_failed():
    rng = np.random.default_rng(3)
    n_failed = 0
    for _ in range(30):
        promise, outcomes = claimed(rng), told(rng, (0.7, 240))
        looks = (outcomes[:n] for n in range(20, 241, 20))
        n_failed += any(meet(promise, look, look).verdict == "failed" for look in looks)
    assert n_failed <= 3


@pytest.mark.parametrize(("now", "at_least"), [(0.3, 29), (0.5, 20)])
def test_a_failed_claim_is_said_within_a_hundred_outcomes(now, at_least):
    rng = np.random.default_rng(4)
    n_said = 0
    for _ in range(30):
        promise, outcomes = claimed(rng), told(rng, (0.7, 100), (now, 100))
        looks = (outcomes[:n] for n in range(120, 201, 20))
        n_said += any(meet(promise, look, look).verdict == "failed" for look in looks)
    assert n_said >= at_least


CLAIMED = Interval(0.7, 0.65, 0.75)


@pytest.mark.parametrize(
    ("claimed", "auc", "n", "verdict"),
    [
        (CLAIMED, 0.7, 12, "early"),  # too few
        (CLAIMED, 0.7, 2_000, "holds"),
        (Interval(0.53, 0.49, 0.57), 0.5, 2_000, "luck"),
        (CLAIMED, 0.5, 2_000, "failed"),
        (Interval(0.7, 0.62, 0.78), 0.6, 400, "doubtful"),
        (None, 0.5, 2_000, "luck"),  # nothing was claimed
        (None, 0.7, 2_000, "holds"),
        (None, 0.3, 2_000, "failed"),  # whatever is shown claims to be better than luck
    ],
)
def test_a_claim_is_judged_by_what_outcomes_can_show(claimed, auc, n, verdict):
    outcomes = told(np.random.default_rng(5), (auc, n))
    assert meet(claimed, outcomes, outcomes).verdict == verdict


def test_the_live_auc_is_that_of_leads_that_had_the_time():
    rng = np.random.default_rng(6)
    matured = told(rng, (0.7, 300))
    found = meet(CLAIMED, matured, matured + told(rng, (0.3, 100)))
    scores, converted, *_ = zip(*matured, strict=True)
    assert found.verdict == "failed"
    assert found.live.auc == pytest.approx(delong(converted, [scores])[0][0])
    assert found.newest is not None


@pytest.mark.parametrize("promise", [None, Interval(0.53, 0.45, 0.61), CLAIMED])
def test_nothing_that_may_be_luck_is_ever_called_good(promise):
    rng = np.random.default_rng(7)
    for n in (20, 60, 200):
        for auc in (0.5, 0.6):
            outcomes = told(rng, (auc, n))
            found = meet(promise, outcomes, outcomes)
            if found.verdict == "holds":
                assert found.live.low is not None
                assert found.live.low > 0.5


def test_a_winner_claims_about_what_it_shows_later_and_one_that_won_clearly_keeps_its_claim():
    """Challengers of .7, chosen where their gain over a champion of .65 looks like luck, too."""
    rng = np.random.default_rng(5)
    error, gains = 0.04, rng.normal(0.05, 0.04, 4_000)
    won = gains[gains > 2 * error]
    found = [of_a_winner(Interval(0.65 + g, 0.58 + g, 0.72 + g), g, error) for g in won.tolist()]
    naive, lowered = np.mean(0.65 + won) - 0.7, np.mean([each.value for each in found]) - 0.7
    assert naive > 0.04
    assert 0 < lowered < 0.7 * naive
    holds = np.mean([each.low <= 0.7 <= each.high for each in found])
    assert holds > np.mean((won - 0.07 <= 0.05) & (won + 0.07 >= 0.05))
    sure = Interval(0.8, 0.76, 0.83)
    assert of_a_winner(sure, 0.3, 0.02).value == pytest.approx(0.8, abs=0.002)
    assert of_a_winner(sure, None, None) == of_a_winner(sure, -0.1, 0.02) == sure
