"""The calibration slope: how far scores should lie from the average, by outcomes they never saw.

One factor on the log-odds, about those of the base rate, leaves the order of the leads as it is.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logit

from ml.training.encode import Bools, Floats

FLATTEST, STEEPEST = 0.05, 3.0
# Nats of log loss, summed over all leads, that a slope of 0 or of 2 instead of 1 has to save.
PRICE_OF_A_SLOPE = 2.0


def cheapest(
    scored: Callable[[float], Floats],
    price: Callable[[float], float],
    converted: Bools,
    *,
    bounds: tuple[float, float],
    sample_weight: Floats | None = None,
) -> float:
    """Minimise total log loss plus a penalty over one number of a model, within bounds.

    `scored` gives the log-odds of the leads for a choice, `price` what it costs in nats.
    """
    signs = np.where(converted, 1.0, -1.0)
    counts = np.ones(len(converted)) if sample_weight is None else sample_weight

    def cost(choice: float) -> float:
        loss = -log_expit(signs * scored(choice)) @ counts
        return float(loss + price(choice))

    return float(minimize_scalar(cost, bounds=bounds, method="bounded").x)


def stretched(log_odds: Floats, slope: float, base_rate: float) -> Floats:
    """Multiply the distance of log-odds from those of the base rate, which stay where they are.

    >>> stretched(np.array([-1.0, 0.0, 2.0]), 0.5, base_rate=0.5).tolist()
    [-0.5, 0.0, 1.0]
    """
    centre = logit(base_rate)
    moved: Floats = centre + slope * (log_odds - centre)
    return moved


def choose_slope(log_odds: Floats, converted: Bools, sample_weight: Floats | None = None) -> float:
    """Choose the slope from log-odds out of fold, shape (n_leads,), in [0.05, 3].

    Minimises total log loss plus 2 nats for each 1 of distance from a slope of 1, squared: few
    leads stay near it. After Cox (1958), Biometrika 45(3-4), 562-565.

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
