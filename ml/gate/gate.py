"""The promotion gate: may a challenger replace the champion, and why, in words.

It decides on numbers measured elsewhere (`ml.training.evaluate`); whoever calls it carries the
decision out. Each rule can be switched off; what is missing never speaks for the challenger.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

from ml.fields.wording import signed_text
from ml.gate.intervals import Z_95, auc_half_width

ROUNDING = 1e-12  # an AUC gain of 0.02 may come out as 0.01999999999999999
LOG_LOSS_CONFIDENCE = 0.8  # one-sided
# A smaller gain than asked is taken on so many times the evidence, if AUC may not be lower by more
# than this, with 95 % confidence, and log loss is lower with 98.5 %.
TIMES_FOR_SMALL_GAIN = 2
MAX_AUC_LOSS, AUC_CONFIDENCE, SURE_OF_LOG_LOSS = 0.01, 0.95, 0.985
# Standard errors below luck from which on a champion knows nothing, and whatever ranks better may
# replace it; fewer where it is sure that the world has changed.
INVERTED, INVERTED_BY_CHANGE = 3.0, 2.0
LUCK = 0.5  # the AUC of scores that say nothing
NORMAL = NormalDist()
GROUPS = "companies and people"


@dataclass(frozen=True)
class GateRule:
    """What a challenger has to show.

    `min_gain` of AUC in [0, 1), where no gain is never enough; one-sided `confidence` in [0.5, 1)
    that it adds to what the champion knows (None: not asked); `min_each_class` converted and lost
    leads in the evidence (0: not asked); whether its log loss must be lower with 80 % confidence;
    whether a smaller gain is enough where twice the evidence makes it sure.
    """

    min_gain: float = 0.02
    confidence: float | None = 0.99
    min_each_class: int = 20
    log_loss_must_fall: bool = True
    sure_gain_is_enough: bool = True

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

    `standard_error` is that of the paired difference of AUC, `added_value` in standard deviations,
    log losses are means in nats; None is what cannot be computed. Leads of one person or company
    are one group: of `n_groups` some hold a converted lead, some a lost one, some both; None where
    each lead is alone. If it `is_changed`, the champion surely ranks these leads worse than the
    `n_older` before, which are left out, or than it claimed.
    """

    n_converted: int
    n_lost: int
    auc_champion: float | None = None
    auc_challenger: float | None = None
    standard_error: float | None = None
    added_value: float | None = None
    log_loss_champion: float | None = None
    log_loss_challenger: float | None = None
    log_loss_error: float | None = None
    n_groups_converted: int | None = None
    n_groups_lost: int | None = None
    n_groups: int | None = None
    n_older: int = 0
    is_changed: bool = False

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


@dataclass(frozen=True, kw_only=True)
class Decision(Evidence):
    """Whether a challenger is promoted, and why, with the evidence and each check."""

    promote: bool
    reason: str
    checks: tuple[Check, ...]

    @property
    def n_evidence(self) -> int:
        """Leads in the evidence."""
        return self.n_converted + self.n_lost

    def to_json(self) -> dict[str, Any]:
        """Give the decision as plain JSON."""
        checks = [check._asdict() for check in self.checks]
        return asdict(self) | {"n_evidence": self.n_evidence, "gain": self.gain, "checks": checks}


def decide(evidence: Evidence, rule: GateRule) -> Decision:
    """Promote the challenger only where every check passes; what cannot be computed passes none.

    >>> evidence = Evidence(60, 140, 0.70, 0.76, 0.02, 3.1, 0.55, 0.52, 0.01)
    >>> decide(evidence, GateRule()).reason[:65]
    'Promoted: on the 200 leads with outcomes since the current model '
    >>> decide(Evidence(0, 0), GateRule()).promote
    False
    """
    checks = tuple(_checks(evidence, rule))
    promote = all(check.passed for check in checks)
    reason = _promoted(evidence, rule) if promote else _refused(evidence, checks)
    return Decision(promote=promote, reason=reason, checks=checks, **asdict(evidence))


def _checks(evidence: Evidence, rule: GateRule) -> Iterator[Check]:
    if rule.min_each_class:
        yield _enough(evidence, rule.min_each_class)
    yield _gain(evidence, rule)
    if rule.confidence is not None:
        yield _adds(evidence, rule.confidence)
    if rule.log_loss_must_fall:
        yield _log_loss_falls(evidence)


def _enough(evidence: Evidence, least: int) -> Check:
    n_each, n_groups_each = _each(evidence)
    passed = min(n_groups_each) >= least
    groups = ""
    if n_groups_each != n_each:
        groups = f", of {n_groups_each[0]:,} and {n_groups_each[1]:,} {GROUPS}"
    sentence = (
        f"{n_each[0]:,} leads converted and {n_each[1]:,} were lost since the current model was "
        f"trained{groups}; at least {least}{f' {GROUPS}' if groups else ''} of each are required"
    )
    return Check("evidence", passed, sentence)


def _each(evidence: Evidence) -> tuple[tuple[int, int], tuple[int, int]]:
    """Give the leads of each outcome, and the groups that hold some."""
    leads = evidence.n_converted, evidence.n_lost
    groups = evidence.n_groups_converted, evidence.n_groups_lost
    converted, lost = (
        n if found is None else found for n, found in zip(leads, groups, strict=True)
    )
    return leads, (converted, lost)


def _gain(evidence: Evidence, rule: GateRule) -> Check:
    gain, least = evidence.gain, rule.min_gain
    if gain is None:
        return Check("gain", False, "comparing AUC takes at least two leads of each outcome")
    asked = f"at least {100 * least:.1f}" if least else "more than 0"
    # Written so that NaN fails.
    if gain >= least - ROUNDING and gain > 0:
        return Check("gain", True, f"{_auc_change(evidence)}; {asked} points are required")
    if rule.sure_gain_is_enough and _is_surely_better(evidence, rule.min_each_class):
        sentence = (
            f"{_auc_change(evidence)}; {asked} points are required, or a lower log loss that is as "
            "sure as this one, on twice the evidence, with no loss of AUC"
        )
        return Check("gain", True, sentence)
    return Check("gain", False, f"{_auc_change(evidence)}; {asked} points are required")


def _is_surely_better(evidence: Evidence, min_each_class: int) -> bool:
    """Tell whether log loss surely falls and AUC surely does not, on twice the evidence."""
    old, new = evidence.log_loss_champion, evidence.log_loss_challenger
    errors = evidence.standard_error, evidence.log_loss_error
    if old is None or new is None or evidence.gain is None or None in errors:
        return False
    auc_error, log_loss_error = (float(error or 0) for error in errors)
    _, n_each = _each(evidence)
    is_enough = min_each_class > 0 and min(n_each) >= TIMES_FOR_SMALL_GAIN * min_each_class
    lowest_gain = evidence.gain - NORMAL.inv_cdf(AUC_CONFIDENCE) * auc_error
    surely = old - new - NORMAL.inv_cdf(SURE_OF_LOG_LOSS) * log_loss_error
    return is_enough and evidence.gain > 0 and lowest_gain > -MAX_AUC_LOSS and surely > 0


def _adds(evidence: Evidence, needed: float) -> Check:
    if evidence.added_value is None or math.isnan(evidence.added_value):
        return Check("confidence", False, "too few outcomes to tell what the new model adds")
    if better := _better_than_nothing(evidence, needed):
        return Check("confidence", True, better)
    sentence = f"{_knowledge(evidence)}; {100 * needed:g} % is required"
    return Check("confidence", NORMAL.cdf(evidence.added_value) >= needed, sentence)


def _better_than_nothing(evidence: Evidence, needed: float) -> str | None:
    """Say how the challenger is better than a champion that knows nothing, if that is sure."""
    if _replaces_an_inverted(evidence):
        return "The current model ranks these leads surely worse than chance, the new one does not"
    gain, error, old = evidence.gain, evidence.standard_error, evidence.auc_champion
    if not evidence.is_changed or gain is None or error is None or old is None:
        return None
    if old > LUCK or not gain > NORMAL.inv_cdf(needed) * error:
        return None
    return (
        "The current model ranks these leads no better than chance, which is surely worse than "
        f"before or than it claimed; we are {100 * needed:g} % sure that the new one ranks them "
        "better"
    )


def _replaces_an_inverted(evidence: Evidence) -> bool:
    """Tell whether the champion ranks surely worse than luck, and the challenger better.

    To be better than such a champion takes no knowledge, so none has to be shown; only a challenger
    that is itself worse than luck by more than a standard error would change nothing.
    """
    _, n_each = _each(evidence)
    old, new = evidence.auc_champion, evidence.auc_challenger
    if old is None or new is None or min(n_each) < 1:
        return False
    error = auc_half_width(LUCK, *n_each) / Z_95
    least = INVERTED_BY_CHANGE if evidence.is_changed else INVERTED
    return old < LUCK - least * error and new > max(old, LUCK - error)


def _log_loss_falls(evidence: Evidence) -> Check:
    """Check that log loss falls by more than chance would let it."""
    old, new = evidence.log_loss_champion, evidence.log_loss_challenger
    if old is None or new is None or evidence.log_loss_error is None:
        return Check("log_loss", False, "too few outcomes to tell whether log loss falls")
    surely = old - new - NORMAL.inv_cdf(LOG_LOSS_CONFIDENCE) * evidence.log_loss_error
    asked = f"we need to be {100 * LOG_LOSS_CONFIDENCE:g} % sure that it falls"
    verb = "falls" if new < old else "rises" if new > old else "stays"
    may_be_chance = ", which may be chance" if new < old and not surely > 0 else ""
    sentence = f"log loss {verb} from {old:.4f} to {new:.4f}{may_be_chance}; {asked}"
    return Check("log_loss", surely > 0, sentence)


def _promoted(evidence: Evidence, rule: GateRule) -> str:
    n, n_groups = evidence.n_converted + evidence.n_lost, evidence.n_groups
    groups = "" if n_groups in (None, n) else f" of {n_groups:,} {GROUPS}"
    also = ""
    if rule.confidence is not None:
        better = _better_than_nothing(evidence, rule.confidence)
        also = f" {better or _knowledge(evidence)}."
    return (
        f"Promoted: on the {n:,} leads{groups} with outcomes since the current model was "
        f"trained, {_auc_change(evidence)}.{also}{_left_out(evidence)}"
    )


def _refused(evidence: Evidence, checks: tuple[Check, ...]) -> str:
    if evidence.n_converted + evidence.n_lost == 0:
        return "Not promoted: no outcomes have come in since the current model was trained."
    failed = [check.sentence for check in checks if not check.passed]
    told = " ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in failed)
    return (
        f"Not promoted: the new model failed {len(failed)} of {len(checks)} checks. {told}"
        f"{_left_out(evidence)}"
    )


def _left_out(evidence: Evidence) -> str:
    if not evidence.n_older:
        return ""
    return (
        f" The {evidence.n_older:,} leads before them are left out: the current model ranks the "
        "newer ones surely worse."
    )


def _auc_change(evidence: Evidence) -> str:
    return (
        f"AUC goes from {evidence.auc_champion:.3f} to {evidence.auc_challenger:.3f} "
        f"({signed_text(100 * (evidence.gain or 0), 1)} points)"
    )


def _knowledge(evidence: Evidence) -> str:
    share = NORMAL.cdf(evidence.added_value or 0)
    # Rounded down, and never to a round 100 %.
    reached = "more than 99.9 %" if share > 0.999 else f"{int(1000 * share) / 10:.1f} %"
    return f"We are {reached} sure that the new model adds something"
