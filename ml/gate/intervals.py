"""How far a share, a ROC curve or an AUC measured on so many leads may be from the truth.

Standard library only: pages ask it too.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from ml.sentences import Figure, gettext

# 95 % of the normal distribution
Z_95 = NormalDist().inv_cdf(0.975)
ONE_SIDED_95 = NormalDist().inv_cdf(0.95)

Point = tuple[float, float]


def wilson(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Bound a share measured on n > 0 leads by its two-sided interval in [0, 1] (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(0.64, 88)]
    [0.536, 0.732]
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def interval_text(low: float | None, high: float | None) -> str:
    """Write the interval of an AUC for people; empty where none was measured or it has no width.

    >>> interval_text(0.712, 0.8), interval_text(0.5, 0.5)
    ('0.71 to 0.80', '')
    """
    ends = [Figure(f"{end:.2f}") for end in (low, high) if end is not None]
    if len(set(ends)) != 2:
        return ""
    return gettext("%(low)s to %(high)s", low=ends[0], high=ends[1])


def roc_band(
    points: Sequence[Sequence[float]], n_converted: float, n_lost: float, confidence: float = 0.95
) -> tuple[list[Point], list[Point]]:
    """Bound the points of a ROC curve, shares of lost and of converted leads at or above a score.

    Gives the upper and the lower band: both true shares of a point lie between with this
    confidence. Converted and lost leads are separate samples, so that two of Wilson's intervals of
    sqrt(0.95) make a rectangle of 0.95 (Pepe, The Statistical Evaluation of Medical Tests, 2003).

    >>> upper, lower = roc_band([(0.2, 0.6)], 50, 50)
    >>> [round(x, 2) for x in (*upper[0], *lower[0])]
    [0.1, 0.74, 0.35, 0.44]
    """
    each = math.sqrt(confidence)
    upper, lower = [], []
    for lost, converted in points:
        left, right = wilson(lost, n_lost, each)
        low, high = wilson(converted, n_converted, each)
        upper.append((left, high))
        lower.append((right, low))
    return upper, lower


def auc_half_width(auc: float, n_converted: int, n_lost: int, confidence: float = 0.95) -> float:
    """Predict half the width of an AUC's interval before there are any scores.

    By the approximation of Hanley and McNeil (1982), Radiology 143(1), 29-36.

    >>> round(auc_half_width(0.75, 25, 25), 2), round(auc_half_width(0.75, 500, 500), 2)
    (0.14, 0.03)
    """
    both_converted = auc / (2 - auc) - auc**2
    both_lost = 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (n_converted - 1) * both_converted + (n_lost - 1) * both_lost
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return z * math.sqrt(max(0.0, spread) / (n_converted * n_lost))
