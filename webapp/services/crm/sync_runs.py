"""Runs of the CRM sync: requested by a person or due on schedule, closed with their result."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.config import Settings
from webapp.crm_tables import CrmConnection
from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror
from webapp.services.crm.field_sources import FieldSource
from webapp.services.crm.kinds.exchange import Check
from webapp.services.crm.outcome_rules import RuleChanges
from webapp.services.runs import runs
from webapp.services.webhooks import events
from webapp.tables import Run

KIND = "sync"
# What works on everything that was read; only a live run reads what is new.
WHOLE = ("live", "reconcile")
# The item of a check that another mapping cures.
MAPPED_FIELDS = gettext("Mapped fields")
# What a person may try while the connection waits for one.
TESTS = ("check", "sample")
HINT_PAUSE = timedelta(seconds=30)
RETRY_AFTER = timedelta(minutes=1)
MAX_FAILURES = 5
# Among so many runs of any mode the last live one is looked for.
MAX_SEARCHED = 200
PAUSE_AFTER_MANY = timedelta(minutes=15)
OTHER_ORG = gettext(
    "This run was requested for the org that was connected before. Nothing "
    "was read from the new org or written to it."
)
QUOTA_PAUSE, MAX_QUOTA_PAUSE = timedelta(hours=1), timedelta(hours=6)


@dataclass
class Example:
    """An outcome that a run has recorded, with the rule that made it."""

    lead_id: str
    outcome: str
    rule: str
    reason: str = ""


@dataclass
class RunWarning:
    """Something to tell people that does not end a run."""

    message: Annotated[str, Field(alias="words")]
    detail: str = ""


@dataclass
class SampledLead:
    """What a mapping makes of a lead: inputs, those the CRM lacks, values that break a rule."""

    id: str
    inputs: dict[str, Any]
    empty: list[str]
    wrong: dict[str, str]


@dataclass
class Sample:
    """A mapping tried on some leads, with counts by field; or what is wrong with the mapping."""

    problems: list[str]
    leads: list[SampledLead]
    n_empty: dict[str, int]
    n_wrong: dict[str, int]


@dataclass
class Rehearsed:
    """How many rows a dry run has gone through."""

    leads: int
    deals: int


@dataclass
class Drift:
    """A month in which the CRM has another number of leads than Leadloop."""

    month: str
    crm: int
    leadloop: int


@dataclass
class SyncResult:
    """What a run has done: `run.result` of its row, typed; the last five belong to modes."""

    mode: str = "live"
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    warnings: list[RunWarning] = field(default_factory=list)
    n_calls: int = 0
    n_logins: int = 0
    stopped: str | None = None
    # So many runs in a row, with this one, ended for want of calls.
    n_quota_stops: int = 0
    checks: list[Check] | None = None
    sample: Sample | None = None
    rehearsed: Rehearsed | None = None
    rule_changes: RuleChanges | None = None
    drift: list[Drift] | None = None

    @classmethod
    def of(cls, run: Run) -> "SyncResult":
        """Read what a run's row holds; of a run without a step only its mode is known."""
        return _RESULT.validate_python({"mode": mode(run)} | run.result)

    @property
    def failed_checks(self) -> list[Check]:
        return [check for check in self.checks or () if check.state == "failed"]

    @property
    def needs_mapping(self) -> bool:
        """Whether a check failed by nothing but the mapping."""
        return {check.name for check in self.failed_checks} == {MAPPED_FIELDS}

    @property
    def warned_checks(self) -> list[Check]:
        return [check for check in self.checks or () if check.state == "warning"]

    def to_json(self) -> dict[str, Any]:
        dumped: dict[str, Any] = _RESULT.dump_python(self, by_alias=True)
        return {name: value for name, value in dumped.items() if value is not None}


_RESULT = TypeAdapter(SyncResult)


class ConnectionBroken(RuntimeError):
    """The connection waits for a person, and this run would only fail once more."""

    def __init__(self, case: str) -> None:
        super().__init__(
            gettext("The connection does not work (%(case)s). Correct it and test it.", case=case)
        )


class NotStarted(RuntimeError):
    """Nobody has started the sync with this org yet."""

    def __init__(self) -> None:
        super().__init__(
            gettext("The sync has not been started yet, so nothing was read or written")
        )


def request(
    session: Session,
    mode: str,
    requested_by: str,
    now: datetime,
    *,
    sources: Sequence[FieldSource] | None = None,
) -> Run:
    """Ask for a run, a sample also by unsaved `sources`.

    `NotConnected`, `ConnectionBroken`, `NotStarted` or `AlreadyRunning` where there is none.
    """
    connection = connections.get(session)
    if waits_for_person(connection) and mode not in TESTS:
        raise ConnectionBroken(connection.breaker_case or "")
    if mode in WHOLE and is_unstarted(session, connection, now):
        raise NotStarted
    task: dict[str, Any] = {"mode": mode}
    task |= {} if sources is None else {"sources": [asdict(source) for source in sources]}
    return runs.request(
        session, KIND, trigger="request", requested_by=requested_by, now=now, task=task
    )


def join(session: Session, requested_by: str, now: datetime) -> str:
    """Give the sync that was asked for during a run: that one, or a sync after it; say its mode.

    `AlreadyRunning` where none would follow it by itself.
    """
    at_work = runs.unfinished(session, KIND)
    found = mode(at_work) if at_work is not None else ""
    if found != "live":
        if connections.get(session).is_paused:
            raise runs.AlreadyRunning(KIND)
        connections.hint(session, now)
        if at_work is not None:
            at_work.task = at_work.task | {"followed_by": requested_by}
    return found


def mode(run: Run) -> str:
    """What kind of run it is; a scheduled one names none."""
    found: str = run.task.get("mode", "live")
    return found


def sources_to_test(run: Run) -> list[FieldSource] | None:
    """The mapping that a run tries instead of the saved one, where it does."""
    found = run.task.get("sources")
    return None if found is None else [FieldSource(**values) for values in found]


def request_history(session: Session, n_days: int, requested_by: str, now: datetime) -> None:
    """Read everything again from so many days ago on: at once, or with the run that comes next."""
    connections.read_history(session, n_days, requested_by, now)
    with suppress(runs.AlreadyRunning, NotStarted):
        request(session, "live", requested_by, now)


def resume(session: Session, requested_by: str, now: datetime) -> None:
    """Start or resume scheduled runs, with one now if the connection works.

    `ConnectionBroken`, with nothing changed, where the first run could not log in anyway: else it
    would begin by itself once the login is corrected.
    """
    connection = connections.get(session)
    if waits_for_person(connection) and is_unstarted(session, connection, now):
        raise ConnectionBroken(connection.breaker_case or "")
    connections.pause(session, False, requested_by, now)
    with suppress(runs.AlreadyRunning, ConnectionBroken):
        request(session, "live", requested_by, now)


def claim(session: Session, settings: Settings, worker: str, now: datetime) -> Run | None:
    """Claim the run that was asked for, or one that is due; None where there is neither."""
    connection = connections.ensure(session, settings, now)
    run = runs.claim(session, KIND, worker, now)
    if run is not None and connection is not None and run.key <= connection.org_runs_after_key:
        runs.finish(session, run, now, error=OTHER_ORG)
        return None
    if run is not None:
        if connection is not None and mode(run) == "live":
            _hear(connection, run)
        return run
    due = due_at(session, connection, settings, now) if connection is not None else None
    if connection is None or due is None or due > now:
        return None
    trigger, requested_by = _cause(session, connection)
    try:
        runs.request(session, KIND, trigger=trigger, requested_by=requested_by, now=now)
    except runs.AlreadyRunning:
        return None
    run = runs.claim(session, KIND, worker, now)
    if run is not None:
        _hear(connection, run)
    return run


def succeed(session: Session, run: Run, result: SyncResult, now: datetime) -> None:
    """Close a run that did all it had to do.

    Whatever was wrong before is over where it has done what failed: a check with a fault fails.
    """
    if mode(run) in (*WHOLE, "check"):
        connections.close_breaker(connections.get(session))
    runs.finish(session, run, now, result.to_json())


def stop_for_quota(
    session: Session, run: Run, result: SyncResult, *, why: tuple[str, str], now: datetime
) -> None:
    """Close a run as done in part (`why`: case, sentence); pause for an hour, then two, four ..."""
    connection = connections.get(session)
    before = next(iter(runs.latest(session, KIND, limit=1, before=run.key)), None)
    n_before = SyncResult.of(before).n_quota_stops if before is not None else 0
    result.n_quota_stops = n_before + 1
    pause = min(QUOTA_PAUSE * 2**n_before, MAX_QUOTA_PAUSE)
    # It got in, so what failed before is over.
    connections.close_breaker(connection)
    connections.open_breaker(connection, why[0], why[1], now + pause)
    result.stopped = why[1]
    runs.finish(session, run, now, result.to_json())


def fail(
    session: Session,
    run: Run,
    result: SyncResult,
    *,
    why: tuple[str, str],
    waits_for_person: bool,
    now: datetime,
) -> None:
    """Close a run as failed; none follows before a person acts, or before a while has passed."""
    connection = connections.get(session)
    connection.n_failures += 1
    if waits_for_person:
        connections.open_breaker(connection, *why, None)
    elif connection.n_failures >= MAX_FAILURES:
        connections.open_breaker(connection, *why, now + PAUSE_AFTER_MANY)
    runs.finish(session, run, now, result.to_json(), error=why[1])
    if mode(run) in WHOLE and (waits_for_person or connection.n_failures == 1):
        events.note_failed_sync(session, run, why[0], now)


def lag(session: Session, now: datetime) -> timedelta | None:
    """How long ago the last complete sync with this org began; None before the first."""
    for run in of_this_org(
        connections.get(session), runs.latest(session, KIND, limit=MAX_SEARCHED)
    ):
        is_sync = mode(run) == "live" and run.state == "succeeded"
        if is_sync and run.started_at and SyncResult.of(run).stopped is None:
            return now - run.started_at
    return None


def of_this_org(connection: CrmConnection, some: Sequence[Run]) -> list[Run]:
    """Those of the runs that were requested since the connection names its org."""
    return [run for run in some if run.key > connection.org_runs_after_key]


def is_unstarted(session: Session, connection: CrmConnection, now: datetime) -> bool:
    """Whether a person has yet to start the sync: it is paused, and has read nothing of its org."""
    return connection.is_paused and mirror.is_empty(session) and lag(session, now) is None


def due_at(
    session: Session, connection: CrmConnection, settings: Settings, now: datetime
) -> datetime | None:
    """When the next scheduled run begins; None if a person has to act first."""
    if connection.is_paused or waits_for_person(connection):
        return None
    latest = runs.latest(session, KIND, limit=MAX_SEARCHED)
    # The others read no news, and put nothing off.
    last = next((run for run in latest if mode(run) == "live"), None)
    if last is None or last.started_at is None:
        return connection.breaker_until or now
    due = last.started_at + _pause(connection, settings)
    return max(due, connection.breaker_until or due)


def n_calls_today(connection: CrmConnection, now: datetime) -> int:
    """The calls made since midnight in UTC."""
    return connection.n_calls if connection.calls_on == now.date().isoformat() else 0


def count_calls(
    connection: CrmConnection, n_new: int, now: datetime, usage: tuple[int | None, int | None]
) -> None:
    """Add calls to today's, and note the org's own count."""
    connection.n_calls = n_calls_today(connection, now) + n_new
    connection.calls_on = now.date().isoformat()
    if usage[0] is not None:
        connection.n_used, connection.n_limit = usage


def is_blocked(connection: CrmConnection, now: datetime) -> bool:
    """Whether the breaker keeps a run from starting."""
    until = connection.breaker_until
    return waits_for_person(connection) or (until is not None and now < until)


def waits_for_person(connection: CrmConnection) -> bool:
    """Whether no run may start before somebody has corrected or tested the connection."""
    return connection.breaker_case is not None and connection.breaker_until is None


def _cause(session: Session, connection: CrmConnection) -> tuple[str, str]:
    """What brings a run that is due, and who asked for it: see `join`."""
    if connection.hinted_at is None:
        return "clock", "worker"
    # New settings bring a run early as a hint does.
    if connection.hinted_at == connection.changed_at:
        return "settings", "worker"
    before = next(iter(runs.latest(session, KIND, limit=1)), None)
    asked_by = before.task.get("followed_by") if before is not None else None
    if asked_by:
        return "request", asked_by
    # A person who links a deal says at that time that there is news; a hook writes no entry.
    return "hint", audit.actor_at(session, connection.hinted_at) or "worker"


def _hear(connection: CrmConnection, run: Run) -> None:
    """Take a hint as heard by a run, unless it came after the run had begun."""
    if connection.hinted_at and run.started_at and connection.hinted_at <= run.started_at:
        connection.hinted_at = None


def _pause(connection: CrmConnection, settings: Settings) -> timedelta:
    every = timedelta(minutes=settings.sync_every_minutes)
    if connection.n_failures:
        # Tried again sooner than usual, and less and less soon; no hint changes that.
        return min(every, RETRY_AFTER * (1 << min(connection.n_failures - 1, 10)))
    return every if connection.hinted_at is None else min(every, HINT_PAUSE)
