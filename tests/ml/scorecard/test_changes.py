"""Why a score changed: parts that sum to the change, whatever the models."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.scorecard.changes import explain_change
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.starter import starter_scorecard
from ml.scorecard.terms import CategoryTerm
from ml.training import train
from tests.ml.leads import FIELDS, SOURCES, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")


def card(intercept=0.0, **sources):
    term = CategoryTerm("lead_source", sources, other=0.0, missing=0.0)
    return Scorecard("example", intercept, 0.5, 10, (0.7, 0.5, 0.3), (term,))


@pytest.fixture(scope="module")
def cards():
    """The starter and two blends."""
    each = [make_examples(120, seed=seed) for seed in (1, 2)]
    learned = [train.learn(e.records, e.converted, FIELDS, seed=1).scorecard for e in each]
    return [starter_scorecard(), *learned]


inputs = st.fixed_dictionaries(
    {},
    optional={
        "lead_source": st.sampled_from([*SOURCES, "Fax"]),
        "email_opens": st.integers(0, 99) | st.none(),
        "balance": st.floats(-1e4, 1e4),
        "trial": st.booleans(),
    },
)


@given(before=inputs, after=inputs, models=st.sampled_from([(1, 2), (2, 1), (1, 1), (0, 1)]))
def test_the_parts_sum_to_the_change_of_the_lead_and_of_the_model(cards, before, after, models):
    old, new = (cards[place] for place in models)
    found = explain_change(old, new, before, after)
    assert found.before == old.score(before).probability
    assert found.after == new.score(after).probability
    by_lead, by_model = (
        math.fsum(part.points for part in parts) for parts in (found.by_lead, found.by_model)
    )
    assert by_lead == pytest.approx(found.between - found.before, abs=1e-12)
    assert by_model == pytest.approx(found.after - found.between, abs=1e-12)


def test_what_did_not_change_has_no_part():
    same = card(referral=1.0)
    found = explain_change(same, same, {"lead_source": "Referral"}, {"lead_source": "Referral"})
    assert (found.by_lead, found.by_model) == ((), ())
    assert found.before == found.between == found.after


def test_the_lead_comes_first_and_then_the_model_on_what_the_lead_is_now():
    old, new = card(referral=1.0), card(referral=3.0)
    found = explain_change(old, new, {"lead_source": "Fax"}, {"lead_source": "Referral"})
    assert found.between == pytest.approx(1 / (1 + math.exp(-1)))
    assert [part.field for part in found.by_lead] == ["lead_source"]
    assert [part.field for part in found.by_model] == ["lead_source"]


def test_a_baseline_that_moved_is_a_part_of_its_own():
    found = explain_change(card(), card(intercept=1.0), {}, {})
    [part] = found.by_model
    assert part.field is None
    assert part.points == pytest.approx(found.after - 0.5)


def test_parts_that_cancel_out_are_still_told():
    old, new = card(intercept=1.0, a=0.0), card(intercept=0.0, a=1.0)
    found = explain_change(old, new, {"lead_source": "a"}, {"lead_source": "a"})
    assert found.after == pytest.approx(found.before)
    assert {part.field for part in found.by_model} == {None, "lead_source"}
    assert all(abs(part.points) > 0.1 for part in found.by_model)
