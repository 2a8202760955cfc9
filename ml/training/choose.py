"""Choosing one number of a model from scores out of fold, each choice at its price."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def cheapest(
    scored: Callable[[float], Floats],
    price: Callable[[float], float],
    converted: Bools,
    *,
    bounds: tuple[float, float],
    sample_weight: Floats | None = None,
) -> float:
    """Choose what makes log loss, summed over the leads, and a price the least together.

    Parameters
    ----------
    scored : callable
        Gives the log-odds of the leads for a choice, shape (n_leads,).
    price : callable
        Gives what a choice costs, in nats.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes.
    bounds : tuple of float
        Lowest and highest choice.
    sample_weight : ndarray of float64, shape (n_leads,), optional
        How much each lead counts, in (0, 1]; all count 1 where it is left out.

    Returns
    -------
    float
        Within the bounds.
    """
    signs = np.where(converted, 1.0, -1.0)
    counts = np.ones(len(converted)) if sample_weight is None else sample_weight

    def cost(choice: float) -> float:
        loss = -log_expit(signs * scored(choice)) @ counts
        return float(loss + price(choice))

    return float(minimize_scalar(cost, bounds=bounds, method="bounded").x)
