"""Many leads scored at once, for training and measuring."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from ml.scorecard.scorecard import Part, Scorecard
from ml.training.encode import Floats, Record
from ml.training.families import table


def probabilities(scorecard: Scorecard, records: Sequence[Record]) -> Floats:
    """Score leads without reasons, as `Scorecard.score` would, up to rounding; shape (n_leads,)."""
    scores: Floats = expit(scorecard.intercept + effects(scorecard, records).sum(axis=1))
    return scores


def effects(scorecard: Scorecard, records: Sequence[Record]) -> Floats:
    """Give the effects of `Scorecard.score`, up to rounding; shape (n_leads, n_terms)."""
    found = np.empty((len(records), len(scorecard.terms)))
    for place, term in enumerate(scorecard.terms):
        name, without = term.field, term.not_collected
        found[:, place] = [term.effect(r[name]) if name in r else without for r in records]
    place_of = {term.field: place for place, term in enumerate(scorecard.terms)}
    for part in scorecard.parts:
        found[:, [place_of[name] for name in part.fields]] += effects_of(part, records)
    return found


def effects_of(part: Part, records: Sequence[Record]) -> Floats:
    """Give the effects of a part, shape (n_leads, n_fields), in the order of its fields."""
    for family in table.FAMILIES:
        if type(part) in family.batch_effects and records:
            return family.batch_effects[type(part)](part, records)
    rows = [[moves[name] for name in part.fields] for moves in map(part.effects, records)]
    return np.array(rows).reshape(len(records), len(part.fields))
