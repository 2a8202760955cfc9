"""Intervals hold what they promise, and agree with what others compute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from ml.gate.intervals import auc_half_width, roc_band, wilson
from ml.training.evaluate import delong

DRAW = np.random.default_rng(3)


@given(n=st.integers(1, 500), data=st.data())
def test_an_interval_of_a_share_is_wilsons(n, data):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high))


def test_a_point_of_a_roc_curve_lies_in_its_rectangle_as_often_as_promised():
    lost, converted = 0.2, 0.7
    found = np.column_stack(
        [DRAW.binomial(80, lost, 4000) / 80, DRAW.binomial(40, converted, 4000) / 40]
    )
    n_held = 0
    for point in found.tolist():
        [(left, high)], [(right, low)] = roc_band([point], 40, 80)
        n_held += left <= lost <= right and low <= converted <= high
    assert 0.935 <= n_held / 4000 <= 0.975


@given(points=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_a_band_holds_its_curve_and_rises_as_it_does(points):
    curve = sorted(zip(*(sorted(axis) for axis in zip(*points, strict=True)), strict=True))
    upper, lower = roc_band(curve, 30, 60)
    for (x, y), (left, high), (right, low) in zip(curve, upper, lower, strict=True):
        assert 0 <= left <= x + 1e-9
        assert x - 1e-9 <= right <= 1
        assert 0 <= low <= y + 1e-9
        assert y - 1e-9 <= high <= 1
    assert upper == sorted(upper)
    assert lower == sorted(lower)


@pytest.mark.parametrize(("n_converted", "n_lost"), [(20, 30), (60, 140), (300, 700)])
def test_what_is_predicted_of_an_auc_is_what_is_measured_later(n_converted, n_lost):
    apart = 2**0.5 * norm.ppf(0.75)
    outcomes = [True] * n_converted + [False] * n_lost
    widths = []
    for _ in range(60):
        scores = DRAW.normal(size=n_converted + n_lost)
        scores[:n_converted] += apart
        _, covariance = delong(outcomes, [scores])
        widths.append(1.96 * covariance[0, 0] ** 0.5)
    assert auc_half_width(0.75, n_converted, n_lost) == pytest.approx(np.mean(widths), rel=0.12)


def test_fifty_outcomes_tell_an_auc_to_within_fourteen_points():
    assert auc_half_width(0.75, 25, 25) == pytest.approx(0.136, abs=0.001)
    assert auc_half_width(1.0, 25, 25) == 0
