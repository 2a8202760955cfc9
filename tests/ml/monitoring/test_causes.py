"""The likely cause of a drift: each is named where it is the one, with its numbers."""

import numpy as np
import pytest

from ml.monitoring.causes import Cause, cause_of
from ml.scorecard.terms import CategoryTerm, CurveTerm
from ml.training.term_sums import counted

RNG = np.random.default_rng(0)
SECONDS = RNG.lognormal(4, 1, 400).tolist()
VISITS = (RNG.geometric(0.2, 400) - 1).tolist()
WORDS = ["Web"] * 200 + ["Referral"] * 150 + ["Fair"] * 10 + [None] * 40


def learned(values):
    """A term that has learned from these values, numbers or levels."""
    term = (
        CategoryTerm("field", {"web": 0.0, "referral": 0.0}, 0.0, 0.0)
        if any(isinstance(value, str) for value in values)
        else CurveTerm("field", (0.0,), ((0.0,), (0.0,)), 0.0)
    )
    return counted([term], [{"field": value} for value in values], [False] * len(values))[0]


@pytest.mark.parametrize("factor", [1000, 60, 1 / 3600])
def test_numbers_that_are_all_so_many_times_as_large_have_another_unit(factor):
    found = cause_of(learned(SECONDS), [factor * value for value in SECONDS[::3]])
    assert found.kind == "unit"
    assert found.factor == pytest.approx(factor, rel=0.3)


def test_counts_with_many_zeros_have_a_unit_too():
    assert cause_of(learned(VISITS), [100 * value for value in VISITS]).kind == "unit"


@pytest.mark.parametrize(
    "now",
    [
        [value + 20_000 for value in SECONDS],
        [3 * value for value in SECONDS],
        [value**2 for value in SECONDS],
    ],
)
def test_numbers_that_grow_unevenly_or_little_have_the_same_unit(now):
    assert cause_of(learned(SECONDS), now).kind in {"range", "spread"}


def test_a_number_that_had_one_value_is_a_constant_no_more():
    assert cause_of(learned([1] * 300), [5, 7, 1]) == Cause("constant", value=1)


def test_values_that_no_longer_arrive_are_lost():
    found = cause_of(learned(WORDS), [None] * 80 + ["Web"] * 20)
    assert found == Cause("lost", before=0.1, now=0.8)


@pytest.mark.parametrize(
    ("known", "now", "value"), [(SECONDS, ["12 s"] * 50, "12 s"), (WORDS, [7] * 50, 7)]
)
def test_values_of_another_type_are_told_from_lost_ones(known, now, value):
    found = cause_of(learned(known), [*now, *known[:50]])
    assert found == Cause("type", now=0.5, value=value)


def test_values_that_were_mostly_unknown_are_filled():
    found = cause_of(learned([None] * 300 + SECONDS[:100]), SECONDS[:200])
    assert found == Cause("filled", before=0.75, now=0.0)


def test_values_never_learned_from_are_new_and_the_commonest_is_named():
    found = cause_of(learned(WORDS), ["TikTok"] * 30 + ["fair"] * 5 + ["web"] * 65)
    assert found == Cause("new values", before=0.025, now=0.35, value="TikTok")


def test_numbers_beyond_all_learned_from_are_out_of_range():
    values = SECONDS[:60] + [max(SECONDS) + 1] * 40
    assert cause_of(learned(SECONDS), values) == Cause("range", now=0.4)


def test_known_values_that_come_more_or_less_often_are_spread_otherwise():
    assert cause_of(learned(WORDS), ["Referral"] * 90 + [None] * 10) == Cause("spread")
