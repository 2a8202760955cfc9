import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from ml.fields.fields_file import loads
from ml.scorecard.terms import CategoryTerm, CurveTerm
from ml.training.encode import columns_of, frame_of
from ml.training.families import spline_logistic
from ml.training.families.spline_logistic import QuantileSplines, knots_of, taylor
from ml.training.term_sums import counted
from tests.ml.leads import FIELDS, make_examples

KIND = loads('[[field]]\nname = "x"\ntype = "category"\nlabel = "X"\n')


def terms_from(records, converted, fields):
    columns = columns_of(records, fields.model)
    fitted = spline_logistic.fit(frame_of(records, columns), np.array(converted), columns)
    return counted(fitted.served(1.0).terms, records, converted)


def test_rare_levels_share_one_effect_with_unseen_ones():
    column = ["a"] * 30 + ["b"] * 30 + ["c", "d"]
    records = [{"x": x} for x in column]
    converted = [i % 3 == 0 for i in range(len(column))]
    (term,) = terms_from(records, converted, KIND)
    assert isinstance(term, CategoryTerm)
    assert set(term.levels) == {"a", "b"}
    assert term.effect("c") == term.effect("never seen") == term.other
    assert term.other_counts == (2, 1)


def test_bins_end_at_values_that_leads_have():
    examples = make_examples(300)
    terms = terms_from(examples.records, examples.converted, FIELDS)
    (term,) = (term for term in terms if term.field == "email_opens")
    assert isinstance(term, CurveTerm)
    bins = term.bins or ()
    uppers = [bin_.upper for bin_ in bins]
    assert set(uppers[:-1]) <= {record["email_opens"] for record in examples.records}
    assert uppers[-1] is None
    assert all(bin_.counts.n > 0 for bin_ in bins)


def test_splines_keep_the_contract_of_an_estimator():
    results = check_estimator(QuantileSplines(), on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert sum(result["status"] == "passed" for result in results) > 30


@pytest.mark.parametrize(
    ("column", "knots"),
    [
        ([0, 0, 0, 0, 0, 0, 3], [0, 3]),
        ([0, 1, 0, 1], [0, 1]),
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 5, 5, 5, 5, 5, 9], [0, 5, 9]),
    ],
)
def test_knots_that_coincide_are_one(column, knots):
    (spline,) = QuantileSplines().fit(np.array(column, dtype=float)[:, np.newaxis]).splines_
    assert knots_of(spline).tolist() == knots


def test_constant_column_has_no_basis():
    splines = QuantileSplines().fit(np.column_stack([np.full(9, 7.0), np.arange(9.0)]))
    assert splines.sizes_ == [0, 4]
    assert splines.transform(np.zeros((3, 2))).shape == (3, 4)


@given(x=st.floats(-5, 25), seed=st.integers(0, 20))
def test_development_around_knots_equals_the_basis(x, seed):
    draw = np.random.default_rng(seed)
    splines = QuantileSplines().fit(draw.exponential(5, size=(50, 1)))
    (spline,), weights = splines.splines_, draw.normal(size=splines.sizes_[0])
    knots = knots_of(spline)
    place = int(np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 1))
    inside = float(np.clip(x, knots[0], knots[-1]))
    distance = inside - knots[place] if place < len(knots) - 1 else 0.0
    value = np.polyval(taylor(spline, knots, weights)[place][::-1], distance)
    assert value == pytest.approx((splines.transform([[x]]) @ weights)[0], abs=1e-9)
