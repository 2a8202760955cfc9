"""Lead records as a numeric frame: what the training pipeline takes in.

Values are read exactly as a scorecard reads them (`ml.scorecard.terms`), so that the two cannot
disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.fields.types import Field, Value
from ml.scorecard.terms import level_key, signed_log1p

MISSING = 0  # code of an unknown value of a category
UNSEEN = -1  # code of a level that the records learned from do not hold

Record = Mapping[str, Value]


@dataclass(frozen=True)
class Columns:
    """The columns of a frame.

    Parameters
    ----------
    numbers : tuple of str
        Counts and numbers, as `signed_log1p`; NaN where unknown.
    levels : dict of str to dict of str to int
        Categories and booleans, as codes from 1 for each `level_key`; 0 where unknown.
    """

    numbers: tuple[str, ...]
    levels: dict[str, dict[str, int]]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in order: numbers first."""
        return (*self.numbers, *self.levels)


def columns_of(records: Sequence[Record], fields: Sequence[Field]) -> Columns:
    """Lay out the columns for some fields.

    Parameters
    ----------
    records : sequence of mapping, length n_leads
        The levels of each category are taken from here.
    fields : sequence of Field
        What the model may use.

    Returns
    -------
    Columns
        Codes follow the sorted levels, so they do not depend on the order of the records.
    """
    numbers = tuple(field.name for field in fields if field.type in ("count", "number"))
    levels = {}
    for field in fields:
        if field.name not in numbers:
            keys = {level_key(record.get(field.name)) for record in records}
            seen = sorted(key for key in keys if key is not None)
            levels[field.name] = {level: code for code, level in enumerate(seen, start=1)}
    return Columns(numbers, levels)


def frame_of(records: Sequence[Record], columns: Columns) -> pd.DataFrame:
    """Encode records.

    Parameters
    ----------
    records : sequence of mapping, length n_leads
        Stored values by field; a value of a wrong type is unknown.
    columns : Columns
        From `columns_of`.

    Returns
    -------
    DataFrame of shape (n_leads, n_columns), float64
        Columns as described there; -1 for a level without a code.

    Examples
    --------
    >>> frame_of([{"seats": 0}, {"plan": "Pro"}], Columns(("seats",), {"plan": {"pro": 1}}))
       seats  plan
    0    0.0   0.0
    1    NaN   1.0
    """
    data: dict[str, list[float]] = {name: _numbers(records, name) for name in columns.numbers}
    for name, codes in columns.levels.items():
        data[name] = _codes(records, name, codes)
    return pd.DataFrame(data, columns=list(columns.names), dtype=np.float64)


def _numbers(records: Sequence[Record], name: str) -> list[float]:
    compressed = (signed_log1p(record.get(name)) for record in records)
    return [np.nan if u is None else u for u in compressed]


def _codes(records: Sequence[Record], name: str, codes: dict[str, int]) -> list[float]:
    keys = (level_key(record.get(name)) for record in records)
    return [MISSING if key is None else codes.get(key, UNSEEN) for key in keys]
