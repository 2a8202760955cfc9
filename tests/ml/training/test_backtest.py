import json

import numpy as np
import pytest

from ml.training import train
from ml.training.backtest import in_time_order
from ml.training.evaluate import delong
from ml.training.recency import blocks
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

CONVERTED = np.arange(1_000) % 2 == 0
ALONE = np.arange(1_000)
NOISE = np.random.default_rng(0).normal(size=1_000)


def ahead(scores):
    return [scores[block.places] for block in blocks(CONVERTED, ALONE)]


def told_in_time_order(ahead, random_split):
    return in_time_order(CONVERTED, ahead, random_split, ALONE)


def test_scores_that_hold_in_time_order_lose_nothing():
    scores = NOISE + CONVERTED
    told = told_in_time_order(ahead(scores), scores)
    assert (told["verdict"], told["drop"], told["drop_low"]) == ("holds", 0, 0)
    assert told["auc"] == pytest.approx(
        np.mean([delong(CONVERTED[at], scores[at])[0][0] for _, at in blocks(CONVERTED, ALONE)])
    )
    assert told["auc_low"] < told["auc"] < told["auc_high"]


def test_past_is_said_to_predict_no_longer_where_time_order_takes_most_away():
    told = told_in_time_order(ahead(NOISE), NOISE + 2 * CONVERTED)
    assert told["verdict"] == "lost"
    assert told["drop"] > told["drop_low"] > 0.3


def test_past_is_said_to_fade_where_time_order_takes_a_part_away():
    told = told_in_time_order(ahead(NOISE + CONVERTED), NOISE + 2 * CONVERTED)
    assert told["verdict"] == "fades"


def test_a_difference_that_may_be_luck_is_no_verdict():
    other = np.random.default_rng(1).normal(size=1_000)
    told = told_in_time_order(ahead(NOISE + CONVERTED), other + 1.3 * CONVERTED)
    assert told["verdict"] == "holds"
    assert told["drop"] > 0


def test_scores_that_may_be_luck_in_either_order_predict_nothing():
    other = np.random.default_rng(1).normal(size=1_000)
    assert told_in_time_order(ahead(NOISE), other)["verdict"] == "nothing"
    alike = np.zeros(1_000)
    assert told_in_time_order(ahead(alike), alike)["verdict"] == "nothing"


def test_each_block_is_told_with_what_came_true():
    log_odds = np.zeros(1_000)
    first = told_in_time_order(ahead(log_odds), log_odds)["blocks"][0]
    assert first == {
        "n_before": 600,
        "n": 100,
        "n_converted": 50,
        "predicted": 0.5,
        "observed": 0.5,
        "auc": 0.5,
        "auc_random_split": 0.5,
        "log_loss": pytest.approx(np.log(2)),
        "log_loss_base": pytest.approx(np.log(2)),
    }


def learned(examples):
    return train.learn(examples.records, examples.converted, FIELDS, seed=1)


def test_labels_from_before_a_turn_count_less_and_the_model_follows_the_newer_ones():
    examples = make_examples(1_500)
    examples.converted[:800] = [not converted for converted in examples.converted[:800]]
    told = learned(examples)
    assert [row["is_chosen"] for row in told.metrics["in_time_order"]["half_lives"]] == [
        False,
        True,
    ]
    on, off = (
        dict(told.scorecard.score({"trial": trial}).effects)["trial"] for trial in (True, False)
    )
    assert on > off


def test_where_no_order_is_known_all_labels_count_alike():
    examples = make_examples(1_500)
    examples.converted[:800] = [not converted for converted in examples.converted[:800]]
    told = train.learn(examples.records, examples.converted, FIELDS, seed=1, is_dated=False)
    measured = told.metrics["in_time_order"]
    assert (measured["half_lives"], measured["n"]) == ([], 600)


def test_too_few_labels_are_not_measured_in_time_order():
    assert learned(make_examples(60)).metrics["in_time_order"] is None


def test_figures_are_plain_json():
    measured = learned(make_examples(400)).metrics["in_time_order"]
    assert (measured["verdict"], measured["half_lives"]) == ("holds", [])
    json.dumps(measured, allow_nan=False)
