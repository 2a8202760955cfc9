"""How the CRM connection is doing: what the sync page shows and operators watch."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.crm_tables import CrmConnection
from webapp.services.crm import (
    conflicts,
    connections,
    links,
    mirror,
    pending_writes,
    saved_mapping,
    sync_runs,
    unmatched,
)
from webapp.services.crm.kinds import exchange
from webapp.services.crm.kinds import table as kinds
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.crm.sync_runs import WHOLE, Drift, SyncResult
from webapp.services.runs import runs
from webapp.tables import Run

LATEST = 20
# So many intervals without a complete sync mean that the sync is behind.
LATE_AFTER = 4
# More leads with a deal than this whose deal cannot be read mean that a permission is missing.
MANY_UNREADABLE = 0.05


@dataclass(frozen=True)
class Overview:
    """The state of the connection, for people."""

    connection: CrmConnection
    is_unstarted: bool
    lag: timedelta | None
    due_at: datetime | None
    reached: dict[str, datetime]
    latest: list[Run]
    n_calls_today: int
    budget: int | None
    has_mapping: bool
    n_by_state: dict[str, int]
    n_conflicts: int
    n_unmatched: int
    n_read: dict[str, int]

    @property
    def rules(self) -> CrmRules:
        """What the administrator chose."""
        return connections.rules(self.connection)

    @property
    def of_this_org(self) -> list[Run]:
        """The latest runs without those of an org that was connected before."""
        return sync_runs.of_this_org(self.connection, self.latest)

    @property
    def last_result(self) -> SyncResult:
        """What the last run that reads and writes has done; empty before the first."""
        ended = (
            run for run in self.of_this_org if run.finished_at and sync_runs.mode(run) in WHOLE
        )
        run = next(ended, None)
        return SyncResult() if run is None else SyncResult.of(run)

    @property
    def drift(self) -> list[Drift]:
        """Months in which the numbers of leads differed when they were compared last."""
        compared = (SyncResult.of(run).drift for run in self.of_this_org)
        return next((drift for drift in compared if drift is not None), [])

    @property
    def is_tested(self) -> bool:
        tests = [r for r in self.of_this_org if r.finished_at and sync_runs.mode(r) == "check"]
        return bool(tests) and not tests[0].error and not SyncResult.of(tests[0]).failed_checks

    @property
    def is_rehearsed(self) -> bool:
        return any(r.state == "succeeded" and sync_runs.mode(r) == "dry" for r in self.of_this_org)

    @property
    def needs_settings(self) -> bool:
        """Whether the runs wait for another mapping or filter, not for another login."""
        return self.connection.breaker_case in exchange.CURED_BY_SETTINGS

    @property
    def has_lost_records(self) -> bool:
        """Whether the runs wait for a person because too much can no longer be read."""
        return self.connection.breaker_case == exchange.LOST

    @property
    def lacks_permission(self) -> bool:
        """Whether so many deals cannot be read that the integration user may not see them."""
        return self.n_read["unreadable"] > MANY_UNREADABLE * max(self.n_read["with_deal"], 1)


def overview(session: Session, settings: Settings, now: datetime) -> Overview:
    """The state of the connection; `NotConnected` where there is none."""
    connection = connections.get(session)
    chosen = kinds.of(connection.kind).setting(settings, "daily_calls")
    return Overview(
        connection=connection,
        is_unstarted=sync_runs.is_unstarted(session, connection, now),
        lag=sync_runs.lag(session, now),
        due_at=sync_runs.due_at(session, connection, settings, now),
        reached=mirror.reached(session),
        latest=runs.latest(session, sync_runs.KIND, limit=LATEST),
        n_calls_today=sync_runs.n_calls_today(connection, now),
        budget=exchange.daily_budget(connection.n_limit, chosen),
        has_mapping=saved_mapping.has_mapping(session),
        n_by_state=pending_writes.n_by_state(session),
        n_conflicts=conflicts.n_open(session),
        n_unmatched=unmatched.n_open(session),
        n_read=links.counts(session),
    )


def figures(session: Session, now: datetime) -> dict[str, tuple[str, float]]:
    """What operators watch, each with its help; empty where nothing is connected."""
    connection = connections.find(session)
    if connection is None:
        return {}
    lag = sync_runs.lag(session, now)
    is_stopped = sync_runs.is_blocked(connection, now)
    waiting = pending_writes.n_by_state(session)
    found = {
        "failures": ("Runs of the sync that failed in a row.", float(connection.n_failures)),
        "stopped": ("1 while no run may start, else 0.", float(is_stopped)),
        "calls_today": (
            "API calls made since midnight in UTC.",
            float(sync_runs.n_calls_today(connection, now)),
        ),
        "scores_due": ("Scores waiting to be written.", float(waiting.get("due", 0))),
        "scores_rejected": ("Rejected scores (dead letters).", float(waiting.get("dead", 0))),
        "conflicts": ("Leads on the conflict list.", float(conflicts.n_open(session))),
        "unmatched": ("Closed deals without a lead.", float(unmatched.n_open(session))),
    }
    if lag is not None:
        found["lag_seconds"] = ("Time since the last complete sync began.", lag.total_seconds())
    return found
