"""Lead records as a numeric frame, and its categories as columns of 0 and 1.

Values are read exactly as a scorecard reads them, so that the two cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder

from ml.fields.types import Field, Value, level_key, signed_log1p

# In place of a value that nobody asked for: it takes no part in the effect of its field.
NOT_COLLECTED = -np.inf
MISSING = 0  # code of an unknown value of a category
UNSEEN = -1  # code of a level that the records learned from do not hold
MIN_OF_A_LEVEL = 3
MIN_SHARE_OF_A_LEVEL = 0.01  # rarer levels are learned together, as "other"

Record = Mapping[str, Value]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """The columns of a frame: `numbers` as `signed_log1p`, NaN where unknown; codes of `levels`.

    Categories and booleans have codes from 1 for each `level_key`, 0 where unknown. A value not
    collected is -inf in any column. `trust` has the share of an effect that is kept, of fields
    known for few leads; all others are trusted.
    """

    numbers: tuple[str, ...]
    levels: dict[str, dict[str, int]]
    trust: Mapping[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in order: numbers first."""
        return (*self.numbers, *self.levels)


class Groups(NamedTuple):
    """Which one-hot column stands for which values of one field.

    `other` is the column of levels without one, `missing` that of unknown values; where None, all
    columns stay 0.
    """

    levels: dict[str, int]
    other: int | None
    missing: int | None


def columns_of(records: Sequence[Record], fields: Sequence[Field]) -> Columns:
    """Lay out the columns for some fields; codes follow the sorted levels that the records hold."""
    numbers = tuple(each.name for each in fields if each.kind.is_numeric)
    levels = {}
    for each in fields:
        if each.name not in numbers:
            keys = {level_key(record.get(each.name)) for record in records}
            seen = sorted(key for key in keys if key is not None)
            levels[each.name] = {level: code for code, level in enumerate(seen, start=1)}
    return Columns(numbers, levels)


def frame_of(records: Sequence[Record], columns: Columns) -> pd.DataFrame:
    """Encode records as floats, shape (n_leads, n_columns), one column each of `Columns.names`.

    A field without a key in a record was not collected, None and a value of a wrong type are
    unknown; a level without a code is -1.

    >>> records = [{"seats": 0, "plan": None}, {"seats": None, "plan": "Pro"}, {"plan": "Pro"}]
    >>> frame_of(records, Columns(("seats",), {"plan": {"pro": 1}}))
       seats  plan
    0    0.0   0.0
    1    NaN   1.0
    2   -inf   1.0
    """
    data: dict[str, list[float]] = {}
    for name in columns.numbers:
        compressed = (signed_log1p(record.get(name)) for record in records)
        data[name] = [np.nan if u is None else u for u in compressed]
    for name, codes in columns.levels.items():
        keys = (level_key(record.get(name)) for record in records)
        data[name] = [MISSING if key is None else codes.get(key, UNSEEN) for key in keys]
    frame = pd.DataFrame(data, columns=list(columns.names), dtype=np.float64)
    is_told = [[name in record for name in columns.names] for record in records]
    return frame.where(np.array(is_told, dtype=bool).reshape(frame.shape), NOT_COLLECTED)


def is_collected(frame: pd.DataFrame) -> Bools:
    """Tell which values of a frame were collected, shape (n_leads, n_columns)."""
    collected: Bools = frame.to_numpy() != NOT_COLLECTED
    return collected


def filled(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Give leads a value of another one, drawn at random, where theirs was not collected.

    So the column is spread as among the leads that have it, and says nothing of the others. One
    collected from nobody is unknown. The same frame gives the same.
    """
    draw, told = np.random.default_rng(0), is_collected(frame)
    filled = frame.copy()
    for name, mine in zip(columns.names, told.T, strict=True):
        if not mine.all():
            unknown = float(MISSING) if name in columns.levels else np.nan
            values = draw.permutation(frame[name].to_numpy()[mine]) if mine.any() else [unknown]
            filled.loc[~mine, name] = np.resize(values, (~mine).sum())
    return filled


def one_hot(n_leads: int) -> OneHotEncoder:
    """Build the unfitted encoder of `Columns.levels`; `n_leads` decides which levels are rare."""
    rare = max(MIN_OF_A_LEVEL, int(MIN_SHARE_OF_A_LEVEL * n_leads))
    return OneHotEncoder(
        min_frequency=rare, handle_unknown="infrequent_if_exist", sparse_output=False
    )


def widths(encoder: OneHotEncoder) -> list[int]:
    """Count the columns that a fitted encoder has for each field."""
    rare = [() if codes is None else codes for codes in encoder.infrequent_categories_]
    pairs = zip(encoder.categories_, rare, strict=True)
    return [len(all_) - len(few) + bool(len(few)) for all_, few in pairs]


def groups_of(encoder: OneHotEncoder, columns: Columns, first: int = 0) -> dict[str, Groups]:
    """Read from a fitted encoder where each level went, by field; `first` numbers its columns."""
    ends, groups = accumulate(widths(encoder), initial=0), {}
    for name, (begin, end) in zip(columns.levels, pairwise(ends), strict=True):
        codes = [UNSEEN, MISSING, *columns.levels[name].values()]
        probe = pd.DataFrame(MISSING, index=range(len(codes)), columns=list(columns.levels))
        encoded = encoder.transform(probe.assign(**{name: codes}).astype(np.float64))
        own = encoded[:, begin:end]
        other, missing, *hot = (
            first + begin + int(row.argmax()) if row.any() else None for row in own
        )
        placed = zip(columns.levels[name], hot, strict=True)
        levels = {level: c for level, c in placed if c is not None and c != other}
        groups[name] = Groups(levels, other, missing)
    return groups
