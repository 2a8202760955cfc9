"""How far a score can be believed: the leads that scored the same, and the thinnest reason."""

import numpy as np
import pytest

from ml.scorecard.reasons import Reason
from ml.scorecard.support import alike, thinnest
from ml.training.metrics import histogram_by_outcome

DRAW = np.random.default_rng(5)
PROBABILITIES = DRAW.random(500)
CONVERTED = DRAW.random(500) < PROBABILITIES
HISTOGRAM = histogram_by_outcome(CONVERTED, PROBABILITIES)


@pytest.mark.parametrize("probability", [0.0, 0.05, 0.31, 0.699, 0.999, 1.0])
def test_leads_of_the_same_tenth_are_counted(probability):
    found = alike(HISTOGRAM, probability)
    same = np.minimum(np.floor(PROBABILITIES * 10), 9) == min(int(probability * 10), 9)
    assert (found.n, found.n_converted) == (same.sum(), CONVERTED[same].sum())
    assert found.first <= probability <= found.last
    assert found.low < found.n_converted / found.n < found.high


def test_where_no_lead_scored_so_nothing_is_known():
    empty = {"converted": [0] * 20, "lost": [0] * 20}
    assert alike(empty, 0.95) == (0.9, 1.0, 0, 0, 0.0, 1.0)


def test_the_thinnest_reason_rests_on_the_fewest_leads():
    many, few, none = (Reason("a", "A", "x", 0.5, "x", ".", "with a", n) for n in (88, 12, None))
    assert thinnest([many, none, few]) == few
    assert thinnest([none]) is None
