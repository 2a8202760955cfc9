"""Fields known for few leads: their effect is shrunk, and with too few they take no part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from ml.training.encode import MISSING, Bools, Columns, unknown
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
    """Make thin fields unknown of all leads, and tell how far the effects of others are trusted.

    Gives the frame, the columns with `trust`, and the thin fields. A field that all have is
    trusted; of one known for k of n groups of an outcome k / (k + 5 (1 - k / n)) is kept, of the
    outcome with less.
    """
    total, thin, trust = count(converted, groups), {}, {}
    for name in columns.names:
        is_known = (
            frame[name] != MISSING if name in columns.levels else frame[name].notna()
        ).to_numpy()
        known = count(converted[is_known], groups[is_known])
        pairs = (
            (known.n_groups_converted, total.n_groups_converted),
            (known.n_groups_lost, total.n_groups_lost),
        )
        is_rare = known.n_groups < MIN_SHARE * total.n_groups
        if is_rare and min(k for k, _ in pairs) < MIN_KNOWN:
            thin[name] = Known(*(k for k, _ in pairs))
            frame = unknown(frame, columns, name)
        elif not is_known.all():
            trust[name] = min(k / (k + SHRINKAGE * (1 - k / n)) for k, n in pairs if n)
    return frame, replace(columns, trust=trust), thin


def shares(thin: Mapping[str, Known]) -> dict[str, list[int]]:
    """Give the thin fields as plain JSON: companies and people converted and lost who have them."""
    return {name: [*known] for name, known in thin.items()}
