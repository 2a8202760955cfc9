import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from ml.training.encode import MISSING, UNSEEN, columns_of, frame_of
from ml.training.splines import QuantileSplines, knots_of, taylor
from tests.ml.leads import FIELDS, make_examples


def test_splines_keep_the_contract_of_an_estimator():
    results = check_estimator(QuantileSplines(), on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert sum(result["status"] == "passed" for result in results) > 30


def test_columns_do_not_depend_on_the_order_of_the_records():
    records = make_examples(80).records
    assert columns_of(records, FIELDS.model) == columns_of(records[::-1], FIELDS.model)


def test_frame_marks_missing_and_unseen_values():
    columns = columns_of([{"region": "North"}, {"trial": True}], FIELDS.model)
    frame = frame_of([{"region": "  NORTH "}, {"region": "South"}, {"trial": "yes"}], columns)
    assert frame["region"].tolist() == [1, UNSEEN, MISSING]
    assert frame["trial"].tolist() == [MISSING, MISSING, UNSEEN]
    assert frame["balance"].isna().all()
    assert set(frame.dtypes) == {np.dtype("float64")}


def test_frame_of_no_records_has_all_columns():
    columns = columns_of([], FIELDS.model)
    assert frame_of([], columns).shape == (0, len(FIELDS.model))


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
