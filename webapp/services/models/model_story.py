"""The models as a story: what was tried, what came of it, and who stepped in, newest first."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, defer

from webapp.services.models import monitoring, registry
from webapp.services.models.lifecycle import SWITCHES
from webapp.tables import AuditEntry, ModelVersion, Run

PAGE_SIZE = 10
RUNS_OF_VERSIONS = ("training", "rescoring", monitoring.KIND)  # that make, change or check one


@dataclass(frozen=True)
class Event:
    """One of three: a version was tried, a run failed, or a person promoted a version."""

    at: datetime
    version: ModelVersion | None = None
    failed: Run | None = None
    switch: AuditEntry | None = None


@dataclass(frozen=True)
class Chapter:
    """Some events, newest first; `parents` by key; `next` is the time to go on from."""

    events: list[Event]
    parents: dict[int, registry.Parent]
    next: datetime | None


def chapter(session: Session, before: datetime | None = None) -> Chapter:
    """The newest events, or those before a time."""
    found = [
        *(Event(v.created_at, version=v) for v in _versions(session, before)),
        *(
            Event(run.finished_at, failed=run)
            for run in _failed(session, before)
            if run.finished_at
        ),
        *(Event(entry.at, switch=entry) for entry in _switches(session, before)),
    ]
    events = sorted(found, key=attrgetter("at"), reverse=True)
    shown = events[:PAGE_SIZE]
    keys = {e.version.parent_key for e in shown if e.version and e.version.parent_key}
    following = shown[-1].at if len(events) > PAGE_SIZE else None
    return Chapter(shown, registry.parents(session, keys), following)


def outdated(session: Session) -> ModelVersion | None:
    """The newest learned version, where its training found that the past no longer predicts."""
    query = sa.select(ModelVersion).where(ModelVersion.learned_key.is_(None))
    newest = session.scalars(query.order_by(ModelVersion.key.desc()).limit(1)).one_or_none()
    backtest = newest.measured.in_time_order if newest and newest.measured else None
    return newest if backtest and backtest.verdict == "lost" else None


def _versions(session: Session, before: datetime | None) -> list[ModelVersion]:
    query = sa.select(ModelVersion).options(defer(ModelVersion.metrics))
    query = query.order_by(ModelVersion.key.desc())
    if before is not None:
        query = query.where(ModelVersion.created_at < before)
    return list(session.scalars(query.limit(PAGE_SIZE + 1)))


def _failed(session: Session, before: datetime | None) -> list[Run]:
    """Runs that failed; of checks that failed one after another, the last."""
    later = aliased(Run)
    ended = later.finished_at.is_not(None)
    following = sa.select(later.state).where(later.kind == Run.kind, later.key > Run.key, ended)
    after = following.order_by(later.key).limit(1).scalar_subquery()
    is_told = sa.or_(Run.kind != monitoring.KIND, after.is_distinct_from("failed"))
    query = sa.select(Run).where(Run.kind.in_(RUNS_OF_VERSIONS), Run.state == "failed", is_told)
    if before is not None:
        query = query.where(Run.finished_at < before)
    return list(session.scalars(query.order_by(Run.key.desc()).limit(PAGE_SIZE + 1)))


def _switches(session: Session, before: datetime | None) -> list[AuditEntry]:
    query = sa.select(AuditEntry).where(AuditEntry.action.in_(SWITCHES), AuditEntry.actor != "gate")
    if before is not None:
        query = query.where(AuditEntry.at < before)
    newest = query.order_by(AuditEntry.at.desc(), AuditEntry.key.desc())
    return list(session.scalars(newest.limit(PAGE_SIZE + 1)))
