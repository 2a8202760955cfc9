"""The monitors: when they are due, what a check keeps, and when it leads to a recalibration."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.drift import Verdict
from ml.fields import Fields
from ml.monitors import FEWEST_EACH_TO_RECALIBRATE, FEWEST_OUTCOMES, NATS_TO_ACT
from ml.scorecard import Scorecard
from webapp.database import hold
from webapp.models import ModelVersion, Outcome, Run, Snapshot
from webapp.services import lifecycle, monitor_findings, monitor_samples, registry, runs
from webapp.services.lifecycle import Trigger
from webapp.services.monitor_findings import Finding
from webapp.services.monitor_samples import JudgedLead, Samples

KIND = "monitoring"
EVERY = timedelta(hours=1)
N_NEW_OUTCOMES = FEWEST_OUTCOMES
# So long after the first of them: outcomes come in bursts, and a training may be due first.
SETTLING = timedelta(minutes=10)
COMES_FIRST = "A training or a change of version comes first."
SWITCHED_OFF = "Recalibration by itself is switched off (LEADLOOP_AUTO_RECALIBRATE)."


@dataclass(frozen=True)
class Check:
    """What a check found, as the run keeps it, and whether a recalibration follows."""

    result: dict[str, Any]
    recalibrate: bool


@dataclass(frozen=True)
class Report:
    """The newest check, for people; `is_current` where it is about the version in use."""

    run: Run
    champion: str
    findings: list[Finding]
    is_current: bool

    @property
    def verdict(self) -> Verdict:
        """The most urgent of the findings."""
        return monitor_findings.verdict_of(self.findings)

    @property
    def warnings(self) -> list[Finding]:
        """What people should know, the most urgent first."""
        found = [finding for finding in self.findings if finding.is_warning]
        return sorted(found, key=lambda f: f.verdict != "act") if self.is_current else []


def request(session: Session, requested_by: str, now: datetime) -> Run:
    """Ask for a check now; `AlreadyRunning` where one is at work."""
    return runs.request(session, KIND, trigger="request", requested_by=requested_by, now=now)


def claim(session: Session, retraining: Trigger, worker: str, now: datetime) -> Run | None:
    """Claim the check that was asked for or is due; None where there is neither."""
    hold(session, lifecycle.TURN)
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
    """Take all measures of the version in use, and decide whether its level is to be set right."""
    seen = _seen(session)
    samples = monitor_samples.read(session)
    findings = monitor_findings.all_of(samples, fields, now)
    is_far = any(f.name == "calibration" and f.verdict == "act" for f in findings)
    is_wanted = is_far and may_recalibrate
    is_put_off = is_wanted and not lifecycle.is_idle(session, retraining, now)
    obstacle = None if may_recalibrate else SWITCHED_OFF
    if is_wanted:
        obstacle = COMES_FIRST if is_put_off else _obstacle(session, samples)
    if is_far and obstacle is not None:
        findings = [
            f._replace(advice=f"{f.advice} {obstacle}") if f.name == "calibration" else f
            for f in findings
        ]
    result = {
        "champion": samples.champion.name,
        "champion_key": samples.champion.key,
        "findings": [finding._asdict() for finding in findings],
        "seen": seen,
        "is_put_off": is_put_off,
    }
    return Check(result, recalibrate=is_wanted and obstacle is None)


def register(
    session: Session,
    run: Run,
    scorecard: Scorecard,
    details: dict[str, Any],
    *,
    champion_key: int,
    promote: bool,
    now: datetime,
) -> None:
    """Store a recalibration as a version, close the run, and start its promotion if it won.

    Where somebody puts another version in use meanwhile, nothing is left to recalibrate.
    """
    hold(session, lifecycle.TURN)
    is_same = registry.champion(session).key == champion_key
    if is_same and runs.unfinished(session, "rescoring") is None:
        lifecycle.register(session, run, scorecard, details, promote=promote, now=now)
    else:
        runs.finish(session, run, now, run.result)


def newest(session: Session) -> Report | None:
    """The newest check that was done, if any."""
    run = runs.last_success(session, KIND)
    if run is None:
        return None
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
            "The most urgent finding: 0 not judged, 1 good, 2 to be looked at, 3 to be acted on.",
            float(monitor_findings.VERDICTS.index(report.verdict)),
        ),
    } | {
        name: (about, found[finding].get(figure))
        for name, (about, finding, figure) in GAUGES.items()
    }
    return {name: (about, value) for name, (about, value) in values.items() if value is not None}


GAUGES = {
    "score_psi": ("How far the scores of new leads have moved (PSI).", "score_drift", "psi"),
    "field_psi": ("The same of the field that has moved most.", "field_drift", "psi"),
    "selection_psi": ("Leads with an outcome against all, by score (PSI).", "selection", "psi"),
    "calibration_z": ("Conversions above the promised, in deviations.", "calibration", "z"),
    "live_auc": ("AUC on outcomes that were not learned from.", "live_auc", "auc"),
    "live_auc_low": ("Lower end of its 95 % interval.", "live_auc", "low"),
    "live_auc_high": ("Upper end of its 95 % interval.", "live_auc", "high"),
}


def _due(session: Session, retraining: Trigger, now: datetime) -> str | None:
    """What makes a check due at this moment: new outcomes, or the clock; None where nothing.

    What a recalibration waited for being over is one as well.
    """
    if runs.waits_after_failure(runs.latest(session, KIND, limit=8), now):
        return None
    last = runs.last_success(session, KIND)
    if last and last.result.get("is_put_off") and lifecycle.is_idle(session, retraining, now):
        return "put off"
    before = last.result["seen"] if last else {"outcome": 0, "scoring": 0, "champion": 0}
    said = sa.select(Outcome.recorded_at).where(Outcome.key > before["outcome"])
    new = session.scalars(said.order_by(Outcome.key).limit(N_NEW_OUTCOMES)).all()
    if len(new) == N_NEW_OUTCOMES and now - new[0] >= SETTLING:
        return "outcomes"
    since = last.finished_at if last and last.finished_at else registry.champion_since(session)
    is_hour_over = now - since >= EVERY
    return "clock" if is_hour_over and _seen(session) != before else None


def _seen(session: Session) -> dict[str, int]:
    """How far the product has come, to tell later whether there is anything new."""
    return {
        "outcome": session.scalar(sa.select(sa.func.max(Outcome.key))) or 0,
        "scoring": session.scalar(sa.select(sa.func.max(Snapshot.key))) or 0,
        "champion": registry.serving(session)[0].key,
    }


def _obstacle(session: Session, samples: Samples) -> str | None:
    """Why the outcomes do not let the level be set right yet, if they do not."""
    leads = samples.unseen_since
    n_converted = sum(lead.converted for lead in leads)
    if min(n_converted, len(leads) - n_converted) < FEWEST_EACH_TO_RECALIBRATE:
        return f"That takes {FEWEST_EACH_TO_RECALIBRATE} converted and as many lost leads."
    if samples.nats_saved <= NATS_TO_ACT:
        return "Whoever checks often sees as much by chance: a few more outcomes will tell."
    if _n_since_attempt(session, leads, samples.champion) < FEWEST_OUTCOMES:
        return f"The last attempt was refused; {FEWEST_OUTCOMES} new outcomes bring another."
    return None


def _n_since_attempt(session: Session, leads: list[JudgedLead], champion: ModelVersion) -> int:
    """How many of the outcomes came after the last attempt to recalibrate this champion."""
    attempts = sa.select(ModelVersion.training).where(
        ModelVersion.parent_key == champion.key, ModelVersion.learned_key.is_not(None)
    )
    last = session.scalar(attempts.order_by(ModelVersion.key.desc()).limit(1))
    reached = last["last_outcome_key"] if last else 0
    return sum(lead.outcome_key > reached for lead in leads)
