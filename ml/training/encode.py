"""Lead records as a numeric frame, and its categories as columns of 0 and 1.

Values are read exactly as a scorecard reads them, so that the two cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    if told.all():
        return frame
    values = frame.to_numpy(copy=True)
    for name, column, mine in zip(columns.names, values.T, told.T, strict=True):
        if not mine.all():
            unknown = float(MISSING) if name in columns.levels else np.nan
            known = draw.permutation(column[mine]) if mine.any() else [unknown]
            column[~mine] = np.resize(known, (~mine).sum())
    return pd.DataFrame(values, frame.index, frame.columns)


@dataclass(frozen=True)
class OneHot:
    """Categories as columns of 0 and 1: which of them stands for which code, by field.

    `place_of` has by field the column of each code from -1 on, -1 where all columns stay 0. Rare
    levels share one, the last of the field, which is also that of levels never seen.
    """

    place_of: dict[str, Ints]
    n_columns: int
    owner: Ints  # by column: the place of its field among the categories

    def encoded(self, frame: pd.DataFrame) -> Floats:
        """Encode the categories of a frame, shape (n_leads, n_columns)."""
        encoded, leads = np.zeros((len(frame), self.n_columns)), np.arange(len(frame))
        for name, place_of in self.place_of.items():
            place = place_of[frame[name].to_numpy().astype(np.int64) - UNSEEN]
            encoded[leads[place >= 0], place[place >= 0]] = 1.0
        return encoded

    def groups(self, columns: Columns, first: int = 0) -> dict[str, Groups]:
        """Tell where each level goes, by field; `first` numbers the columns."""
        found = {}
        for name, codes in columns.levels.items():
            other, missing, *own = (
                None if place < 0 else first + place for place in self.place_of[name].tolist()
            )
            placed = zip(codes, own, strict=True)
            levels = {level: at for level, at in placed if at is not None and at != other}
            found[name] = Groups(levels, other, missing)
        return found


def one_hot(frame: pd.DataFrame, columns: Columns) -> OneHot:
    """Lay out a column for each level, or unknown value, that is not rare among the leads."""
    rare = max(MIN_OF_A_LEVEL, int(MIN_SHARE_OF_A_LEVEL * len(frame)))
    place_of: dict[str, Ints] = {}
    widths: list[int] = []
    for name, codes in columns.levels.items():
        n_of = np.bincount(frame[name].to_numpy().astype(np.int64), minlength=len(codes) + 1)
        is_own, first = n_of >= rare, sum(widths)
        has_other = bool((~is_own & (n_of > 0)).any())
        other = first + int(is_own.sum()) if has_other else -1
        own = np.where(is_own, first + np.cumsum(is_own) - 1, other)
        place_of[name] = np.array([other, *own])
        widths.append(int(is_own.sum()) + has_other)
    return OneHot(place_of, sum(widths), np.repeat(np.arange(len(widths)), widths))
