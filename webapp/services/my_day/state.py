"""How the model, the sync and the worker are, in one line each."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmConnection
from webapp.services.models.registry import CHAMPION, NoChampion, VersionRef
from webapp.tables import ModelAlias, ModelVersion, Run
from webapp.tables.remarks import ScoreOverride
from webapp.tables.workers import WorkerProcess


class State(NamedTuple):
    """The live version, whether there are overrides, the last sync that ended, and the worker.

    `crm` is the kind of the CRM, None where none is connected; `synced_at` None before a first run,
    `worker_seen_at` before a first worker.
    """

    version: VersionRef
    since: datetime
    has_overrides: bool
    crm: str | None
    is_paused: bool | None
    breaker: str | None
    sync_state: str | None
    synced_at: datetime | None
    worker_seen_at: datetime | None


def state(session: Session) -> State:
    """How they are now, in one query; else `NoChampion`."""
    last = sa.select(sa.func.max(Run.key)).where(Run.kind == "sync", Run.finished_at.is_not(None))
    query = (
        sa.select(
            ModelVersion.key,
            ModelVersion.name,
            ModelVersion.digest,
            ModelVersion.field_list,
            ModelAlias.since,
            sa.exists().where(ScoreOverride.ended_at.is_(None)),
            CrmConnection.kind,
            CrmConnection.is_paused,
            CrmConnection.breaker_case,
            Run.state,
            Run.finished_at,
            sa.select(sa.func.max(WorkerProcess.seen_at)).scalar_subquery(),
        )
        .select_from(ModelAlias)
        .join(ModelVersion, ModelVersion.key == ModelAlias.version_key)
        .outerjoin(CrmConnection, sa.true())
        .outerjoin(Run, Run.key == last.scalar_subquery())
        .where(ModelAlias.name == CHAMPION)
    )
    found: Any = session.execute(query).one_or_none()
    if found is None:
        raise NoChampion
    return State(VersionRef(*found[:4]), *found[4:])
