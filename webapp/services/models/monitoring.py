"""The monitors: when they are due, what a check keeps, and when it leads to a recalibration."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from ml.monitoring.drift import Verdict
from ml.monitoring.performance import MIN_OUTCOMES
from ml.scorecard.scorecard import Scorecard
from ml.sentences import gettext
from webapp.database import hold
from webapp.services.leads import duplicates
from webapp.services.models import (
    lifecycle,
    monitor_findings,
    monitor_samples,
    ranking_history,
    registry,
    replacement,
)
from webapp.services.models.lifecycle import Trigger
from webapp.services.models.monitor_findings import Finding
from webapp.services.models.monitor_samples import Samples
from webapp.services.runs import runs
from webapp.tables import ModelVersion, Outcome, Run, Snapshot

KIND = "monitoring"
EVERY = timedelta(hours=1)
N_NEW_OUTCOMES = MIN_OUTCOMES
# So long after the first of them: outcomes come in bursts, and a training may be due first.
BURST_PAUSE = timedelta(minutes=10)
COMES_FIRST = gettext("A training or a change of version comes first.")
SWITCHED_OFF = gettext("Recalibration by itself is switched off (LEADLOOP_AUTO_RECALIBRATE).")

Change: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Check:
    """What a check found, as the run keeps it, and what follows.

    Whether a recalibration is tried, and the version that replaces the live one, if one does.
    """

    result: dict[str, Any]
    recalibrate: bool
    replace_by: str | None = None


@dataclass(frozen=True)
class Report:
    """The newest check, for people; `is_current` where it is about the live version."""

    run: Run
    champion: str
    findings: list[Finding]
    is_current: bool

    @property
    def verdict(self) -> Verdict:
        return monitor_findings.verdict_of(self.findings)

    @property
    def ranking(self) -> Finding:
        """What became of the claim to rank leads."""
        return next(finding for finding in self.findings if finding.name == "live_auc")

    @property
    def warnings(self) -> list[Finding]:
        found = [finding for finding in self.findings if finding.is_warning]
        return sorted(found, key=lambda f: f.verdict != "act") if self.is_current else []


def request(session: Session, requested_by: str, now: datetime) -> Run:
    """Ask for a check now; `AlreadyRunning` where one is at work."""
    return runs.request(session, KIND, trigger="request", requested_by=requested_by, now=now)


def claim(session: Session, retraining: Trigger, worker: str, now: datetime) -> Run | None:
    """Claim the check that was asked for or is due; None where there is neither."""
    hold(session, lifecycle.VERSION_LOCK)
    run = runs.claim(session, KIND, worker, now)
    if run is not None:
        return run
    cause = _due(session, retraining, now)
    if cause is None:
        return None
    try:
        runs.request(session, KIND, trigger=cause, requested_by="worker", now=now)
    except runs.AlreadyRunning:
        return None
    return runs.claim(session, KIND, worker, now)


def check(
    session: Session, fields: Fields, retraining: Trigger, now: datetime, *, may_recalibrate: bool
) -> Check:
    """Take all measures of the live version, and say whether to try to set its level right."""
    seen = _seen(session)
    samples = monitor_samples.read(session, now)
    findings = monitor_findings.all_of(samples, fields)
    is_far = any(f.name == "calibration" and f.verdict == "act" for f in findings)
    is_wanted = is_far and may_recalibrate
    is_put_off = is_wanted and not lifecycle.is_idle(session, retraining, now)
    result = {
        "champion": samples.champion.name,
        "champion_key": samples.champion.key,
        "findings": [finding._asdict() for finding in findings],
        "seen": seen,
        "is_put_off": is_put_off,
        "tracks": _tracks(session, samples),
        "duplicates": duplicates.find(session),
    }
    if is_far and not may_recalibrate:
        result = _noted(result, "calibration", _advised(SWITCHED_OFF))
    elif is_put_off:
        result = _noted(result, "calibration", _advised(COMES_FIRST))
    if found := replacement.needed(session, samples):
        changed = {"verdict": "act", "advice": found.sentence}
        result = _noted(result, "live_auc", lambda finding: finding | changed)
        return Check(result, recalibrate=False, replace_by=found.name)
    return Check(result, recalibrate=is_wanted and not is_put_off)


def replace(session: Session, run: Run, name: str, now: datetime) -> None:
    """Close the run and have another version take over, unless something else is changing it."""
    why = next(each["advice"] for each in run.result["findings"] if each["name"] == "live_auc")
    with suppress(runs.AlreadyRunning, lifecycle.AlreadyChampion):
        lifecycle.request_promotion(session, name, lifecycle.MONITORS, now, reason=why)
    runs.finish(session, run, now, run.result)


def leave(session: Session, run: Run, reason: str, now: datetime) -> None:
    """Close a check whose outcomes do not let the level be set right yet."""
    runs.finish(session, run, now, _noted(run.result, "calibration", _advised(reason)))


def register(
    session: Session,
    run: Run,
    scorecard: Scorecard,
    details: dict[str, Any],
    *,
    champion_key: int,
    now: datetime,
) -> None:
    """Close the run; store the recalibration and promote it unless the champion has changed."""
    hold(session, lifecycle.VERSION_LOCK)
    is_same = registry.champion(session).key == champion_key
    if is_same and runs.unfinished(session, "rescoring") is None:
        lifecycle.register(session, run, scorecard, details, promote=True, now=now)
    else:
        runs.finish(session, run, now, run.result)


def newest(session: Session) -> Report | None:
    """The newest check that was done, if any."""
    run = runs.last_success(session, KIND)
    return _report(session, run) if run else None


def newest_of(session: Session, version: ModelVersion) -> Report | None:
    """The newest check of a version: what became of its claim while it was live, if it ever was."""
    done = (Run.kind == KIND, Run.state == "succeeded")
    is_its_own = Run.result["champion_key"].as_integer() == version.key
    query = sa.select(Run).where(*done, is_its_own).order_by(Run.key.desc()).limit(1)
    run = session.scalar(query)
    return _report(session, run) if run else None


def _report(session: Session, run: Run) -> Report:
    return Report(
        run=run,
        champion=run.result["champion"],
        findings=[Finding(**each) for each in run.result["findings"]],
        is_current=run.result["champion_key"] == registry.serving(session)[0].key,
    )


def figures(session: Session) -> dict[str, tuple[str, float]]:
    """What operators watch, each with its help; empty before the first check of the champion."""
    report = newest(session)
    if report is None or not report.is_current or report.run.finished_at is None:
        return {}
    found = {f.name: f.figures for f in report.findings}
    values = {
        "checked_timestamp_seconds": (
            "When the monitors were last read, in seconds since 1970.",
            report.run.finished_at.timestamp(),
        ),
        "verdict": (
            "The most urgent finding: 0 not judged, 1 good, 2 warning, 3 critical.",
            float(monitor_findings.VERDICTS.index(report.verdict)),
        ),
    } | {
        name: (about, found.get(finding, {}).get(figure))
        for name, (about, finding, figure) in GAUGES.items()
    }
    return {name: (about, value) for name, (about, value) in values.items() if value is not None}


GAUGES = {
    "score_psi": (
        gettext("How far the scores of new leads have moved (PSI)."),
        "score_drift",
        "psi",
    ),
    "field_psi": (gettext("The same of the field that has moved most."), "field_drift", "psi"),
    "selection_psi": (
        gettext("Leads with an outcome against all, by score (PSI)."),
        "selection",
        "psi",
    ),
    "calibration_z": (
        gettext("Conversions above expected, in standard deviations."),
        "calibration",
        "z",
    ),
    "live_auc": (gettext("AUC on outcomes that were not learned from."), "live_auc", "auc"),
    "live_auc_low": (gettext("Lower end of its 95 %% interval."), "live_auc", "low"),
    "live_auc_high": (gettext("Upper end of its 95 %% interval."), "live_auc", "high"),
}


def _due(session: Session, retraining: Trigger, now: datetime) -> str | None:
    """What makes a check due: new outcomes, the clock, or the end of what was waited for."""
    if runs.waits_after_failure(runs.latest(session, KIND, limit=8), now):
        return None
    last = runs.last_success(session, KIND)
    if last and last.result.get("is_put_off") and lifecycle.is_idle(session, retraining, now):
        return gettext("put off")
    before = last.result["seen"] if last else {"outcome": 0, "scoring": 0, "champion": 0}
    recorded = sa.select(Outcome.recorded_at).where(Outcome.key > before["outcome"])
    new = session.scalars(recorded.order_by(Outcome.key).limit(N_NEW_OUTCOMES)).all()
    if len(new) == N_NEW_OUTCOMES and now - new[0] >= BURST_PAUSE:
        return "outcomes"
    since = last.finished_at if last and last.finished_at else registry.champion_since(session)
    return "clock" if now - since >= EVERY and _seen(session) != before else None


def _seen(session: Session) -> dict[str, int]:
    return {
        "outcome": session.scalar(sa.select(sa.func.max(Outcome.key))) or 0,
        "scoring": session.scalar(sa.select(sa.func.max(Snapshot.key))) or 0,
        "champion": registry.serving(session)[0].key,
    }


def _tracks(session: Session, samples: Samples) -> dict[str, Any]:
    """How each version ranked as time went on: by this check the live one, and its parent beside.

    The parent goes on being measured, so that the two can be compared on the same outcomes.
    """
    last = runs.last_success(session, KIND)
    tracks = last.result.get("tracks", {}) if last else {}
    if samples.learned.parent_key is not None:
        parent = session.get_one(ModelVersion, samples.learned.parent_key)
        before = registry.learned(session, parent)
        card = registry.scorecard(session, before)
        tracks = ranking_history.measured(tracks, samples.under(before, card))
    return ranking_history.measured(tracks, samples)


def _noted(result: dict[str, Any], name: str, change: Change) -> dict[str, Any]:
    findings = [change(each) if each["name"] == name else each for each in result["findings"]]
    return result | {"findings": findings}


def _advised(obstacle: str) -> Change:
    return lambda finding: finding | {"advice": f"{finding['advice']} {obstacle}"}
