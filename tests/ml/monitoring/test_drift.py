"""Drift: a known one fires, chance does not, whatever the sample sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from ml.monitoring import drift
from ml.monitoring.drift import Bins
from ml.scorecard.terms import Bin, CategoryTerm, Counts, CurveTerm
from ml.training.term_sums import counted

EVEN = [0.1] * 10
counts = st.lists(st.integers(0, 300), min_size=2, max_size=12)


def draw(rng, shares, n):
    return tuple(int(count) for count in rng.multinomial(n, shares))


def share_of_alarms(n_reference, n_recent, *, shares=EVEN, now=EVEN, n_tries=400):
    rng = np.random.default_rng(n_reference + n_recent)
    found = [
        drift.judge(Bins(draw(rng, shares, n_reference), draw(rng, now, n_recent)))
        for _ in range(n_tries)
    ]
    return sum(each.verdict in {"look", "act"} for each in found) / n_tries


def verdict_of(term, values):
    bins = drift.term_bins(term, values)
    assert bins is not None
    return drift.judge(bins).verdict


# Reference N, new M, P(PSI > .10), P(PSI > .25), simulated 95 %, and what the formula gives.
TABLE = [
    (100, 50, 0.92, 0.40, 0.452, 0.508),
    (200, 50, 0.86, 0.27, 0.381, 0.423),
    (200, 200, 0.31, 0.00, 0.165, 0.169),
    (200, 1000, 0.06, 0.00, 0.103, 0.102),
    (500, 200, 0.10, 0.00, 0.116, 0.118),
    (1000, 50, 0.78, 0.16, 0.342, 0.355),
    (1000, 200, 0.05, 0.00, 0.101, 0.102),
    (1000, 1000, 0.00, 0.00, 0.033, 0.034),
    (5000, 200, 0.02, 0.00, 0.085, 0.088),
]


@pytest.mark.parametrize(("n", "m", "above_10", "above_25", "simulated", "formula"), TABLE)
def test_the_usual_limits_fire_by_chance_and_the_formula_says_how_often(
    n, m, above_10, above_25, simulated, formula
):
    rng = np.random.default_rng(n + m)
    found = [drift.psi(Bins(draw(rng, EVEN, n), draw(rng, EVEN, m))) for _ in range(1000)]
    assert np.mean(np.array(found) > 0.10) == pytest.approx(above_10, abs=0.05)
    assert np.mean(np.array(found) > 0.25) == pytest.approx(above_25, abs=0.06)
    assert np.quantile(found, 0.95) == pytest.approx(simulated, rel=0.15)
    assert drift.chance_limit(10, n, m) == pytest.approx(formula, abs=0.001)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (100, 50), (200, 200), (1000, 50), (300, 2000)])
def test_without_drift_there_are_at_most_five_false_alarms_in_a_hundred(n, m):
    assert share_of_alarms(n, m) <= 0.08
    rates = [0.5, 0.2, 0.1, 0.1, 0.05, 0.05]
    assert share_of_alarms(n, m, shares=rates, now=rates) <= 0.08


@pytest.mark.parametrize(("n", "m"), [(100, 100), (200, 200), (1000, 1000), (5000, 200)])
def test_a_strong_drift_fires(n, m):
    moved = [0.28, 0.28, 0.1, 0.1, 0.1, 0.04, 0.04, 0.02, 0.02, 0.02]
    assert share_of_alarms(n, m, now=moved, n_tries=100) >= 0.95


def test_one_false_alarm_among_many_fields_stays_as_rare_as_for_one():
    rng = np.random.default_rng(1)
    n_alarms = 0
    for _ in range(100):
        fields = [Bins(draw(rng, EVEN, 200), draw(rng, EVEN, 100)) for _ in range(12)]
        found = [drift.judge(bins, n_compared=len(fields)) for bins in fields]
        n_alarms += any(each.verdict != "good" for each in found)
    assert n_alarms <= 10


@given(counts, st.data())
def test_the_index_is_zero_for_equal_counts_and_never_below(reference, data):
    recent = data.draw(
        st.lists(st.integers(0, 300), min_size=len(reference), max_size=len(reference))
    )
    assert drift.psi(Bins(tuple(reference), tuple(reference))) == 0
    assert drift.psi(Bins(tuple(reference), tuple(recent))) >= 0


@given(counts, st.data())
def test_bins_put_together_hold_every_lead_once(reference, data):
    recent = data.draw(
        st.lists(st.integers(0, 300), min_size=len(reference), max_size=len(reference))
    )
    bins = drift.coarse(reference, recent)
    assert (sum(bins.reference), sum(bins.recent)) == (sum(reference), sum(recent))
    assert 1 <= len(bins.reference) == len(bins.recent) <= 11


@given(st.floats(0.5, 0.999), st.integers(1, 40))
def test_the_quantile_is_near_the_exact_one(probability, n_degrees):
    exact = chi2.ppf(probability, n_degrees)
    assert drift.chi_square_quantile(probability, n_degrees) == pytest.approx(
        exact, rel=0.08 if n_degrees == 1 else 0.035
    )


def test_a_level_never_seen_that_many_leads_have_is_drift():
    term = CategoryTerm(
        "source", {"web": 0.0}, 0.0, 0.0, {"web": Counts(200, 20)}, Counts(0, 0), Counts(0, 0)
    )
    bins = drift.term_bins(term, ["Web"] * 140 + ["Fair"] * 60)
    assert bins == Bins((200, 0, 0), (140, 60, 0))
    assert drift.judge(bins).verdict == "act"


def test_values_that_are_no_longer_filled_in_are_drift():
    bins_ = (Bin(2.0, Counts(100, 10)), Bin(None, Counts(100, 20)))
    term = CurveTerm("visits", (0.0,), ((0.0,), (0.0,)), 0.0, bins_, Counts(0, 0))
    bins = drift.term_bins(term, [1, 2, 3, None, "x"] * 40)
    assert bins == Bins((0, 100, 100, 0, 0), (0, 80, 40, 0, 80))
    assert drift.judge(bins).verdict == "act"


@pytest.mark.parametrize("now", [0, 2, 1e9])
def test_a_number_that_was_the_same_of_all_leads_drifts_where_it_is_another_now(now):
    term = CurveTerm(
        "seats",
        (0.7,),
        ((0.0,), (0.0,)),
        0.0,
        (Bin(None, Counts(200, 20)),),
        Counts(0, 0),
        known_range=(1.0, 1.0),
    )
    assert verdict_of(term, [now] * 200) == "act"
    assert verdict_of(term, [1] * 200) == "good"


@pytest.mark.parametrize(("n", "m"), [(60, 2_000), (200, 200), (1_000, 2_000)])
def test_values_beyond_all_learned_from_raise_no_alarm_while_they_are_rare(n, m):
    rng, alarms = np.random.default_rng(n + m), 0
    for _ in range(100):
        old, new = rng.lognormal(3, 2, n).tolist(), rng.lognormal(3, 2, m).tolist()
        (term,) = counted(
            [CurveTerm("n", (0.0,), ((0.0,), (0.0,)), 0.0)], [{"n": v} for v in old], [True] * n
        )
        alarms += verdict_of(term, new) != "good"
    assert alarms <= 8


def test_many_levels_are_compared_as_the_nine_largest_and_the_others():
    levels = {f"level {n:02}": Counts(50 - n, 0) for n in range(30)}
    term = CategoryTerm(
        "city", dict.fromkeys(levels, 0.0), 0.0, 0.0, levels, Counts(7, 0), Counts(3, 0)
    )
    bins = drift.term_bins(term, ["level 00", "level 29", "nowhere", None])
    assert bins.reference == (*range(50, 41, -1), sum(range(21, 42)) + 7, 3)
    assert bins.recent == (1, *[0] * 8, 2, 1)


def test_a_term_that_was_not_learned_has_nothing_to_compare_with():
    assert drift.term_bins(CategoryTerm("source", {}, 0.0, 0.0), ["Web"]) is None
    assert drift.term_bins(CurveTerm("n", (0.0,), ((0.0,), (0.0,)), 0.0), [1]) is None


def test_leads_of_whom_a_field_was_not_collected_are_unknown_in_both_samples():
    counts = {"a": Counts(30, 9), "b": Counts(20, 2)}
    term = CategoryTerm("plan", {"a": 0.1, "b": -0.1}, 0.0, 0.0, counts, Counts(0, 0), Counts(5, 1))
    bins = drift.term_bins(drift.with_absent(term, 100), [None] * 50)
    assert bins == ((30, 20, 0, 50), (0, 0, 0, 50))
