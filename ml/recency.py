"""How much old labels count: all alike, or the less the older they are, by what the past shows.

Weights halve with every so many labels. By how many, if at all, is chosen on leads labelled
later than those learned from: by the spline logistic, which costs least to fit, among few
half-lives, and all labels count alike where none is clearly better.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_expit

from ml import spline_logistic
from ml.encoding import Columns

HALF_LIVES = (1 / 2, 1 / 8, 1 / 32)  # of all labels: far apart, for each choice has its price
SHORTEST_HALF_LIFE = 250  # labels
CLEARLY = 3.0  # standard errors; they do not know that leads of a block share one model
N_BLOCKS = (4, 2, 1)  # as many as have enough of each class
FIRST_CUT = 0.6  # share of all labels before the first block
FEWEST_OF_EACH_CLASS = 20  # in each block: the AUC of fewer says little

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Score: TypeAlias = Callable[[pd.DataFrame], Floats]
Fit: TypeAlias = Callable[[pd.DataFrame, Bools, Floats | None], Score]


@dataclass(frozen=True)
class HalfLife:
    """A half-life, and how well it foretells.

    Parameters
    ----------
    labels : int or None
        So many labels later a label counts half; None: all count alike.
    log_loss : float
        Mean over all leads foretold, in nats.
    saved, standard_error : float
        How much less that is than where all count alike.
    is_chosen : bool
        Whether the model is learned so.
    """

    labels: int | None
    log_loss: float
    saved: float = 0.0
    standard_error: float = 0.0
    is_chosen: bool = False


def sample_weight(n_leads: int, half_life: int | None) -> Floats | None:
    """Weigh labels by their age.

    Parameters
    ----------
    n_leads : int
        Labels, the oldest first.
    half_life : int or None
        In labels; None weighs all alike.

    Returns
    -------
    ndarray of float64, shape (n_leads,), or None
        Rising to 1 for the newest; None where all count 1.

    Examples
    --------
    >>> sample_weight(3, 1).tolist()
    [0.25, 0.5, 1.0]
    """
    if half_life is None:
        return None
    weights: Floats = 0.5 ** (np.arange(n_leads)[::-1] / half_life)
    return weights


def blocks(converted: Bools) -> list[slice]:
    """Cut the newest labels into blocks, each to be foretold from all labels before it.

    Parameters
    ----------
    converted : ndarray of bool, shape (n_leads,)
        Outcomes, the oldest label first.

    Returns
    -------
    list of slice
        The newest 40 %, in four parts or in two or in one: as many as have twenty of each kind
        in each part and before the first. Empty where even one has not.
    """
    for n_blocks in N_BLOCKS:
        cuts = np.linspace(FIRST_CUT, 1, n_blocks + 1) * len(converted)
        ends = np.rint(cuts).astype(int).tolist()
        found = [slice(begin, end) for begin, end in pairwise(ends)]
        parts = [converted[part] for part in (slice(ends[0]), *found)]
        if min(min(part.sum(), (~part).sum()) for part in parts) >= FEWEST_OF_EACH_CLASS:
            return found
    return []


def foretold(
    fit: Fit, frame: pd.DataFrame, converted: Bools, half_life: int | None
) -> Iterator[Floats]:
    """Score each block by a model learned from what was labelled before it.

    Parameters
    ----------
    fit : callable
        Learns from leads, outcomes and weights, and gives what scores leads.
    frame : DataFrame of shape (n_leads, n_columns)
        From `frame_of`, the oldest label first.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes.
    half_life : int or None
        In labels; None weighs all alike.

    Yields
    ------
    ndarray of float64
        Scores of the leads of each of `blocks`.
    """
    for block in blocks(converted):
        past = slice(block.start)
        score = fit(frame.iloc[past], converted[past], sample_weight(block.start, half_life))
        yield score(frame.iloc[block])


def half_lives(frame: pd.DataFrame, converted: Bools, columns: Columns) -> list[HalfLife]:
    """Compare half-lives by what they foretell, and choose one.

    Parameters
    ----------
    frame : DataFrame of shape (n_leads, n_columns)
        From `frame_of`, the oldest label first.
    converted : ndarray of bool, shape (n_leads,)
        Outcomes.
    columns : Columns
        Columns of the frame.

    Returns
    -------
    list of HalfLife
        First that of all counting alike; exactly one is chosen: of those that save log loss by
        more than three standard errors the best, else the first. Empty where there are too few
        labels to compare.

    References
    ----------
    Tashman, L. J. (2000). Out-of-sample tests of forecasting accuracy: an analysis and review.
    International Journal of Forecasting 16(4), 437-450: the rolling origin.
    Klinkenberg, R. (2004). Learning drifting concepts: example selection vs. example weighting.
    Intelligent Data Analysis 8(3), 281-300.
    """

    def fit(known: pd.DataFrame, outcomes: Bools, weights: Floats | None) -> Score:
        score: Score = spline_logistic.fit(known, outcomes, columns, weights).decision_function
        return score

    lengths = [round(share * len(frame)) for share in HALF_LIVES]
    lengths = [length for length in lengths if length >= SHORTEST_HALF_LIFE]
    places = blocks(converted)
    if not lengths or not places:
        return []
    signs = np.where(np.concatenate([converted[block] for block in places]), 1.0, -1.0)
    losses = {
        labels: -log_expit(signs * np.concatenate([*foretold(fit, frame, converted, labels)]))
        for labels in (None, *lengths)
    }
    return _chosen([_compared(labels, loss, losses[None]) for labels, loss in losses.items()])


def chosen(compared: Sequence[HalfLife]) -> int | None:
    """Give the half-life that was chosen, in labels.

    Parameters
    ----------
    compared : sequence of HalfLife
        From `half_lives`, or empty.

    Returns
    -------
    int or None
        None where all labels count alike.
    """
    return next((each.labels for each in compared if each.is_chosen), None)


def _compared(labels: int | None, loss: Floats, loss_of_all: Floats) -> HalfLife:
    saved = loss_of_all - loss
    error = float(saved.std(ddof=1) / len(saved) ** 0.5)
    return HalfLife(labels, float(loss.mean()), float(saved.mean()), error)


def _chosen(compared: list[HalfLife]) -> list[HalfLife]:
    clearly = [each for each in compared if each.saved > CLEARLY * each.standard_error]
    best = min(clearly, key=lambda each: each.log_loss, default=compared[0])
    return [replace(each, is_chosen=each is best) for each in compared]
