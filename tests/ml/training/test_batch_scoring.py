import dataclasses

import numpy as np
import pytest

from ml.scorecard.boosting import Boosting
from ml.scorecard.forest import Forest
from ml.scorecard.starter import starter_scorecard
from ml.training import batch_scoring, train
from ml.training.term_sums import scaled
from tests.ml.leads import FIELDS, blind_champion, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

EXAMPLES = make_examples(200)
STRANGE = [{}, {"region": "never seen", "email_opens": -3.5, "trial": 7}, {"balance": 1e15}]


@pytest.fixture(scope="module")
def learned():
    return train.learn(EXAMPLES.records, EXAMPLES.converted, FIELDS, seed=1).scorecard


def test_many_leads_get_the_scores_that_each_gets_alone(learned):
    assert [type(part) for part in learned.parts] == [Forest, Boosting]
    records = [*EXAMPLES.records, *STRANGE]
    alone = [learned.score(record).probability for record in records]
    assert np.abs(batch_scoring.probabilities(learned, records) - alone).max() <= 1e-12


@pytest.mark.parametrize("card", [blind_champion(), starter_scorecard()], ids=["table", "starter"])
def test_scorecards_without_trees_are_scored_too(card):
    alone = [card.score(record).probability for record in EXAMPLES.records]
    assert np.abs(batch_scoring.probabilities(card, EXAMPLES.records) - alone).max() <= 1e-12


def test_parts_alone_are_scored_too(learned):
    card = dataclasses.replace(learned, terms=scaled(learned.terms, 0.0), intercept=0.0)
    record = EXAMPLES.records[0]
    effects = sum(sum(part.effects(record).values()) for part in learned.parts)
    (score,) = batch_scoring.probabilities(card, [record])
    assert score == pytest.approx(1 / (1 + np.exp(-effects)), abs=1e-12)


def test_many_leads_get_the_effects_that_each_gets_alone(learned):
    records = [*EXAMPLES.records, *STRANGE]
    alone = [[effect for _, effect in learned.score(record).effects] for record in records]
    assert np.abs(batch_scoring.effects(learned, records) - alone).max() <= 1e-12


def test_no_leads_have_no_scores(learned):
    assert batch_scoring.probabilities(learned, []).tolist() == []
