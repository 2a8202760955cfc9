"""How far scores lie from the average: what is chosen, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from ml.training.calibration_slope import FLATTEST, STEEPEST, choose_slope, stretched
from ml.training.evaluate import delong, log_loss


def leads(n_leads, true_slope, *, level=-1.0, seed=0):
    """Scores, and outcomes drawn by them when stretched about their level."""
    draw = np.random.default_rng(seed)
    scores = level + draw.normal(size=n_leads)
    return scores, draw.random(n_leads) < expit(level + true_slope * (scores - level))


@pytest.mark.parametrize("true_slope", [0.3, 1.0, 2.0])
def test_many_leads_tell_the_slope(true_slope):
    assert choose_slope(*leads(20_000, true_slope)) == pytest.approx(true_slope, abs=0.1)


def test_scores_that_tell_nothing_are_drawn_to_the_base_rate():
    scores, converted = leads(2_000, 0.0)
    slope = choose_slope(scores, converted)
    flattened = expit(stretched(scores, slope, converted.mean()))
    assert slope < 0.15
    assert log_loss(converted, flattened) < log_loss(converted, expit(scores)) - 0.05


def test_scores_in_the_wrong_order_keep_it():
    scores, converted = leads(500, -2.0)
    assert choose_slope(scores, converted) == pytest.approx(FLATTEST, abs=1e-3)


@given(seed=st.integers(0, 2**32 - 1))
def test_few_leads_stay_nearer_to_the_scores_as_they_came(seed):
    scores, converted = leads(20, 1.0, seed=seed)
    if 5 <= converted.sum() <= 15:
        few, repeated = choose_slope(scores, converted), np.tile([scores, converted], 50)
        many = choose_slope(repeated[0], repeated[1].astype(bool))
        assert abs(few - 1) <= abs(many - 1) + 1e-3


@given(seed=st.integers(0, 2**32 - 1), true_slope=st.floats(-1, 4))
def test_a_slope_changes_no_order_and_costs_no_log_loss_on_the_leads_it_was_chosen_on(
    seed, true_slope
):
    scores, converted = leads(200, true_slope, seed=seed)
    slope = choose_slope(scores, converted)
    moved = stretched(scores, slope, converted.mean())
    assert FLATTEST <= slope <= STEEPEST
    assert delong(converted, moved)[0] == pytest.approx(delong(converted, scores)[0])
    assert log_loss(converted, expit(moved)) <= log_loss(converted, expit(scores)) + 1e-6


def test_leads_that_count_less_choose_less():
    steep, flat = leads(2_000, 2.0, seed=1), leads(2_000, 0.2, seed=2)
    scores, converted = (np.concatenate(each) for each in zip(steep, flat, strict=True))
    first_half = np.repeat([1.0, 0.01], 2_000)
    assert choose_slope(scores, converted, first_half) > 1.7
    assert choose_slope(scores, converted, 1.01 - first_half) < 0.5
