"""A third model family in one file: a single question about a single number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit

from ml.scorecard.terms import CurveTerm
from ml.training.encode import NOT_COLLECTED, Bools, Columns, Floats, filled
from ml.training.families.family import Family, Served
from ml.training.term_sums import scaled


@dataclass(frozen=True)
class Stump:
    """Log-odds of leads below a threshold, of those from there on, and of unknown ones."""

    field: str
    threshold: float
    below: float
    above: float
    missing: float

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        values = frame[self.field].to_numpy()
        known = np.where(values < self.threshold, self.below, self.above)
        known[values == NOT_COLLECTED] = 0.0
        return np.where(np.isnan(values), self.missing, known)

    def served(self, weight: float) -> Served:
        pieces = ((self.below,), (self.above,))
        term = CurveTerm(self.field, (self.threshold,), pieces, self.missing)
        return Served(0.0, scaled([term], weight))


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int,
    *,
    sample_weight: Floats | None = None,
) -> Stump:
    counts = np.ones(len(frame)) if sample_weight is None else sample_weight
    told = filled(frame, columns)
    stumps = [_asking(told[name], converted, counts) for name in columns.numbers]
    return max(stumps, key=lambda stump: abs(stump.above - stump.below))


def _asking(column: pd.Series, converted: Bools, counts: Floats) -> Stump:
    values = column.to_numpy()
    is_missing = np.isnan(values)
    threshold = 0.0 if is_missing.all() else float(np.median(values[~is_missing]))
    groups: Sequence[Bools] = (values < threshold, values >= threshold, is_missing)
    shares = [(counts[g & converted].sum() + 1) / (counts[g].sum() + 2) for g in groups]
    return Stump(str(column.name), threshold, *(float(logit(share)) for share in shares))


FAMILY = Family("stump", fit, usual_weight=lambda n_fields, n_leads: 0.3)
