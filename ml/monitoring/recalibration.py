"""Recalibration: the same model with another level and spread, where that is surely better.

Two numbers set the scores right and leave the order of the leads as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit

from ml.gate.gate import GROUPS, Check, Decision, Evidence
from ml.monitoring.performance import (
    ACT_SIGMAS,
    MIN_EACH_TO_RECALIBRATE,
    MIN_OUTCOMES,
    NATS_TO_ACT,
    SETTLE_SIGMAS,
    Calibration,
    ScoredOutcome,
    calibration_in_the_large,
    n_groups,
    nats_saved_by_a_step,
    trust,
)
from ml.scorecard.scorecard import Grade, Scorecard
from ml.sentences import Figure, gettext
from ml.training.encode import Bools, Floats
from ml.training.evaluate import log_loss
from ml.training.metrics import model_metrics
from ml.training.term_sums import scaled

# What is likely before any outcome: standard deviations of the level in log-odds, and of the slope.
LIKELY = np.array([1.0, 0.3])
LIKELY_OF_NEW = np.array([0.5])  # of the level of a model that was just learned
CAUTION = 1.28  # standard errors by which either falls short of the likeliest: 90 %, one-sided
SETTLE_CAUTION = 0.64  # the same of a level, by the leads it was learned from and those since
MIN_SLOPE, MAX_SLOPE = 0.05, 1.5
MAX_STEPS = 100
NEARLY_SURE = 1e-6  # the probabilities nearest to 0 and 1 that are told apart from them
# A grade with this share of the leads needs so many outcomes of its own.
MIN_SHARE, MIN_OF_GRADE = 0.1, 3


class NotRecalibrated(ValueError):
    """The outcomes do not show surely enough that scores are off; the message is for people."""


class Adjustment(NamedTuple):
    """What log-odds become: `slope` times what they were, and a `step`."""

    slope: float
    step: float

    def of(self, probability: float) -> float:
        """Adjust a probability; 0 and 1 stay what they are.

        >>> round(Adjustment(2.0, 0.0).of(0.8), 3), Adjustment(2.0, 1.0).of(1.0)
        (0.941, 1.0)
        """
        return float(expit(self.slope * logit(probability) + self.step))


@dataclass(frozen=True)
class Recalibration:
    """A champion with another level and spread, and what it is worth on the outcomes behind it."""

    scorecard: Scorecard
    adjustment: Adjustment
    metrics: dict[str, Any]
    decision: Decision


def recalibrate(
    outcomes: Sequence[ScoredOutcome],
    champion: Scorecard,
    leads_by_grade: Mapping[Grade, int],
    *,
    level_only: bool = False,
    level_error: float = 0.0,
) -> Recalibration:
    """Set level and spread of a champion right, where that is surely an improvement.

    The outcomes, with the scores that the champion gave before, are of leads that neither it nor an
    earlier recalibration has seen, and a fair sample by their weights. Where it has seen some they
    tell of its level alone (`level_only`, with a `level_error` as in `adjustment_for`).
    `leads_by_grade` counts the leads that are scored these days. Raises NotRecalibrated unless
    outcomes are enough, of every grade that matters, more than three standard deviations from what
    was promised, and log loss falls by more than chance would let it.
    """
    promised, converted = _columns(outcomes)
    adjustment = (
        adjustment_for(outcomes, level_only=level_only, level_error=level_error)
        if outcomes
        else Adjustment(1.0, 0.0)
    )
    decision = _decide(outcomes, champion, leads_by_grade, adjustment, level_only=level_only)
    scorecard = adjusted(champion, adjustment)
    return Recalibration(
        scorecard=scorecard,
        adjustment=adjustment,
        metrics=model_metrics(
            converted,
            np.array([adjustment.of(each) for each in promised]),
            fields=[term.field for term in champion.terms],
            grades=scorecard.grades,
            groups=np.array([each.group for each in outcomes]),
        ),
        decision=decision,
    )


def adjusted(card: Scorecard, adjustment: Adjustment) -> Scorecard:
    """Adjust the log-odds of every score; each lead keeps its rank and grade.

    All effects are multiplied by the slope, so that reasons sum to the score as before.
    """
    slope, step = adjustment
    a, b, c = (adjustment.of(bound) for bound in card.grades)
    return replace(
        card,
        intercept=slope * card.intercept + step,
        terms=scaled(card.terms, slope),
        parts=tuple(part.scaled(slope) for part in card.parts),
        grades=(a, b, c),
        base_rate=card.base_rate if card.n_leads else adjustment.of(card.base_rate),
    )


def adjustment_for(
    outcomes: Sequence[ScoredOutcome], *, level_only: bool = False, level_error: float = 0.0
) -> Adjustment:
    """Find the level and slope that outcomes ask for, each less what they leave uncertain.

    A logistic regression on the log-odds promised (Cox 1958, Biometrika 45:562-565), with normal
    priors that hold it to what was promised. Weights count, and leads of a group count as one.
    Either moves only to the end of its interval that is nearer to where it was; the slope stays
    where they tell of the `level_only`. Weights leave a standard `level_error` of their own.

    >>> found = adjustment_for([ScoredOutcome(0.5, n % 4 == 0, n) for n in range(400)])
    >>> round(found.slope, 2), round(found.step, 2)
    (1.0, -0.94)
    >>> adjustment_for([ScoredOutcome(0.5, n % 4 == 0, n) for n in range(4)])
    Adjustment(slope=1.0, step=0.0)
    """
    promised, converted = _columns(outcomes)
    log_odds: Floats = logit(np.clip(promised, NEARLY_SURE, 1 - NEARLY_SURE))
    weights = trust(outcomes) * np.array([each.weight for each in outcomes])
    centre = float(np.average(log_odds, weights=weights)) if weights.any() else 0.0
    inputs = np.column_stack([np.ones(len(outcomes)), log_odds - centre])
    n_counts = 1 if level_only else 2
    found, information = _fitted(
        inputs[:, :n_counts], log_odds, converted, weights, likely=LIKELY[:n_counts]
    )
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    errors[0] = np.hypot(errors[0], level_error)
    caution = SETTLE_CAUTION if level_only else CAUTION
    moved = np.sign(found) * np.maximum(0.0, np.abs(found) - caution * errors)
    level, more = (*moved, 0.0)[:2]
    slope = float(np.clip(1 + more, MIN_SLOPE, MAX_SLOPE))
    return Adjustment(slope, float(level + (1 - slope) * centre))


def level_for(outcomes: Sequence[ScoredOutcome]) -> float:
    """Find the step of all log-odds that makes a new model's level that of a fair sample.

    A model learns the level of the outcomes that have come. Where one kind comes sooner, weights
    tell what all leads would come to; a normal prior keeps the step small while that is unsure.

    >>> told = [ScoredOutcome(0.2, n % 5 == 0, n, 4.0 if n % 5 == 0 else 1.0) for n in range(500)]
    >>> round(level_for(told), 1)
    1.3
    """
    promised, converted = _columns(outcomes)
    log_odds: Floats = logit(np.clip(promised, NEARLY_SURE, 1 - NEARLY_SURE))
    weights = trust(outcomes) * np.array([each.weight for each in outcomes])
    found, _ = _fitted(
        np.ones((len(outcomes), 1)), log_odds, converted, weights, likely=LIKELY_OF_NEW
    )
    return float(found[0])


def _columns(outcomes: Sequence[ScoredOutcome]) -> tuple[Floats, Bools]:
    promised = np.array([each.score for each in outcomes], dtype=np.float64)
    return promised, np.array([each.converted for each in outcomes], dtype=bool)


def _fitted(
    inputs: Floats, offsets: Floats, converted: Bools, weights: Floats, *, likely: Floats
) -> tuple[Floats, Floats]:
    """Fit counts of the inputs on top of offsets, by Newton's method; and their information."""
    counts, information = np.zeros(inputs.shape[1]), np.diag(likely**-2.0)
    for _ in range(MAX_STEPS):
        expected = expit(offsets + inputs @ counts)
        slopes = inputs.T @ (weights * (converted - expected)) - counts / likely**2
        spread = weights * expected * (1 - expected)
        information = inputs.T @ (inputs * spread[:, np.newaxis]) + np.diag(likely**-2.0)
        move = np.linalg.solve(information, slopes)
        # Log-odds far off make a full step too long.
        counts = counts + move / max(1.0, float(np.abs(move).max()))
        if np.abs(move).max() < 1e-9:
            break
    return counts, information


def _decide(
    outcomes: Sequence[ScoredOutcome],
    champion: Scorecard,
    leads_by_grade: Mapping[Grade, int],
    adjustment: Adjustment,
    *,
    level_only: bool,
) -> Decision:
    found = calibration_in_the_large(outcomes)
    saved = nats_saved_by_a_step(outcomes)
    # To learn a level again from more leads takes no claim that is refuted.
    far = (_far(found, SETTLE_SIGMAS),) if level_only else (_far(found), _surely_saves(saved))
    checks = (_enough(outcomes), _everywhere(outcomes, champion, leads_by_grade), *far)
    failed = [check.sentence for check in checks if not check.passed]
    if failed:
        raise NotRecalibrated(gettext("Not recalibrated: %(failed)s.", failed="; ".join(failed)))
    promised, converted = _columns(outcomes)
    before = log_loss(converted, promised)
    n_converted = int(converted.sum())
    # One order of leads, so AUC has nothing to say.
    evidence = Evidence(
        n_converted,
        len(outcomes) - n_converted,
        log_loss_champion=before,
        log_loss_challenger=before - saved / found.n,
        n_groups_converted=n_groups(each for each in outcomes if each.converted),
        n_groups_lost=n_groups(each for each in outcomes if not each.converted),
        n_groups=found.n_groups,
    )
    level, moved = ("low", "raised") if found.z > 0 else ("high", "lowered")
    reason = gettext(
        "Scores were too %(level)s: %(text)s. We %(moved)s them; the ranking is unchanged.",
        level=level,
        text=found.text,
        moved=moved,
    )
    return Decision(promote=True, reason=reason, checks=checks, **asdict(evidence))


def _enough(outcomes: Sequence[ScoredOutcome]) -> Check:
    n_converted = n_groups(each for each in outcomes if each.converted)
    n_lost = n_groups(each for each in outcomes if not each.converted)
    least = min(n_converted, n_lost)
    passed = n_groups(outcomes) >= MIN_OUTCOMES and least >= MIN_EACH_TO_RECALIBRATE
    sentence = gettext(
        "leads of %(n_converted)s %(GROUPS)s converted and of %(n_lost)s were "
        "lost; at least %(MIN_OUTCOMES)s in all and "
        "%(MIN_EACH_TO_RECALIBRATE)s of each are required",
        n_converted=Figure(f"{n_converted:,}"),
        GROUPS=GROUPS,
        n_lost=Figure(f"{n_lost:,}"),
        MIN_OUTCOMES=MIN_OUTCOMES,
        MIN_EACH_TO_RECALIBRATE=MIN_EACH_TO_RECALIBRATE,
    )
    return Check("evidence", passed, sentence)


def _everywhere(
    outcomes: Sequence[ScoredOutcome], champion: Scorecard, leads_by_grade: Mapping[Grade, int]
) -> Check:
    """Check that outcomes tell of all scores that matter: of the others nothing is known."""
    n_leads = sum(leads_by_grade.values())
    of_grade = {(champion.grade(each.score), each.group) for each in outcomes}
    groups = Counter(grade for grade, _ in of_grade)
    unknown = [
        grade
        for grade, n in sorted(leads_by_grade.items())
        if n >= MIN_SHARE * n_leads and groups[grade] < MIN_OF_GRADE
    ]
    if unknown:
        sentence = f"too few outcomes tell of grade {' and '.join(unknown)}"
    elif sum(n >= MIN_OF_GRADE for n in groups.values()) < 2:
        sentence = gettext("all outcomes are of one grade, so they tell nothing of the others")
    else:
        return Check("grades", True, gettext("outcomes are of all grades that leads have"))
    return Check("grades", False, sentence)


def _far(found: Calibration, least: float = ACT_SIGMAS) -> Check:
    sentence = gettext(
        "%(text)s: %(z)s standard deviations off; more than %(least)s are required",
        text=found.text,
        z=Figure(f"{abs(found.z):.1f}"),
        least=Figure(f"{least:g}"),
    )
    return Check("calibration", abs(found.z) > least, sentence)


def _surely_saves(saved: float) -> Check:
    """Check that log loss falls by more than chance would let it."""
    passed = saved > NATS_TO_ACT
    sentence = (
        gettext("this is very unlikely to be chance (under 3 in 1,000)")
        if passed
        else gettext("this may be chance; we wait until that is very unlikely (under 3 in 1,000)")
    )
    return Check("log_loss", passed, sentence)
