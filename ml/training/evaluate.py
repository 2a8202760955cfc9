"""How good a model is: AUC with its uncertainty, log loss, what it adds to another."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_expit, logit
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from ml.gate.gate import Evidence
from ml.training.encode import Bools, Floats

CLIP = 1e-4  # no probability counts as surer than this
SLIGHT_RIDGE = 0.1


def delong(converted: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Estimate AUCs of several models on the same leads, shape (n_models,), and their covariance.

    `scores` have the shape (n_models, n_leads), any scale, ties allowed. Raises ValueError for
    fewer than two leads of a kind or a score that is not finite.

    DeLong et al. (1988), Biometrics 44(3), 837-845, in the O(n log n) form of Sun and Xu (2014),
    IEEE Signal Processing Letters 21(11), 1389-1393.

    >>> aucs, covariance = delong([True, True, False, False], [[4, 2, 3, 1]])
    >>> float(aucs[0]), float(covariance[0, 0])
    (0.75, 0.125)
    """
    is_converted = np.asarray(converted, dtype=bool)
    matrix = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    n_converted, n_lost = int(is_converted.sum()), int((~is_converted).sum())
    if min(n_converted, n_lost) < 2:
        raise ValueError("at least two converted and two lost leads are needed")
    if not np.isfinite(matrix).all():
        raise ValueError("every score must be finite")
    ranks = rankdata(matrix, axis=1)
    among_converted = rankdata(matrix[:, is_converted], axis=1)
    among_lost = rankdata(matrix[:, ~is_converted], axis=1)
    # Share of the other kind that each lead is rightly placed against.
    above_lost = (ranks[:, is_converted] - among_converted) / n_lost
    below_converted = 1 - (ranks[:, ~is_converted] - among_lost) / n_converted
    covariance = np.cov(above_lost) / n_converted + np.cov(below_converted) / n_lost
    return above_lost.mean(axis=1), np.atleast_2d(covariance)


def log_loss(converted: Bools, probabilities: Floats) -> float:
    """Give the mean negative log-likelihood in nats, probabilities held within 0.0001 of 0 and 1.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(np.mean(_losses(converted, probabilities)))


def added_value(converted: Bools, champion: Floats, challenger: Floats) -> float:
    """Measure how surely the challenger knows something that the champion does not.

    The signed root of the likelihood ratio of logistic regressions on the log-odds of both and of
    the champion alone, negative where the challenger's count the wrong way: on few leads it tells a
    better model sooner than two AUCs do (Vickers et al., 2011, BMC Medical Research Methodology
    11:13). A score that adds nothing reaches 2.33 once in a hundred attempts. A slight ridge keeps
    it finite; unlike Wald's statistic it grows with the evidence (Hauck and Donner, 1977).

    >>> outcomes = np.tile([True, True, False, False], 20)
    >>> knows, guesses = np.tile([0.8, 0.6, 0.4, 0.5], 20), np.tile([0.6, 0.4, 0.6, 0.4], 20)
    >>> added_value(outcomes, guesses, knows) > 2.33 > abs(added_value(outcomes, knows, guesses))
    True
    """
    log_odds = logit(np.clip(np.column_stack([champion, challenger]), CLIP, 1 - CLIP))
    alone, _ = _regression(log_odds[:, :1], converted)
    both, counts = _regression(log_odds, converted)
    return float(np.sign(counts[1]) * np.sqrt(max(0.0, 2 * (both - alone))))


def paired_evidence(converted: Bools, champion: Floats, challenger: Floats) -> Evidence:
    """Compare probabilities of both on the leads labelled since the champion was trained.

    The challenger's are out of fold. What cannot be computed from so few leads is None.
    """
    n_converted = int(converted.sum())
    n_lost = len(converted) - n_converted
    finite = bool(np.isfinite(champion).all() and np.isfinite(challenger).all())
    if not finite or len(converted) == 0:
        return Evidence(n_converted, n_lost)
    old, new = _losses(converted, champion), _losses(converted, challenger)
    told = Evidence(
        n_converted,
        n_lost,
        log_loss_champion=float(np.mean(old)),
        log_loss_challenger=float(np.mean(new)),
    )
    if min(n_converted, n_lost) < 2:
        return told
    aucs, covariance = delong(converted, np.stack([champion, challenger]))
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return replace(
        told,
        auc_champion=float(aucs[0]),
        auc_challenger=float(aucs[1]),
        standard_error=float(np.sqrt(max(variance, 0.0))),
        added_value=added_value(converted, champion, challenger),
        log_loss_error=float((old - new).std(ddof=1) / np.sqrt(len(converted))),
    )


def _regression(log_odds: Floats, converted: Bools) -> tuple[float, Floats]:
    """Fit outcomes to scores; give the log-likelihood, less the ridge, and what each counts."""
    model = LogisticRegression(C=1 / SLIGHT_RIDGE, tol=1e-6, max_iter=1_000)
    counts = model.fit(log_odds, converted).coef_[0]
    signs = np.where(converted, 1.0, -1.0)
    likelihood = log_expit(signs * model.decision_function(log_odds)).sum()
    return float(likelihood - SLIGHT_RIDGE / 2 * counts @ counts), counts


def _losses(converted: Bools, probabilities: Floats) -> Floats:
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    losses: Floats = -np.log(np.where(converted, clipped, 1 - clipped))
    return losses
