"""Level and order: chance raises no alarm, and what has changed does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring import performance
from ml.monitoring.performance import ScoredOutcome
from ml.training.evaluate import delong


def leads_of(scores, converted, groups=None):
    """Leads with outcomes, each alone where no groups are told."""
    groups = range(len(scores)) if groups is None else groups
    rows = zip(scores, converted, groups, strict=True)
    return [ScoredOutcome(float(score), bool(won), int(group)) for score, won, group in rows]


@pytest.mark.parametrize("n", [20, 50, 200, pytest.param(2_000, marks=pytest.mark.slow)])
def test_calibration_flags_one_in_twenty_by_chance_and_acts_hardly_ever(n):
    rng = np.random.default_rng(n)
    verdicts = []
    for _ in range(500):
        promised = rng.beta(2, 4, n)
        verdicts.append(
            performance.calibration_in_the_large(
                leads_of(promised, rng.random(n) < promised)
            ).verdict
        )
    assert verdicts.count("look") / 500 <= 0.075
    assert verdicts.count("act") <= 5


@pytest.mark.parametrize("n_converted", [21, 22, 26])
def test_what_may_be_chance_is_never_critical(n_converted):
    leads = leads_of([0.2] * 60, [n < n_converted for n in range(60)])
    found = performance.calibration_in_the_large(leads)
    surely = performance.nats_saved_by_a_step(leads) > performance.NATS_TO_ACT
    assert (abs(found.z) > 3, surely, found.verdict) == {
        21: (False, False, "look"),
        22: (True, False, "look"),
        26: (True, True, "act"),
    }[n_converted]


def test_twice_the_conversions_promised_make_calibration_act():
    found = performance.calibration_in_the_large(
        leads_of([0.2] * 100, [n < 40 for n in range(100)])
    )
    assert (found.n_converted, round(found.expected), round(found.z, 6)) == (40, 20, 5)
    assert found.verdict == "act"


def test_few_outcomes_say_nothing_of_calibration_or_order():
    assert (
        performance.calibration_in_the_large(leads_of([0.1] * 19, [True] * 19)).verdict == "unknown"
    )
    assert not performance.live_auc(leads_of([0.1] * 30, [n < 9 for n in range(30)])).is_enough
    assert performance.live_auc([]).auc is None


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9)), min_size=4, max_size=60
    )
)
def test_the_live_auc_and_its_error_are_those_of_delong_and_obuchowski(rows):
    scores, converted, groups = zip(*rows, strict=True)
    found = performance.live_auc(leads_of(scores, converted, groups))
    if min(found.n_groups_converted, found.n_groups_lost) < 2:
        assert found.auc is None
        return
    aucs, covariance = delong(converted, [scores], np.array(groups))
    half = 1.959963984540054 * math.sqrt(covariance[0, 0])
    assert found.auc == pytest.approx(aucs[0], abs=1e-12)
    assert found.low == pytest.approx(max(0, aucs[0] - half), abs=1e-9)
    assert found.high == pytest.approx(min(1, aucs[0] + half), abs=1e-9)


def test_ten_contacts_a_company_are_no_more_sure_than_one():
    rng = np.random.default_rng(6)
    scores = rng.random(60)
    converted = rng.random(60) < scores
    alone = leads_of(scores, converted)
    together = leads_of(np.repeat(scores, 10), np.repeat(converted, 10), np.repeat(range(60), 10))
    worse = scores[::-1].tolist()
    for measure in (
        lambda leads: performance.live_auc(leads).low,
        lambda leads: performance.calibration_in_the_large(leads).z,
        performance.nats_saved_by_a_step,
        lambda leads: performance.errors_below(leads, np.repeat(worse, len(leads) // 60).tolist()),
    ):
        assert measure(together) == pytest.approx(measure(alone))


def test_outcomes_of_few_companies_say_nothing():
    leads = leads_of(
        [0.1 + 0.04 * (n % 19) for n in range(190)],
        [n % 2 for n in range(190)],
        [n % 19 for n in range(190)],
    )
    assert performance.calibration_in_the_large(leads).verdict == "unknown"
    few = [each._replace(group=each.group % 9) for each in leads]
    assert not performance.live_auc(few).is_enough


def test_a_weight_stands_for_as_many_leads_in_the_auc():
    rng = np.random.default_rng(7)
    leads = leads_of(rng.random(50), rng.random(50) < 0.5)
    weights = rng.integers(1, 5, 50).tolist()
    weighed = [each._replace(weight=float(n)) for each, n in zip(leads, weights, strict=True)]
    repeated = [each for each, n in zip(leads, weights, strict=True) for _ in range(n)]
    one, other = (performance.live_auc(each) for each in (weighed, repeated))
    assert (one.auc, one.low, one.high) == pytest.approx((other.auc, other.low, other.high))
