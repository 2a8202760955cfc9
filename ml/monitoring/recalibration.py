"""Recalibration in the large: the same model with another intercept, where that is surely better.

One number sets the level of the scores right and leaves the order of the leads as it is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ml.gate.gate import Check, Decision, Evidence
from ml.monitoring.performance import (
    ACT_SIGMAS,
    MIN_EACH_TO_RECALIBRATE,
    MIN_OUTCOMES,
    NATS_TO_ACT,
    Calibration,
    calibration_in_the_large,
    nats_saved_by_a_step,
)
from ml.scorecard.scorecard import Scorecard
from ml.training.encode import Bools, Floats, Record
from ml.training.evaluate import log_loss
from ml.training.metrics import model_metrics

MAX_SHIFT = 10.0  # of log-odds: from one in a hundred to all but one in two hundred


class NotRecalibrated(ValueError):
    """The outcomes do not show surely enough that the level is off; the message is for people."""


@dataclass(frozen=True)
class Recalibration:
    """A champion with another intercept, and what it is worth on the outcomes that asked for it."""

    scorecard: Scorecard
    shift: float
    metrics: dict[str, Any]
    decision: Decision


def recalibrate(
    records: Sequence[Record], converted: Sequence[bool], champion: Scorecard
) -> Recalibration:
    """Set the intercept of a champion right, where that is surely an improvement.

    `records` hold stored values as known before the outcomes, of leads that neither the champion
    nor its intercept has seen. Raises NotRecalibrated unless outcomes are enough, more than three
    standard deviations from what was promised, and log loss falls by more than chance would let it.

    Updating the intercept alone: Steyerberg et al. (2004), Statistics in Medicine 23(16),
    2567-2586.
    """
    outcomes = np.array(converted, dtype=bool)
    log_odds = np.array([champion.score(record).log_odds for record in records])
    shift = shift_for(log_odds, outcomes)
    decision = _decide(outcomes, expit(log_odds), shift)
    scorecard = champion.shifted(shift)
    return Recalibration(
        scorecard=scorecard,
        shift=shift,
        metrics=model_metrics(
            outcomes,
            expit(log_odds + shift),
            fields=[term.field for term in champion.terms],
            grades=scorecard.grades,
        ),
        decision=decision,
    )


def shift_for(log_odds: Floats, converted: Bools) -> float:
    """Find the step of all log-odds that expects as many conversions as there were, in [-10, 10].

    >>> round(shift_for(np.array([0.0, 0.0, 0.0, 0.0]), np.array([True, False, False, False])), 3)
    -1.099
    """

    def excess(shift: float) -> float:
        return float(expit(log_odds + shift).sum() - converted.sum())

    low, high = -MAX_SHIFT, MAX_SHIFT
    if excess(low) >= 0 or excess(high) <= 0:
        return low if excess(low) >= 0 else high
    return float(brentq(excess, low, high))


def _decide(converted: Bools, promised: Floats, shift: float) -> Decision:
    found = calibration_in_the_large(promised.tolist(), converted.tolist())
    saved = nats_saved_by_a_step(promised.tolist(), converted.tolist())
    checks = (_enough(found), _far(found), _surely_saves(saved))
    failed = [check.sentence for check in checks if not check.passed]
    if failed:
        raise NotRecalibrated(f"Not recalibrated: {'; '.join(failed)}.")
    before = log_loss(converted, promised)
    # One order of leads, so AUC has nothing to say.
    evidence = Evidence(
        found.n_converted,
        found.n - found.n_converted,
        log_loss_champion=before,
        log_loss_challenger=before - saved / found.n,
    )
    level, moved = ("low", "raised") if shift > 0 else ("high", "lowered")
    reason = (
        f"Scores were too {level}: {found.n_converted:,} of {found.n:,} leads converted, about "
        f"{found.expected:,.0f} expected. We {moved} them; the ranking is unchanged."
    )
    return Decision(promote=True, reason=reason, checks=checks, **asdict(evidence))


def _enough(found: Calibration) -> Check:
    n_lost = found.n - found.n_converted
    least = min(found.n_converted, n_lost)
    passed = found.n >= MIN_OUTCOMES and least >= MIN_EACH_TO_RECALIBRATE
    sentence = (
        f"{found.n_converted:,} leads converted and {n_lost:,} were lost; at least "
        f"{MIN_OUTCOMES} in all and {MIN_EACH_TO_RECALIBRATE} of each are required"
    )
    return Check("evidence", passed, sentence)


def _far(found: Calibration) -> Check:
    sentence = (
        f"{found.n_converted:,} of {found.n:,} leads converted, {found.expected:,.1f} expected: "
        f"{abs(found.z):.1f} standard deviations off; more than {ACT_SIGMAS:g} are required"
    )
    return Check("calibration", abs(found.z) > ACT_SIGMAS, sentence)


def _surely_saves(saved: float) -> Check:
    """Check that log loss falls by more than chance would let it."""
    passed = saved > NATS_TO_ACT
    sentence = (
        "this is very unlikely to be chance (under 3 in 1,000)"
        if passed
        else "this may be chance; we wait until that is very unlikely (under 3 in 1,000)"
    )
    return Check("log_loss", passed, sentence)
