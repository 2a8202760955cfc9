import numpy as np

from ml.fields.fields_file import Value
from ml.training.encode import (
    MISSING,
    NOT_COLLECTED,
    UNSEEN,
    columns_of,
    filled,
    frame_of,
    is_collected,
)
from tests.ml.leads import FIELDS, make_examples


def test_columns_do_not_depend_on_the_order_of_the_records():
    records = make_examples(80).records
    assert columns_of(records, FIELDS.model) == columns_of(records[::-1], FIELDS.model)


def test_frame_marks_missing_and_unseen_values():
    columns = columns_of([{"region": "North"}, {"trial": True}], FIELDS.model)
    unknown = dict.fromkeys(columns.names)
    values = ({"region": "  NORTH "}, {"region": "South"}, {"trial": "yes"})
    frame = frame_of([unknown | each for each in values], columns)
    assert frame["region"].tolist() == [1, UNSEEN, MISSING]
    assert frame["trial"].tolist() == [MISSING, MISSING, UNSEEN]
    assert frame["balance"].isna().all()
    assert set(frame.dtypes) == {np.dtype("float64")}


def test_what_was_not_collected_is_filled_with_values_of_other_leads():
    records: list[dict[str, Value]] = [
        {"email_opens": 7, "trial": True},
        {"email_opens": None},
        {"trial": False},
    ]
    columns = columns_of(records, FIELDS.model)
    frame = frame_of(records * 20, columns)
    assert is_collected(frame).sum() == 80
    told = filled(frame, columns)
    assert is_collected(told).all()
    assert 23 <= told["email_opens"].isna().sum() <= 37
    assert 23 <= (told["trial"] == 2).sum() <= 37
    assert told["region"].eq(MISSING).all()
    assert frame["region"].eq(NOT_COLLECTED).all()


def test_frame_of_no_records_has_all_columns():
    columns = columns_of([], FIELDS.model)
    assert frame_of([], columns).shape == (0, len(FIELDS.model))
