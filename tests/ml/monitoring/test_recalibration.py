"""Setting scores right: what it takes, what it changes, and that it never makes them worse."""

import math
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring import performance
from ml.monitoring.performance import ScoredOutcome
from ml.monitoring.recalibration import (
    Adjustment,
    NotRecalibrated,
    adjusted,
    adjustment_for,
    recalibrate,
)
from ml.scorecard.forest import Forest
from ml.scorecard.scorecard import Grade, Scorecard
from ml.scorecard.terms import CurveTerm
from ml.scorecard.trees import NumberInput

SLOPE = CurveTerm("u", (0.0,), ((0.0, 1.0), (0.0, 1.0)), 0.0)
TREE = Forest(
    1.0,
    (NumberInput("u", 0, 1),),
    (0,),
    (0, -1, -1),
    (0.0, 0.0, 0.0),
    (2, 0, 0),
    (60, 40, 20),
    (20, 10, 10),
    20,
)
GRADES = (0.6, 0.4, 0.2)
CARD = Scorecard("example", -1.0, 0.3, 100, GRADES, (SLOPE,), (TREE,))
EVERY_GRADE: dict[Grade, int] = {"A": 1, "B": 1, "C": 1, "D": 1}


AS_IT_IS = Adjustment(1.0, 0.0)


class World(NamedTuple):
    """Scores that are wrong: chances have other log-odds; so many leads of a company end alike."""

    off: float = 0.0
    slope: float = 1.0
    contacts: int = 1

    def chance(self, log_odds):
        return 1 / (1 + np.exp(-(self.off + self.slope * (log_odds + 1) - 1)))


def leads(rng, n):
    """The log-odds that the first model gives."""
    return rng.normal(-1, 1.2, n)


def outcomes(rng, world, n, adjustment=AS_IT_IS, first=0):
    """What becomes of leads, which are scored as adjusted; companies are numbered from a first."""
    n_groups = n // world.contacts
    log_odds = np.repeat(leads(rng, n_groups), world.contacts)
    converted = np.repeat(rng.random(n_groups), world.contacts) < world.chance(log_odds)
    scores = 1 / (1 + np.exp(-(adjustment.slope * log_odds + adjustment.step)))
    groups = first + np.arange(n) // world.contacts
    rows = zip(scores.tolist(), converted.tolist(), groups.tolist(), strict=True)
    return [ScoredOutcome(*row) for row in rows]


def error(rng, world, adjustment):
    """How far scores lie from chances in the mean of ten bins, as for leads to come."""
    log_odds = np.sort(leads(rng, 2_000))
    scores = 1 / (1 + np.exp(-(adjustment.slope * log_odds + adjustment.step)))
    off = (scores - world.chance(log_odds)).reshape(10, -1).mean(axis=1)
    return float(np.abs(off).mean())


def recalibrations(rng, world_at, n_steps=30, card=CARD):
    """What the monitors do to a stream, 20 leads a step: each adjustment, and the error after it.

    Errors begin with that of the first model.
    """
    now, found, made = AS_IT_IS, [], []
    errors = [error(np.random.default_rng(0), world_at(0), now)]
    for step in range(n_steps):
        world = world_at(step)
        found += outcomes(rng, world, 20 // world.contacts * world.contacts, now, 20 * step)
        with suppress(NotRecalibrated):
            new = recalibrate(found, adjusted(card, now), EVERY_GRADE).adjustment
            now = Adjustment(new.slope * now.slope, new.slope * now.step + new.step)
            found = []
            made.append(new)
            errors.append(error(np.random.default_rng(0), world, now))
    return made, errors


@pytest.mark.parametrize("off", [-1.5, 1.0, 2.5])
def test_a_level_that_is_off_is_found_and_never_overdone(off):
    found = outcomes(np.random.default_rng(1), World(off), 400)
    made = recalibrate(found, CARD, EVERY_GRADE)
    assert made.decision.promote
    moved = made.adjustment.of(0.5)
    assert 0.6 * abs(off) < abs(math.log(moved / (1 - moved))) < 1.1 * abs(off)
    assert made.metrics["n"] == 400
    before, after = made.decision.log_loss_champion, made.decision.log_loss_challenger
    assert before is not None
    assert after is not None
    assert after < before
    checks = [check.name for check in made.decision.checks]
    assert checks == ["evidence", "grades", "calibration", "log_loss"]


def test_a_level_learned_too_early_is_settled_on_less_evidence_and_the_spread_stays():
    settled = errors_left = 0
    for seed in range(20):
        found = outcomes(np.random.default_rng(seed), World(0.6, 0.5), 250)
        with suppress(NotRecalibrated):
            made = recalibrate(found, CARD, EVERY_GRADE, level_only=True)
            assert made.adjustment.slope == 1
            checks = [check.name for check in made.decision.checks]
            assert checks == ["evidence", "grades", "calibration"]
            settled += 1
            before, after = (
                error(np.random.default_rng(0), World(0.6, 0.5), each)
                for each in (AS_IT_IS, made.adjustment)
            )
            errors_left += after >= before
    assert settled >= 15
    assert errors_left == 0


def test_what_weights_leave_uncertain_holds_the_level_back():
    found = outcomes(np.random.default_rng(0), World(0.6, 0.5), 250)
    steps = [
        abs(adjustment_for(found, level_only=True, level_error=error).step)
        for error in (0.0, 0.3, 3.0)
    ]
    assert steps[0] > steps[1] > steps[2] == 0


def test_scores_too_far_apart_are_drawn_together():
    made = recalibrate(outcomes(np.random.default_rng(2), World(0.8, 0.3), 600), CARD, EVERY_GRADE)
    assert 0.3 < made.adjustment.slope < 0.7


def test_order_grades_and_the_sum_of_reasons_stay():
    made = recalibrate(outcomes(np.random.default_rng(1), World(1.5), 300), CARD, EVERY_GRADE)
    card, adjustment = made.scorecard, made.adjustment
    assert [row["lower_bound"] for row in made.metrics["grades"]] == [*card.grades, 0.0]
    for u in leads(np.random.default_rng(3), 100).tolist():
        before, after = CARD.score({"u": u}), card.score({"u": u})
        expected = adjustment.slope * before.log_odds + adjustment.step
        assert after.log_odds == pytest.approx(expected, abs=1e-12)
        assert card.intercept + sum(effect for _, effect in after.effects) == pytest.approx(
            after.log_odds, abs=1e-12
        )
        assert card.grade(after.probability) == CARD.grade(before.probability)
    assert Scorecard.from_json(card.to_json()).digest == card.digest


def test_what_is_missing_is_said_in_words():
    few = [ScoredOutcome(0.3, n < 3, n) for n in range(30)]
    with pytest.raises(
        NotRecalibrated,
        match=r"^Not recalibrated: leads of 3 companies and people converted and of 27 were lost",
    ):
        recalibrate(few, CARD, EVERY_GRADE)
    with pytest.raises(NotRecalibrated, match="leads of 0 companies and people converted"):
        recalibrate([], CARD, {})


def test_outcomes_of_one_grade_move_no_score():
    of_grade_d = [ScoredOutcome(0.015, n < 12, n) for n in range(99)]
    with pytest.raises(NotRecalibrated, match=r"too few outcomes tell of grade A and B\.$"):
        recalibrate(of_grade_d, CARD, {"A": 10, "B": 40, "C": 5, "D": 45})
    with pytest.raises(NotRecalibrated, match="all outcomes are of one grade"):
        recalibrate(of_grade_d, CARD, {"D": 100})


def test_a_company_with_many_contacts_counts_as_one():
    alone = [ScoredOutcome(0.1 + 0.05 * (n % 9), n % 2 == 0, n) for n in range(40)]
    many = [lead for lead in alone for _ in range(10)]
    assert adjustment_for(many) == pytest.approx(adjustment_for(alone))
    assert performance.nats_saved_by_a_step(many) == pytest.approx(
        performance.nats_saved_by_a_step(alone)
    )


def test_few_companies_with_many_contacts_move_no_score():
    many = [ScoredOutcome(0.1 + 0.05 * (n % 9), n % 2 == 0, n % 18) for n in range(180)]
    with pytest.raises(NotRecalibrated, match="leads of 9 companies and people converted"):
        recalibrate(many, CARD, {})


def test_weights_count_leads_that_are_still_open():
    """Half of the conversions are told: with weights of two the level is right, without too low."""
    told = [ScoredOutcome(0.5, n % 3 == 0, n, 2.0 if n % 3 == 0 else 1.0) for n in range(300)]
    assert adjustment_for(told) == AS_IT_IS
    assert performance.calibration_in_the_large(told).z == pytest.approx(0)
    assert adjustment_for([each._replace(weight=1.0) for each in told]).step < -0.4


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 2**32 - 1))
def test_any_outcomes_give_an_adjustment_that_keeps_the_order(converted, seed):
    scores = 1 / (1 + np.exp(-np.random.default_rng(seed).normal(0, 20, len(converted))))
    rows = zip(scores.tolist(), converted, range(len(converted)), strict=True)
    found = adjustment_for([ScoredOutcome(*row) for row in rows])
    assert 0.05 <= found.slope <= 1.5
    assert math.isfinite(found.step)


@pytest.mark.parametrize("contacts", [1, 4])
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 1.5])
def test_no_recalibration_makes_calibration_worse(slope, contacts):
    for place, off in enumerate(np.linspace(-2, 2, 5)):
        world = World(off, slope, contacts)
        rng = np.random.default_rng([place, contacts])
        _, errors = recalibrations(rng, lambda step, world=world: world, n_steps=12)
        assert errors == sorted(errors, reverse=True)


def test_twenty_steady_worlds_are_hardly_touched():
    rng = np.random.default_rng(5)
    assert sum(len(recalibrations(rng, lambda step: World())[0]) for _ in range(20)) <= 1


def test_a_world_that_moves_is_followed():
    rng, moved = np.random.default_rng(3), World(2.0)
    _, errors = recalibrations(rng, lambda step: moved if step > 15 else World(), n_steps=40)
    assert errors[-1] < 0.12 < 0.3 < error(rng, moved, AS_IT_IS)
