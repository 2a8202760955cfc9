import itertools

import numpy as np
import pytest

from ml.training import blending
from ml.training.calibration_slope import stretched
from ml.training.cross_validation import out_of_fold
from ml.training.encode import Record, columns_of, frame_of
from ml.training.evaluate import delong
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")


def test_no_lead_is_scored_by_a_model_that_saw_it():
    draw = np.random.default_rng(0)
    records: list[Record] = [
        {"balance": float(draw.normal()), "region": f"region {i % 80}"} for i in range(400)
    ]
    converted = draw.random(400) < 0.4  # nothing to learn, a lot to remember
    columns = columns_of(records, FIELDS.model)
    frame = frame_of(records, columns)
    remembered = blending.fit(frame, converted, columns, seed=1).log_odds(frame)
    unseen = out_of_fold(frame, converted, columns, seed=1)
    assert min(delong(converted, remembered.T)[0]) > 0.65
    assert max(delong(converted, [*unseen.by_member.T, unseen.blended])[0]) < 0.55


@pytest.fixture(scope="module")
def scored():
    """The outcomes of some leads, their scores out of fold, and what was reported meanwhile."""
    examples, seen = make_examples(100), []
    columns = columns_of(examples.records, FIELDS.model)
    frame, converted = frame_of(examples.records, columns), np.array(examples.converted)
    on_fold = lambda done, n_fits: seen.append((done, n_fits))  # noqa: E731
    return converted, out_of_fold(frame, converted, columns, seed=1, on_fold=on_fold), seen


def test_weight_of_a_lead_is_chosen_without_it(scored):
    converted, scores, _ = scored
    blend = blending.blended(scores.by_member, scores.weights)
    apart = scores.blended - stretched(blend, scores.slope, converted.mean())
    assert 0 < np.abs(apart).max() < 0.5 * np.ptp(blend)


def test_each_fit_is_reported(scored):
    _, _, seen = scored
    assert seen == list(itertools.product(range(1, 11), [10]))
