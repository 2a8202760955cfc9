"""Setting the level of scores right: what it takes, what it changes, and that it never swings."""

import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring import performance
from ml.monitoring.recalibration import NotRecalibrated, recalibrate, shift_for
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CurveTerm

SLOPE = CurveTerm("u", (0.0,), ((0.0, 1.0), (0.0, 1.0)), 0.0)
CARD = Scorecard("example", -1.0, 0.3, 100, (0.6, 0.4, 0.2), (SLOPE,))


def leads(rng, n):
    return [{"u": float(u)} for u in rng.normal(0, 2, n)]


def outcomes(rng, records, off):
    """What becomes of leads whose log-odds are off by so much."""
    true = [CARD.score(record).log_odds + off for record in records]
    return [bool(rng.random() < 1 / (1 + math.exp(-each))) for each in true]


@pytest.mark.parametrize("off", [-1.5, 1.0, 2.5])
def test_a_level_that_is_off_is_found_and_set_right(off):
    rng = np.random.default_rng(1)
    records = leads(rng, 400)
    converted = outcomes(rng, records, off)
    made = recalibrate(records, converted, CARD)
    assert made.decision.promote
    assert made.shift == pytest.approx(off, abs=0.5)
    promised = sum(made.scorecard.score(record).probability for record in records)
    assert promised == pytest.approx(sum(converted))
    assert made.metrics["n"] == 400
    before, after = made.decision.log_loss_champion, made.decision.log_loss_challenger
    assert before is not None
    assert after is not None
    assert after < before
    assert [check.name for check in made.decision.checks] == ["evidence", "calibration", "log_loss"]


def test_the_order_and_the_grades_of_leads_stay():
    rng = np.random.default_rng(1)
    records = leads(rng, 300)
    made = recalibrate(records, outcomes(rng, records, 1.5), CARD)
    card = made.scorecard
    assert card.terms == CARD.terms
    assert [row["lower_bound"] for row in made.metrics["grades"]] == [*card.grades, 0.0]
    for record in records:
        before, after = CARD.score(record).probability, card.score(record).probability
        assert card.grade(after) == CARD.grade(before)
    assert Scorecard.from_json(card.to_json()).digest == card.digest


def test_what_is_missing_is_said_in_words():
    rng = np.random.default_rng(1)
    records = leads(rng, 30)
    with pytest.raises(
        NotRecalibrated, match=r"^Not recalibrated: 3 leads converted and 27 were lost"
    ):
        recalibrate(records, [n < 3 for n in range(30)], CARD)


def test_without_outcomes_nothing_is_set_right():
    with pytest.raises(NotRecalibrated, match="0 leads converted and 0 were lost"):
        recalibrate([], [], CARD)


@given(st.lists(st.booleans(), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_any_outcomes_give_a_shift_within_bounds(converted, seed):
    log_odds = np.random.default_rng(seed).normal(0, 2, len(converted))
    shift = shift_for(log_odds, np.array(converted))
    assert -10 <= shift <= 10
    if 0 < sum(converted) < len(converted):
        assert (1 / (1 + np.exp(-log_odds - shift))).sum() == pytest.approx(sum(converted))


def recalibrations(rng, drift, n_steps=40):
    """What the monitors do to a stream of outcomes, 20 a step: the shifts, in their order."""
    card, records, converted, promised, shifts = CARD, [], [], [], []
    for step in range(n_steps):
        new = leads(rng, 20)
        records += new
        converted += outcomes(rng, new, drift(step))
        promised += [card.score(record).probability for record in new]
        if performance.calibration_in_the_large(promised, converted).verdict != "act":
            continue
        with suppress(NotRecalibrated):
            made = recalibrate(records, converted, card)
            card, records, converted, promised = made.scorecard, [], [], []
            shifts.append(made.shift)
    return shifts


def test_of_thirty_steady_worlds_at_most_three_are_set_right_more_than_twice():
    rng = np.random.default_rng(4)
    levels = np.linspace(-2, 2, 30)
    n_steps = [len(recalibrations(rng, lambda step, off=off: off)) for off in levels]
    assert sum(n > 2 for n in n_steps) <= 3
    assert all(n >= 1 for n, off in zip(n_steps, levels, strict=True) if abs(off) > 1)


def test_twenty_steady_worlds_are_hardly_touched():
    rng = np.random.default_rng(5)
    n_made = sum(len(recalibrations(rng, lambda step: 0.0)) for _ in range(20))
    assert n_made <= 1


def test_a_world_that_moves_is_followed():
    shifts = recalibrations(np.random.default_rng(3), lambda step: 2.0 if step > 15 else 0.0)
    assert 1 <= len(shifts) <= 4
    assert sum(shifts) == pytest.approx(2.0, abs=0.6)
