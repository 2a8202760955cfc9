"""The members that a model is blended from, one of each family, and how much each counts.

A blend is a weighted mean of the members' log-odds. Weights are learned from scores out of fold and
drawn towards usual ones, the more so the fewer the leads.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy.special import logit

from ml.scorecard.scorecard import Part, Scorecard
from ml.scorecard.terms import Term
from ml.training import batch_scoring
from ml.training.calibration_slope import cheapest
from ml.training.encode import Bools, Columns, Floats, Record
from ml.training.families import table
from ml.training.families.family import Member
from ml.training.term_sums import added, centred, counted

# Nats of log loss, summed over all leads, that half a weight off the usual one has to save.
PRICE_OF_LEAVING = 5.0
MIN_WEIGHT = 0.05  # a member of less is left out
MAX_CENTRED_ON = 1_000
MAX_ROUNDS, NO_MOVE = 20, 1e-4  # of a choice between more than two members

Weights: TypeAlias = tuple[float, ...]  # one a family of the table, summing to 1


@dataclass(frozen=True)
class Members:
    """One member of each family, all fitted on the same leads."""

    columns: Columns
    fitted: tuple[Member, ...]

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score the leads of a frame by each member, shape (n_leads, n_families)."""
        return np.column_stack([member.log_odds(frame) for member in self.fitted])

    def scorecard(
        self,
        weights: Weights,
        records: Sequence[Record],
        converted: Sequence[bool],
        *,
        grades: tuple[float, float, float],
        slope: float = 1.0,
    ) -> Scorecard:
        """Turn a blend into data, equal for any lead, up to rounding, to `blended` and `stretched`.

        `records` are the leads fitted on: effects are centred on the mean of 1,000 and counted on
        all.
        """
        base_rate = sum(converted) / len(converted)
        # The first lays out the terms, even where it counts nothing.
        first, *others = (
            member.served(slope * weight)
            for place, (member, weight) in enumerate(zip(self.fitted, weights, strict=True))
            if weight or not place
        )
        terms = reduce(added, (each.terms for each in others), first.terms)
        parts = tuple(part for each in (first, *others) for part in each.parts)
        means = _mean_effects(terms, parts, records[:: -(-len(records) // MAX_CENTRED_ON)])
        centre = math.fsum((first.intercept, *means.values()))
        level = (1 - slope) * logit(base_rate)
        return Scorecard(
            family=name_of(weights),
            intercept=math.fsum((centre, *(each.intercept for each in others), level)),
            base_rate=base_rate,
            n_leads=len(converted),
            grades=grades,
            terms=counted(centred(terms, means), records, converted),
            parts=parts,
        )


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int,
    *,
    sample_weight: Floats | None = None,
) -> Members:
    """Fit a member of each family to a frame from `frame_of`, the same for the same input and seed.

    Outcomes are some of each kind. Each lead counts `sample_weight`, in (0, 1], or else 1.
    """
    fitted = (
        family.fit(frame, converted, columns, seed, sample_weight=sample_weight)
        for family in table.FAMILIES
    )
    return Members(columns, tuple(fitted))


def blended(log_odds: Floats, weights: Weights) -> Floats:
    """Average the members' log-odds, shape (n_leads, n_families), by their weights.

    >>> blended(np.array([[0.0, 1.0]]), (0.75, 0.25)).tolist()
    [0.25]
    """
    mean: Floats = log_odds @ np.array(weights)
    return mean


def usual_weights(n_fields: int, n_leads: int) -> Weights:
    """Give the weights before any score is known: from the last on, a share of the rest each.

    >>> [round(weight, 2) for weight in usual_weights(11, 200)]
    [0.23, 0.5, 0.27]
    """
    rest, weights = 1.0, list[float]()
    for family in reversed(table.FAMILIES[1:]):
        weights.append(rest * family.usual_weight(n_fields, n_leads))
        rest -= weights[-1]
    return (rest, *reversed(weights))


def choose_weights(
    log_odds: Floats, converted: Bools, usual: Weights, sample_weight: Floats | None = None
) -> Weights:
    """Choose the weights from log-odds out of fold, shape (n_leads, n_families).

    Minimises total log loss plus 5 nats for leaving the usual weights by 0.5, by the square of the
    way; two members exchange weight at a time until none moves. Less than 0.05 becomes 0.

    >>> right_and_unsure, outcomes = np.array([[2.0, 0.0], [-2.0, 0.0]]), np.array([True, False])
    >>> round(choose_weights(right_and_unsure, outcomes, usual=(0.5, 0.5))[1], 2)
    0.47
    >>> choose_weights(np.tile(right_and_unsure, (99, 1)), np.tile(outcomes, 99), (0.5, 0.5))
    (1.0, 0.0)
    """

    def exchanged(giver: int, taker: int, weights: Weights) -> Weights:
        both = weights[giver] + weights[taker]

        def shared(weight: float) -> Weights:
            moved = {giver: both - weight, taker: weight}
            return tuple(moved.get(place, kept) for place, kept in enumerate(weights))

        def price(weight: float) -> float:
            pairs = zip(shared(weight)[1:], usual[1:], strict=True)
            return sum(PRICE_OF_LEAVING * ((new - old) / 0.5) ** 2 for new, old in pairs)

        return shared(
            cheapest(
                lambda weight: blended(log_odds, shared(weight)),
                price,
                converted,
                bounds=(0, both),
                sample_weight=sample_weight,
            )
        )

    weights = usual
    for _ in range(MAX_ROUNDS):
        before = weights
        for giver, taker in combinations(range(len(usual)), 2):
            weights = exchanged(giver, taker, weights)
        if max(abs(new - old) for new, old in zip(weights, before, strict=True)) <= NO_MOVE:
            break
    kept = [0.0 if weight < MIN_WEIGHT else weight for weight in weights]
    return tuple(weight / sum(kept) for weight in kept)


def name_of(weights: Weights) -> str:
    """Name the only family that counts, or the blend of those that do.

    >>> name_of((0.0, 1.0, 0.0)), name_of((0.7, 0.3, 0.0))
    ('random forest', 'blend of spline logistic and random forest')
    """
    pairs = zip(table.FAMILIES, weights, strict=True)
    *most, last = (family.name for family, weight in pairs if weight)
    return f"blend of {', '.join(most)} and {last}" if most else last


def _mean_effects(
    terms: Sequence[Term], parts: Sequence[Part], records: Sequence[Record]
) -> dict[str, float]:
    """Average each field's effect, of its term and of all parts together, over some leads.

    They are those of whom it was collected; an effect without any is 0.
    """
    effects: dict[str, list[float]] = {
        term.field: [term.effect(r[term.field]) for r in records if term.field in r]
        for term in terms
    }
    for part in parts:
        moves = batch_scoring.effects_of(part, records)
        for name, column in zip(part.fields, moves.T.tolist(), strict=True):
            more = (each for record, each in zip(records, column, strict=True) if name in record)
            effects[name] = [sum(pair) for pair in zip(effects[name], more, strict=True)]
    return {name: float(np.mean(each)) if each else 0.0 for name, each in effects.items()}
