"""What a challenger is judged on, where the champion is wrong or the world has changed."""

import numpy as np
import pytest
from scipy.special import expit

from ml.gate.gate import GateRule, decide
from ml.training.evaluate import added_value
from ml.training.evidence import change, gathered
from ml.training.metrics import claim

RULE = GateRule()


def leads(n, seed=0, strength=1.5):
    """Outcomes of leads, and what a good model says of them, in log-odds."""
    draw = np.random.default_rng(seed)
    truth = strength * draw.normal(size=n) - 0.5
    return draw.random(n) < expit(truth), truth


@pytest.mark.parametrize("seed", range(8))
def test_a_champion_that_learned_reversed_outcomes_is_replaced_within_100(seed):
    converted, truth = leads(100, seed)
    noise = np.random.default_rng(seed + 100).normal(size=100)
    challenger = expit(truth + 0.5 * noise)
    assert decide(gathered(converted, expit(-truth), challenger), RULE).promote


def test_to_turn_an_inverted_champion_round_is_no_knowledge_of_its_own():
    """Beside a wrong champion a challenger counts as much as beside one that says nothing."""
    converted, truth = leads(200)
    challenger = expit(truth)
    blind, inverted = np.full(200, 0.4), expit(-truth)
    assert added_value(converted, inverted, challenger) == pytest.approx(
        added_value(converted, blind, challenger), abs=0.05
    )
    assert added_value(converted, inverted, challenger) > 4


def replaced(n, champion_strength, seed):
    """Whether a challenger of moderate worth replaces a champion, by the gate's usual rule."""
    converted, truth = leads(n, seed)
    noise = np.random.default_rng(seed + 100).normal(size=(2, n))
    champion = expit(champion_strength * truth + noise[0])
    challenger = expit(0.4 * truth + noise[1])
    found = gathered(converted, champion, challenger, n_learned=n)
    return decide(found, RULE)


def test_beside_a_champion_surely_worse_than_luck_it_is_enough_to_rank_better():
    decisions = [replaced(100, -1.5, seed) for seed in range(20)]
    assert sum(each.promote for each in decisions) >= 16
    reason = next(each.reason for each in decisions if each.promote)
    assert "ranks these leads surely worse than chance, the new one does not" in reason
    assert sum(replaced(100, 0.4, seed).promote for seed in range(20)) <= 1


def test_an_inverted_champion_does_not_give_way_to_another():
    converted, truth = leads(200)
    slightly = np.random.default_rng(9).normal(size=200) - 0.7 * truth
    found = decide(gathered(converted, expit(-truth), expit(slightly)), RULE)
    assert not found.promote


def flipped(seed=1):
    """650 leads since the champion; from the 150th on outcomes mean the opposite."""
    converted, truth = leads(650, seed)
    challenger = np.where(np.arange(650) < 150, -truth, truth)
    return converted, expit(-challenger), expit(truth)


def test_where_the_world_has_turned_the_newest_leads_are_the_evidence():
    converted, champion, challenger = flipped()
    found = gathered(converted, champion, challenger)
    assert 150 <= found.n_older <= 330
    decision = decide(found, RULE)
    assert decision.promote
    assert decision.reason.endswith(
        f"The {found.n_older:,} leads before them are left out: the current model ranks the newer "
        "ones surely worse."
    )
    assert gathered(converted, champion, challenger, is_dated=False).n_older == 0


def test_where_nothing_has_changed_all_leads_are_the_evidence():
    n_found = 0
    for seed in range(200):
        converted, truth = leads(400, seed, strength=0.8)
        n_found += change(converted, truth, np.arange(400), claim_on(100, seed)) is not None
    assert n_found <= 2


def claim_on(n, seed, strength=0.8):
    """What a model claims by leads of an earlier time."""
    converted, truth = leads(n, 1_000 + seed, strength)
    return claim(converted, expit(truth), (0.9, 0.7, 0.4)).auc


def test_soon_after_a_promotion_the_claim_tells_that_the_world_has_changed():
    """Thirty leads, then seventy that are told the other way round."""
    n_found = n_without = 0
    for seed in range(40):
        converted, truth = leads(100, seed, strength=0.8)
        champion = expit(np.where(np.arange(100) < 30, truth, -truth))
        cut = change(converted, champion, np.arange(100), claim_on(250, seed))
        n_found += cut is not None and cut <= 60
        n_without += change(converted, champion, np.arange(100)) is not None
    assert n_found >= 36
    assert n_without <= 14


def test_a_champion_made_right_before_a_change_falls_short_of_its_claim():
    """All that it has met since is told the other way round: nothing is older."""
    converted, truth = leads(80, seed=2, strength=0.8)
    challenger = truth + np.random.default_rng(3).normal(size=80)
    promise = claim_on(250, seed=2)
    found = gathered(converted, expit(-truth), expit(challenger), claimed=promise)
    assert (found.n_older, found.is_changed) == (0, True)
    assert not gathered(converted, expit(-truth), expit(challenger)).is_changed
    assert decide(found, RULE).promote


def test_a_change_that_few_companies_show_is_none():
    converted, champion, challenger = flipped()
    companies = np.where(np.arange(650) < 150, np.arange(650), 150 + np.arange(650) % 15)
    assert change(converted, champion, np.arange(650))
    assert gathered(converted, champion, challenger, companies).n_older == 0
