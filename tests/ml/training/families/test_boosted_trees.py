"""Boosted trees: served exactly, neutral where nothing was collected, left out with few leads."""

import json
import random

import numpy as np
import pytest
from scipy.special import expit, logit

from ml.scorecard.boosting import Boosting, read_boosting
from ml.scorecard.json_reader import Reader, ScorecardError
from ml.scorecard.trees import LEAF, NumberInput
from ml.training import batch_scoring, blending
from ml.training.encode import columns_of, frame_of
from ml.training.families import boosted_trees
from tests.ml.leads import FIELDS, make_examples

EXAMPLES = make_examples(600)
STRANGE = [
    *make_examples(100, seed=9).records,
    {},
    {"email_opens": None, "region": "never seen", "trial": None},
    {"email_opens": 10**6},
]
TREES = Boosting(
    weight=0.5,
    inputs=(NumberInput("email_opens", 0, 1),),
    roots=(0, 3),
    column=(0, LEAF, LEAF, LEAF),
    threshold=(1.0, 0.0, 0.0, 0.0),
    second=(2, 0, 0, 0),
    n=(20, 15, 5, 20),
    value=(0.1, -0.1, 0.7, 0.2),
    start=-1.0,
)


@pytest.fixture(scope="module")
def alone():
    """A blend in which only boosted trees count, and its members."""
    columns = columns_of(EXAMPLES.records, FIELDS.model)
    frame = frame_of(EXAMPLES.records, columns)
    return blending.fit(frame, np.array(EXAMPLES.converted), columns, 0)


def card(members):
    return members.scorecard(
        (0.0, 0.0, 1.0), EXAMPLES.records, EXAMPLES.converted, grades=(0.6, 0.4, 0.2)
    )


def test_they_are_served_exactly_alone_and_together(alone):
    served, leads = card(alone), [*EXAMPLES.records, *STRANGE]
    again = type(served).from_json(json.loads(json.dumps(served.to_json())))
    assert again == served
    fitted = expit(alone.log_odds(frame_of(leads, alone.columns))[:, 2])
    scores = [again.score(lead).probability for lead in leads]
    assert np.abs(fitted - scores).max() <= 1e-9
    assert np.abs(fitted - batch_scoring.probabilities(again, leads)).max() <= 1e-9


def test_without_gaps_they_are_those_of_scikit_learn(alone):
    frame = frame_of(EXAMPLES.records, alone.columns)
    member = alone.fitted[2]
    matrix = member.layout.encoded(frame).astype(np.float64)
    theirs = logit(member.model.predict_proba(matrix)[:, 1])
    assert member.log_odds(frame) == pytest.approx(theirs, abs=1e-9)


def test_effects_sum_to_the_score_and_a_field_not_collected_moves_nothing(alone):
    served, record = card(alone), {"email_opens": 9, "region": "north"}
    score = served.score(record)
    assert served.intercept + sum(effect for _, effect in score.effects) == pytest.approx(
        score.log_odds
    )
    trees = served.parts[0]
    assert {name for name, effect in trees.effects({}).items() if effect} == set()
    assert trees.effects(record)["trial"] == 0


def test_a_value_not_collected_takes_no_part_in_what_is_learned():
    draw = random.Random(2)
    asked = [(value, draw.random() < (0.8 if value else 0.2)) for value in [0, 5, None] * 100]
    others = [draw.random() < 0.9 for _ in range(200)]
    records = [*({"email_opens": value} for value, _ in asked), *({} for _ in others)]
    converted = np.array([*(won for _, won in asked), *others])
    columns = columns_of(records, [FIELDS["email_opens"]])
    member = boosted_trees.fit(frame_of(records, columns), converted, columns, 0)
    low, high, without = member.log_odds(
        frame_of([{"email_opens": 0}, {"email_opens": 5}, {}], columns)
    )
    assert low + 0.5 < without < high - 0.5


def test_a_walk_adds_the_leaves_of_all_trees():
    few, many = (TREES.effects({"email_opens": opens})["email_opens"] for opens in (1, 9))
    assert (few, many) == pytest.approx((0.5 * -0.2, 0.5 * 0.6))
    assert TREES.intercept == pytest.approx(0.5 * (-1.0 + 0.1 + 0.2))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("value", [0.1, 0.2], "arrays of one length"),
        ("value", [0.1, float("nan"), 0.7, 0.2], "must be a finite number"),
        ("n", [20, 15, 4, 20], r"n\[0\] must be the leads of both children"),
        ("second", [0, 0, 0, 0], r"second\[0\] must be behind its parent"),
        ("start", None, "start must be a finite number"),
        ("extra", 1, "unknown key 'extra'"),
    ],
)
def test_wrong_trees_are_refused_with_their_place(key, value, message):
    content = json.loads(json.dumps(TREES.to_json())) | {key: value}
    with pytest.raises(ScorecardError, match=message):
        read_boosting(Reader(content, "scorecard.boosting"))


def test_the_more_leads_the_finer_the_trees_and_the_more_they_usually_count():
    sizes = boosted_trees.SIZES
    assert [size.n_leads for size in sizes] == sorted((s.n_leads for s in sizes), reverse=True)
    assert sizes[-1].n_leads == 0
    weights = [boosted_trees.usual_weight(11, n) for n in range(1, 5_000, 50)]
    assert weights == sorted(weights)
    assert weights[-1] < boosted_trees.MAX_USUAL_WEIGHT
