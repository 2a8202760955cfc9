"""Many leads scored at once, for training and measuring."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from ml.scorecard.parts import Part
from ml.scorecard.scorecard import Scorecard
from ml.training.encode import Floats, Record
from ml.training.families import table


def probabilities(scorecard: Scorecard, records: Sequence[Record]) -> Floats:
    """Score leads without reasons, as `Scorecard.score` would, up to rounding; shape (n_leads,)."""
    if not records:
        return np.empty(0)
    log_odds = np.full(len(records), scorecard.intercept)
    for term in scorecard.terms:
        name, without = term.field, term.not_collected
        log_odds += [term.effect(r[name]) if name in r else without for r in records]
    for part in scorecard.parts:
        log_odds += _effects(part, records)
    scores: Floats = expit(log_odds)
    return scores


def _effects(part: Part, records: Sequence[Record]) -> Floats:
    for family in table.FAMILIES:
        if type(part) in family.batch_effects:
            return family.batch_effects[type(part)](part, records)
    return np.array([math.fsum(part.effects(record).values()) for record in records])
