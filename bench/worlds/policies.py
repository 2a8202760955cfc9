"""Ways to decide which model is live, and what became of the models that they made live."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.special import expit
from sklearn.model_selection import train_test_split

from bench.worlds.truth import AHEAD_DAYS, Truth
from ml.fields.fields_file import Fields
from ml.gate.intervals import ONE_SIDED_95
from ml.scorecard.scorecard import Scorecard
from ml.training import blending
from ml.training.encode import Bools, Record, columns_of, frame_of
from ml.training.evaluate import delong
from ml.training.metrics import grade_bounds

HOLDOUT = 0.2
MIN_GAIN = 0.02
BAD = 0.02  # of AUC below version 1.0, or below chance
SAME = 1e-9


class Claim(NamedTuple):
    """The AUC that a model is said to have, with its 90 % interval."""

    auc: float
    low: float
    high: float


class Model(NamedTuple):
    """A model that may be live; version 1.0 claims nothing."""

    card: Scorecard
    claim: Claim | None = None


def claimed(metrics: dict[str, Any]) -> Claim:
    """What the product claims of a version."""
    return Claim(*metrics["claim"]["auc"])


def held_out(
    records: Sequence[Record], converted: Sequence[bool], fields: Fields, seed: int
) -> Model | None:
    """The usual way: learn from four fifths, claim the AUC on the last fifth; None from too few."""
    outcomes: Bools = np.array(converted)
    columns = columns_of(records, fields.model)
    frame = frame_of(records, columns)
    known, test = train_test_split(
        np.arange(len(outcomes)), test_size=HOLDOUT, stratify=outcomes, random_state=seed
    )
    if min(outcomes[test].sum(), (~outcomes[test]).sum()) < 2:
        return None
    members = blending.fit(frame.iloc[known], outcomes[known], columns, seed)
    weights = blending.usual_weights(len(columns.names), len(known))
    scores = expit(blending.blended(members.log_odds(frame.iloc[test]), weights))
    aucs, covariance = delong(outcomes[test], scores)
    half = ONE_SIDED_95 * float(covariance[0, 0]) ** 0.5
    auc = float(aucs[0])
    card = members.scorecard(
        weights,
        [records[place] for place in known],
        outcomes[known].tolist(),
        grades=grade_bounds(scores),
    )
    return Model(card, Claim(auc, auc - half, auc + half))


# How many outcomes have been told by now: all, or of leads created since a day.
ToldSince: TypeAlias = Callable[[float | None], int]


@dataclass
class Spell:
    """A time in which something was wrong, from a day and a number of outcomes on.

    `n_matured` are the outcomes in it of leads created in it: of a drift no others tell.
    """

    since: float
    n_before: int
    days: float = 0.0
    n_outcomes: int = 0
    n_matured: int = 0
    is_over: bool = False

    def go_on(self, day: float, told: ToldSince, *, is_over: bool) -> None:
        self.days, self.is_over = day - self.since, is_over
        self.n_outcomes, self.n_matured = told(None) - self.n_before, told(self.since)

    def row(self) -> dict[str, Any]:
        """It as plain JSON."""
        found = asdict(self)
        return {name: found[name] for name in ("days", "n_outcomes", "n_matured", "is_over")}


@dataclass
class Track:
    """What one policy did in one org, and how its live models fared."""

    policy: str
    truth: Truth
    starter: Model
    live: Model
    promotions: int = 0
    wrong: int = 0
    recalibrations: int = 0
    worse_recalibrations: int = 0
    looks_at_right: int = 0
    false_alarms: int = 0
    claims: list[dict[str, Any]] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    tiny_errors: list[float] = field(default_factory=list)
    bad: list[Spell] = field(default_factory=list)
    failed: list[Spell] = field(default_factory=list)

    def promote(self, model: Model, day: float) -> None:
        """Put a model in place of the live one; wrong where that ranks no better.

        What outcomes that were told the wrong way round say is nobody's mistake.
        """
        self.promotions += 1
        before, after = (self.truth.auc(each.card, day) for each in (self.live, model))
        self.wrong += self.truth.world.is_knowable(day) and after <= before + SAME
        self.live = model
        if model.claim is not None:
            self.claims.append(self._judged(model.card, model.claim, day))

    def recalibrate(self, card: Scorecard, day: float) -> None:
        """Put the live model with another level in its place."""
        before, after = (self.truth.calibration_error(each, day) for each in (self.live.card, card))
        self.recalibrations += 1
        self.worse_recalibrations += after > before
        self.live = self.live._replace(card=card)

    def look(self, day: float, told: ToldSince, *, is_said: bool = False) -> None:
        """Measure the live model; `is_said` where the product says that its claim may not hold."""
        card, claim = self.live
        auc = self.truth.auc(card, day)
        floor = max(0.5, self.truth.auc(self.starter.card, day)) - BAD
        world = self.truth.world
        is_knowable = world.is_knowable(day)
        _follow(self.bad, day, told, is_on=is_knowable and auc < floor)
        if claim is None or not is_knowable:
            return
        self.errors.append(self.truth.calibration_error(card, day))
        tiny = self.truth.tiny_error(card, day)
        if tiny is not None:
            self.tiny_errors.append(tiny)
        has_changed = world.is_changed(0, day) or world.wrong_until is not None
        is_failing = has_changed and auc < claim.low
        _follow(self.failed, day, told, is_on=is_failing and not is_said)
        if not has_changed and claim.low <= auc:
            self.looks_at_right += 1
            self.false_alarms += is_said

    def row(self) -> dict[str, Any]:
        """Everything that was measured, as plain JSON."""
        return {
            "policy": self.policy,
            "promotions": self.promotions,
            "wrong": self.wrong,
            "recalibrations": self.recalibrations,
            "worse_recalibrations": self.worse_recalibrations,
            "claims": self.claims,
            "calibration_error": _mean(self.errors),
            "tiny_error": _mean(self.tiny_errors),
            "bad": [spell.row() for spell in self.bad],
            "failed": [spell.row() for spell in self.failed],
            "looks_at_right": self.looks_at_right,
            "false_alarms": self.false_alarms,
        }

    def _judged(self, card: Scorecard, claim: Claim, day: float) -> dict[str, Any]:
        world = self.truth.world
        return {
            "day": day,
            "auc": round(claim.auc, 4),
            "low": round(claim.low, 4),
            "high": round(claim.high, 4),
            "prospective": round(self.truth.auc(card, day, AHEAD_DAYS), 4),
            "has_changed": world.is_changed(day, day + AHEAD_DAYS) or not world.is_knowable(day),
        }


def _follow(spells: list[Spell], day: float, told: ToldSince, *, is_on: bool) -> None:
    """Begin a spell, go on with it, or end it."""
    open_one = spells[-1] if spells and not spells[-1].is_over else None
    if open_one is not None:
        open_one.go_on(day, told, is_over=not is_on)
    elif is_on:
        spells.append(Spell(day, told(None)))


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 5) if values else None
