"""The pictures of a model version: its evidence, its quality, what each field does."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from ml.fields.types import category_key
from ml.gate.intervals import Z_95, roc_band, wilson
from ml.sentences import gettext
from webapp.charts import decisions, effects, quality, ranking
from webapp.charts.drawing import bars
from webapp.product import product
from webapp.services.models.ranking_history import History
from webapp.stored import Metrics
from webapp.tables import ModelVersion

MAX_FIELDS = 12


class Drawn(NamedTuple):
    """A field with its shape, `picture` None for one of the many that weigh least."""

    label: str
    shape: Mapping[str, Any]
    picture: Markup | None


class Evidence(NamedTuple):
    """The pictures of a decision, None of what could not be computed.

    `is_unsure`: the interval of the gain reaches below zero.
    """

    gain: Markup | None
    is_unsure: bool
    leads: Markup
    log_loss: Markup | None


def of_quality(metrics: Metrics | None) -> dict[str, Markup]:
    """How good the version is, on leads it has not seen; none where it was not measured."""
    if not metrics:
        return {}
    counted = metrics.groups_per_lead
    band = roc_band(metrics.roc, metrics.n_converted * counted, metrics.n_lost * counted)
    intervals = [wilson(row.observed, row.n * counted) for row in metrics.calibration]
    drawn = {
        "roc": quality.roc(metrics.roc, metrics.auc, band),
        "calibration": quality.calibration(metrics.calibration, intervals),
        "distribution": quality.distribution(metrics.histogram),
        "grades": quality.grades(metrics.grades, metrics.base_rate),
    }
    if metrics.gains:
        drawn["gains"] = quality.gains(metrics.gains, metrics.base_rate)
    return drawn


def of_ranking(history: History) -> Markup:
    """How well each version ranked as time went on, with the decisions meanwhile."""
    tracks = {name: track.batches for name, track in history.tracks.items()}
    return ranking.over_time(tracks, history.marks, history.claims, history.now)


def of_fields(shapes: Sequence[Mapping[str, Any]]) -> list[Drawn]:
    """What each field does, the heaviest first."""
    named = [_named(shape) for shape in shapes]
    most = effects.reach(named)
    return [
        Drawn(
            shape["label"],
            shape,
            effects.shape(f"field-{place}", shape["label"], shape, most)
            if place < MAX_FIELDS
            else None,
        )
        for place, shape in enumerate(named)
    ]


def of_influence(drawn: Sequence[Drawn]) -> Markup:
    """The fields by their weight."""
    weights = [(each.label, each.shape["influence"]) for each in drawn[:MAX_FIELDS]]
    rows = [(label, weight, f"{weight:.2f}") for label, weight in weights]
    return bars("influence", gettext("Fields by influence"), rows)


def of_decision(version: ModelVersion) -> Evidence:
    """The evidence of the gate; the interval of the gain tells how well it is known."""
    decision, settings = version.verdict, product().settings
    # Older releases did not keep the rule: then today's settings stand in.
    rule = decision.rule
    min_gain = settings.promote_min_gain if rule.min_gain is None else rule.min_gain
    least = settings.promote_min_each_class if rule.min_each_class is None else rule.min_each_class
    gain, error = decision.gain, decision.standard_error
    before, after = decision.log_loss_champion, decision.log_loss_challenger
    gained = fell = None
    is_unsure = False
    if gain is not None and error is not None:
        ends = {"low": gain - Z_95 * error, "high": gain + Z_95 * error}
        is_unsure = ends["low"] < 0
        gained = decisions.gain_interval(f"gain-{version.key}", gain=gain, **ends, needed=min_gain)
    if before is not None and after is not None:
        fell = decisions.log_loss_change(f"log-loss-{version.key}", before=before, after=after)
    counts = {"n_converted": decision.n_converted, "n_lost": decision.n_lost}
    leads = decisions.leads_of_each_kind(f"leads-{version.key}", **counts, needed=least)
    return Evidence(gained, is_unsure, leads, fell)


def _named(shape: Mapping[str, Any]) -> dict[str, Any]:
    fields, name = product().fields, shape["field"]
    if name not in fields:
        return {**shape, "label": name.replace("_", " ")}
    spelled = {category_key(choice): choice for choice in fields[name].choices}
    groups = [{**g, "label": spelled.get(g["label"], g["label"])} for g in shape["groups"]]
    return {**shape, "label": fields[name].label, "groups": groups}
