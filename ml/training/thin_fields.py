"""Fields known for few leads: their effect is shrunk, and with too few they take no part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.training.encode import MISSING, NOT_COLLECTED, Bools, Columns
from ml.training.groups import Groups, count

# Groups of either outcome that have a field; with fewer, and less than a tenth of all, it is thin.
MIN_KNOWN = 5
MIN_SHARE = 0.1
# Groups at which half of an effect is kept, where nearly all others do not have the field.
SHRINKAGE = 5.0


class Known(NamedTuple):
    """Companies and people of each outcome for which a field is known."""

    n_converted: int
    n_lost: int


def weighed(
    frame: pd.DataFrame, converted: Bools, columns: Columns, groups: Groups
) -> tuple[pd.DataFrame, Columns, dict[str, Known]]:
    """Let thin fields take no part, and tell how far the effects of others are trusted.

    Gives the frame, the columns with `trust`, and the thin fields: those collected from fewer than
    5 groups of an outcome, or known for so few and for less than a tenth of all. A field that all
    have is trusted; of one known for k of n groups of an outcome k / (k + 5 (1 - k / n)) is kept,
    of the outcome with less.
    """
    total, thin, trust = count(converted, groups), {}, {}
    for name in columns.names:
        column = frame[name].to_numpy()
        is_told = column != NOT_COLLECTED
        is_known = is_told & ((column != MISSING) if name in columns.levels else ~np.isnan(column))
        told, known = (count(converted[each], groups[each]) for each in (is_told, is_known))
        pairs = (
            (known.n_groups_converted, total.n_groups_converted),
            (known.n_groups_lost, total.n_groups_lost),
        )
        is_rare = known.n_groups < MIN_SHARE * total.n_groups
        is_told_of_both = min(told.n_groups_converted, told.n_groups_lost) >= MIN_KNOWN
        is_partly_told = not (is_told.all() or is_told_of_both)
        if is_partly_told or (is_rare and min(k for k, _ in pairs) < MIN_KNOWN):
            thin[name] = Known(*(k for k, _ in pairs))
            frame = frame.assign(**{name: NOT_COLLECTED})
        elif not is_known.all():
            trust[name] = min(k / (k + SHRINKAGE * (1 - k / n)) for k, n in pairs if n)
    return frame, replace(columns, trust=trust), thin


def shares(thin: Mapping[str, Known]) -> dict[str, list[int]]:
    """Give the thin fields as plain JSON: companies and people converted and lost who have them."""
    return {name: [*known] for name, known in thin.items()}
