import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import SplineTransformer, StandardScaler

from ml.fields.fields_file import loads
from ml.scorecard.terms import CategoryTerm, CurveTerm
from ml.training.encode import Columns, columns_of, frame_of
from ml.training.families import spline_logistic
from ml.training.families.spline_logistic import (
    DEGREE,
    basis,
    build,
    knots_of,
    spline_of,
    taylor,
)
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


def test_a_basis_is_that_of_scikit_learn():
    column = np.random.default_rng(0).exponential(5, size=50)
    spline = spline_of(column)
    points = np.linspace(-3, 40, 200)[:, np.newaxis]
    peer = SplineTransformer(
        knots=knots_of(spline)[:, np.newaxis],
        degree=DEGREE,
        extrapolation="constant",
        include_bias=False,
    ).fit(column[:, np.newaxis])
    assert np.abs(basis(spline, points[:, 0]) - peer.transform(points)).max() < 1e-12


def test_numbers_are_scaled_as_by_scikit_learn_and_hardly_varying_ones_not_at_all():
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"x": draw.exponential(5, 40), "y": 7.0, "z": np.nan})
    frame.loc[:4, "x"] = np.nan
    encoder = build(frame, Columns(("x", "y", "z"), {}))
    known = frame.fillna({"x": frame["x"].median(), "z": 0.0}).to_numpy()
    marks = frame.isna().to_numpy()[:, [0, 2]]
    line = np.hstack([known, marks])
    assert encoder.encoded(frame)[:, :5] == pytest.approx(StandardScaler().fit_transform(line))
    assert encoder.spreads[[1, 2, 4]].tolist() == [1, 1, 1]


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
    assert knots_of(spline_of(np.array(column, dtype=float))).tolist() == knots


def test_constant_column_has_no_basis():
    frame = pd.DataFrame({"x": np.full(9, 7.0), "y": np.arange(9.0)})
    encoder = build(frame, Columns(("x", "y"), {}))
    assert encoder.sizes == [0, 4]
    assert encoder.owner.tolist() == [0, 1, 1, 1, 1, 1]


@given(x=st.floats(-5, 25), seed=st.integers(0, 20))
def test_development_around_knots_equals_the_basis(x, seed):
    draw = np.random.default_rng(seed)
    spline = spline_of(draw.exponential(5, size=50))
    knots = knots_of(spline)
    weights = draw.normal(size=len(knots) + DEGREE - 2)
    place = int(np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 1))
    inside = float(np.clip(x, knots[0], knots[-1]))
    distance = inside - knots[place] if place < len(knots) - 1 else 0.0
    value = np.polyval(taylor(spline, knots, weights)[place][::-1], distance)
    assert value == pytest.approx((basis(spline, np.array([x])) @ weights)[0], abs=1e-9)
