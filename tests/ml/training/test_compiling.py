import numpy as np

from ml.fields.fields_file import loads
from ml.scorecard.scorecard import CategoryTerm, CurveTerm
from ml.training.encode import columns_of, frame_of
from ml.training.families import spline_logistic
from ml.training.families.compiling import Compiled, compile_pipeline, counted
from tests.ml.leads import FIELDS, make_examples

KIND = loads('[[field]]\nname = "x"\ntype = "category"\nlabel = "X"\n')


def compiled_from(records, converted, fields) -> Compiled:
    columns = columns_of(records, fields.model)
    pipeline = spline_logistic.fit(frame_of(records, columns), np.array(converted), columns)
    return counted(compile_pipeline(pipeline, columns), records, converted)


def test_rare_levels_share_one_effect_with_unseen_ones():
    column = ["a"] * 30 + ["b"] * 30 + ["c", "d"]
    records = [{"x": x} for x in column]
    converted = [i % 3 == 0 for i in range(len(column))]
    (term,) = compiled_from(records, converted, KIND).terms
    assert isinstance(term, CategoryTerm)
    assert set(term.levels) == {"a", "b"}
    assert term.effect("c") == term.effect("never seen") == term.other
    assert term.other_counts == (2, 1)


def test_bins_end_at_values_that_leads_have():
    examples = make_examples(300)
    compiled = compiled_from(examples.records, examples.converted, FIELDS)
    (term,) = (term for term in compiled.terms if term.field == "email_opens")
    assert isinstance(term, CurveTerm)
    bins = term.bins or ()
    uppers = [bin_.upper for bin_ in bins]
    assert set(uppers[:-1]) <= {record["email_opens"] for record in examples.records}
    assert uppers[-1] is None
    assert all(bin_.counts.n > 0 for bin_ in bins)
