"""How much a field weighs: by the leads that have each value."""

import pytest

from ml.influence import Influence, influences
from ml.scorecard import Bin, CategoryTerm, Counts, CurveTerm, Scorecard
from ml.starter import starter_scorecard


def card(*terms):
    return Scorecard("example", 0.0, 0.5, 10, (0.7, 0.5, 0.3), terms)


def test_a_level_weighs_by_the_leads_that_have_it():
    term = CategoryTerm(
        "source",
        {"a": 1.0, "b": -0.5},
        other=9.0,
        missing=2.0,
        level_counts={"a": Counts(6, 3), "b": Counts(2, 0)},
        other_counts=Counts(0, 0),
        missing_counts=Counts(2, 1),
    )
    [(field, weight)] = influences(card(term))
    assert field == "source"
    assert weight == pytest.approx((6 * 1.0 + 2 * 0.5 + 2 * 2.0) / 10)


def test_a_curve_weighs_by_its_groups_the_last_one_open():
    term = CurveTerm(
        "visits",
        (1.0,),
        ((-1.0,), (1.0,)),
        missing=0.0,
        bins=(Bin(0.0, Counts(3, 0)), Bin(None, Counts(1, 1))),
        missing_counts=Counts(4, 2),
    )
    assert influences(card(term)) == [Influence("visits", 0.5)]


def test_the_heaviest_field_comes_first():
    weights = [weight for _, weight in influences(starter_scorecard())]
    assert weights == sorted(weights, reverse=True)
    assert all(weight > 0 for weight in weights)


def test_a_field_that_no_lead_had_weighs_nothing():
    term = CategoryTerm(
        "source", {}, 1.0, 1.0, level_counts={}, other_counts=None, missing_counts=Counts(0, 0)
    )
    assert influences(card(term)) == [Influence("source", 0.0)]
