import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import spline_logistic
from ml.compiling import compile_pipeline
from ml.encoding import columns_of, frame_of
from ml.fields import loads
from ml.scorecard import CategoryTerm, CurveTerm, Scorecard
from tests.ml.leads import FIELDS, make_examples

X = loads('[[field]]\nname = "x"\ntype = "number"\nlabel = "X"\n')
KIND = loads('[[field]]\nname = "x"\ntype = "category"\nlabel = "X"\n')


def largest_error(records, converted, fields, unseen=()):
    """Distance of pipeline and scorecard in probability, on the leads and on unseen ones."""
    columns = columns_of(records, fields.model)
    outcomes = np.array(converted)
    pipeline = spline_logistic.fit(frame_of(records, columns), outcomes, columns)
    compiled = compile_pipeline(pipeline, columns, records, converted)
    card = Scorecard("test", compiled.intercept, 0.5, 1, (0.6, 0.4, 0.2), compiled.terms)
    card = Scorecard.from_json(card.to_json())
    leads = [*records, *unseen]
    fitted = pipeline.predict_proba(frame_of(leads, columns))[:, 1]
    served = np.array([card.score(lead).probability for lead in leads])
    return float(np.abs(fitted - served).max())


@pytest.mark.parametrize("n_leads", [30, 300, 1500])
def test_scorecard_equals_the_pipeline_on_leads_of_every_shape(n_leads):
    known = make_examples(n_leads)
    unseen = make_examples(500, seed=9).records
    strange = [record | {"region": None, "trial": None, "email_opens": 10**6} for record in unseen]
    error = largest_error(known.records, known.converted, FIELDS, [*unseen, *strange, {}])
    assert error <= 1e-9


@pytest.mark.parametrize(
    "column",
    [
        [0] * 55 + [1, 2, 3, 4, 900],
        [0, 1] * 30,
        [5] * 60,
        [None] * 60,
        [None] * 59 + [3],
        [None, 7] * 30,
        [-1e15, 1e15] * 30,
        [0.0, 1e-12, 2e-12] * 20,
        [*range(-30, 30)],
        [1e9 + i / 1000 for i in range(60)],
        ["seven"] * 30 + [True] * 30,
    ],
    ids=lambda column: str(column)[:40],
)
def test_numbers_of_any_shape_compile_exactly(column):
    draw = random.Random(4)
    converted = [draw.random() < 0.4 for _ in column]
    unseen = [{"x": x} for x in (None, 0, -7, 3.5, 1e14, -1e15, 1e-12, 5, 6.999, 10**15)]
    assert largest_error([{"x": x} for x in column], converted, X, unseen) <= 1e-9


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b", "c"] * 20,
        ["same"] * 60,
        [None] * 60,
        [None] * 2 + ["a"] * 58,
        [f"level {i}" for i in range(60)],
        ["a"] * 50 + [f"rare {i}" for i in range(10)],
        ["Straße", "STRASSE", "x  y", " X Y "] * 15,
        [7, True, "7"] * 20,
    ],
    ids=lambda column: str(column)[:40],
)
def test_categories_of_any_shape_compile_exactly(column):
    draw = random.Random(5)
    converted = [draw.random() < 0.4 for _ in column]
    unseen = [{"x": x} for x in (None, "a", "never seen", "rare 3", "strasse", 7, False)]
    assert largest_error([{"x": x} for x in column], converted, KIND, unseen) <= 1e-9


value = st.none() | st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15) | st.integers(0, 5)


@settings(max_examples=25, deadline=None)
@given(column=st.lists(value, min_size=12, max_size=60), seed=st.integers(0, 9))
def test_any_column_of_numbers_compiles_exactly(column, seed):
    draw = random.Random(seed)
    converted = [draw.random() < 0.5 for _ in column]
    converted[:2] = [True, False]
    assert largest_error([{"x": x} for x in column], converted, X, [{"x": 0.5}, {}]) <= 1e-9


def test_rare_levels_share_one_effect_with_unseen_ones():
    column = ["a"] * 30 + ["b"] * 30 + ["c", "d"]
    records = [{"x": x} for x in column]
    converted = [i % 3 == 0 for i in range(len(column))]
    columns = columns_of(records, KIND.model)
    pipeline = spline_logistic.fit(frame_of(records, columns), np.array(converted), columns)
    (term,) = compile_pipeline(pipeline, columns, records, converted).terms
    assert isinstance(term, CategoryTerm)
    assert set(term.levels) == {"a", "b"}
    assert term.effect("c") == term.effect("never seen") == term.other
    assert term.other_counts == (2, 1)


def test_bins_end_at_values_that_leads_have():
    examples = make_examples(300)
    columns = columns_of(examples.records, FIELDS.model)
    outcomes = np.array(examples.converted)
    pipeline = spline_logistic.fit(frame_of(examples.records, columns), outcomes, columns)
    compiled = compile_pipeline(pipeline, columns, examples.records, examples.converted)
    (term,) = (term for term in compiled.terms if term.field == "email_opens")
    assert isinstance(term, CurveTerm)
    bins = term.bins or ()
    uppers = [bin_.upper for bin_ in bins]
    assert set(uppers[:-1]) <= {record["email_opens"] for record in examples.records}
    assert uppers[-1] is None
    assert all(bin_.counts.n > 0 for bin_ in bins)


def test_rows_are_scored_alike_alone_and_together():
    examples = make_examples(100)
    columns = columns_of(examples.records, FIELDS.model)
    outcomes = np.array(examples.converted)
    frame = frame_of(examples.records, columns)
    pipeline = spline_logistic.fit(frame, outcomes, columns)
    alone = [pipeline.predict_proba(frame.iloc[[i]])[0, 1] for i in range(len(frame))]
    assert np.abs(alone - pipeline.predict_proba(frame)[:, 1]).max() <= 1e-12
