"""Leakage: fields that tell the outcome they should predict, looked for before each training.

A model learned from one looks better than it is and fails on leads still open. Four signs are
looked for, each with 95 % confidence, in built-in fields too: a source may fill any of them late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, norm

from ml.fields.types import Field, level_key, value_text
from ml.gate.intervals import wilson
from ml.leakage.words import named_later, speaks_of_an_end
from ml.training.encode import MISSING, NOT_COLLECTED, Bools, Floats, Record, columns_of, frame_of

CONFIDENCE = 0.95  # one-sided, of every bound
# The outcome itself, one value in ten wrong, removes half. Of honest fields of 38 real data sets a
# customer's loyalty to a brand removes 0.35 and a voter's party, of the vote, 0.47; others less.
MAX_REMOVED_ALONE = 0.35
# At least so many times as often is the field filled for leads of one kind as for the other.
TIMES_FOR_ONE_OUTCOME = 10.0
TIMES_FOR_CLOSED = 5.0
MIN_FILLED = 0.05  # of the leads of the kind for which it is filled
N_GROUPS = 10  # into which the values of a number are cut
MIN_RATE, MAX_RATE = 0.01, 0.99  # rates are held between, so that no single lead decides
MIN_OF_A_GROUP = 5
DIGITS = 4  # of a number that is kept
MIN_SHOWN, SMALL_SHARE = 0.001, 0.1  # less is "less than", and has a digit more

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Leak:
    """A field that seems to be filled in after the outcome, and why.

    `sign` is what gives it away: "too good alone", "one outcome only", "closed leads only" or
    "written later". `sentence` is the evidence in words, `evidence` the same in counts and shares.
    """

    field: str
    sign: str
    sentence: str
    evidence: dict[str, int | float]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON, the numbers rounded."""
        rounded = {
            name: number if isinstance(number, int) else float(f"{number:.{DIGITS}g}")
            for name, number in self.evidence.items()
        }
        return asdict(self) | {"evidence": rounded}


class Removed(NamedTuple):
    """The share of the uncertainty about the outcome that a field removes, and its lower bound."""

    share: float
    low: float


def find_leaks(
    records: Sequence[Record],
    converted: Sequence[bool],
    fields: Sequence[Field],
    open_records: Sequence[Record] = (),
) -> list[Leak]:
    """Find fields that seem to be filled in after the outcome.

    `records` and `converted` are the labelled leads, some of each kind; `open_records` those
    without an outcome. Gives for each field the first sign that holds. Leads of whom it was not
    collected tell nothing of it, but for whether it is filled for closed leads only.
    """
    columns = columns_of(records, fields)
    frame, outcomes = frame_of(records, columns), np.array(converted, dtype=bool)
    found = []
    for field in fields:
        column = frame[field.name].to_numpy()
        told = np.flatnonzero(column != NOT_COLLECTED).tolist()
        if len(np.unique(outcomes[told])) < 2:
            continue
        column = column[told]
        groups = _grouped(column) if field.name in columns.numbers else column.astype(np.int64)
        levels = columns.levels.get(field.name, {})
        of_told = (outcomes[told], [records[place] for place in told])
        look = _Look(field, groups, levels, *of_told, len(records), open_records)
        signs = (look.too_good, look.one_outcome, look.closed_only, look.written_later)
        first = next((leak for sign in signs if (leak := sign())), None)
        found += [first] if first else []
    return found


def removed(groups: Codes, converted: Bools) -> Removed:
    """Measure the share of the uncertainty about the outcome that a field alone removes.

    McFadden's R squared, each lead left out of the rates it is judged by; below 0 where the field
    tells nothing. The bound is one-sided at 95 %. `groups` holds a code from 0 for each lead's
    value.

    >>> told = removed(np.array([1, 1, 2, 2] * 25), np.array([True, True, False, False] * 25))
    >>> told.low > 0.9, removed(np.array([1, 2, 1, 2] * 25), np.array([True, True, False] * 33
    ...     + [True])).share < 0
    (True, True)
    """
    n, n_of, won_of = len(groups), np.bincount(groups), np.bincount(groups, weights=converted)
    others = (converted.sum() - converted + 0.5) / n  # the rate of all but this lead, shrunk
    rate = (won_of[groups] - converted + others) / n_of[groups]  # of its group, as one more lead
    without, with_it = _losses(others, converted), _losses(rate, converted)
    saved = (without - with_it) / without.mean()
    spread = float(saved.std(ddof=1) / np.sqrt(n))
    return Removed(float(saved.mean()), float(saved.mean() - norm.ppf(CONFIDENCE) * spread))


def chance(groups: Codes, converted: Bools) -> float:
    """Give the p value of Pearson's chi-squared test, groups of less than five leads taken as one.

    >>> outcomes = np.array([True, False] * 20)
    >>> chance(np.array([1, 2] * 20), outcomes) < 1e-6, chance(np.zeros(40, int), outcomes)
    (True, 1.0)
    """
    few = np.bincount(groups)[groups] < MIN_OF_A_GROUP
    values, places = np.unique(np.where(few, -1, groups), return_inverse=True)
    table = np.zeros((2, len(values)))
    np.add.at(table, (converted.astype(int), places), 1)
    return float(chi2_contingency(table, correction=False).pvalue)


@dataclass(frozen=True)
class _Look:
    """One field looked at: the signs that it may show."""

    field: Field
    groups: Codes
    levels: Mapping[str, int]  # codes of a category, by the level keys
    converted: Bools
    records: Sequence[Record]
    n_closed: int  # leads with an outcome, those of whom it was not collected too
    open_records: Sequence[Record]

    def too_good(self) -> Leak | None:
        told = removed(self.groups, self.converted)
        if told.low <= MAX_REMOVED_ALONE:
            return None
        sentence = (
            f"{self.field.label} alone removes {_percent(told.share)} of the uncertainty about the"
            f" outcome (at least, with 95 % confidence, {_percent(told.low)}, on"
            f" {len(self.groups):,} leads)."
            f" What is known beforehand hardly ever removes more than a third.{self._examples()}"
        )
        return self._leak("too good alone", sentence, **told._asdict())

    def one_outcome(self) -> Leak | None:
        filled = self.groups != MISSING
        won, lost = filled[self.converted], filled[~self.converted]
        one, other, name, opposite = (
            (won, lost, "converted", "lost")
            if won.mean() >= lost.mean()
            else (lost, won, "lost", "converted")
        )
        if not _is_filled_for(one, other, TIMES_FOR_ONE_OUTCOME):
            return None
        sentence = (
            f"{self.field.label} is filled for {_percent(one.mean())} of the {len(one):,} {name}"
            f" leads and for {_percent(other.mean())} of the {len(other):,} {opposite} ones: it"
            " seems to be filled in once the outcome is known."
        )
        return self._leak(
            "one outcome only", sentence, filled_converted=won.mean(), filled_lost=lost.mean()
        )

    def closed_only(self) -> Leak | None:
        name = self.field.name
        closed = np.arange(self.n_closed) < (self.groups != MISSING).sum()
        still = np.array([record.get(name) is not None for record in self.open_records], dtype=bool)
        if not len(still) or not _is_filled_for(closed, still, TIMES_FOR_CLOSED):
            return None
        sentence = (
            f"{self.field.label} is filled for {_percent(closed.mean())} of the {len(closed):,}"
            f" leads with an outcome and for {_percent(still.mean())} of {len(still):,} open ones:"
            " for the leads that are scored, it is not known yet."
        )
        return self._leak(
            "closed leads only", sentence, filled_closed=closed.mean(), filled_open=still.mean()
        )

    def written_later(self) -> Leak | None:
        # A rarer value tells nothing of the field.
        shared = self._shared()
        ends = {text: shared[text] for text in shared if speaks_of_an_end(self.field, text)}
        if what := named_later(self.field):
            sign, groups = f"names {what}. Its values", self.groups
        elif ends:
            sign = f"contains “{next(iter(ends))}”, which describes how a lead ended. Such values"
            groups = np.where(np.isin(self.groups, [*ends.values()]), self.groups, MISSING)
        else:
            return None
        p = chance(groups, self.converted)
        if p > 1 - CONFIDENCE:
            return None
        p_value = f"p = {p:.3f}" if p >= MIN_SHOWN else f"p < {MIN_SHOWN:g}"
        sentence = (
            f"{self.field.label} {sign} are associated with the outcome on {len(groups):,} leads"
            f" ({p_value}), and nothing shows that they were known earlier.{self._examples()}"
        )
        return self._leak("written later", sentence, p_value=p)

    def _leak(self, sign: str, sentence: str, **evidence: float) -> Leak:
        numbers = {name: float(number) for name, number in evidence.items()}
        counts = {"n_leads": len(self.groups), "n_converted": int(self.converted.sum())}
        return Leak(self.field.name, sign, sentence, numbers | counts)

    def _shared(self) -> dict[str, int]:
        """The values of a category that enough leads hold, as they are written, with the codes."""
        if self.field.type != "category":
            return {}
        values = (record.get(self.field.name) for record in self.records)
        written = {level_key(value): value_text(value) for value in values if value is not None}
        n_of = np.bincount(self.groups)
        return {
            written[key]: code for key, code in self.levels.items() if n_of[code] >= MIN_OF_A_GROUP
        }

    def _examples(self) -> str:
        """The surest values of a category, one to each side, where enough leads hold them."""
        shared = self._shared()
        if len(shared) < 2:
            return ""
        n_of = np.bincount(self.groups)
        won = np.bincount(self.groups, weights=self.converted)
        extra = (won - n_of * self.converted.mean()) / np.sqrt(np.maximum(n_of, 1))
        high, low = (of(shared, key=lambda text: extra[shared[text]]) for of in (max, min))
        return (
            f" Of the {n_of[shared[high]]:,} leads with “{high}”"
            f" {_percent(won[shared[high]] / n_of[shared[high]])} converted, of the"
            f" {n_of[shared[low]]:,} with “{low}”"
            f" {_percent(won[shared[low]] / n_of[shared[low]])}."
        )


def _grouped(column: Floats) -> Codes:
    """Cut numbers into about equally many leads; unknown ones are a group of their own."""
    is_known = ~np.isnan(column)
    groups = np.full(len(column), MISSING, dtype=np.int64)
    if is_known.any():
        inner = np.arange(1, N_GROUPS) / N_GROUPS
        cuts = np.unique(np.quantile(column[is_known], inner))
        groups[is_known] = 1 + np.searchsorted(cuts, column[is_known])
    return groups


def _losses(rates: Floats, converted: Bools) -> Floats:
    held = np.clip(rates, MIN_RATE, MAX_RATE)
    return -np.where(converted, np.log(held), np.log1p(-held))


def _is_filled_for(one: Bools, other: Bools, times: float) -> bool:
    """Whether the first kind of leads has it filled so many times as often as the other."""
    two_sided = 2 * CONFIDENCE - 1
    least, _ = wilson(float(one.mean()), len(one), two_sided)
    _, most = wilson(float(other.mean()), len(other), two_sided)
    return least >= MIN_FILLED and least >= times * most


def _percent(share: float) -> str:
    """A share as people write it, with a digit after the point where it is small."""
    if 0 < share < MIN_SHOWN:
        return f"less than {100 * MIN_SHOWN:g} %"
    return f"{100 * share:.{1 if 0 < share < SMALL_SHARE else 0}f} %"
