"""How long outcomes take, where slow ones have not all come yet."""

import numpy as np
import pytest
from scipy import stats

from ml.monitoring.outcome_delays import Wait, outcome_delays

SLOW, FAST = stats.gamma(2, scale=10), stats.gamma(2, scale=2.5)  # means of 20 and of 5 days


def waits(rng, days, *, won=SLOW, lost=FAST, decided=1.0, n_leads=2_000):
    """Leads that came evenly in so many days, a third of which convert; some never end."""
    ages, converted = rng.uniform(0, days, n_leads), rng.random(n_leads) < 1 / 3
    slow, fast = (kind.rvs(n_leads, random_state=rng) for kind in (won, lost))
    ends = np.where(converted, slow, fast)
    is_told = (ends <= ages) & (rng.random(n_leads) < decided)
    rows = zip(*(each.tolist() for each in (ages, ends, converted, is_told)), strict=True)
    return [Wait(end if told else age, won if told else None) for age, end, won, told in rows]


@pytest.mark.parametrize("decided", [1.0, 0.4])
def test_slow_outcomes_are_told_apart_from_leads_that_never_end(decided):
    found = outcome_delays(waits(np.random.default_rng(1), 150, decided=decided))
    assert found.mature_days() == pytest.approx(SLOW.ppf(0.8), rel=0.2)
    for age in (5, 10, 20, 40):
        assert found.share_told(age, converted=True) == pytest.approx(SLOW.cdf(age), abs=0.08)
        assert found.share_told(age, converted=False) == pytest.approx(FAST.cdf(age), abs=0.06)


@pytest.mark.parametrize("days", [5, 10, 15, 20])
def test_while_slow_outcomes_still_come_hardly_ever_is_a_lead_called_mature(days):
    rng = np.random.default_rng(days)
    found = [outcome_delays(waits(rng, days, n_leads=8 * days)).mature_days() for _ in range(40)]
    assert sum(each is not None for each in found) <= 10


def test_without_leads_or_with_one_outcome_only_nothing_is_known():
    assert outcome_delays([]).mature_days() is None
    assert outcome_delays([Wait(age, False) for age in range(50)]).mature_days() is None
    assert outcome_delays([]).share_told(10, converted=True) == 0


def test_few_early_outcomes_while_most_leads_are_open_say_nothing():
    few = [Wait(1, n < 5) for n in range(14)]
    assert outcome_delays(few + [Wait(4, None)] * 60).mature_days() is None
    assert outcome_delays(few * 2 + [Wait(4, None)] * 60).mature_days() == 1
    assert outcome_delays([Wait(1, n < 5) for n in range(30)]).mature_days() == 1


def test_ten_outcomes_of_either_kind_say_more_of_the_level_than_those_told_alone():
    """Wins take 20 days and losses 5; after 25 days most told outcomes are losses."""
    rng = np.random.default_rng(7)
    off_told, off_known = [], []
    for _ in range(20):
        seen = waits(rng, 25, n_leads=200)
        found = outcome_delays(seen)
        assert found.is_known
        told = [wait.converted for wait in seen if wait.converted is not None]
        off_told.append(sum(told) / len(told) - 1 / 3)
        off_known.append(found.all_converted / (found.all_converted + found.all_lost) - 1 / 3)
    assert np.mean(off_told) < -0.1
    assert abs(np.mean(off_known)) < 0.05
    assert not outcome_delays([Wait(1, n < 5) for n in range(14)] + [Wait(4, None)] * 60).is_known


def test_a_single_late_outcome_among_few_leads_followed_so_long_counts_little():
    early = [Wait(n % 10, n % 3 == 0) for n in range(100)] + [Wait(30, None)] * 50
    without, with_one = (outcome_delays([*early, *late]) for late in ([], [Wait(400, True)]))
    assert with_one.mature_days() == without.mature_days() == 8


def test_delays_that_are_alike_are_found_alike():
    found = outcome_delays(waits(np.random.default_rng(3), 60, won=FAST, lost=FAST))
    for age in (2, 5, 10):
        of_both = [found.share_told(age, converted=kind) for kind in (True, False)]
        assert of_both[0] == pytest.approx(of_both[1], abs=0.05)


@pytest.mark.parametrize("since_days", [0, 3])
def test_weights_make_outcomes_told_so_far_a_fair_sample(since_days):
    rng = np.random.default_rng(4)
    found = outcome_delays(waits(rng, 60))
    ages, converted = rng.uniform(0, 60, 20_000), rng.random(20_000) < 1 / 3
    ends = np.where(
        converted, SLOW.rvs(20_000, random_state=rng), FAST.rvs(20_000, random_state=rng)
    )
    is_told = (ends <= ages) & (ends > since_days)
    weights = [
        found.weight(age, converted=kind, since_days=since_days)
        for age, kind in zip(ages[is_told].tolist(), converted[is_told].tolist(), strict=True)
    ]
    assert converted[is_told].mean() < 0.3 or since_days
    assert np.average(converted[is_told], weights=weights) == pytest.approx(1 / 3, abs=0.03)
    assert max(weights) <= 4


def test_outcomes_that_still_come_are_counted_in_at_their_pace():
    rng = np.random.default_rng(5)
    found = [outcome_delays(waits(rng, 25)) for _ in range(5)]
    seen = np.mean([each.converted[-1] / each.lost[-1] for each in found])
    in_all = np.mean([each.all_converted / each.all_lost for each in found])
    assert seen < 0.38 < 0.42 < in_all < 0.5


def test_the_more_leads_a_few_late_outcomes_stand_for_the_less_sure_is_the_level():
    """All outcomes take 10 days in the mean; of ten leads six never end in one of two worlds."""
    same = stats.gamma(2, scale=5)

    def error(decided):
        rng = np.random.default_rng(8)
        found = [
            outcome_delays(waits(rng, 20, won=same, lost=same, decided=decided, n_leads=160))
            for _ in range(20)
        ]
        return np.median([each.level_error for each in found])

    assert 0 < 2 * error(1.0) < error(0.4)
    assert outcome_delays([]).level_error == 0
