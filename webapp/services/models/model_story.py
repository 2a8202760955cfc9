"""The models as a story: what was tried, what came of it, and who stepped in, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased, defer

from ml.fields.wording import day_text
from ml.sentences import Figure, gettext
from webapp.services.models import lifecycle, monitoring, registry
from webapp.services.models.lifecycle import SWITCHES
from webapp.services.models.registry import Parent
from webapp.stored import Decision
from webapp.tables import AuditEntry, ModelVersion, Run

PAGE_SIZE = 10
RUN_NAMES = {
    "training": "Training",
    monitoring.KIND: gettext("Monitor check"),
    "rescoring": gettext("Promotion of version {version}"),
}
GENERAL = gettext("general rules, not trained on your data")
SCORED_AGAIN = gettext("Scoring with version {version}")
RUNS_OF_VERSIONS = ("training", "rescoring", monitoring.KIND)  # that make, change or check one


@dataclass(frozen=True)
class Event:
    """One of three: a version was tried, a run failed, or another was put in place by hand.

    `line` says it in one sentence.
    """

    at: datetime
    line: str
    version: ModelVersion | None = None
    failed: Run | None = None
    switch: AuditEntry | None = None


@dataclass(frozen=True)
class Chapter:
    """Some events, newest first; `parents` by key; `next` is the time to go on from."""

    events: list[Event]
    parents: dict[int, Parent]
    next: datetime | None


def chapter(session: Session, now: datetime, before: datetime | None = None) -> Chapter:
    """The newest events, or those before a time."""
    versions = _versions(session, before)
    parents = registry.parents(session, {v.parent_key for v in versions if v.parent_key})
    found = [
        *(Event(v.created_at, line_of_version(v, parents, now), version=v) for v in versions),
        *(
            Event(run.finished_at, _line_of_failure(run, now), failed=run)
            for run in _failed(session, before)
            if run.finished_at
        ),
        *(
            Event(entry.at, _line_of_switch(entry, now), switch=entry)
            for entry in _switches(session, before)
        ),
    ]
    events = sorted(found, key=attrgetter("at"), reverse=True)
    shown = events[:PAGE_SIZE]
    following = shown[-1].at if len(events) > PAGE_SIZE else None
    return Chapter(shown, parents, following)


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


def line_of_version(version: ModelVersion, parents: Mapping[int, Parent], now: datetime) -> str:
    """Say what was decided on a version when it was made."""
    on, decision = day_text(version.created_at, now), version.verdict
    if not decision.checks:
        told = f" {decision.reason}" if decision.reason else ""
        return gettext(
            "Version %(name)s is the starter model: %(GENERAL)s.%(told)s",
            name=version.name,
            GENERAL=GENERAL,
            told=told,
        )
    is_demo = version.learned_from is not None and version.learned_from.is_demo
    what = f"{'Demo version' if is_demo else 'Version'} {version.name}"
    if version.learned_key:
        return gettext(
            "%(what)s recalibrated on %(on)s. %(reason)s", what=what, on=on, reason=decision.reason
        )
    parent = parents[version.parent_key].name if version.parent_key else gettext("the live version")
    done = "promoted" if decision.promote else "refused"
    why = _better(decision, parent) if decision.promote else _why_refused(decision, parent)
    return gettext("%(what)s %(done)s on %(on)s: %(why)s.", what=what, done=done, on=on, why=why)


def _line_of_switch(entry: AuditEntry, now: datetime) -> str:
    """Say who put another version in place of the live one."""
    before, after = entry.detail["from"], entry.subject.split()[-1]
    on = day_text(entry.at, now)
    if entry.actor == lifecycle.MONITORS:
        return gettext(
            "Version %(before)s replaced by %(after)s on %(on)s: it ranked new leads too badly.",
            before=before,
            after=after,
            on=on,
        )
    if entry.action == "rolled back":
        return gettext(
            "%(actor)s rolled back from version %(before)s to %(after)s on %(on)s.",
            actor=entry.actor,
            before=before,
            after=after,
            on=on,
        )
    return gettext(
        "%(actor)s promoted version %(after)s on %(on)s in place of %(before)s.",
        actor=entry.actor,
        after=after,
        on=on,
        before=before,
    )


def _line_of_failure(run: Run, now: datetime) -> str:
    """Say which run failed."""
    what = SCORED_AGAIN if run.trigger == "fields" else RUN_NAMES[run.kind]
    return gettext(
        "%(format)s failed on %(day_text)s.",
        format=what.format(**run.task),
        day_text=day_text(run.finished_at or now, now),
    )


def _better(decision: Decision, parent: str) -> str:
    if (decision.gain or 0) <= 0:
        return gettext("it passed all checks on %(leads)s", leads=_leads(decision))
    return gettext(
        "on %(leads)s it ranked better than %(parent)s", leads=_leads(decision), parent=parent
    )


def _why_refused(decision: Decision, parent: str) -> str:
    """Name the first check that failed, in the order in which they build on each other."""
    failed = {check.name for check in decision.checks if not check.passed}
    if not decision.n_evidence:
        return gettext("no outcomes had come in since %(parent)s was trained", parent=parent)
    n_each = gettext(
        "%(n_converted)s converted, %(n_lost)s lost",
        n_converted=Figure(f"{decision.n_converted:,}"),
        n_lost=Figure(f"{decision.n_lost:,}"),
    )
    if "evidence" in failed or decision.gain is None:
        return gettext(
            "there were too few new leads to compare it with %(parent)s (%(n_each)s)",
            parent=parent,
            n_each=n_each,
        )
    on = gettext("on %(leads)s it ranked", leads=_leads(decision))
    if "gain" in failed:
        return f"{on} {'no' if decision.gain <= 0 else 'hardly'} better than {parent}"
    if "confidence" in failed:
        return gettext(
            "%(on)s better than %(parent)s, but that may be chance", on=on, parent=parent
        )
    if "log_loss" in failed:
        return gettext(
            "%(on)s better than %(parent)s, but its percentages were not surely "
            "closer to the truth",
            on=on,
            parent=parent,
        )
    return gettext(
        "it failed %(n_failed)s of %(n)s checks", n_failed=decision.n_failed, n=len(decision.checks)
    )


def _leads(decision: Decision) -> str:
    return f"{decision.n_evidence:,} new {'lead' if decision.n_evidence == 1 else 'leads'}"
