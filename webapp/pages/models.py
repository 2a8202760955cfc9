"""The models: what was tried and what came of it, how far the next training is, one version."""

from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from ml.enough import FEWEST_OF_EACH_CLASS
from ml.influence import influences
from webapp.charts import decisions, quality
from webapp.charts.drawing import bars
from webapp.database import read, utc_now, write
from webapp.models import ModelVersion
from webapp.pages.addresses import key_argument
from webapp.product import product
from webapp.services import lifecycle, model_story, registry, runs

bp = Blueprint("models", __name__, url_prefix="/models")

MOST_FIELDS = 12
# Of the interval that is drawn where the gate does not ask for confidence.
USUAL_CONFIDENCE = 0.9
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WAITS_TOO_LONG = timedelta(seconds=30)


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: the version in use, the next training, and all decisions, newest first."""
    before = _moment(request.args.get("before"))

    def whole(session: Any) -> dict[str, Any]:
        return {
            **_status(session, None),
            "champion": registry.champion(session),
            "since": registry.champion_since(session),
            "outdated": model_story.outdated(session),
            "chapter": model_story.chapter(session, before),
            "is_first_page": before is None,
        }

    return render_template("models/index.html", **read(whole))


@bp.get("/status")
def status() -> ResponseReturnValue:
    """Managers, fragment: the next training, or how far the one at work is."""
    watched = key_argument("watched")
    return render_template("models/_status.html", **read(lambda s: _status(s, watched)))


@bp.post("/retrain")
def retrain() -> ResponseReturnValue:
    """Managers: ask the worker for a training now."""
    actor, now = current_user.email, utc_now()
    write(lambda session: lifecycle.request_retraining(session, actor, now))
    return redirect(url_for("pages.models.index"), 303)


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Managers: one version with its evidence."""
    return render_template("models/show.html", **read(lambda session: _version(session, name)))


@bp.post("/<name>/promote")
def promote(name: str) -> ResponseReturnValue:
    """Managers: ask the worker to put this version in use; going back is the same."""
    actor, now = current_user.email, utc_now()
    write(lambda session: lifecycle.request_promotion(session, name, actor, now))
    return redirect(url_for("pages.models.index"), 303)


def _status(session: Any, watched: int | None) -> dict[str, Any]:
    """What is at work; else what came of the watched run, or how far the next training is."""
    at_work = runs.unfinished(session, "training") or runs.unfinished(session, "rescoring")
    done = runs.by_key(session, watched) if watched is not None and at_work is None else None
    # Counting all outcomes is work, and this is asked every second while one is done.
    is_idle = at_work is None and done is None
    threshold = product().settings.retrain_threshold
    return {
        "at_work": at_work,
        "is_waiting_long": at_work is not None
        and at_work.state == "requested"
        and utc_now() - at_work.requested_at > WAITS_TOO_LONG,
        "done": done,
        "readiness": lifecycle.readiness(session, threshold) if is_idle else None,
        "least": FEWEST_OF_EACH_CLASS,
    }


def _version(session: Any, name: str) -> dict[str, Any]:
    version = registry.version(session, name)
    aliases = registry.aliases(session)
    champion = registry.champion(session)
    at_work = runs.unfinished(session, "training") or runs.unfinished(session, "rescoring")
    return {
        "version": version,
        "champion": champion,
        "is_incoming": registry.INCOMING in aliases
        and aliases[registry.INCOMING].key == version.key,
        "at_work": at_work,
        "names": model_story.names(session, [version.parent_key]),
        "labels": {field.name: field.label for field in product().fields},
        "charts": _charts(session, version),
    }


def _charts(session: Any, version: ModelVersion) -> dict[str, Any]:
    metrics, card = version.metrics, registry.scorecard(session, version)
    weights = influences(card)[:MOST_FIELDS]
    fields = product().fields
    named = [(fields[f].label if f in fields else f, w) for f, w in weights]
    drawn: dict[str, Any] = {
        "weights": named,
        "influence": bars(
            "influence",
            "Fields by influence",
            [(label, weight, f"{weight:.2f}") for label, weight in named],
        ),
    }
    if metrics:
        drawn |= {
            "roc": quality.roc(metrics["roc"], metrics["auc"]),
            "calibration": quality.calibration(metrics["calibration"]),
            "distribution": quality.distribution(metrics["histogram"]),
            "grades": quality.grades(metrics["grades"], metrics["base_rate"]),
        }
    return drawn


class GainChart(NamedTuple):
    """The picture of a gain, and how sure its interval is, in percent."""

    picture: Markup
    percent: float


@bp.app_template_global()
def gain_chart(version: ModelVersion) -> GainChart | None:
    """The gain of a version with its interval, or None where it could not be computed.

    The lower end is the bound that the gate judges by.
    """
    decision = version.decision
    if decision.get("gain") is None or decision.get("standard_error") is None:
        return None
    rule = decision.get("rule") or {"min_gain": product().settings.promote_min_gain}
    confidence = rule.get("confidence") or USUAL_CONFIDENCE
    half = NormalDist().inv_cdf(confidence) * decision["standard_error"]
    picture = decisions.gain_interval(
        f"gain-{version.key}",
        gain=decision["gain"],
        low=decision["gain"] - half,
        high=decision["gain"] + half,
        needed=rule["min_gain"],
    )
    return GainChart(picture, 100 * (2 * confidence - 1))


def _moment(text: str | None) -> datetime | None:
    """The time that a link to older decisions gives, in microseconds since 1970."""
    if not text:
        return None
    try:
        return EPOCH + timedelta(microseconds=int(text[:20]))
    except (ValueError, OverflowError):
        raise BadRequest from None


@bp.app_template_filter()
def microseconds(moment: datetime) -> int:
    """A time as a link to older decisions gives it."""
    return (moment - EPOCH) // timedelta(microseconds=1)
