"""The model families and how one is chosen: a spline logistic, a random forest, their blend.

Both members are always fitted; a blend is a weighted mean of their log-odds, and the pure families
are its two ends. The weight is learned from scores out of fold and drawn towards a usual one, the
more so the fewer the leads: to choose between families on few leads costs more than the usual blend
does. What the members are stands in `ml.training.families.spline_logistic` and
`ml.training.families.random_forest`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.pipeline import Pipeline

from ml.scorecard.forest import Forest
from ml.scorecard.scorecard import Scorecard
from ml.training.choose import cheapest
from ml.training.encode import Columns, Record
from ml.training.families import random_forest, spline_logistic
from ml.training.families.compiling import Compiled, centred, compile_pipeline, counted, scaled
from ml.training.families.random_forest import FittedForest

BLEND = "blend of spline logistic and random forest"
MAX_USUAL_WEIGHT = 0.7  # weight of the forest, where there are many fields and many leads
FEW_LEADS = 25  # on so few the forest alone would count
# Nats of log loss, summed over all leads, that half a weight off the usual one has to save.
PRICE_OF_LEAVING = 5.0
MIN_WEIGHT = 0.05  # a member of less is left out
MAX_CENTRED_ON = 1_000

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Members:
    """Both members, fitted on the same leads."""

    columns: Columns
    logistic: Pipeline
    forest: FittedForest

    def log_odds(self, frame: pd.DataFrame) -> Floats:
        """Score leads by each member.

        Parameters
        ----------
        frame : DataFrame of shape (n_leads, n_columns)
            From `frame_of`.

        Returns
        -------
        ndarray of float64, shape (n_leads, 2)
            Of the spline logistic, and of the forest.
        """
        by_logistic = self.logistic.decision_function(frame)
        return np.column_stack([by_logistic, self.forest.log_odds(frame)])

    def scorecard(
        self,
        weight: float,
        records: Sequence[Record],
        converted: Sequence[bool],
        *,
        grades: tuple[float, float, float],
        slope: float = 1.0,
    ) -> Scorecard:
        """Turn a blend of them into data.

        Parameters
        ----------
        weight : float
            Of the forest, in [0, 1].
        records : sequence of mapping, length n_leads
            The leads they were fitted on: effects are centred on their mean (on that of 1,000
            of them where there are more) and counted on all.
        converted : sequence of bool, length n_leads
            Their outcomes.
        grades : tuple of float
            Lowest probability of grade A, B and C.
        slope : float, default=1.0
            By which the blend is `stretched` about the share of them that converted.

        Returns
        -------
        Scorecard
            Gives the `blended` and stretched log-odds for any lead, up to rounding.
        """
        base_rate = sum(converted) / len(converted)
        compiled = scaled(compile_pipeline(self.logistic, self.columns), slope * (1 - weight))
        forest = self.forest.served(slope * weight) if weight else None
        some = records[:: -(-len(records) // MAX_CENTRED_ON)]
        compiled = centred(compiled, _mean_effects(compiled, forest, some))
        compiled = counted(compiled, records, converted)
        return Scorecard(
            family=name_of(weight),
            intercept=math.fsum(
                (
                    compiled.intercept,
                    forest.intercept if forest else 0.0,
                    (1 - slope) * logit(base_rate),
                )
            ),
            base_rate=base_rate,
            n_leads=len(converted),
            grades=grades,
            terms=compiled.terms,
            forest=forest,
        )


def fit(
    frame: pd.DataFrame,
    converted: Bools,
    columns: Columns,
    seed: int,
    *,
    sample_weight: Floats | None = None,
) -> Members:
    """Fit both members.

    Parameters
    ----------
    frame : DataFrame of shape (n_leads, n_columns)
        From `frame_of`.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes, some of each kind.
    columns : Columns
        Columns of the frame.
    seed : int
        Of the forest's draws; nothing else is random.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]; all count 1 where it is left out.

    Returns
    -------
    Members
        The same for the same input and seed.
    """
    return Members(
        columns=columns,
        logistic=spline_logistic.fit(frame, converted, columns, sample_weight),
        forest=random_forest.fit(frame, converted, columns, seed, sample_weight=sample_weight),
    )


def blended(log_odds: Floats, weight: float) -> Floats:
    """Blend the members' scores.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_leads, 2)
        From `Members.log_odds`.
    weight : float
        Of the forest, in [0, 1].

    Returns
    -------
    ndarray of float64, shape (n_leads,)
        The weighted mean.

    Examples
    --------
    >>> blended(np.array([[0.0, 1.0]]), 0.25).tolist()
    [0.25]
    """
    mean: Floats = log_odds @ np.array([1 - weight, weight])
    return mean


def usual_weight(n_fields: int, n_leads: int) -> float:
    """Give the weight of the forest before any score is known.

    A forest pays by what fields mean only together, so of many leads it counts the more, the more
    fields there are, and of a single one not at all. Where leads are few it counts more, however
    many fields there are: as a mean of many trees it varies less than a logistic.

    Parameters
    ----------
    n_fields : int
        Fields learned from, at least one.
    n_leads : int
        Leads learned from, at least one, whatever each of them counts.

    Returns
    -------
    float
        In [0, 1]: 0.7 (1 - 1 / n_fields), and 25 / n_leads of what is missing to 1.

    Examples
    --------
    >>> [round(usual_weight(n, 10_000), 2) for n in (1, 2, 3, 5, 11, 30)]
    [0.0, 0.35, 0.47, 0.56, 0.64, 0.68]
    >>> [round(usual_weight(11, n), 2) for n in (25, 50, 100, 200, 500)]
    [1.0, 0.82, 0.73, 0.68, 0.65]
    """
    of_many = MAX_USUAL_WEIGHT * (1 - 1 / n_fields)
    return of_many + (1 - of_many) * min(1.0, FEW_LEADS / n_leads)


def choose_weight(
    log_odds: Floats, converted: Bools, usual: float, sample_weight: Floats | None = None
) -> float:
    """Choose the weight of the forest from scores out of fold.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_leads, 2)
        From `Members.log_odds`, each lead scored by members fitted without it.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes.
    usual : float
        From `usual_weight`.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]; all count 1 where it is left out.

    Returns
    -------
    float
        In [0, 1]: least log loss, summed over the leads, plus a price of leaving the usual
        weight that grows with the square of the way: 5 nats for 0.5. Within 0.05 of an end, the
        end.

    Examples
    --------
    >>> right_and_unsure, outcomes = np.array([[2.0, 0.0], [-2.0, 0.0]]), np.array([True, False])
    >>> round(choose_weight(right_and_unsure, outcomes, usual=0.5), 2)
    0.47
    >>> choose_weight(np.tile(right_and_unsure, (99, 1)), np.tile(outcomes, 99), usual=0.5)
    0.0
    """
    weight = cheapest(
        lambda weight: blended(log_odds, weight),
        lambda weight: PRICE_OF_LEAVING * ((weight - usual) / 0.5) ** 2,
        converted,
        bounds=(0, 1),
        sample_weight=sample_weight,
    )
    return float(round(weight)) if min(weight, 1 - weight) < MIN_WEIGHT else weight


def name_of(weight: float) -> str:
    """Name the family that a weight makes.

    Parameters
    ----------
    weight : float
        Of the forest, in [0, 1].

    Returns
    -------
    str
        Of the only member, or that of a blend.

    Examples
    --------
    >>> name_of(1.0), name_of(0.3)
    ('random forest', 'blend of spline logistic and random forest')
    """
    return {0.0: spline_logistic.FAMILY, 1.0: random_forest.FAMILY}.get(weight, BLEND)


def _mean_effects(
    compiled: Compiled, forest: Forest | None, records: Sequence[Record]
) -> dict[str, float]:
    """Average each field's effect, of its term and of the forest together, over some leads."""
    means = {
        term.field: float(np.mean([term.effect(record.get(term.field)) for record in records]))
        for term in compiled.terms
    }
    if forest:
        effects = [forest.effects(record) for record in records]
        for name in means:
            means[name] += float(np.mean([each[name] for each in effects]))
    return means
