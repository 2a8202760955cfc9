import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.gate.gate import Evidence, GateRule, decide
from ml.training.evaluate import paired_evidence

RULE = GateRule()
BARE = GateRule(confidence=None, min_each_class=0, log_loss_must_fall=False)
BETTER = Evidence(60, 140, 0.70, 0.76, 0.02, 3.0, 0.55, 0.52, 0.01)

outcomes = st.lists(st.booleans(), min_size=4, max_size=60).filter(
    lambda each: 2 <= sum(each) <= len(each) - 2
)


def probabilities(n):
    return st.lists(st.floats(0.001, 0.999), min_size=n, max_size=n).map(np.array)


def but(**changes):
    return dataclasses.replace(BETTER, **changes)


def failed(evidence, rule=RULE):
    decision = decide(evidence, rule)
    assert decision.promote == all(check.passed for check in decision.checks)
    return [check.name for check in decision.checks if not check.passed]


def test_challenger_that_passes_every_check_is_promoted():
    decision = decide(BETTER, RULE)
    assert decision.promote
    assert [check.name for check in decision.checks] == [
        "evidence",
        "gain",
        "confidence",
        "log_loss",
    ]
    assert decision.reason == (
        "Promoted: on the 200 leads with outcomes since the current model was trained, AUC goes "
        "from 0.700 to 0.760 (+6.0 points). We are 99.8 % sure that the new model adds something."
    )


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (but(n_converted=19), "evidence"),
        (but(n_lost=19), "evidence"),
        (but(auc_challenger=0.7199), "gain"),
        (but(added_value=2.32), "confidence"),
        (but(log_loss_challenger=0.5501), "log_loss"),
        (but(log_loss_error=0.04), "log_loss"),
    ],
)
def test_each_check_alone_refuses(evidence, name):
    assert name in failed(evidence)
    assert decide(evidence, RULE).reason.startswith("Not promoted: ")


@pytest.mark.parametrize(
    ("rule", "evidence"),
    [
        (GateRule(min_each_class=0), but(n_converted=2, n_lost=2)),
        (GateRule(confidence=None), but(added_value=-1.0)),
        (GateRule(log_loss_must_fall=False), but(log_loss_challenger=9.0)),
        (GateRule(min_gain=0.0), but(auc_challenger=0.7001)),
    ],
)
def test_check_that_is_switched_off_refuses_nothing(rule, evidence):
    assert failed(evidence, rule) == []
    assert failed(evidence) != []


# Its claim has failed, it ranks no better than chance, and the challenger ranks better by 3 errors.
WORTHLESS = but(
    auc_champion=0.473,
    auc_challenger=0.578,
    standard_error=0.034,
    added_value=1.2,
    log_loss_champion=0.735,
    log_loss_challenger=0.644,
    is_changed=True,
)


def test_beside_a_champion_no_better_than_chance_whose_claim_failed_it_is_enough_to_rank_better():
    decision = decide(WORTHLESS, RULE)
    assert decision.promote
    assert decision.reason.endswith(
        "The current model ranks these leads no better than chance, which is surely worse than "
        "before or than it claimed; we are 99 % sure that the new one ranks them better."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"is_changed": False},
        {"auc_champion": 0.501, "auc_challenger": 0.606},
        {"standard_error": 0.046},
        {"standard_error": None},
        {"log_loss_challenger": 0.735},
    ],
)
def test_without_one_of_these_it_has_to_add_something(changes):
    assert not decide(dataclasses.replace(WORTHLESS, **changes), RULE).promote


SMALL = but(n_converted=40, auc_challenger=0.71, standard_error=0.01)


def test_a_gain_below_two_points_is_taken_where_twice_the_evidence_makes_it_sure():
    decision = decide(SMALL, RULE)
    assert decision.promote
    assert decision.checks[1].sentence == (
        "AUC goes from 0.700 to 0.710 (+1.0 points); at least 2.0 points are required, or a lower "
        "log loss that is as sure as this one, on twice the evidence, with no loss of AUC"
    )
    assert failed(SMALL, GateRule(sure_gain_is_enough=False)) == ["gain"]


@pytest.mark.parametrize(
    "changes",
    [
        {"n_converted": 39},
        {"n_groups_converted": 39},
        {"standard_error": 0.0125},
        {"standard_error": None},
        {"log_loss_error": 0.015},
        {"auc_challenger": 0.6999},
    ],
)
def test_a_gain_below_two_points_that_is_not_sure_is_refused(changes):
    assert "gain" in failed(dataclasses.replace(SMALL, **changes))


def test_gain_of_exactly_the_asked_points_is_enough():
    assert failed(but(auc_champion=0.7, auc_challenger=0.72)) == []


MAY_BE_MISSING = {"n_converted", "n_lost", "standard_error"}
MAY_BE_MISSING |= {"n_groups", "n_groups_converted", "n_groups_lost"}
MAY_BE_MISSING |= {"n_older", "is_changed"}
JUDGED_BY = [f.name for f in dataclasses.fields(Evidence) if f.name not in MAY_BE_MISSING]


@pytest.mark.parametrize("field", JUDGED_BY)
@pytest.mark.parametrize("missing", [None, math.nan])
def test_missing_evidence_and_nan_never_promote(field, missing):
    assert not decide(but(**{field: missing}), RULE).promote


@pytest.mark.parametrize("rule", [RULE, BARE])
@pytest.mark.parametrize(
    "evidence",
    [Evidence(0, 0), Evidence(50, 0), Evidence(0, 50), Evidence(1, 50, log_loss_champion=0.5)],
)
def test_without_both_outcomes_nothing_is_promoted(evidence, rule):
    decision = decide(evidence, rule)
    assert not decision.promote
    assert decision.gain is None
    json.dumps(decision.to_json(), allow_nan=False)


def test_refusal_names_every_failed_check_with_its_numbers():
    evidence = Evidence(14, 36, 0.70, 0.71, 0.05, 0.5, 0.55, 0.56, 0.02)
    assert decide(evidence, RULE).reason == (
        "Not promoted: the new model failed 4 of 4 checks. 14 leads converted and 36 were lost "
        "since the current model was trained; at least 20 of each are required. AUC goes from "
        "0.700 to 0.710 (+1.0 points); at least 2.0 points are required. We are 69.1 % sure that "
        "the new model adds something; 99 % is required. Log loss rises from 0.5500 to 0.5600; "
        "we need to be 80 % sure that it falls."
    )


def test_a_fall_of_log_loss_that_chance_explains_is_called_so():
    assert decide(but(log_loss_error=0.04), RULE).reason == (
        "Not promoted: the new model failed 1 of 4 checks. Log loss falls from 0.5500 to 0.5200, "
        "which may be chance; we need to be 80 % sure that it falls."
    )


def test_where_nothing_can_be_computed_the_reason_says_no_more():
    reason = decide(Evidence(1, 30, log_loss_champion=0.4, log_loss_challenger=0.1), RULE).reason
    assert "Too few outcomes to tell whether log loss falls." in reason
    assert "Too few outcomes to tell what the new model adds." in reason


@given(n_each=st.integers(20, 150), strength=st.floats(0.2, 9), champion=st.floats(0.2, 0.8))
def test_a_challenger_that_orders_all_leads_rightly_is_promoted_however_sure_it_is(
    n_each, strength, champion
):
    converted = np.arange(2 * n_each) < n_each
    sure = 1 / (1 + np.exp(-strength))
    scores = np.where(converted, sure, 1 - sure)
    assert decide(paired_evidence(converted, np.full(2 * n_each, champion), scores), RULE).promote


def test_decision_is_plain_json_with_every_number():
    content = json.loads(json.dumps(decide(BETTER, RULE).to_json(), allow_nan=False))
    assert content["n_evidence"] == 200
    assert content["gain"] == pytest.approx(0.06)
    assert content["added_value"] == 3.0
    assert content["checks"][0]["name"] == "evidence"


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_gain": -0.1},
        {"min_gain": math.nan},
        {"confidence": 0.3},
        {"confidence": 1.0},
        {"min_each_class": -1},
    ],
)
def test_impossible_rule_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GateRule(**wrong)


@given(data=st.data(), converted=outcomes)
def test_twin_of_the_champion_is_never_promoted(data, converted):
    scores = data.draw(probabilities(len(converted)))
    evidence = paired_evidence(np.array(converted), scores, scores.copy())
    for rule in (RULE, BARE, GateRule(min_gain=0, min_each_class=0)):
        assert not decide(evidence, rule).promote


@given(data=st.data(), converted=outcomes)
def test_swapping_champion_and_challenger_flips_the_sign_of_the_gain(data, converted):
    one, other = (data.draw(probabilities(len(converted))) for _ in range(2))
    there = paired_evidence(np.array(converted), one, other)
    back = paired_evidence(np.array(converted), other, one)
    assert there.gain == -back.gain  # type: ignore[operator]
    assert there.standard_error == pytest.approx(back.standard_error, abs=1e-9)
    assert not (decide(there, BARE).promote and decide(back, BARE).promote)


@given(converted=outcomes, data=st.data())
def test_scores_that_are_not_finite_never_promote(converted, data):
    perfect = np.array(converted, dtype=float) * 0.8 + 0.1
    champion = data.draw(probabilities(len(converted)))
    spoiled = perfect.copy()
    spoiled[data.draw(st.integers(0, len(converted) - 1))] = data.draw(
        st.sampled_from([math.nan, math.inf, -math.inf])
    )
    assert not decide(paired_evidence(np.array(converted), champion, spoiled), BARE).promote
    assert not decide(paired_evidence(np.array(converted), spoiled, perfect), BARE).promote


def test_pure_noise_is_seldom_promoted():
    draw = np.random.default_rng(3)
    guarded = GateRule(log_loss_must_fall=False)
    n_bare = n_guarded = 0
    for _ in range(400):
        converted = draw.random(200) < 0.3
        evidence = paired_evidence(converted, *draw.random((2, 200)))
        n_bare += decide(evidence, BARE).promote
        n_guarded += decide(evidence, guarded).promote
    # One-sided 99 %: about 4 of 400 by chance; without the check far more.
    assert n_guarded <= 12
    assert n_bare > 10 * n_guarded
