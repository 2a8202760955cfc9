"""Many leads scored at once, for training and measuring."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from ml.monitoring.drift import histogram
from ml.scorecard.scorecard import Part, Scorecard
from ml.training.encode import Floats, Record
from ml.training.families import table

MAX_SCORED = 2_000  # leads, of which served scores are kept


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


def effect_lists(scorecard: Scorecard, records: Sequence[Record]) -> list[list[float]]:
    """Give the effects as lists, for those who do without arrays."""
    found: list[list[float]] = effects(scorecard, records).tolist()
    return found


def effects_of(part: Part, records: Sequence[Record]) -> Floats:
    """Give the effects of a part, shape (n_leads, n_fields), in the order of its fields."""
    for family in table.FAMILIES:
        if type(part) in family.batch_effects and records:
            return family.batch_effects[type(part)](part, records)
    rows = [[moves[name] for name in part.fields] for moves in map(part.effects, records)]
    return np.array(rows).reshape(len(records), len(part.fields))


def served_scores(scorecard: Scorecard, records: Sequence[Record]) -> list[int]:
    """Count by `histogram` what a scorecard gives the leads it was learned from, or 2,000 of them.

    Unlike scores out of fold these come from the very model that scores new leads.
    """
    some = records[:: -(-len(records) // MAX_SCORED)]
    return histogram(probabilities(scorecard, some).tolist())
