"""How far the leads that come in have moved from those a model was learned from.

Standard library only. Limits know the sizes of the samples, so that few leads raise no alarm by
chance alone.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Literal, NamedTuple, TypeAlias

from ml.fields.types import Value, level_key, signed_log1p
from ml.scorecard.terms import CategoryTerm, Counts, CurveTerm, Term

Verdict: TypeAlias = Literal["unknown", "good", "look", "act"]

LOOK, ACT = 0.10, 0.25  # of PSI, by the convention of credit scoring
CONFIDENCE = 0.95
N_SCORE_BINS = 20  # of equal width
MAX_GROUPS = 10  # of a category or of the score that are compared
MIN_LEADS = 50  # with fewer in a sample, drift is not judged


class Bins(NamedTuple):
    """The same bins counted in two samples: those learned from, and those that came since."""

    reference: tuple[int, ...]
    recent: tuple[int, ...]


@dataclass(frozen=True)
class Drift:
    """How far a distribution has moved: the index of `psi`, its limits, and the sample sizes."""

    psi: float
    look: float
    act: float
    n_reference: int
    n_recent: int

    @property
    def verdict(self) -> Verdict:
        """What the index means; unknown where either sample is too small."""
        if min(self.n_recent, self.n_reference) < MIN_LEADS:
            return "unknown"
        return "act" if self.psi > self.act else "look" if self.psi > self.look else "good"


def psi(bins: Bins) -> float:
    """Compare two distributions by the population stability index, 0 where the shares are equal.

    Sum over the bins of (q - p) ln(q / p), each bin holding half a lead more, so that an empty one
    is no infinity (Siddiqi, Intelligent Credit Scoring, 2017).

    >>> psi(Bins((50, 50), (20, 20)))
    0.0
    >>> round(psi(Bins((50, 50), (30, 10))), 3)
    0.26
    """
    expected, found = (
        [(count + 0.5) / (sum(counts) + len(counts) / 2) for count in counts] for counts in bins
    )
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(expected, found, strict=True))


def chi_square_quantile(probability: float, n_degrees: int) -> float:
    """Give a quantile of chi-square for probabilities in [0.5, 1), within 3 %.

    Wilson and Hilferty (1931), Proceedings of the National Academy of Sciences 17(12), 684-688.

    >>> round(chi_square_quantile(0.95, 9), 1)
    16.9
    """
    spread = 2 / (9 * n_degrees)
    root = 1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)
    return float(n_degrees * root**3)


def chance_limit(
    n_bins: int, n_reference: int, n_recent: int, confidence: float = CONFIDENCE
) -> float:
    """Give the index that chance alone stays below, in two samples of one distribution.

    Quantile of chi-square, times (1 / N + 1 / M); Yurdakul and Naranjo (2020), Journal of Risk
    Model Validation 14(4), 89-100.

    >>> round(chance_limit(10, 1000, 200), 3)
    0.101
    """
    if n_bins < 2:
        return 0.0
    return chi_square_quantile(confidence, n_bins - 1) * (1 / n_reference + 1 / n_recent)


def judge(bins: Bins, *, n_compared: int = 1) -> Drift:
    """Judge how far a distribution has moved, among `n_compared` judged together.

    The limits are 0.10 and 0.25, or what chance alone reaches where that is more, so that a false
    alarm among several stays as rare as for one (Bonferroni).
    """
    n_reference, n_recent = sum(bins.reference), sum(bins.recent)
    if not n_reference or not n_recent:
        return Drift(0.0, LOOK, ACT, n_reference, n_recent)
    n_bins = sum(1 for counts in zip(*bins, strict=True) if any(counts))
    confidence = 1 - (1 - CONFIDENCE) / n_compared
    chance = chance_limit(n_bins, n_reference, n_recent, confidence)
    return Drift(psi(bins), max(LOOK, chance), max(ACT, chance), n_reference, n_recent)


def histogram(probabilities: Sequence[float]) -> list[int]:
    """Count probabilities in 20 bins of equal width, from low to high.

    >>> histogram([0.0, 0.049, 1.0])[::19]
    [2, 1]
    """
    places = Counter(min(int(p * N_SCORE_BINS), N_SCORE_BINS - 1) for p in probabilities)
    return [places[place] for place in range(N_SCORE_BINS)]


def coarse(reference: Sequence[int], recent: Sequence[int]) -> Bins:
    """Join neighbouring bins until each holds a tenth of the reference, at most ten.

    >>> coarse([95, 3, 2, 0], [1, 2, 3, 4])
    Bins(reference=(95, 5), recent=(1, 9))
    """
    needed, total = sum(reference) / MAX_GROUPS, 0
    ends = []
    for place, count in enumerate(reference, start=1):
        total += count
        if total >= needed and total:
            ends.append(place)
            total = 0
    # What is left at the end is a bin of its own, however small: new high scores show there.
    cuts = [0, *ends] if ends and ends[-1] == len(reference) else [0, *ends, len(reference)]
    joined = [
        tuple(sum(counts[low:high]) for low, high in pairwise(cuts))
        for counts in (reference, recent)
    ]
    return Bins(*joined)


def with_absent(term: Term, n_leads: int) -> Term:
    """Count those of `n_leads` learned from of whom the field was not collected as unknown.

    New leads without the field are counted so, too: a field that is no longer sent is noticed.
    """
    if term.missing_counts is None:
        return term
    if isinstance(term, CategoryTerm):
        told = [*(term.level_counts or {}).values(), term.other_counts or Counts(0, 0)]
    else:
        told = [bin_.counts for bin_ in term.bins or ()]
    n = n_leads - sum(counts.n for counts in told)
    return replace(term, missing_counts=Counts(n, min(n, term.missing_counts.n_converted)))


def term_bins(term: Term, values: Sequence[Value]) -> Bins | None:
    """Count values in the groups that a term was learned from; None where it was not learned."""
    if isinstance(term, CategoryTerm):
        return _level_bins(term, values)
    return _number_bins(term, values)


def _level_bins(term: CategoryTerm, values: Sequence[Value]) -> Bins | None:
    if term.level_counts is None:
        return None
    counts = {level: each.n for level, each in term.level_counts.items()}
    named = sorted(counts, key=lambda level: (-counts[level], level))[: MAX_GROUPS - 1]
    n_others = sum(counts.values()) - sum(counts[level] for level in named)
    n_others += term.other_counts.n if term.other_counts else 0
    n_missing = term.missing_counts.n if term.missing_counts else 0
    found = Counter(level_key(value) for value in values)
    recent = [found[level] for level in named]
    rest = len(values) - sum(recent) - found[None]
    reference = (*(counts[level] for level in named), n_others, n_missing)
    return Bins(reference, (*recent, rest, found[None]))


def _number_bins(term: CurveTerm, values: Sequence[Value]) -> Bins | None:
    if term.bins is None:
        return None
    uppers = [bin_.upper for bin_ in term.bins if bin_.upper is not None]
    low, high = term.known_range or (-math.inf, math.inf)
    known = known_numbers(values)
    found = Counter(bisect_left(uppers, value) for value in known if low <= value <= high)
    # Beyond all values learned from lies a bin of its own: of a constant there is no other sign.
    n_below, n_above = sum(v < low for v in known), sum(v > high for v in known)
    inside = (found[place] for place in range(len(term.bins)))
    recent = (n_below, *inside, n_above, len(values) - len(known))
    n_missing = term.missing_counts.n if term.missing_counts else 0
    return Bins((0, *(bin_.counts.n for bin_ in term.bins), 0, n_missing), recent)


def known_numbers(values: Iterable[Value]) -> list[float]:
    """Keep what models read as a number."""
    return [float(v) for v in values if signed_log1p(v) is not None]  # type: ignore[arg-type]
