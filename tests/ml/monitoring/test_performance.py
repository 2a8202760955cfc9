"""Level and order: chance raises no alarm, and what has changed does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring import performance
from ml.training.evaluate import delong


@pytest.mark.parametrize("n", [20, 50, 200, 2000])
def test_calibration_flags_one_in_twenty_by_chance_and_acts_hardly_ever(n):
    rng = np.random.default_rng(n)
    verdicts = []
    for _ in range(500):
        promised = rng.beta(2, 4, n)
        verdicts.append(
            performance.calibration_in_the_large(promised, rng.random(n) < promised).verdict
        )
    assert verdicts.count("look") / 500 <= 0.075
    assert verdicts.count("act") <= 5


def test_twice_the_conversions_promised_make_calibration_act():
    found = performance.calibration_in_the_large([0.2] * 100, [n < 40 for n in range(100)])
    assert (found.n_converted, round(found.expected), round(found.z, 6)) == (40, 20, 5)
    assert found.verdict == "act"


def test_few_outcomes_say_nothing_of_calibration_or_order():
    assert performance.calibration_in_the_large([0.1] * 19, [True] * 19).verdict == "unknown"
    few = performance.live_auc([0.1] * 30, [n < 9 for n in range(30)], 0.9)
    assert few.verdict == "unknown"
    assert performance.live_auc([], [], None).auc is None


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=60))
def test_the_live_auc_and_its_error_are_those_of_delong(rows):
    scores, converted = [float(s) for s, _ in rows], [c for _, c in rows]
    found = performance.live_auc(scores, converted, None)
    if min(found.n_converted, found.n_lost) < 2:
        assert found.auc is None
        return
    aucs, covariance = delong(converted, [scores])
    half = 1.959963984540054 * math.sqrt(covariance[0, 0])
    assert found.auc == pytest.approx(aucs[0], abs=1e-12)
    assert found.low == pytest.approx(max(0, aucs[0] - half), abs=1e-9)
    assert found.high == pytest.approx(min(1, aucs[0] + half), abs=1e-9)


def test_an_order_that_has_become_chance_acts_and_one_that_holds_does_not():
    rng = np.random.default_rng(2)
    scores = rng.random(400)
    telling, chance = (rng.random(400) < scores).tolist(), (rng.random(400) < 0.5).tolist()
    kept = performance.live_auc(scores.tolist(), telling, 0.83)
    lost = performance.live_auc(scores.tolist(), chance, 0.83)
    assert (kept.verdict, lost.verdict) == ("good", "act")
    assert performance.live_auc(scores.tolist(), chance, None).verdict == "unknown"
