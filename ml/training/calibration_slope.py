"""The calibration slope: how far scores should lie from the average, by outcomes they never saw.

Members that hold back promise too little where leads are easy to tell apart, and too much where
there is nothing to tell. One factor on the log-odds, about those of the base rate, sets that
right and leaves the order of the leads as it is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ml.training.choose import cheapest

FLATTEST, STEEPEST = 0.05, 3.0
# Nats of log loss, summed over all leads, that a slope of 0 or of 2 instead of 1 has to save.
PRICE_OF_A_SLOPE = 2.0

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def stretched(log_odds: Floats, slope: float, base_rate: float) -> Floats:
    """Multiply the distance of scores from the base rate.

    Parameters
    ----------
    log_odds : ndarray of float64
        Scores.
    slope : float
        Above 0; 1 changes nothing.
    base_rate : float
        In (0, 1), what stays where it is.

    Returns
    -------
    ndarray of float64
        Of the same shape.

    Examples
    --------
    >>> stretched(np.array([-1.0, 0.0, 2.0]), 0.5, base_rate=0.5).tolist()
    [-0.5, 0.0, 1.0]
    """
    centre = logit(base_rate)
    moved: Floats = centre + slope * (log_odds - centre)
    return moved


def choose_slope(log_odds: Floats, converted: Bools, sample_weight: Floats | None = None) -> float:
    """Choose the slope from scores out of fold.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_leads,)
        Each lead scored by models fitted without it.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes, some of each kind.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]; all count 1 where it is left out.

    Returns
    -------
    float
        In [0.05, 3]: least log loss, summed over the leads, plus a price that grows with the
        square of the distance from 1: 2 nats at 0 and at 2. Few leads stay near 1.

    References
    ----------
    Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika
    45(3-4), 562-565.
    Steyerberg, E. W. et al. (2004). Validation and updating of predictive logistic regression
    models. Statistics in Medicine 23(16), 2567-2586.

    Examples
    --------
    >>> timid, outcomes = np.tile([-0.5, 0.5], 1_000), np.tile([False, True], 1_000)
    >>> choose_slope(timid, outcomes) > 2.9
    True
    >>> round(choose_slope(timid[:2], outcomes[:2]), 2)
    1.09
    """
    base_rate = float(converted.mean())
    return cheapest(
        lambda slope: stretched(log_odds, slope, base_rate),
        lambda slope: PRICE_OF_A_SLOPE * (slope - 1) ** 2,
        converted,
        bounds=(FLATTEST, STEEPEST),
        sample_weight=sample_weight,
    )
