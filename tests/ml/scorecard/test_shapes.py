"""What each field does: averages of the very effects that reasons tell, group by group."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scorecard.scorecard import Scorecard
from ml.scorecard.shapes import MAX_GROUPS, assumed_shapes, shapes
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import CategoryTerm, CurveTerm
from ml.training import train
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

SOURCE = CategoryTerm("source", {"a": 1.0, "b": -0.5}, other=9.0, missing=2.0)
VISITS = CurveTerm("visits", (0.0,), ((0.0,), (0.0, 1.0)), missing=-1.0)


def card(*terms):
    return Scorecard("example", 0.0, 0.5, 10, (0.7, 0.5, 0.3), terms)


def of(term, values, converted=None):
    records = [{term.field: value} for value in values]
    [shape] = shapes(card(term), records, converted or [False] * len(values))
    return shape


@pytest.fixture(scope="module")
def blend():
    examples = make_examples(300)
    learned = train.learn(examples.records, examples.converted, FIELDS, seed=1)
    assert learned.scorecard.parts
    return examples, learned


def test_a_level_weighs_by_the_leads_that_have_it():
    shape = of(SOURCE, ["a"] * 6 + ["B"] * 2 + [None] * 2)
    assert shape["influence"] == pytest.approx((6 * 1.0 + 2 * 0.5 + 2 * 2.0) / 10)


def test_levels_come_by_their_leads_then_the_rare_ones_then_the_unknown():
    shape = of(SOURCE, [None, "x", "B", "A", "a", "z"], [True, False, True, True, False, False])
    groups = [(g["label"], g["n"], g["n_converted"]) for g in shape["groups"]]
    assert groups == [("A", 2, 1), ("B", 1, 1), ("rare values", 2, 0), ("unknown", 1, 1)]


def test_few_numbers_are_a_group_each_and_unknown_is_not_zero():
    shape = of(VISITS, [0, 0, 7, None, "7"])
    assert [g["label"] for g in shape["groups"]] == ["0", "7", "unknown"]
    assert [g["effect"] for g in shape["groups"]] == pytest.approx([0.0, math.log1p(7), -1.0])


@given(numbers=st.lists(st.integers(0, 10**6) | st.none(), min_size=1, max_size=300))
def test_every_lead_is_in_one_group_whatever_the_numbers(numbers):
    groups = of(VISITS, numbers)["groups"]
    assert sum(g["n"] for g in groups) == len(numbers)
    assert len(groups) <= MAX_GROUPS + 1
    assert all(g["n"] for g in groups)


def test_without_a_forest_all_leads_of_a_level_have_one_effect():
    for group in of(SOURCE, ["a", "b", "a", "c"])["groups"]:
        assert group["low"] == group["effect"] == group["high"]


def test_the_effects_of_a_blend_are_those_that_reasons_tell(blend):
    examples, learned = blend
    effects = [dict(learned.scorecard.score(record).effects) for record in examples.records]
    for shape in learned.metrics["shapes"]:
        whole = sum(group["n"] * group["effect"] for group in shape["groups"])
        exact = math.fsum(each[shape["field"]] for each in effects)
        # Of large groups only some leads are averaged.
        assert whole / 300 == pytest.approx(exact / 300, abs=0.03)
    sources = next(s for s in learned.metrics["shapes"] if s["field"] == "lead_source")
    referral = next(g for g in sources["groups"] if g["label"].strip().lower() == "referral")
    others = [g["effect"] for g in sources["groups"] if g is not referral]
    assert referral["effect"] > max(others)


def test_shapes_are_plain_json_heaviest_first(blend):
    _, learned = blend
    json.dumps(learned.metrics["shapes"], allow_nan=False)
    weights = [shape["influence"] for shape in learned.metrics["shapes"]]
    assert weights == sorted(weights, reverse=True)
    assert {shape["field"] for shape in learned.metrics["shapes"]} == {f.name for f in FIELDS.model}


def test_the_starter_has_shapes_without_leads():
    found = assumed_shapes(starter_scorecard())
    assert all(shape["influence"] > 0 for shape in found)
    assert {g["n"] for shape in found for g in shape["groups"]} == {None}
