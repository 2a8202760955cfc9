"""Leads that are one person or one company count once, in all that is told of a model."""

import random

import numpy as np
import pytest

from ml.gate.gate import Evidence, GateRule, decide
from ml.leakage.detect import find_leaks
from ml.training import groups
from ml.training.evaluate import delong, paired_evidence
from ml.training.train import Examples, NotEnoughToLearn, challenge, learn
from tests.ml.leads import FIELDS, blind_champion, make_examples, make_lead

DRAW = np.random.default_rng(5)
CONVERTED = DRAW.random(80) < 0.4
CHAMPION, CHALLENGER = DRAW.uniform(0.2, 0.8, (2, 80))


def companies(n_companies, n_contacts, seed=2):
    """Contacts who are all alike, of companies whose outcome is luck: records, outcomes, groups."""
    draw = random.Random(seed)
    made = [(make_lead(draw)[0], draw.random() < 0.4) for _ in range(n_companies)]
    records = [record for record, _ in made for _ in range(n_contacts)]
    converted = [outcome for _, outcome in made for _ in range(n_contacts)]
    return records, converted, [n // n_contacts for n in range(n_companies * n_contacts)]


@pytest.fixture(scope="module")
def luck():
    return companies(40, 3, seed=6)


def test_leads_of_a_group_are_in_one_fold():
    converted, group_of = DRAW.random(500) < 0.3, DRAW.integers(0, 120, 500)
    found = [*groups.folds(converted, group_of, 5, np.random.default_rng(1))]
    assert sorted(np.concatenate(found).tolist()) == list(range(500))
    for fold in found:
        others = np.setdiff1d(np.arange(500), fold)
        assert set(group_of[fold]).isdisjoint(group_of[others])


def test_folds_have_as_many_leads_of_each_outcome_where_each_is_alone():
    converted = np.arange(203) % 7 == 0
    found = [*groups.folds(converted, np.arange(203), 5, np.random.default_rng(1))]
    assert {int(converted[fold].sum()) for fold in found} <= {5, 6, 7}
    assert {len(fold) for fold in found} <= {40, 41}


def test_every_fold_leaves_both_outcomes_to_learn_from_where_few_groups_have_one():
    for seed in range(20):
        group_of = np.repeat(np.arange(60), np.random.default_rng(seed).integers(1, 9, 60))
        converted = group_of < 10
        for fold in groups.folds(converted, group_of, 5, np.random.default_rng(seed)):
            left = np.delete(converted, fold)
            assert left.any()
            assert not left.all()


def test_the_same_leads_twice_are_no_more_certain():
    """All that the gate asks is the same of leads once and twice, where groups are told."""
    once = paired_evidence(CONVERTED, CHAMPION, CHALLENGER, np.arange(80))
    two = (np.tile(each, 2) for each in (CONVERTED, CHAMPION, CHALLENGER, np.arange(80)))
    twice = paired_evidence(*two)
    assert twice.standard_error == pytest.approx(once.standard_error)
    assert twice.log_loss_error == pytest.approx(once.log_loss_error)
    assert twice.added_value == pytest.approx(once.added_value, rel=0.02)
    assert (twice.n_groups_converted, twice.n_groups_lost) == (once.n_converted, once.n_lost)


def test_contacts_who_differ_by_chance_alone_are_as_certain_as_leads():
    pairs = np.repeat(np.arange(500), 2)
    converted, scores = DRAW.random(1_000) < 0.5, DRAW.random(1_000)
    alone, paired = (delong(converted, scores, of)[1][0, 0] for of in (np.arange(1_000), pairs))
    assert paired == pytest.approx(alone, rel=0.15)


def test_the_gate_counts_companies_and_people():
    evidence = Evidence(60, 140, 0.7, 0.76, 0.02, 3.0, 0.55, 0.52, 0.01, 19, 45, n_groups=62)
    decision = decide(evidence, GateRule())
    assert decision.reason == (
        "Not promoted: the new model failed 1 of 4 checks. 60 leads converted and 140 were lost "
        "since the current model was trained, of 19 and 45 companies and people; at least 20 "
        "companies and people of each are required."
    )
    told = decide(evidence, GateRule(min_each_class=19)).reason
    assert told.startswith("Promoted: on the 200 leads of 62 companies and people with outcomes")


def test_what_three_contacts_share_by_luck_is_not_taken_for_knowledge(luck):
    records, converted, group_of = luck
    fooled = learn(records, converted, FIELDS, seed=1).metrics
    told = learn(records, converted, FIELDS, seed=1, groups=group_of).metrics
    assert fooled["auc"] > 0.9
    assert told["auc_low"] < 0.5
    assert told["slope"] < fooled["slope"]
    assert (told["n"], told["n_groups"]) == (120, 40)


@pytest.mark.usefixtures("few_trees")
def test_a_lead_whose_sibling_the_champion_learned_from_is_no_evidence():
    examples = make_examples(120)
    known = [place < 60 for place in range(120)]
    siblings = Examples(
        examples.records,
        examples.converted,
        [not each for each in known],
        groups=[*range(60), *range(10), *range(60, 110)],
    )
    decision = challenge(siblings, FIELDS, blind_champion(), GateRule(), seed=1).decision
    assert decision.n_evidence == 50


@pytest.mark.usefixtures("few_trees")
def test_a_value_of_a_company_of_its_own_is_no_leak(luck):
    records, converted, group_of = luck
    branded = [
        record | {"region": f"brand {of}"} for record, of in zip(records, group_of, strict=True)
    ]
    leaks = find_leaks(branded, converted, FIELDS.model)
    assert [leak.field for leak in leaks] == ["region"]
    examples = Examples(branded, converted, [True] * len(records), groups=group_of)
    assert challenge(examples, FIELDS, blind_champion(), GateRule(), seed=1).leaks == ()


def test_few_companies_are_too_few_however_many_their_leads():
    records, converted, group_of = companies(16, 20)
    examples = Examples(records, converted, [True] * len(records), groups=group_of)
    with pytest.raises(NotEnoughToLearn, match="lost companies and people to learn from"):
        challenge(examples, FIELDS, blind_champion(), GateRule(), seed=1)
