import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.fields.types import Value
from ml.scorecard.forest import Forest, read_forest
from ml.scorecard.json_reader import Reader, ScorecardError
from ml.scorecard.reasons import explain
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.terms import CategoryTerm, Counts, CurveTerm
from ml.scorecard.trees import LEAF, LevelInput, NumberInput
from tests.ml.leads import FIELDS

OPENS = NumberInput("email_opens", 0, 1)
SOURCE = LevelInput("lead_source", {"referral": 2, "webinar": 3}, other=4, missing=None)

# Both trees ask about email opens first: up to two, unknown in the first counted as few and in
# the second as many. The first goes on to ask many-openers whether they came by referral.
FOREST = Forest(
    weight=0.5,
    inputs=(OPENS, SOURCE),
    roots=(0, 5),
    column=(0, LEAF, 2, LEAF, LEAF, 1, LEAF, LEAF),
    threshold=(math.log(3.5), 0.0, 0.5, 0.0, 0.0, math.log(3.5), 0.0, 0.0),
    second=(2, 0, 4, 0, 0, 7, 0, 0),
    n=(20, 10, 10, 6, 4, 20, 12, 8),
    n_converted=(8, 2, 6, 2, 4, 8, 2, 6),
    shrinkage=10.0,
)
FLAT = CurveTerm("email_opens", (0.0,), ((0.0,), (0.0,)), missing=0.0)
TERMS = (FLAT, CategoryTerm("lead_source", {"referral": 0.0}, other=0.0, missing=0.0))
CARD = Scorecard("test", FOREST.intercept, 0.4, 20, (0.6, 0.4, 0.2), TERMS, (FOREST,))


def log_odds(probability):
    return math.log(probability / (1 - probability))


# Shares by leaf. A root of 20 leads goes 20 / 30 of the way to what its children say, a node of
# 10 leads 10 / 20.
ROOT = 8 / 20
FEW, MANY = ROOT + (0.2 - ROOT) * 20 / 30, ROOT + (0.6 - ROOT) * 20 / 30
REFERRED, NOT_REFERRED = MANY + (4 / 4 - 0.6) * 10 / 20, MANY + (2 / 6 - 0.6) * 10 / 20
FEW_TOO, MANY_TOO = ROOT + (2 / 12 - ROOT) * 20 / 30, ROOT + (6 / 8 - ROOT) * 20 / 30


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ({"email_opens": 1, "lead_source": "Referral"}, [FEW, FEW_TOO]),
        ({"email_opens": 9, "lead_source": "Referral"}, [REFERRED, MANY_TOO]),
        ({"email_opens": 9, "lead_source": "Nobody"}, [NOT_REFERRED, MANY_TOO]),
        ({"email_opens": 9, "lead_source": None}, [NOT_REFERRED, MANY_TOO]),
        ({"email_opens": None, "lead_source": "Referral"}, [FEW, MANY_TOO]),
        ({"email_opens": 2}, [FEW, FEW_TOO]),
        ({"email_opens": 3}, [MANY, MANY_TOO]),
        ({}, [ROOT, ROOT]),
    ],
)
def test_probability_is_the_mean_share_of_the_leaves_reached(values, shares):
    probability = sum(shares) / 2
    assert CARD.score(values).log_odds == pytest.approx(0.5 * log_odds(probability), abs=1e-12)


def test_each_question_counts_for_its_field():
    effects = FOREST.effects({"email_opens": 9, "lead_source": "Referral"})
    by_opens, by_source = MANY + MANY_TOO - ROOT * 2, REFERRED - MANY
    assert effects["email_opens"] / effects["lead_source"] == pytest.approx(by_opens / by_source)


def test_a_field_that_no_question_is_about_costs_no_second_way_where_it_was_not_collected(
    monkeypatch,
):
    unasked = NumberInput("amount", 5, 6)
    forest = dataclasses.replace(FOREST, inputs=(OPENS, SOURCE, unasked))
    known: dict[str, Value] = {"email_opens": 9, "lead_source": "Referral"}
    expected = FOREST.effects(known) | {"amount": 0.0}
    monkeypatch.setattr(Forest, "_both_ways", None)
    assert forest.effects(known) == forest.effects(known | {"amount": 7}) == expected


def test_the_fewer_leads_say_it_the_less_it_moves_the_share():
    few, many = (
        Forest(
            weight=1.0,
            inputs=(OPENS,),
            roots=(0,),
            column=(0, LEAF, LEAF),
            threshold=(1.0, 0.0, 0.0),
            second=(2, 0, 0),
            n=(2 * n, n, n),
            n_converted=(n, 0, n),
            shrinkage=20.0,
        ).effects({"email_opens": 9})["email_opens"]
        for n in (4, 500)
    )
    assert 0 < few < log_odds(2 / 3) < log_odds(0.98) < many


value = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["referral", "x", ""])


@given(opens=value, source=value)
def test_effects_sum_to_the_way_from_the_roots(opens, source):
    score = CARD.score({"email_opens": opens, "lead_source": source})
    effects = FOREST.effects({"email_opens": opens, "lead_source": source})
    assert math.fsum(effects.values()) == pytest.approx(score.log_odds - FOREST.intercept)


def test_question_that_moves_no_share_has_no_effect():
    same = Forest(
        weight=0.5,
        inputs=(OPENS,),
        roots=(0,),
        column=(0, LEAF, LEAF),
        threshold=(1.0, 0.0, 0.0),
        second=(2, 0, 0),
        n=(18, 9, 9),
        n_converted=(6, 3, 3),
        shrinkage=10.0,
    )
    assert same.effects({"email_opens": 1}) == {"email_opens": 0.0}


def test_reasons_of_a_forest_give_the_rates_of_its_terms():
    referrals = {"referral": Counts(5, 4)}
    source = CategoryTerm(
        "lead_source", {"referral": 0.0}, 0.0, 0.0, referrals, Counts(15, 4), Counts(0, 0)
    )
    card = Scorecard("test", FOREST.intercept, 0.4, 20, (0.6, 0.4, 0.2), (FLAT, source), (FOREST,))
    reasons = explain(card, FIELDS, {"email_opens": 9, "lead_source": "Referral"})
    told = {reason.field: reason for reason in reasons}
    assert told["lead_source"].sentence == (
        "4 of 5 leads with lead source Referral converted, against 40 % overall."
    )
    assert told["lead_source"].effect > 0


def test_json_round_trip_loses_nothing():
    again = Scorecard.from_json(json.loads(json.dumps(CARD.to_json())))
    assert again == CARD
    assert again.digest == CARD.digest


def test_two_forests_beside_each_other_add_up_and_survive_json():
    one, card = CARD.parts[0], Scorecard("two", 0.0, 0.4, 20, (0.6, 0.4, 0.2), TERMS, (FOREST,) * 2)
    again = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    assert again == card
    values: dict[str, Value] = {"email_opens": 9, "lead_source": "Referral"}
    assert dict(again.score(values).effects) == pytest.approx(
        {field: 2 * effect for field, effect in one.effects(values).items()}
    )


def test_digest_sees_the_trees():
    content = CARD.to_json()
    content["forest"]["n_converted"][3:5] = [3, 3]
    assert Scorecard.from_json(content).digest != CARD.digest


def broken(key, value, place=None):
    content = json.loads(json.dumps(FOREST.to_json()))
    if place is None:
        content[key] = value
    else:
        content[key][place] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken("weight", 10.5), "forest.weight must be from 0 to 10"),
        (broken("extra", 1), "unknown key 'extra'"),
        (broken("roots", []), "roots must rise from 0"),
        (broken("roots", [0, 0]), "roots must rise from 0"),
        (broken("roots", [5]), "roots must rise from 0"),
        (broken("roots", [0, 8]), "roots must be nodes"),
        (broken("roots", [0] * 501), "at most 500"),
        (broken("column", -2, 0), "column must hold whole numbers of -1 or more"),
        (broken("column", 5, 0), "column names a column that no input fills"),
        (broken("column", [LEAF]), "arrays of one length"),
        (broken("column", [LEAF] * 100_001), "at most 100000"),
        (broken("threshold", math.inf, 0), "must be a finite number"),
        (broken("second", 0, 0), r"second\[0\] must be behind its parent"),
        (broken("second", 1, 0), r"second\[0\] must be behind its parent"),
        (broken("second", 5, 2), r"second\[2\] must be behind its parent"),
        (broken("second", True, 0), "second must hold whole numbers"),
        (broken("n", 0, 1), "n must count leads"),
        (broken("n", 11, 1), r"n\[0\] must be the leads of both children"),
        (broken("n_converted", 3, 4), r"n\[2\] must be the leads of both children"),
        (broken("shrinkage", 0.5), "shrinkage must be from 1 to"),
        (broken("n_converted", 11, 1), "n_converted some of them"),
        (broken("n_converted", [0] * 8), "some at the roots, but not all"),
        (broken("n_converted", FOREST.n), "n_converted must be a list"),
        (broken("inputs", {"kind": "text", "field": "x"}, 0), "kind must be number or levels"),
        (broken("inputs", {"kind": "number", "field": "x", "low": 0}, 0), "high is missing"),
        (broken("inputs", {"kind": "number", "field": "x", "low": 0, "high": 7}, 0), "from 0 on"),
        (broken("inputs", SOURCE._asdict() | {"kind": "levels"}, 0), "each by one field"),
    ],
)
def test_wrong_forest_is_refused_with_its_place(content, message):
    with pytest.raises(ScorecardError, match=message):
        read_forest(Reader(content, "scorecard.forest"))


def test_forest_about_a_field_without_a_term_is_refused():
    content = CARD.to_json()
    content["terms"].pop()
    with pytest.raises(ScorecardError, match="asks about a field without a term"):
        Scorecard.from_json(content)


def test_tree_without_a_question_can_be_served():
    stump = Forest(1.0, (OPENS,), (0,), (LEAF,), (0.0,), (0,), (9,), (3,), 10.0)
    again = read_forest(Reader(stump.to_json(), "forest"))
    assert again.effects({"email_opens": 4}) == {"email_opens": 0.0}
    assert again.intercept == pytest.approx(log_odds(1 / 3))
