import numpy as np

from ml.training.encode import MISSING, UNSEEN, columns_of, frame_of
from tests.ml.leads import FIELDS, make_examples


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
