"""The models: what was tried and what came of it, how far the next training is, one version."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from ml.gate.intervals import auc_half_width
from ml.training.readiness import MIN_OF_EACH_CLASS
from webapp.charts.ranking import SIGNS
from webapp.database import EPOCH, Session, read, utc_now, write
from webapp.pages.addresses import key_argument
from webapp.pages.models import leakage, model_charts, monitors
from webapp.product import product
from webapp.services import live
from webapp.services.demo import demo_leads
from webapp.services.models import (
    lifecycle,
    model_story,
    monitoring,
    ranking_history,
    registry,
)
from webapp.services.models.model_card import model_card, shapes
from webapp.services.models.monitoring import Report
from webapp.services.remarks import score_reports
from webapp.services.runs import runs

bp = Blueprint("models", __name__, url_prefix="/models")
bp.add_app_template_global(model_charts.of_decision, "evidence_of")

CARD_TYPES = {"json": "application/json", "md": "text/markdown"}
ASSUMED_AUC = 0.75
ROUND_SIZES = (50, 100, 200, 500, 1_000)
WAITS_TOO_LONG = timedelta(seconds=30)


class Precision(NamedTuple):
    """How far an AUC measured on so many outcomes may be from the truth."""

    n: int
    n_converted: int
    half_width: float
    is_now: bool


@bp.get("")
def index() -> ResponseReturnValue:
    """Managers: the live version, the next training, and all decisions, newest first."""
    before = _moment(request.args.get("before"))

    def whole(session: Session) -> dict[str, Any]:
        live.look_up(session, utc_now())
        product().note_fields(session)
        champion = registry.champion(session)
        used = registry.fields_used(session, champion)
        found = monitors.state(session)
        wrong = score_reports.reported(session, champion.name)
        return {
            **_status(session, None),
            **found,
            **leakage.state(session),
            "champion": champion,
            "fault": registry.fault(session),
            "has_demo": demo_leads.are_here(session),
            "changed": [
                product().fields.named(name).label for name in champion.fields if name not in used
            ],
            "tested": registry.last_test(session, champion),
            "since": registry.champion_since(session),
            "wrong_scores": wrong.by_grade,
            "n_wrong_open": wrong.n_open,
            "outdated": model_story.outdated(session),
            "chapter": model_story.chapter(session, utc_now(), before),
            "is_first_page": before is None,
            **_over_time(session, found["report"]),
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
    return render_template(
        "models/version/show.html", **read(lambda session: _version(session, name))
    )


@bp.get("/<name>/card.<any(json, md):form>")
def card(name: str, form: str) -> ResponseReturnValue:
    """Managers, download: the model card of a version, for programs or for people."""
    told = read(lambda s: model_card(s, product().fields, registry.version(s, name)))
    text = render_template("models/card.md", card=told) if form == "md" else json.dumps(told)
    headers = {"Content-Disposition": f"attachment; filename=model-card-{name}.{form}"}
    return Response(text, headers=headers, mimetype=CARD_TYPES[form])


@bp.post("/<name>/promote")
def promote(name: str) -> ResponseReturnValue:
    """Managers: ask the worker to promote this version; rolling back is the same."""
    actor, now = current_user.email, utc_now()
    write(lambda session: lifecycle.request_promotion(session, name, actor, now))
    return redirect(url_for("pages.models.index"), 303)


def _status(session: Session, watched: int | None) -> dict[str, Any]:
    at_work = runs.unfinished(session, "training") or runs.unfinished(session, "rescoring")
    done = runs.by_key(session, watched) if watched is not None and at_work is None else None
    # Counting all outcomes is work, and this is asked every second while one is done.
    is_idle = at_work is None and done is None
    threshold = product().settings.retrain_threshold
    readiness = lifecycle.readiness(session, threshold) if is_idle else None
    return {
        "at_work": at_work,
        "is_waiting_long": at_work is not None
        and at_work.state == "requested"
        and utc_now() - at_work.requested_at > WAITS_TOO_LONG,
        "done": done,
        "line": _line(session, done.training_result.version) if done else None,
        "readiness": readiness,
        "least": MIN_OF_EACH_CLASS,
        **(_expected_precision(session, readiness) if readiness else {"precision": []}),
    }


def _line(session: Session, name: str | None) -> str | None:
    """The decision on the version that a training has made, in one sentence."""
    if name is None:
        return None
    version = registry.version(session, name)
    parents = registry.parents(session, [version.parent_key])
    return model_story.line_of_version(version, parents, utc_now())


def _expected_precision(session: Session, readiness: lifecycle.Readiness) -> dict[str, Any]:
    """What to expect of the first training; outcomes all alike say nothing of those to come."""
    _, card = registry.serving(session)
    if card.n_leads:
        return {"precision": []}
    n_converted, n = readiness.n_converted, readiness.n_converted + readiness.n_lost
    is_known = 0 < n_converted < n
    share = n_converted / n if is_known else card.base_rate
    coming = {size for size in (readiness.threshold, *ROUND_SIZES) if size > n}
    rows = []
    for size in sorted({n, *coming} if is_known else coming):
        n_of_size = round(size * share)
        if MIN_OF_EACH_CLASS <= n_of_size <= size - MIN_OF_EACH_CLASS:
            half_width = auc_half_width(ASSUMED_AUC, n_of_size, size - n_of_size)
            rows.append(Precision(size, n_of_size, half_width, is_now=size == n))
    return {"precision": rows, "assumed_auc": ASSUMED_AUC, "share": share, "is_known": is_known}


def _over_time(session: Session, report: Report | None) -> dict[str, Any]:
    """How well versions ranked, by the newest check, which has kept what those before it found."""
    tracks = report.run.result.get("tracks", {}) if report else {}
    found = ranking_history.history(session, tracks, utc_now())
    return {
        "history": found,
        "picture": model_charts.of_ranking(found) if found.tracks else None,
        "signs": SIGNS,
    }


def _version(session: Session, name: str) -> dict[str, Any]:
    version = registry.version(session, name)
    aliases = registry.aliases(session)
    champion = registry.champion(session)
    at_work = runs.unfinished(session, "training") or runs.unfinished(session, "rescoring")
    drawn = model_charts.of_fields(shapes(session, version))
    parents = registry.parents(session, [version.parent_key])
    return {
        **leakage.state(session),
        "version": version,
        "line": model_story.line_of_version(version, parents, utc_now()),
        "met": monitoring.newest_of(session, version),
        "is_measured": bool(registry.learned(session, version).metrics),
        "champion": champion,
        "is_staged": registry.STAGED in aliases and aliases[registry.STAGED].key == version.key,
        "at_work": at_work,
        "parents": parents,
        "labels": {field.name: field.label for field in product().fields},
        "charts": model_charts.of_quality(version.measured),
        "drawn": drawn,
        "influence": model_charts.of_influence(drawn),
    }


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
