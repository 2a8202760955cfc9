import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from ml.fields.fields_file import Value
from ml.training.encode import (
    MISSING,
    NOT_COLLECTED,
    UNSEEN,
    Columns,
    Groups,
    columns_of,
    filled,
    frame_of,
    is_collected,
    one_hot,
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


@pytest.mark.parametrize(
    "column",
    [
        [0, 1, 1, 1, 2, 2, 2, 3],
        [1] * 5 + [2, 3, 4] * 2,
        [0] * 4 + [1] * 4,
        [2] * 6,
        [1, 2, 3],
        [],
    ],
    ids=str,
)
def test_categories_become_the_columns_of_scikit_learns_encoder(column):
    columns = Columns((), {"x": {"a": 1, "b": 2, "c": 3, "d": 4}, "y": {"z": 1}})
    frame = pd.DataFrame({"x": column, "y": 1.0}, dtype=np.float64)
    encoder = one_hot(frame, columns)
    unseen = pd.DataFrame({"x": [UNSEEN, MISSING, 1, 2, 3, 4], "y": [UNSEEN] * 6}, dtype=float)
    if not column:
        assert encoder.encoded(unseen).shape == (6, 0)
        return
    peer = OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist").fit(frame)
    assert (encoder.encoded(unseen) == peer.transform(unseen).toarray()).all()
    assert encoder.owner.tolist() == [0] * (encoder.n_columns - 1) + [1]


def test_levels_go_where_their_columns_are():
    columns = Columns((), {"x": {"a": 1, "b": 2, "c": 3}})
    frame = pd.DataFrame({"x": [0, 0, 0, 1, 1, 1, 2, 3]}, dtype=np.float64)
    groups = one_hot(frame, columns).groups(columns, first=10)
    assert groups["x"] == Groups({"a": 11}, other=12, missing=10)
