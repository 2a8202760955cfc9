import numpy as np
import pytest

from bench.methods import Sample, available
from ml.fields.fields_file import loads
from ml.training.evaluate import delong
from tests.ml.leads import FIELDS, make_examples

pytestmark = pytest.mark.usefixtures("small_forests")

KNOWN = make_examples(300)
UNSEEN = make_examples(300, seed=5)
SAMPLE = Sample(KNOWN.records, np.array(KNOWN.converted), FIELDS, seed=0)


@pytest.mark.parametrize("method", available().values(), ids=available())
def test_method_ranks_leads_it_has_not_seen(method):
    scores = method(SAMPLE)([*UNSEEN.records, {}])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert delong(UNSEEN.converted, scores[:-1])[0][0] > 0.6


@pytest.mark.parametrize("method", available().values(), ids=available())
def test_method_learns_from_the_fields_for_models_alone(method):
    predict = method(SAMPLE)
    lead = UNSEEN.records[0]
    assert predict([lead | {"noted": "lost"}]) == predict([lead | {"noted": "converted"}])


@pytest.mark.parametrize("method", available().values(), ids=available())
@pytest.mark.parametrize("kind", ["category", "count"])
def test_method_needs_no_field_of_the_other_kind(method, kind):
    fields = loads(f'[[field]]\nname = "x"\ntype = "{kind}"\nlabel = "X"')
    values = ("a", "b") if kind == "category" else (1, 9)
    records = [{"x": values[place % 2]} for place in range(60)]
    predict = method(Sample(records, np.arange(60) % 2 == 0, fields, seed=0))
    low, high = predict([{"x": values[1]}, {"x": values[0]}])
    assert low < high


def test_methods_are_chosen_by_name():
    assert list(available(["odoo_naive_bayes", "original"])) == ["odoo_naive_bayes", "original"]
