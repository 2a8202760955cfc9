"""Categories and booleans as columns of 0 and 1: one a level, rare levels together.

Both families of models see categories this way, so that the same levels count as rare in both.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder

from ml.training.encode import MISSING, UNSEEN, Columns

MIN_OF_A_LEVEL = 3
MIN_SHARE_OF_A_LEVEL = 0.01  # rarer levels are learned together, as "other"


class Groups(NamedTuple):
    """Which output column stands for which values of one field.

    `levels` holds those with a column of their own; `other` is the column of all others,
    `missing` that of unknown values; None where there is none and all columns stay 0.
    """

    levels: dict[str, int]
    other: int | None
    missing: int | None


def one_hot(n_leads: int) -> OneHotEncoder:
    """Build the unfitted encoder.

    Parameters
    ----------
    n_leads : int
        Leads it will be fitted on: decides which levels are rare.

    Returns
    -------
    OneHotEncoder
        Takes the columns of `Columns.levels`. Unknown is a level of its own; levels never seen
        count as rare ones.
    """
    rare = max(MIN_OF_A_LEVEL, int(MIN_SHARE_OF_A_LEVEL * n_leads))
    return OneHotEncoder(
        min_frequency=rare, handle_unknown="infrequent_if_exist", sparse_output=False
    )


def groups_of(encoder: OneHotEncoder, columns: Columns, first: int = 0) -> dict[str, Groups]:
    """Read from a fitted encoder where each level went.

    Parameters
    ----------
    encoder : OneHotEncoder
        From `one_hot`, fitted.
    columns : Columns
        Columns it was fitted on.
    first : int, default=0
        Number given to its first output column.

    Returns
    -------
    dict of str to Groups
        By field, in the order of `columns.levels`.
    """
    ends = accumulate(_sizes(encoder), initial=0)
    groups = {}
    for name, (begin, end) in zip(columns.levels, pairwise(ends), strict=True):
        codes = [UNSEEN, MISSING, *columns.levels[name].values()]
        probe = pd.DataFrame(MISSING, index=range(len(codes)), columns=list(columns.levels))
        encoded = encoder.transform(probe.assign(**{name: codes}).astype(np.float64))
        own = encoded[:, begin:end]
        hot = [first + begin + int(row.argmax()) if row.any() else None for row in own]
        groups[name] = _groups(columns.levels[name], hot)
    return groups


def _sizes(encoder: OneHotEncoder) -> list[int]:
    """Count the output columns of each field."""
    rare = [() if codes is None else codes for codes in encoder.infrequent_categories_]
    pairs = zip(encoder.categories_, rare, strict=True)
    return [len(codes) - len(few) + bool(len(few)) for codes, few in pairs]


def _groups(levels: Iterable[str], hot: Sequence[int | None]) -> Groups:
    """Name the columns: those of an unseen and an unknown value come first."""
    other, missing, *own = hot
    pairs = zip(levels, own, strict=True)
    return Groups({k: c for k, c in pairs if c is not None and c != other}, other, missing)
