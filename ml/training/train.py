"""One attempt at a better model: learn from all labelled leads, measure, put it to the gate."""

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import sklearn
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.fields.fields_file import Fields
from ml.fields.types import Value
from ml.gate.gate import GROUPS, Decision, Evidence, GateRule, decide
from ml.leakage import detect
from ml.leakage.detect import Leak
from ml.monitoring.claims import Interval
from ml.monitoring.performance import ScoredOutcome
from ml.monitoring.recalibration import level_for
from ml.scorecard.scorecard import Scorecard
from ml.scorecard.shapes import shapes
from ml.training import batch_scoring, blending
from ml.training.backtest import measured
from ml.training.cross_validation import compared, out_of_fold
from ml.training.encode import Bools, Floats, Record, columns_of, frame_of
from ml.training.evaluate import log_loss
from ml.training.evidence import claiming, gathered, is_inverted, of_later
from ml.training.groups import Groups, Places, count, numbered
from ml.training.metrics import claim, grade_bounds, model_metrics
from ml.training.readiness import shortage
from ml.training.recency import chosen, half_lives, sample_weight
from ml.training.thin_fields import shares, weighed

Progress = Callable[[float, str], None]
Hidden: TypeAlias = Collection[str]  # names of fields


class NotEnoughToLearn(ValueError):
    """There are too few outcomes, or no field, to learn from; the message is for people."""


@dataclass(frozen=True)
class Examples:
    """Labelled leads, in the order in which their outcomes happened (if `is_dated`).

    `records` hold stored values as known when the lead was scored; `is_evidence` tells whether the
    lead was labelled after the champion was trained. Leads with one number in `groups` are one
    person or one company; None where each is alone. Each counts for so
    many leads as it may `stand_for` (`OutcomeDelays.weight`): the level is that of a fair sample.
    """

    records: list[dict[str, Value]]
    converted: list[bool]
    is_evidence: list[bool]
    is_dated: bool = True
    groups: Sequence[int] | None = None
    stand_for: Sequence[float] | None = None
    seen_open: Sequence[bool] | None = None

    def __post_init__(self) -> None:
        optional = self.groups, self.stand_for, self.seen_open
        lists = (self.records, self.converted, self.is_evidence, *optional)
        if len({len(each) for each in lists if each is not None}) > 1:
            raise ValueError("the lists must be equally long")

    @property
    def group_of(self) -> Groups:
        """The group of each lead, numbered from 0."""
        return numbered(self.groups, len(self.records))

    def since(self, first: int) -> "Examples":
        """The leads from a place on."""
        return replace(
            self,
            records=self.records[first:],
            converted=self.converted[first:],
            is_evidence=self.is_evidence[first:],
            groups=None if self.groups is None else self.groups[first:],
            stand_for=None if self.stand_for is None else self.stand_for[first:],
            seen_open=None if self.seen_open is None else self.seen_open[first:],
        )


@dataclass(frozen=True)
class FieldExclusions:
    """What is known of fields that may be excluded.

    A person has looked at those `allowed`; `left_out` says by name why a field is excluded.
    `open_records` are stored values of leads without an outcome.
    """

    allowed: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)
    open_records: Sequence[Record] = ()


@dataclass(frozen=True)
class Learned:
    """A model, with probabilities out of fold and `metrics` on leads it has not seen, plain JSON.

    Beside `model_metrics` these are "families" (`cross_validation.compared`), "slope",
    "in_time_order" (`backtest.measured`), "shapes", "served_scores" (`batch_scoring`) and "claim"
    (`metrics.claim`).
    """

    scorecard: Scorecard
    probabilities: Floats
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Challenge:
    """What one attempt came to; the same examples and `seed` give the same.

    `fields` are those it was allowed to learn from, `left_out` says why others were kept from it
    and the champion. `leaks` are found by these examples; `champion_knew` are those that it uses.
    The first `n_outdated` examples were not learned from, since the world has changed after them.
    """

    scorecard: Scorecard
    family: str
    metrics: dict[str, Any]
    decision: Decision
    seed: int
    libraries: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    leaks: tuple[Leak, ...] = ()
    champion_knew: tuple[str, ...] = ()
    n_outdated: int = 0


def challenge(
    examples: Examples,
    fields: Fields,
    champion: Scorecard,
    rule: GateRule,
    *,
    seed: int,
    exclusions: FieldExclusions | None = None,
    claimed: Interval | None = None,
    progress: Progress = lambda done, stage: None,
) -> Challenge:
    """Learn a challenger from all examples and put it to the gate.

    The champion's own scores are compared with the challenger's out of fold, on the examples marked
    as evidence: neither has seen the outcomes it is judged on. Fields that leak or are excluded are
    kept from both. Where the champion ranks the newest leads surely worse than those before and
    than it `claimed`, or all evidence surely worse than luck, the world has changed: a model of the
    leads since then is the challenger if it predicts them better out of fold than one of all leads.
    `progress` is called with a share in [0, 1] and the stage in words; it may raise to stop.
    Raises NotEnoughToLearn below ten leads of a kind, or without a field.
    """
    _check_enough(np.array(examples.converted, dtype=bool), examples.group_of)
    found, left_out = _left_out(examples, fields, champion, exclusions or FieldExclusions())
    usable = fields.without(left_out)
    _check_any(usable, fields)
    learned = _attempt(examples, usable, seed, lambda done, stage: progress(0.9 * done, stage))
    progress(0.9, "Comparing with the champion")
    places = _places_of_evidence(examples, rule)
    evidence = _evidence(examples, places, champion, learned, hidden=left_out, claimed=claimed)
    n_outdated = 0
    first = _first_of_now(examples, places, champion, evidence)
    if first:
        newest = examples.since(first)
        again = _attempt(newest, usable, seed, lambda done, stage: progress(0.9, stage))
        if _predicts_better(again, learned, examples.converted):
            learned, n_outdated = again, first
            places = places[evidence.n_older :] - first
            compared = _evidence(newest, places, champion, learned, hidden=left_out)
            evidence = of_later(evidence, compared)
    decision = decide(evidence, rule)
    result = Challenge(
        scorecard=learned.scorecard,
        family=learned.scorecard.family,
        metrics=claiming(learned.metrics, decision),
        decision=decision,
        seed=seed,
        libraries=library_versions(),
        fields=tuple(f.name for f in usable.model),
        left_out=left_out,
        leaks=tuple(found),
        champion_knew=tuple(term.field for term in champion.terms if term.field in left_out),
        n_outdated=n_outdated,
    )
    progress(1.0, "Promoted" if result.decision.promote else "Not promoted")
    return result


def _attempt(examples: Examples, fields: Fields, seed: int, progress: Progress) -> Learned:
    """Learn a challenger, at the level of a fair sample."""
    learned = learn(
        examples.records,
        examples.converted,
        fields,
        seed=seed,
        is_dated=examples.is_dated,
        groups=examples.groups,
        seen_open=examples.seen_open,
        progress=progress,
    )
    if examples.stand_for is None:
        return learned
    return _levelled(learned, examples, examples.stand_for)


def learn(
    records: Sequence[Record],
    converted: Sequence[bool],
    fields: Fields,
    *,
    seed: int,
    is_dated: bool = True,
    groups: Sequence[int] | Groups | None = None,
    seen_open: Sequence[bool] | None = None,
    progress: Progress = lambda done, stage: None,
) -> Learned:
    """Learn a model from labelled leads in the order of their outcomes, at least five of a kind.

    `groups` and `seen_open` as for `Examples`, five groups or more of each kind. Families are
    weighed by scores out of fold; how much old labels count is chosen by a backtest, where it
    `is_dated`. `progress` as for `challenge`.
    """
    progress(0.0, f"Reading {len(records):,} leads")
    columns = columns_of(records, fields.model)
    outcomes, group_of = np.array(converted, dtype=bool), numbered(groups, len(records))
    frame, columns, thin = weighed(frame_of(records, columns), outcomes, columns, group_of)

    # The matrices are small: threads would only wait for each other, and sum up in any order.
    with threadpool_limits(limits=1):
        ages = half_lives(frame, outcomes, columns, group_of) if is_dated else []
        weights = sample_weight(len(frame), chosen(ages))
        scores = out_of_fold(
            frame,
            outcomes,
            columns,
            seed=seed,
            sample_weight=weights,
            group_of=group_of,
            on_fold=lambda n, m: progress(0.1 + 0.6 * n / m, f"Cross-validating: fit {n} of {m}"),
        )
        progress(0.7, "Backtesting on the newest leads")
        in_time_order = measured(
            frame, outcomes, columns, scores, half_lives=ages, seed=seed, groups=group_of
        )
        progress(0.9, f"Learning from all {len(records):,} leads")
        members = blending.fit(frame, outcomes, columns, seed, sample_weight=weights)
    probabilities: Floats = expit(scores.blended)
    grades = grade_bounds(probabilities)
    card = members.scorecard(scores.weights, records, converted, grades=grades, slope=scores.slope)
    metrics = model_metrics(
        outcomes, probabilities, fields=columns.names, grades=grades, groups=group_of
    )
    metrics |= {
        "families": compared(outcomes, scores),
        "slope": scores.slope,
        "thin_fields": shares(thin),
        "in_time_order": in_time_order,
        "shapes": shapes(card, records, converted, effects_of=batch_scoring.effect_lists),
        "served_scores": batch_scoring.served_scores(card, records),
        "claim": asdict(claim(outcomes, probabilities, grades, group_of, seen_open=seen_open)),
    }
    return Learned(card, probabilities, metrics)


def _levelled(learned: Learned, examples: Examples, stand_for: Sequence[float]) -> Learned:
    """Move the level to that of a fair sample; the probabilities stay those of what was told."""
    scores, groups = learned.probabilities, examples.group_of
    rows = zip(scores.tolist(), examples.converted, groups.tolist(), stand_for, strict=True)
    level = level_for([each for each in map(ScoredOutcome._make, rows) if each.weight])
    card = learned.scorecard.shifted(level)
    metrics = model_metrics(
        np.array(examples.converted, dtype=bool),
        expit(logit(scores) + level),
        fields=learned.metrics["fields"],
        grades=card.grades,
        groups=groups,
    )
    metrics |= {
        "level": level,
        "served_scores": batch_scoring.served_scores(card, examples.records),
    }
    return Learned(card, scores, learned.metrics | metrics)


def library_versions() -> dict[str, str]:
    """Name the versions that a model is learned with."""
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }


def _check_enough(converted: Bools, groups: Groups) -> None:
    """Refuse to learn from too few leads of an outcome, or too few companies and people."""
    n_converted, counted = int(converted.sum()), count(converted, groups)
    if missing := shortage(n_converted, len(converted) - n_converted):
        raise NotEnoughToLearn(missing)
    if missing := shortage(counted.n_groups_converted, counted.n_groups_lost, counted=GROUPS):
        raise NotEnoughToLearn(missing)


def _left_out(
    examples: Examples, fields: Fields, champion: Scorecard, exclusions: FieldExclusions
) -> tuple[list[Leak], dict[str, str]]:
    """Find fields to keep from both models: what these examples show, and the reasons for all.

    Of a group one lead of each outcome is asked: others like it would make any value look telling.
    """
    knowable = {f.name for f in fields.model} | {term.field for term in champion.terms}
    known = {name: why for name, why in exclusions.left_out.items() if name in knowable}
    asked = [f for f in fields.model if f.name not in exclusions.allowed]
    firsts = np.unique(2 * examples.group_of + np.array(examples.converted), return_index=True)[1]
    records, converted = (
        [of[place] for place in sorted(firsts)] for of in (examples.records, examples.converted)
    )
    found = detect.find_leaks(records, converted, asked, exclusions.open_records)
    return found, known | {leak.field: leak.sentence for leak in found}


def _check_any(usable: Fields, fields: Fields) -> None:
    if usable.model:
        return
    if fields.model:
        raise NotEnoughToLearn(
            "Every field that models may use seems to be filled in after the outcome: allow one"
            " on the models page and train again, or declare others."
        )
    raise NotEnoughToLearn("No declared field may be used by models: all have use = false.")


def _places_of_evidence(examples: Examples, rule: GateRule) -> Places:
    """Find the leads to compare on.

    Of a group that the champion learned from it may remember leads: these are evidence only where
    the others are too few, and then favour it.
    """
    groups, is_new = examples.group_of, np.array(examples.is_evidence, dtype=bool)
    is_converted: Bools = np.array(examples.converted, dtype=bool)
    is_strange = is_new & ~np.isin(groups, groups[~is_new])
    n_strange = count(is_converted[is_strange], groups[is_strange])
    n_each = min(n_strange.n_groups_converted, n_strange.n_groups_lost)
    return np.flatnonzero(is_strange if n_each >= max(1, rule.min_each_class) else is_new)


def _first_of_now(
    examples: Examples, places: Places, champion: Scorecard, evidence: Evidence
) -> int:
    """Find the first lead of the world as it is now; 0 where nothing shows that it has changed.

    A champion that ranks all evidence wrongly has no older leads there to be compared with.
    """
    if evidence.is_changed or not examples.is_dated or not len(places):
        return int(places[evidence.n_older]) if evidence.is_changed else 0
    converted: Bools = np.array(examples.converted, dtype=bool)[places]
    scores = batch_scoring.probabilities(champion, [examples.records[p] for p in places])
    is_changed = is_inverted(converted, scores, examples.group_of[places])
    return int(places[0]) if is_changed else 0


def _evidence(
    examples: Examples,
    places: Places,
    champion: Scorecard,
    learned: Learned,
    *,
    hidden: Hidden,
    claimed: Interval | None = None,
) -> Evidence:
    """Compare with the champion on some leads, where it does not know the hidden fields."""
    records = [
        {n: None if n in hidden else value for n, value in examples.records[place].items()}
        for place in places
    ]
    return gathered(
        np.array(examples.converted, dtype=bool)[places],
        batch_scoring.probabilities(champion, records),
        learned.probabilities[places],
        examples.group_of[places],
        is_dated=examples.is_dated,
        n_learned=len(examples.records),
        claimed=claimed,
    )


def _predicts_better(one: Learned, other: Learned, converted: Sequence[bool]) -> bool:
    """Tell whether one predicts the newest leads, all that it has learned from, better."""
    outcomes: Bools = np.array(converted, dtype=bool)
    n = len(one.probabilities)
    losses = [log_loss(outcomes[-n:], each.probabilities[-n:]) for each in (one, other)]
    return losses[0] < losses[1]
