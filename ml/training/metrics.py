"""What a page shows of a model: its figures and the points of its charts, as plain JSON.

All of it is measured on scores out of fold.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.special import expit, logit

from ml.gate.intervals import ONE_SIDED_95, Z_95, auc_half_width, wilson
from ml.monitoring.claims import CONFIDENCE, Claim, Interval
from ml.monitoring.drift import N_SCORE_BINS, histogram
from ml.training.encode import Bools, Floats
from ml.training.evaluate import delong, log_loss, losses_of
from ml.training.groups import Groups, count, error_of_mean, numbered

MIN_SEEN_OPEN = 10  # groups of each kind
N_CALIBRATION_BINS = 10
N_GAINS = 20
MAX_ROC_POINTS = 50
# Best tenth A, next two tenths B, next three C, rest D: a judgement, so that A is what a rep
# gets to in a day and D what may wait.
GRADE_QUANTILES = (0.9, 0.7, 0.4)

Grades: TypeAlias = tuple[float, float, float]


def grade_bounds(probabilities: Floats) -> Grades:
    """Choose the lowest probabilities of A, B and C: the best 10, 30 and 60 % of leads reach them.

    >>> grade_bounds(np.arange(21) / 20)
    (0.9, 0.7, 0.4)
    """
    a, b, c = (float(bound) for bound in np.quantile(probabilities, GRADE_QUANTILES))
    return a, b, c


def model_metrics(
    converted: Bools,
    probabilities: Floats,
    *,
    fields: Sequence[str],
    grades: Grades,
    groups: Groups | None = None,
) -> dict[str, Any]:
    """Measure a model on leads it has not seen, at least two of each kind.

    Plain JSON: auc with auc_low and auc_high (95 %, DeLong); log_loss and log_loss_base (of always
    saying the base rate), in nats; brier; ece, the mean distance of predicted and observed rate
    over the calibration bins; lift_10 and lift_20, the conversion of the best 10 and 20 % against
    all; n_groups of persons and companies; and the rows of the charts.
    """
    n, n_converted = len(converted), int(converted.sum())
    places = numbered(groups, n)
    aucs, covariance = delong(converted, probabilities, places)
    auc, half_width = float(aucs[0]), Z_95 * float(np.sqrt(covariance[0, 0]))
    bins = calibration_curve(converted, probabilities)
    return {
        "n": n,
        "n_converted": n_converted,
        "n_lost": n - n_converted,
        "n_groups": count(converted, places).n_groups,
        "base_rate": n_converted / n,
        "fields": list(fields),
        "auc": auc,
        "auc_low": max(0.0, auc - half_width),
        "auc_high": min(1.0, auc + half_width),
        "log_loss": log_loss(converted, probabilities),
        "log_loss_base": log_loss(converted, np.full(n, n_converted / n)),
        "brier": float(np.mean((probabilities - converted) ** 2)),
        "ece": calibration_error(bins),
        "lift_10": lift(converted, probabilities, 0.1),
        "lift_20": lift(converted, probabilities, 0.2),
        "calibration": bins,
        "roc": roc_points(converted, probabilities),
        "gains": gains(converted, probabilities),
        "histogram": histogram_by_outcome(converted, probabilities),
        "grades": conversion_by_grade(converted, probabilities, grades),
    }


def claim(
    converted: Bools,
    probabilities: Floats,
    grades: Grades,
    groups: Groups | None = None,
    *,
    seen_open: Sequence[bool] | None = None,
) -> Claim:
    """Say what is to be expected of leads to come, from leads not seen, two groups of each kind.

    Leads to come are scored while they are open. Where ten groups of each kind were seen so, the
    others, whose inputs came with the outcome, say nothing.
    With intervals of 90 %: of AUC by DeLong on the logit scale, which keeps them inside (0, 1), of
    shares by Wilson, where leads count as much as there are groups for them.
    """
    places, n = numbered(groups, len(converted)), len(converted)
    if seen_open is not None and not all(seen_open):
        chosen: Bools = np.array(seen_open, dtype=bool)
        counted = count(converted[chosen], places[chosen])
        if min(counted.n_groups_converted, counted.n_groups_lost) >= MIN_SEEN_OPEN:
            return claim(converted[chosen], probabilities[chosen], grades, places[chosen])
    groups_per_lead = count(converted, places).n_groups / n
    losses = losses_of(converted, probabilities)
    loss, off = float(losses.mean()), ONE_SIDED_95 * error_of_mean(losses, places)

    def share(rate: float, n_leads: int) -> Interval:
        return Interval(rate, *wilson(rate, groups_per_lead * n_leads, CONFIDENCE))

    return Claim(
        n=n,
        auc=_auc_claimed(converted, probabilities, places),
        log_loss=Interval(loss, max(0.0, loss - off), loss + off),
        rate=share(float(converted.mean()), n),
        grades={
            row["grade"]: share(row["rate"], row["n"])
            for row in conversion_by_grade(converted, probabilities, grades)
            if row["n"]
        },
    )


def _auc_claimed(converted: Bools, scores: Floats, groups: Groups) -> Interval:
    aucs, covariance = delong(converted, scores, groups)
    auc, error = float(aucs[0]), float(covariance[0, 0]) ** 0.5
    n = count(converted, groups)
    n_each = n.n_groups_converted, n.n_groups_lost
    # Where hardly a pair is ranked wrong, DeLong knows no variance.
    inside = float(np.clip(auc, 0.5 / min(n_each), 1 - 0.5 / min(n_each)))
    if inside != auc:
        error = max(error, auc_half_width(inside, *n_each) / Z_95)
    ends = expit(logit(inside) + ONE_SIDED_95 * error / (inside * (1 - inside)) * np.array([-1, 1]))
    return Interval(auc, min(auc, float(ends[0])), max(auc, float(ends[1])))


def calibration_curve(converted: Bools, probabilities: Floats) -> list[dict[str, Any]]:
    """Compare predicted with observed conversion in up to ten bins of about equally many leads.

    From low to high. Leads of one score stay together; empty bins are left out.

    >>> calibration_curve(np.array([False, True]), np.array([0.5, 0.5]))
    [{'n': 2, 'n_converted': 1, 'predicted': 0.5, 'observed': 0.5}]
    """
    inner = np.quantile(probabilities, np.arange(1, N_CALIBRATION_BINS) / N_CALIBRATION_BINS)
    places = np.searchsorted(inner, probabilities, side="left")
    rows = []
    for place in np.unique(places):
        chosen = places == place
        n, n_converted = int(chosen.sum()), int(converted[chosen].sum())
        predicted = float(probabilities[chosen].mean())
        rows.append(
            {
                "n": n,
                "n_converted": n_converted,
                "predicted": predicted,
                "observed": n_converted / n,
            }
        )
    return rows


def calibration_error(rows: Sequence[Mapping[str, Any]]) -> float:
    """Average how far predicted and observed conversion lie apart: the expected calibration error.

    >>> calibration_error(calibration_curve(np.array([False, True]), np.array([0.5, 0.7])))
    0.4
    """
    apart = [abs(row["predicted"] - row["observed"]) for row in rows]
    return float(np.average(apart, weights=[row["n"] for row in rows]))


def lift(converted: Bools, scores: Floats, share: float) -> float:
    """Give how many times as often the best-scored share of leads converts as all leads do.

    Where the cut runs through leads of one score, they count in part: their order does not matter.

    >>> lift(np.array([True, False, False, False]), np.array([4.0, 3, 2, 1]), 0.25)
    4.0
    """
    room = share * len(scores)
    cut = np.sort(scores)[::-1][int(np.ceil(room)) - 1]
    above, at = scores > cut, scores == cut
    n_best = converted[above].sum() + (room - above.sum()) * converted[at].mean()
    return float(n_best / room / converted.mean())


def gains(converted: Bools, scores: Floats) -> list[dict[str, float]]:
    """Give the share of conversions among the best 5, 10, ... 100 % of leads, and their `lift`.

    >>> gains(np.array([True, False, False, False]), np.array([4.0, 3, 2, 1]))[9]
    {'share': 0.5, 'found': 1.0, 'lift': 2.0}
    """
    shares = [part / N_GAINS for part in range(1, N_GAINS + 1)]
    lifts = [lift(converted, scores, share) for share in shares]
    return [
        {"share": share, "found": min(1.0, share * times), "lift": times}
        for share, times in zip(shares, lifts, strict=True)
    ]


def roc_points(converted: Bools, scores: Floats) -> list[list[float]]:
    """Draw the ROC curve with at most 50 points, about evenly spaced along the leads.

    >>> roc_points(np.array([True, False]), np.array([0.9, 0.1]))
    [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    n_hits = np.cumsum(converted[order])
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    if len(ends) > MAX_ROC_POINTS - 1:
        wanted = np.linspace(0, len(scores) - 1, MAX_ROC_POINTS - 1)
        ends = ends[np.unique(np.searchsorted(ends, wanted))]
    hit = n_hits[ends] / converted.sum()
    false_alarm = (ends + 1 - n_hits[ends]) / (~converted).sum()
    return [[0.0, 0.0], *([float(x), float(y)] for x, y in zip(false_alarm, hit, strict=True))]


def histogram_by_outcome(converted: Bools, probabilities: Floats) -> dict[str, list[Any]]:
    """Count converted and lost leads in 20 bins of probability of equal width."""
    return {
        "edges": [n / N_SCORE_BINS for n in range(N_SCORE_BINS + 1)],
        "converted": histogram(probabilities[converted].tolist()),
        "lost": histogram(probabilities[~converted].tolist()),
    }


def conversion_by_grade(
    converted: Bools, probabilities: Floats, grades: Grades
) -> list[dict[str, Any]]:
    """Count leads and conversions in each grade, A to D; the rate is None without leads."""
    bounds = (*grades, 0.0)
    place = np.searchsorted(-np.array(bounds[:-1]), -probabilities, side="left")
    rows = []
    for grade, bound in enumerate(bounds):
        n, n_converted = int((place == grade).sum()), int(converted[place == grade].sum())
        rows.append(
            {
                "grade": "ABCD"[grade],
                "lower_bound": bound,
                "n": n,
                "n_converted": n_converted,
                "rate": n_converted / n if n else None,
            }
        )
    return rows
