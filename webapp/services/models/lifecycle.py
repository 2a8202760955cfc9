"""When the model learns, what is registered, how a version is promoted or rolled back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from ml.scorecard.scorecard import Scorecard
from ml.sentences import gettext
from ml.training.readiness import shortage
from webapp import field_lists
from webapp.config import Settings
from webapp.database import change, hold
from webapp.services.accounts import audit
from webapp.services.demo import demo_leads
from webapp.services.models import leakage, registry
from webapp.services.outcomes import label_counts
from webapp.services.runs import runs
from webapp.services.webhooks import events
from webapp.tables import AuditEntry, Lead, ModelVersion, Run, Score

# Held by whoever starts a training, a promotion or a check of the monitors, which may make a
# version, too: each looks first whether another is there.
VERSION_LOCK = "training or promotion"
FAR_POINTS = 10  # that reps are told of
N_WHERE_FAILED = 20  # new outcomes that bring a training where the live version's claim failed
MAX_COMPARED = 10_000  # newest leads
SWITCHES = ("promoted", "rolled back")  # actions in the audit log
MONITORS = "The monitors"  # who replaces a version that ranks leads wrongly
PROMOTERS = {"gate": "gate", MONITORS: "monitors"}  # everybody else is a person


class NothingToLearn(RuntimeError):
    """There are too few outcomes of one class to train on."""


class AlreadyChampion(RuntimeError):
    """The version to promote is live already."""

    def __init__(self, name: str) -> None:
        super().__init__(gettext("Version %(name)s is already live", name=name))


@dataclass(frozen=True)
class Trigger:
    """When a training starts by itself: after so many new outcomes, or hours (0 is never)."""

    n_new_outcomes: int
    every_hours: float = 0

    @classmethod
    def by(cls, settings: Settings) -> "Trigger":
        return cls(settings.retrain_threshold, settings.retrain_every_hours)


class Switch(NamedTuple):
    """One version replacing another, by their names, and by whom; `key` is of the audit log."""

    key: int
    at: datetime
    before: str
    after: str
    actor: str


class ScoreChange(NamedTuple):
    """How a switch of versions has changed the scores of open leads, in points of 100.

    Some moved `by_10_or_more`. As the audit log has it.
    """

    open_leads: int
    mean_points: float
    by_10_or_more: int


@dataclass(frozen=True)
class Readiness:
    """How far the outcomes collected are from the next training."""

    n_converted: int
    n_lost: int
    n_new: int
    threshold: int
    unfinished: Run | None
    last: Run | None

    @property
    def is_ready(self) -> bool:
        return self.n_new >= self.threshold and not shortage(self.n_converted, self.n_lost)


def readiness(session: Session, threshold: int) -> Readiness:
    """Count the outcomes known, those no training has seen, and find the open and last run."""
    n_uncounted = sa.select(sa.func.count()).select_from(Lead).where(*_UNCOUNTED)
    known = label_counts.N_CONVERTED, label_counts.N_LOST
    counts = sa.select(*known, n_uncounted.scalar_subquery())
    n_converted, n_lost, n_new = session.execute(counts).one()
    latest = runs.latest(session, "training", limit=1)
    unfinished = runs.unfinished(session, "training")
    last = latest[0] if latest else None
    return Readiness(n_converted, n_lost, n_new, threshold, unfinished, last)


def n_uncounted(session: Session) -> int:
    """The number of labelled leads that no training attempt has seen."""
    query = sa.select(sa.func.count()).select_from(Lead).where(*_UNCOUNTED)
    return session.scalar(query) or 0


def request_retraining(session: Session, requested_by: str, now: datetime) -> Run:
    """Ask for a training now; `NothingToLearn` or `AlreadyRunning` where that makes no sense."""
    missing = _shortage(session)
    if missing:
        raise NothingToLearn(missing)
    return runs.request(session, "training", trigger="request", requested_by=requested_by, now=now)


def claim_retraining(session: Session, trigger: Trigger, worker: str, now: datetime) -> Run | None:
    """Claim the training that was asked for or is due; None where there is none.

    1. Nothing starts during a backfill or a recalibration, nor soon after a failed attempt.
    2. The run row is the lock: the database allows one unfinished training.
    3. New labels are counted by marking them for the run, so that of two workers only the first
       finds them unmarked.
    """
    hold(session, VERSION_LOCK)
    checking = runs.unfinished(session, "monitoring")
    is_checking = checking is not None and checking.state == "running"
    if is_checking or runs.unfinished(session, "rescoring") is not None:
        return None
    run = runs.claim(session, "training", worker, now)
    if run is not None:
        _count_labels(session, run)
        return run
    due = _due(session, trigger, now)
    if due is None:
        return None
    try:
        run = runs.request(session, "training", trigger=due.by, requested_by="worker", now=now)
    except runs.AlreadyRunning:
        return None
    if _count_labels(session, run) < due.needed:
        session.delete(run)
        session.flush()
        return None
    return runs.claim(session, "training", worker, now)


def claim_rescoring(session: Session, worker: str, now: datetime) -> Run | None:
    """Claim the promotion that was asked for, or the re-scoring by the live version that is due.

    It is due where values of a field mean something else since the last one.
    """
    hold(session, VERSION_LOCK)
    run = runs.claim(session, "rescoring", worker, now)
    if run is not None or any(runs.unfinished(session, k) for k in ("training", "rescoring")):
        return run
    last = runs.last_success(session, "rescoring")
    scored_under = last.task.get("field_list", 0) if last else 0
    if scored_under >= field_lists.current(session).meanings.newest_change:
        return None
    if runs.waits_after_failure(runs.latest(session, "rescoring", limit=8), now):
        return None
    _request_rescoring(session, registry.champion(session), "worker", now)
    return runs.claim(session, "rescoring", worker, now)


def is_idle(session: Session, trigger: Trigger, now: datetime) -> bool:
    """Whether no training and no change of version is at work, asked for or due."""
    kinds = ("training", "rescoring")
    is_at_work = any(runs.unfinished(session, kind) is not None for kind in kinds)
    return not is_at_work and _due(session, trigger, now) is None


def fail(
    session: Session, run: Run, error: str, now: datetime, *, result: dict[str, Any] | None = None
) -> None:
    """Close a run as failed and undo what it had begun: the labels of a training count as new."""
    runs.finish(session, run, now, result, error=error)
    _undo(session, run, now)


def free_lost_runs(session: Session, now: datetime) -> list[Run]:
    """Free every run whose worker is gone, and undo what those had begun that cannot go on."""
    lost = list(runs.overdue(session, now))
    for run in lost:
        if runs.give_up(session, run, now):
            _undo(session, run, now)
    return lost


def register(
    session: Session,
    run: Run,
    scorecard: Scorecard,
    details: dict[str, Any],
    *,
    promote: bool,
    now: datetime,
) -> ModelVersion:
    """Store the challenger with its evidence, close the run, and start its promotion if it won."""
    hold(session, VERSION_LOCK)
    champion = registry.champion(session)
    details["training"]["is_demo"] = demo_leads.are_here(session)
    version = registry.save(
        session, scorecard, created_at=now, run_key=run.key, parent_key=champion.key, **details
    )
    leakage.flag(session, version.training.get("suspicions", ()), run, now)
    result = {"version": version.name, "promoted": promote, "reason": version.verdict.reason}
    runs.finish(session, run, now, {**run.result, **result})
    if promote:
        request_promotion(session, version.name, "gate", now)
    return version


def request_promotion(
    session: Session, name: str, requested_by: str, now: datetime, *, reason: str = ""
) -> Run:
    """Ask the worker to backfill a version's scores and then promote it, or roll back to it."""
    hold(session, VERSION_LOCK)
    version = registry.version(session, name)
    if version.key == registry.champion(session).key:
        raise AlreadyChampion(name)
    if requested_by != "gate" and runs.unfinished(session, "training") is not None:
        raise runs.AlreadyRunning("training")
    return _request_rescoring(session, version, requested_by, now, reason=reason)


def switch(
    session: Session, version: ModelVersion, actor: str, now: datetime, *, reason: str = ""
) -> None:
    """Promote a backfilled version: one row changes, and all leads switch at one instant."""
    before = registry.champion(session)
    if version.key == before.key:
        return
    registry.set_alias(session, registry.CHAMPION, version.key, now)
    registry.set_alias(session, registry.STAGED, None, now)
    action = SWITCHES[version.key < before.key]
    detail = {"from": before.name, "reason": reason} | _change(session, before, version)._asdict()
    audit.record(session, actor, action, f"version {version.name}", now=now, detail=detail)
    by = PROMOTERS.get(actor, "person")
    events.note_switch(session, before, version, detail=detail, by=by, now=now)


def score_change(session: Session, since: datetime) -> ScoreChange | None:
    """How switches of versions since then have changed scores, all in all; None where none has."""
    if registry.champion_since(session) < since:
        return None
    query = sa.select(AuditEntry.detail).where(
        AuditEntry.action.in_(SWITCHES), AuditEntry.at >= since
    )
    found = [
        ScoreChange(each["open_leads"], each["mean_points"], each["by_10_or_more"])
        for each in session.scalars(query)
        if each.get("open_leads")
    ]
    if not found:
        return None
    return ScoreChange(
        open_leads=max(each.open_leads for each in found),
        mean_points=sum(each.mean_points for each in found),
        by_10_or_more=max(each.by_10_or_more for each in found),
    )


def _change(session: Session, before: ModelVersion, after: ModelVersion) -> ScoreChange:
    """Compare the scores of the newest open leads by two versions."""
    old, new = aliased(Score), aliased(Score)
    newest = session.scalar(sa.select(sa.func.max(Lead.key))) or 0
    move = new.probability - old.probability
    is_far = sa.case((sa.func.abs(move) >= FAR_POINTS / 100, 1), else_=0)
    query = (
        sa.select(sa.func.count(), sa.func.avg(move), sa.func.sum(is_far))
        .select_from(old)
        .join(new, sa.and_(new.version_key == after.key, new.lead_key == old.lead_key))
        .where(old.version_key == before.key, old.lead_key > newest - MAX_COMPARED)
        .where(old.status == "open")
    )
    n_leads, mean, n_far = session.execute(query).one()
    return ScoreChange(n_leads, round(100 * (mean or 0.0), 1), n_far or 0)


def switches(session: Session, since: datetime) -> list[Switch]:
    """Every switch of versions from then on, oldest first."""
    query = sa.select(AuditEntry).where(AuditEntry.action.in_(SWITCHES), AuditEntry.at >= since)
    found = session.scalars(query.order_by(AuditEntry.key))
    return [as_switch(entry) for entry in found]


def as_switch(entry: AuditEntry) -> Switch:
    """The switch of versions that an entry of the audit log tells."""
    before, after = entry.detail["from"], entry.subject.split()[-1]
    return Switch(entry.key, entry.at, before, after, entry.actor)


def _request_rescoring(
    session: Session, version: ModelVersion, requested_by: str, now: datetime, *, reason: str = ""
) -> Run:
    trigger = "fields" if requested_by == "worker" else "promotion"
    task = {
        "version": version.name,
        "version_key": version.key,
        "field_list": field_lists.current(session).version,
        "reason": reason,
    }
    return runs.request(
        session, "rescoring", trigger=trigger, requested_by=requested_by, now=now, task=task
    )


def _undo(session: Session, run: Run, now: datetime) -> None:
    if run.kind == "training":
        nothing = {"counted_by_run": None, "counted_outcome": None}
        _mark_labels(session, nothing, Lead.counted_by_run == run.key)
    elif run.kind == "rescoring":
        registry.set_alias(session, registry.STAGED, None, now)


_UNCOUNTED: tuple[sa.ColumnElement[bool], ...] = (
    Lead.outcome.is_not(None),
    Lead.counted_by_run.is_(None),
)


def _count_labels(session: Session, run: Run) -> int:
    counted = {"counted_by_run": run.key, "counted_outcome": Lead.outcome}
    return _mark_labels(session, counted, *_UNCOUNTED)


def _mark_labels(session: Session, values: dict[str, Any], *which: sa.ColumnElement[bool]) -> int:
    # Locked in the order in which batches lock leads: else each could wait for the other.
    session.execute(sa.select(Lead.key).where(*which).order_by(Lead.lead_id).with_for_update())
    return change(session, sa.update(Lead).where(*which).values(values))


class _Due(NamedTuple):
    by: str
    needed: int


def _due(session: Session, trigger: Trigger, now: datetime) -> _Due | None:
    due = _wanted(session, trigger, now)
    if due is None:
        return None
    # The cheapest question first: it is asked every few seconds.
    n_new = n_uncounted(session)
    if n_new < due.needed:
        if n_new < N_WHERE_FAILED or not _claim_has_failed(session):
            return None
        due = due._replace(needed=N_WHERE_FAILED)
    return None if _is_loading(session) or _shortage(session) else due


def _claim_has_failed(session: Session) -> bool:
    """Whether by the newest check the live version ranks leads surely worse than it claimed."""
    last = runs.last_success(session, "monitoring")
    checked = session.get(ModelVersion, last.result["champion_key"]) if last else None
    if last is None or checked is None:
        return False
    # A recalibration ranks leads as the version before it does.
    live = registry.learned(session, registry.champion(session))
    if registry.learned(session, checked).key != live.key:
        return False
    found = {each["name"]: each["verdict"] for each in last.result["findings"]}
    return found.get("live_auc") == "act"


def _is_loading(session: Session) -> bool:
    """Whether an import or the first sync is at work: half of a load is no fair sample of it."""
    if runs.unfinished(session, "import") is not None:
        return True
    if runs.unfinished(session, "sync") is None:
        return False
    mode = sa.func.coalesce(Run.task["mode"].as_string(), "live")
    done = sa.exists().where(Run.kind == "sync", Run.state == "succeeded", mode == "live")
    return not session.scalar(sa.select(done))


def _wanted(session: Session, trigger: Trigger, now: datetime) -> _Due | None:
    """What could start a training, given labels enough; None soon after a failed one."""
    recent = runs.latest(session, "training", limit=8)
    if runs.waits_after_failure(recent, now):
        return None
    hours = timedelta(hours=trigger.every_hours)
    if hours:
        # Before the first training, since when an outcome has waited for it.
        oldest = sa.select(sa.func.min(Lead.outcome_at)).where(*_UNCOUNTED)
        since = recent[0].finished_at if recent else session.scalar(oldest)
        if since is not None and now - since >= hours:
            return _Due("clock", 1)
    return _Due("outcomes", trigger.n_new_outcomes)


def _shortage(session: Session) -> str | None:
    missing = shortage(*label_counts.by_class(session))
    return missing or demo_leads.in_the_way(session)
