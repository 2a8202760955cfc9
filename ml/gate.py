"""The promotion gate: may a challenger replace the champion, and why, in words.

It decides on numbers measured elsewhere (`ml.evaluation`); whoever calls it carries the decision
out. Each rule can be switched off; what is missing never speaks for the challenger.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

ROUNDING = 1e-12  # an AUC gain of 0.02 may come out as 0.01999999999999999


@dataclass(frozen=True)
class GateRule:
    """What a challenger has to show.

    Parameters
    ----------
    min_gain : float, default=0.02
        Least gain of AUC. A gain of zero is never enough.
    confidence : float or None, default=0.90
        One-sided confidence at which the gain must lie above zero; None switches the check off.
    min_each_class : int, default=20
        Least converted and least lost leads among the evidence; 0 switches the check off.
    log_loss_must_not_worsen : bool, default=True
        Whether the challenger's log loss may not exceed the champion's.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    min_gain: float = 0.02
    confidence: float | None = 0.90
    min_each_class: int = 20
    log_loss_must_not_worsen: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.min_gain < 1:
            raise ValueError("min_gain must be a difference of AUC from 0 to below 1")
        if self.confidence is not None and not 0.5 <= self.confidence < 1:
            raise ValueError("confidence must be from 0.5 to below 1, or None")
        if self.min_each_class < 0:
            raise ValueError("min_each_class must be 0 or more")


@dataclass(frozen=True)
class Evidence:
    """Champion and challenger on the same leads, labelled since the champion was trained.

    Parameters
    ----------
    n_converted, n_lost : int
        Outcomes among those leads.
    auc_champion, auc_challenger : float or None
        Area under the ROC curve; None where a kind has fewer than two leads.
    standard_error : float or None
        Of the difference of the two, paired; None likewise.
    log_loss_champion, log_loss_challenger : float or None
        Mean negative log-likelihood in nats; None where there are no leads.
    """

    n_converted: int
    n_lost: int
    auc_champion: float | None = None
    auc_challenger: float | None = None
    standard_error: float | None = None
    log_loss_champion: float | None = None
    log_loss_challenger: float | None = None

    @property
    def gain(self) -> float | None:
        """AUC of the challenger minus that of the champion; None where not computable."""
        if self.auc_champion is None or self.auc_challenger is None:
            return None
        return self.auc_challenger - self.auc_champion


class Check(NamedTuple):
    """One rule of the gate: whether it holds, and a sentence with its numbers."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Decision:
    """Whether a challenger is promoted, with all that the decision rests on.

    Parameters
    ----------
    promote : bool
        True where every check has passed.
    reason : str
        A sentence for people.
    n_evidence, n_converted, n_lost : int
        Leads compared on, and their outcomes.
    auc_champion, auc_challenger, gain : float or None
        Areas under the ROC curve and their difference; None where not computable.
    gain_lower_bound : float or None
        One-sided lower confidence bound of the gain; None where not computable or not asked for.
    standard_error : float or None
        Of the gain.
    log_loss_champion, log_loss_challenger : float or None
        In nats.
    checks : tuple of Check
        One a rule that is switched on.
    """

    promote: bool
    reason: str
    n_evidence: int
    n_converted: int
    n_lost: int
    auc_champion: float | None
    auc_challenger: float | None
    gain: float | None
    gain_lower_bound: float | None
    standard_error: float | None
    log_loss_champion: float | None
    log_loss_challenger: float | None
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the decision as plain JSON.

        Returns
        -------
        dict
            Every number as a number or null, the checks as objects.
        """
        return asdict(self) | {"checks": [check._asdict() for check in self.checks]}


def decide(evidence: Evidence, rule: GateRule) -> Decision:
    """Decide whether the challenger replaces the champion.

    Parameters
    ----------
    evidence : Evidence
        Both on the same leads.
    rule : GateRule
        What is asked for.

    Returns
    -------
    Decision
        Promotes only where every check passes. What cannot be computed passes no check.

    References
    ----------
    DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. (1988). Comparing the areas under two
    or more correlated receiver operating characteristic curves: a nonparametric approach.
    Biometrics 44(3), 837-845: the standard error and its normal approximation.

    Examples
    --------
    >>> evidence = Evidence(60, 140, 0.70, 0.76, 0.02, 0.55, 0.52)
    >>> decide(evidence, GateRule()).reason[:65]
    'Promoted: on the 200 leads labelled since the champion was traine'
    >>> decide(Evidence(0, 0), GateRule()).promote
    False
    """
    bound = lower_bound(evidence, rule.confidence)
    checks = tuple(_checks(evidence, rule, bound))
    promote = all(check.passed for check in checks)
    return Decision(
        promote=promote,
        reason=_reason(evidence, checks, promote),
        n_evidence=evidence.n_converted + evidence.n_lost,
        gain=evidence.gain,
        gain_lower_bound=bound,
        checks=checks,
        **asdict(evidence),
    )


def lower_bound(evidence: Evidence, confidence: float | None) -> float | None:
    """Bound the gain of AUC from below.

    Parameters
    ----------
    evidence : Evidence
        Gives the gain and its standard error.
    confidence : float or None
        One-sided, in [0.5, 1).

    Returns
    -------
    float or None
        The true gain lies above it with that confidence; None where not computable.

    Examples
    --------
    >>> round(lower_bound(Evidence(60, 140, 0.70, 0.76, 0.02), 0.90), 4)
    0.0344
    """
    if confidence is None or evidence.gain is None or evidence.standard_error is None:
        return None
    return evidence.gain - NormalDist().inv_cdf(confidence) * evidence.standard_error


def _checks(evidence: Evidence, rule: GateRule, bound: float | None) -> Iterator[Check]:
    if rule.min_each_class:
        yield _enough(evidence, rule.min_each_class)
    yield _gain(evidence, rule.min_gain)
    if rule.confidence is not None:
        yield _confident(evidence, rule.confidence, bound)
    if rule.log_loss_must_not_worsen:
        yield log_loss_check(evidence)


def _enough(evidence: Evidence, least: int) -> Check:
    passed = min(evidence.n_converted, evidence.n_lost) >= least
    sentence = (
        f"{evidence.n_converted} converted and {evidence.n_lost} lost leads have been labelled "
        f"since the champion was trained; at least {least} of each are needed"
    )
    return Check("evidence", passed, sentence)


def _gain(evidence: Evidence, least: float) -> Check:
    gain = evidence.gain
    if gain is None:
        return Check(
            "gain", False, "AUC cannot be compared on fewer than two leads of each outcome"
        )
    # Written so that NaN fails.
    passed = gain >= least - ROUNDING and gain > 0
    asked = f"at least {_points(least)}" if least else "more than 0"
    sentence = (
        f"AUC goes from {evidence.auc_champion:.3f} to {evidence.auc_challenger:.3f}, "
        f"{_signed_points(gain)}; {asked} points are needed"
    )
    return Check("gain", passed, sentence)


def _confident(evidence: Evidence, confidence: float, bound: float | None) -> Check:
    percent = f"{100 * confidence:g} %"
    if bound is None:
        return Check("confidence", False, "how certain the gain is cannot be computed")
    n = evidence.n_converted + evidence.n_lost
    sentence = (
        f"with {percent} confidence the gain is above {_signed_points(bound)}, "
        f"judged on {n:,} leads; it must be above 0"
    )
    return Check("confidence", bound > 0, sentence)


def log_loss_check(evidence: Evidence) -> Check:
    """Check that log loss does not get worse.

    Parameters
    ----------
    evidence : Evidence
        Gives the log loss of both.

    Returns
    -------
    Check
        Fails where it cannot be computed.
    """
    old, new = evidence.log_loss_champion, evidence.log_loss_challenger
    if old is None or new is None:
        return Check("log_loss", False, "log loss cannot be computed without leads")
    verb = "falls" if new < old else "rises" if new > old else "stays"
    sentence = f"log loss {verb} from {old:.4f} to {new:.4f}; it must not rise"
    return Check("log_loss", new <= old, sentence)


def _reason(evidence: Evidence, checks: tuple[Check, ...], promote: bool) -> str:
    n = evidence.n_converted + evidence.n_lost
    if promote:
        told = (c.sentence for c in checks if c.name in ("gain", "confidence"))
        parts = [sentence.partition("; ")[0] for sentence in told]
        return (
            f"Promoted: on the {n:,} leads labelled since the champion was trained, "
            f"{'; '.join(parts)}."
        )
    if n == 0:
        return "Not promoted: no lead has been labelled since the champion was trained."
    return f"Not promoted: {'. Also, '.join(c.sentence for c in checks if not c.passed)}."


def _points(gain: float) -> str:
    return f"{100 * gain:.1f}"


def _signed_points(gain: float) -> str:
    return f"{round(100 * gain, 1) + 0.0:+.1f} points"  # -0.04 is shown as +0.0
