"""How good a model is: AUC with its uncertainty, log loss, what it adds to another."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, logit
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

from ml.gate.gate import Evidence
from ml.training.encode import Bools, Floats
from ml.training.groups import Groups, count, error_of_mean, numbered, sums

CLIP = 1e-4  # no probability counts as surer than this
SLIGHT_RIDGE = 0.1


def delong(
    converted: ArrayLike, scores: ArrayLike, groups: Groups | None = None
) -> tuple[Floats, Floats]:
    """Estimate AUCs of several models on the same leads, shape (n_models,), and their covariance.

    `scores` have the shape (n_models, n_leads), any scale, ties allowed. Raises ValueError for
    fewer than two leads of a kind or a score that is not finite. Leads of one of the `groups` may
    be alike: then they make the covariance no smaller than one lead would.

    DeLong et al. (1988), Biometrics 44(3), 837-845, in the O(n log n) form of Sun and Xu (2014),
    IEEE Signal Processing Letters 21(11), 1389-1393; groups as in Obuchowski (1997), Biometrics
    53(2), 567-578.

    >>> aucs, covariance = delong([True, True, False, False], [[4, 2, 3, 1]])
    >>> float(aucs[0]), round(float(covariance[0, 0]), 9)
    (0.75, 0.125)
    >>> twice = delong([True, True, False, False] * 2, [[4, 2, 3, 1] * 2], np.tile(range(4), 2))
    >>> round(float(twice[1][0, 0]), 9)
    0.125
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
    # What each lead moves an AUC by, of either kind as a share of its groups.
    aucs = above_lost.mean(axis=1)
    moves, places = np.empty_like(matrix), numbered(groups, len(is_converted))
    for kind, shares in ((is_converted, above_lost), (~is_converted, below_converted)):
        n, n_groups = int(kind.sum()), np.unique(places[kind]).size
        moves[:, kind] = (shares - aucs[:, np.newaxis]) * _freed(n_groups) / n
    by_group = sums(moves.T, places)
    return aucs, by_group.T @ by_group


def log_loss(converted: Bools, probabilities: Floats) -> float:
    """Give the mean negative log-likelihood in nats, probabilities held within 0.0001 of 0 and 1.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(np.mean(losses_of(converted, probabilities)))


def losses_of(converted: Bools, probabilities: Floats) -> Floats:
    """Give the negative log-likelihood of each lead in nats, as `log_loss` averages it."""
    clipped = np.clip(probabilities, CLIP, 1 - CLIP)
    losses: Floats = -np.log(np.where(converted, clipped, 1 - clipped))
    return losses


def added_value(
    converted: Bools,
    champion: Floats,
    challenger: Floats,
    groups: Groups | None = None,
    *,
    n_learned: int | None = None,
) -> float:
    """Measure how surely the challenger knows something that the champion does not.

    The signed root of the likelihood ratio of logistic regressions on the log-odds of both and of
    the champion alone, negative where the challenger's count the wrong way: on few leads it tells a
    better model sooner than two AUCs do (Vickers et al., 2011, BMC Medical Research Methodology
    11:13). A score that adds nothing reaches 2.33 once in a hundred attempts. A slight ridge keeps
    it finite; unlike Wald's statistic it grows with the evidence (Hauck and Donner, 1977).

    A champion that counts the wrong way knows nothing: to turn it round is no knowledge of its own.
    Where leads of one of the `groups` may be alike, the ratio falls by as much as their sandwich
    variance exceeds that of leads alone (Rotnitzky and Jewell, 1990, Biometrika 77(3), 485-497).

    `n_learned` is the number of leads that the challenger was learned from, where its scores are
    out of fold; None where it knows none of these outcomes. Out of fold a lead's outcome is in the
    scores of the others, and theirs are in its own: every pair counts twice. Where there is nothing
    to learn the scores are such pairs alone, a degenerate U-statistic (Hoeffding, 1948, Annals of
    Mathematical Statistics 19(3), 293-325), and the variance is 1 + n / n_learned times what it
    seems; the ratio falls by as much.

    >>> outcomes = np.tile([True, True, False, False], 20)
    >>> knows, guesses = np.tile([0.8, 0.6, 0.4, 0.5], 20), np.tile([0.6, 0.4, 0.6, 0.4], 20)
    >>> added_value(outcomes, guesses, knows) > 2.33 > abs(added_value(outcomes, knows, guesses))
    True
    """
    log_odds = logit(np.clip(np.column_stack([champion, challenger]), CLIP, 1 - CLIP))
    alone, both = _fitted(log_odds[:, :1], converted), _fitted(log_odds, converted)
    without = _likelihood_of_rate(converted) if alone.counts[0] < 0 else alone.likelihood
    if both.counts[0] < 0:
        log_odds = log_odds[:, 1:]
        both = _fitted(log_odds, converted)
    ratio = 2 * max(0.0, both.likelihood - without)
    if groups is not None:
        ratio *= _share_of_leads_alone(log_odds, converted, both.probabilities, groups)
    if n_learned is not None:
        ratio /= 1 + len(converted) / n_learned
    return float(np.sign(both.counts[-1]) * np.sqrt(ratio))


def paired_evidence(
    converted: Bools,
    champion: Floats,
    challenger: Floats,
    groups: Groups | None = None,
    *,
    n_learned: int | None = None,
) -> Evidence:
    """Compare probabilities of both on the leads labelled since the champion was trained.

    The challenger's are out of fold, as `added_value` takes them. What cannot be computed from so
    few leads is None, and so it is where all leads of an outcome are of one of the `groups`.
    """
    n_converted = int(converted.sum())
    places = numbered(groups, len(converted))
    n_groups = count(converted, places)
    n_lost = len(converted) - n_converted
    finite = bool(np.isfinite(champion).all() and np.isfinite(challenger).all())
    if not finite or len(converted) == 0:
        return Evidence(n_converted, n_lost, **n_groups._asdict())
    old, new = losses_of(converted, champion), losses_of(converted, challenger)
    told = Evidence(
        n_converted,
        n_lost,
        log_loss_champion=float(np.mean(old)),
        log_loss_challenger=float(np.mean(new)),
        **n_groups._asdict(),
    )
    if min(n_groups.n_groups_converted, n_groups.n_groups_lost) < 2:
        return told
    aucs, covariance = delong(converted, np.stack([champion, challenger]), places)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return replace(
        told,
        auc_champion=float(aucs[0]),
        auc_challenger=float(aucs[1]),
        standard_error=float(np.sqrt(max(variance, 0.0))),
        added_value=added_value(converted, champion, challenger, places, n_learned=n_learned),
        log_loss_error=error_of_mean(old - new, places),
    )


class _Fit(NamedTuple):
    likelihood: float  # its logarithm, less the ridge
    counts: Floats
    probabilities: Floats


def _fitted(log_odds: Floats, converted: Bools) -> _Fit:
    """Fit outcomes to scores, shape (n_leads, n_models), by a logistic regression."""
    model = LogisticRegression(C=1 / SLIGHT_RIDGE, tol=1e-6, max_iter=1_000)
    counts = model.fit(log_odds, converted).coef_[0]
    decision = model.decision_function(log_odds)
    likelihood = log_expit(np.where(converted, 1.0, -1.0) * decision).sum()
    return _Fit(float(likelihood - SLIGHT_RIDGE / 2 * counts @ counts), counts, expit(decision))


def _likelihood_of_rate(converted: Bools) -> float:
    """Give the log-likelihood of outcomes where nothing is known but their rate."""
    return -len(converted) * log_loss(converted, np.full(len(converted), converted.mean()))


def _share_of_leads_alone(
    log_odds: Floats, converted: Bools, probabilities: Floats, groups: Groups
) -> float:
    """Divide the sandwich variance of the last count, each lead alone, by that of groups; <= 1."""
    inputs = np.column_stack([np.ones(len(converted)), log_odds])
    ridge = SLIGHT_RIDGE * np.diag([0.0, *np.ones(log_odds.shape[1])])
    spread = probabilities * (1 - probabilities)
    last = np.linalg.inv(inputs.T @ (inputs * spread[:, np.newaxis]) + ridge)[-1]
    moves = inputs @ last * (converted - probabilities)
    alone, together = (
        _freed(np.unique(of).size) ** 2 * float(np.square(sums(moves, of)).sum())
        for of in (np.arange(len(converted)), groups)
    )
    return min(1.0, alone / together) if together else 1.0


def _freed(n: int) -> float:
    """Correct a spread about a mean of n for the one degree of freedom that the mean has taken."""
    return float(np.sqrt(n / (n - 1))) if n > 1 else 0.0
