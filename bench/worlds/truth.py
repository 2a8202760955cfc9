"""How good a model is on the leads that come: known here, since chances to convert are."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from bench.worlds.leads import SHARE_OF_NEW, draw, records, sent
from bench.worlds.world import World
from ml.scorecard.scorecard import Scorecard
from ml.training.batch_scoring import probabilities
from ml.training.encode import Floats, Record

N_FRESH = 1_500
N_BINS = 10
AHEAD_DAYS = 20.0  # a claim is about the leads of so many days


class Fresh(NamedTuple):
    """Leads of the next days that nobody has seen, with their chances to convert."""

    records: list[Record]
    chance: Floats


class Truth:
    """The truth about models in one org, by the day on which it is asked."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self._fresh: dict[tuple[float, float], Fresh] = {}
        self._scores: dict[tuple[str, float, float], Floats] = {}

    def auc(self, card: Scorecard, day: float, ahead_days: float = 0.0) -> float:
        """The AUC on leads created from a day on; each counts as converted by its chance.

        0.5 where all have the same chance.
        """
        scores, chance = self._scored(card, day, ahead_days)
        if np.ptp(chance) == 0:
            return 0.5
        both = np.repeat([1, 0], len(scores))
        weights = np.concatenate([chance, 1 - chance])
        return float(roc_auc_score(both, np.tile(scores, 2), sample_weight=weights))

    def calibration_error(self, card: Scorecard, day: float) -> float:
        """How far scores and chances lie apart, in the mean of ten bins of as many leads."""
        scores, chance = self._scored(card, day)
        bins = np.array_split(np.argsort(scores, kind="stable"), N_BINS)
        return float(np.mean([abs(scores[b].mean() - chance[b].mean()) for b in bins]))

    def tiny_error(self, card: Scorecard, day: float) -> float | None:
        """How far the scores of leads with an amount lie above their chances; None without any."""
        scores, chance = self._scored(card, day)
        known = [r.get("amount") is not None for r in self._of(day, 0).records]
        return float((scores - chance)[known].mean()) if any(known) else None

    def _scored(
        self, card: Scorecard, day: float, ahead_days: float = 0.0
    ) -> tuple[Floats, Floats]:
        fresh = self._of(day, ahead_days)
        key = (card.digest, *self._span(day, ahead_days))
        if key not in self._scores:
            self._scores[key] = probabilities(card, fresh.records)
        return self._scores[key], fresh.chance

    def _span(self, day: float, ahead_days: float) -> tuple[float, float]:
        """The days to draw from: all that are alike share one draw."""
        if self.world.is_changed(day, day + ahead_days) or self.world.drifts:
            return day, day + ahead_days
        changes_on = self.world.changes_on
        start = changes_on if changes_on is not None and day >= changes_on else 0.0
        return start, start

    def _of(self, day: float, ahead_days: float) -> Fresh:
        span = self._span(day, ahead_days)
        if span not in self._fresh:
            self._fresh[span] = self._drawn(*span)
        return self._fresh[span]

    def _drawn(self, first: float, last: float) -> Fresh:
        world, rng = self.world, np.random.default_rng([self.seed, 1])
        days = np.sort(rng.uniform(first, last, N_FRESH))
        drawn = draw(world, days, rng)
        ages = rng.uniform(0, world.open_days, N_FRESH)
        known = list(records(drawn, rng))
        if world.has_tiny_field:
            for record in known[:: round(1 / SHARE_OF_NEW)]:
                record["amount"] = 3_000
        found = zip(known, days.tolist(), ages.tolist(), strict=True)
        chance = drawn.chance
        if world.flips_on is not None:
            chance = np.where(days >= world.flips_on, 1 - chance, chance)
        return Fresh([sent(world, k, day=day, age=age) for k, day, age in found], chance)
