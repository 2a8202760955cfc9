"""An Odoo-style naive Bayes for leads, to compare with: counts of won and lost by value.

Written from a description of the algorithm ("predictive lead scoring"). Cutting numbers into
quartiles is an addition.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import quantiles
from typing import NamedTuple, TypeGuard

from ml.fields.types import Value

SMOOTHING = 0.1  # both cells of a new row start here, and no cell falls to nothing
MIN_WITH_TAG = 50  # a tag's row counts from here on, won and lost together
LOWEST, HIGHEST = 0.01, 99.99  # per cent

STAGE, TAG = "stage", "tag"

Factor = tuple[str, str]  # variable, value
Cells = list[float]  # won, lost
Record = Mapping[str, Value]


@dataclass(frozen=True)
class Lead:
    """A lead: its values as text (empty: left out), its stage by place, team and tags."""

    values: Mapping[str, str]
    stage: int = 0
    team: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def factors(self) -> list[Factor]:
        values = [(name, value) for name, value in self.values.items() if value]
        return values + [(TAG, tag) for tag in self.tags]


class Table(NamedTuple):
    """The counts that leads of one team are scored by, and their sums by variable."""

    rows: dict[Factor, Cells]
    totals: dict[str, Cells]

    @property
    def prior(self) -> Cells | None:
        """Won and lost leads: those that were in the first stage."""
        row = self.rows.get((STAGE, "0"))
        return row if row and min(row) > 0 else None


@dataclass
class LeadScoring:
    """Counts of won and lost leads by team, variable and value; `n_stages` includes the won one."""

    n_stages: int = 1
    counts: dict[tuple[str | None, str, str], Cells] = field(default_factory=dict)
    tables: dict[str | None, Table] = field(default_factory=dict)

    def learn(self, lead: Lead, *, won: bool) -> None:
        self._add(lead, won=won, step=1)

    def forget(self, lead: Lead, *, won: bool) -> None:
        self._add(lead, won=won, step=-1)

    def percent(self, lead: Lead) -> float | None:
        """Score an open lead from 0.01 to 99.99; None where there is nothing to go by."""
        prior = self._table(lead.team).prior
        if prior is None:
            return None
        log_odds = log(prior[0] / prior[1])
        log_odds += sum(log(won / lost) for _, won, lost in self._shares(lead, prior))
        percent = 100 / (1 + exp(min(-log_odds, 700)))
        # A hair is added because halves are rounded up: 34.375 is 34.38.
        return min(max(round(percent + 1e-9, 2), LOWEST), HIGHEST)

    def explain(self, lead: Lead) -> dict[str, float]:
        """Say by variable what speaks for a lead (above a half) and against it (below)."""
        prior = self._table(lead.team).prior or [1.0, 1.0]
        return {
            variable: 1 - lost if variable == STAGE else won / (won + lost)
            for variable, won, lost in self._shares(lead, prior)
        }

    def _shares(self, lead: Lead, prior: Cells) -> Iterator[tuple[str, float, float]]:
        rows, totals = self._table(lead.team)
        if stage := rows.get((STAGE, str(lead.stage))):
            yield STAGE, stage[0] / prior[0], stage[1] / prior[1]
        for factor in lead.factors:
            if factor in rows:
                (won, lost), (all_won, all_lost) = rows[factor], totals[factor[0]]
                yield factor[0], won / all_won, lost / all_lost

    def _add(self, lead: Lead, *, won: bool, step: int) -> None:
        # A lost lead counts in the stages it got to, a won one in all.
        n_passed = self.n_stages if won else lead.stage + 1
        passed = [(STAGE, str(stage)) for stage in range(n_passed)]
        place = 0 if won else 1
        for variable, value in [*passed, *lead.factors]:
            cells = self.counts.setdefault((lead.team, variable, value), [SMOOTHING, SMOOTHING])
            cells[place] += step
            if cells[place] <= 0:
                cells[place] = SMOOTHING
        self.tables.clear()

    def _table(self, team: str | None) -> Table:
        if team not in self.tables:
            self.tables[team] = self._summed(team)
        return self.tables[team]

    def _summed(self, team: str | None) -> Table:
        has_own = team is not None and any(owner == team for owner, _, _ in self.counts)
        rows: dict[Factor, Cells] = {}
        for (owner, variable, value), cells in self.counts.items():
            if owner == team or not has_own:
                _add_to(rows.setdefault((variable, value), [0.0, 0.0]), cells)
        counting = {
            (variable, value): cells
            for (variable, value), cells in rows.items()
            if variable != TAG or sum(cells) >= MIN_WITH_TAG
        }
        totals: dict[str, Cells] = {}
        for (variable, _), cells in counting.items():
            _add_to(totals.setdefault(variable, [0.0, 0.0]), cells)
        return Table(counting, totals)


def fit(
    records: Sequence[Record], converted: Sequence[bool]
) -> Callable[[Sequence[Record]], list[float]]:
    """Learn from closed leads, at least one; give what scores records, in [0.0001, 0.9999].

    >>> predict = fit([{"source": "a"}, {"source": "b"}] * 9, [True, False] * 9)
    >>> [round(p, 2) for p in predict([{"source": "a"}, {"source": "b"}, {}])]
    [0.99, 0.01, 0.5]
    """
    if not records:
        raise ValueError("no closed lead to learn from")
    cuts = {}
    for name in {name for record in records for name in record}:
        numbers = [value for record in records if _is_number(value := record.get(name))]
        many = len(numbers) > 1
        cuts[name] = quantiles(numbers, n=4, method="inclusive") if many else []
    scoring = LeadScoring()
    for record, won in zip(records, converted, strict=True):
        scoring.learn(_lead(record, cuts), won=won)
    return lambda leads: [(scoring.percent(_lead(lead, cuts)) or 0.0) / 100 for lead in leads]


def _lead(record: Record, cuts: Mapping[str, list[float]]) -> Lead:
    values = {name: _text(value, cuts.get(name, [])) for name, value in record.items()}
    return Lead(values)


def _text(value: Value, cuts: list[float]) -> str:
    if value is None:
        return ""
    if _is_number(value):
        return f"quarter {bisect_left(cuts, value) + 1}"
    return str(value)


def _is_number(value: Value) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _add_to(total: Cells, cells: Cells) -> None:
    total[0] += cells[0]
    total[1] += cells[1]
