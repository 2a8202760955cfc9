"""A further model family needs its file and its place in the table, nothing else."""

import dataclasses
import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit

from ml.gate.gate import GateRule
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.training import batch_scoring, blending, cross_validation, train
from ml.training.calibration_slope import stretched
from ml.training.encode import columns_of, frame_of
from ml.training.families import table
from tests.ml.leads import FIELDS, blind_champion, make_examples
from tests.ml.training import stump

pytestmark = pytest.mark.usefixtures("small_forests")

WEIGHTS = (0.2, 0.2, 0.1, 0.5)
UNSEEN = [*make_examples(200, seed=9).records, {}, {"email_opens": -3.5, "region": "never seen"}]


def stepping_examples():
    """Leads that convert by one threshold of email opens and by nothing else."""
    draw = random.Random(3)
    examples = make_examples(400)
    converted = [
        draw.random() < (0.85 if (record["email_opens"] or 0) >= 4 else 0.2)
        for record in examples.records
    ]
    return dataclasses.replace(examples, converted=converted)


@pytest.fixture(scope="module", autouse=True)
def four_families():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "FAMILIES", (*table.FAMILIES, stump.FAMILY))
        yield


@pytest.fixture(scope="module")
def attempt():
    return train.challenge(stepping_examples(), FIELDS, blind_champion(), GateRule(), seed=1)


def test_it_is_compared_and_takes_part_where_it_is_right(attempt):
    rows = attempt.metrics["families"]
    names = ["spline logistic", "random forest", "boosted trees", "stump"]
    assert [row["family"] for row in rows[:4]] == names
    assert [row["is_chosen"] for row in rows] == [False] * 4 + [True]
    assert attempt.family.endswith(" and stump")
    assert attempt.decision.promote


def test_a_blend_with_it_is_served_exactly():
    examples = stepping_examples()
    columns = columns_of(examples.records, FIELDS.model)
    frame, converted = frame_of(examples.records, columns), np.array(examples.converted)
    members = blending.fit(frame, converted, columns, seed=0)
    card = members.scorecard(
        WEIGHTS, examples.records, examples.converted, grades=(0.6, 0.4, 0.2), slope=1.5
    )
    again = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    leads = [*examples.records, *UNSEEN]
    blend = blending.blended(members.log_odds(frame_of(leads, columns)), WEIGHTS)
    fitted = expit(stretched(blend, 1.5, converted.mean()))
    served = [again.score(lead).probability for lead in leads]
    assert np.abs(fitted - served).max() <= 1e-9
    assert np.abs(fitted - batch_scoring.probabilities(again, leads)).max() <= 1e-9


def test_served_effects_are_centred_and_sum_to_the_score(attempt):
    card, records = attempt.scorecard, stepping_examples().records
    scores = [card.score(record) for record in records]
    effects = np.array([[effect for _, effect in score.effects] for score in scores])
    assert np.abs(effects.mean(axis=0)).max() < 1e-12
    log_odds = [score.log_odds for score in scores]
    assert card.intercept + effects.sum(axis=1) == pytest.approx(log_odds)


def test_reasons_name_the_field_it_asks_about(attempt):
    few, many = (
        explain(attempt.scorecard, FIELDS, {"email_opens": opens}, limit=1)[0] for opens in (1, 20)
    )
    assert (few.field, many.field) == ("email_opens", "email_opens")
    assert few.effect < -0.6 < 0.6 < many.effect
    assert many.n_leads


def test_scores_out_of_fold_come_from_all_three(attempt):
    examples = stepping_examples()
    columns = columns_of(examples.records, FIELDS.model)
    frame, converted = frame_of(examples.records, columns), np.array(examples.converted)
    scores = cross_validation.out_of_fold(frame, converted, columns, seed=1)
    assert scores.by_member.shape == (400, 4)
    assert sum(scores.weights) == pytest.approx(1)
    assert scores.weights[3] > 0.2


def test_a_blend_of_all_is_named_by_all():
    name = "blend of spline logistic, random forest, boosted trees and stump"
    assert blending.name_of(WEIGHTS) == name


def test_usual_weights_of_many_families_sum_to_one_and_the_first_takes_the_rest():
    for n_leads in (1, 30, 2_000, 10_000):
        weights = blending.usual_weights(11, n_leads)
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= 0
    assert blending.usual_weights(1, 10**9) == pytest.approx((0.42, 0.0, 0.28, 0.3), abs=1e-6)


@given(seed=st.integers(0, 2**32 - 1))
def test_no_other_weights_cost_less_than_the_chosen_ones(seed):
    draw = np.random.default_rng(seed)
    truth = draw.normal(size=300)
    log_odds = truth[:, np.newaxis] + draw.normal(size=(300, 3)) * [0.5, 1.0, 1.5]
    converted, usual = draw.random(300) < expit(truth), (0.5, 0.3, 0.2)

    def cost(weights):
        loss = -log_expit(np.where(converted, 1, -1) * blending.blended(log_odds, weights)).sum()
        away = sum(((a - b) / 0.5) ** 2 for a, b in zip(weights[1:], usual[1:], strict=True))
        return loss + blending.PRICE_OF_LEAVING * away

    chosen = blending.choose_weights(log_odds, converted, usual)
    others = [*draw.dirichlet([1, 1, 1], size=200), *np.eye(3)]
    dropped = 0.5  # nats that leaving out a member of less than 0.05 may cost
    assert cost(chosen) <= min(cost(tuple(each)) for each in others) + dropped
