"""The field mapping in force: what was saved, else what the fields declare."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.crm_tables import CrmFieldMap
from webapp.database import change
from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror
from webapp.services.crm.field_sources import FieldSource, declared


def sources(session: Session, fields: Fields) -> list[FieldSource]:
    """The mapping in force: what was saved, and for other fields what they declare."""
    saved = _saved(session)
    known = {source.field for source in saved}
    named = declared(fields, connections.kind(session))
    found = [*saved, *(source for source in named if source.field not in known)]
    return [source for source in found if source.field in fields and source.is_filled]


def described(session: Session) -> list[Mapping[str, Any]]:
    """The fields of a lead as the CRM described them last; none before."""
    connection = connections.find(session)
    return connection.described if connection is not None else []


def has_mapping(session: Session) -> bool:
    """Whether a mapping was saved."""
    return session.scalar(sa.select(CrmFieldMap.field).limit(1)) is not None


def save(session: Session, chosen: Sequence[FieldSource], actor: str, now: datetime) -> bool:
    """Replace the mapping, so that all leads are read again; return whether it is another one."""
    chosen = [s if s.is_filled else FieldSource(s.field, None) for s in chosen]
    # First, so that neither a run nor another administrator is between reading and writing.
    connection = connections.get(session, lock=True)
    if _saved(session) == sorted(chosen, key=lambda source: source.field):
        return False
    connections.reconfigured(session, actor, now)
    change(session, sa.delete(CrmFieldMap))
    session.add_all(CrmFieldMap(**asdict(source)) for source in chosen)
    mirror.read_from_start(session, "lead")
    detail = {s.field: s.crm_field or (s.transform if s.is_filled else "nothing") for s in chosen}
    audit.record(session, actor, "mapped fields", connection.kind, now=now, detail=detail)
    return True


def _saved(session: Session) -> list[FieldSource]:
    rows = session.scalars(sa.select(CrmFieldMap))
    names = [part.name for part in dataclasses.fields(FieldSource)]
    found = [FieldSource(**{name: getattr(row, name) for name in names}) for row in rows]
    return sorted(found, key=lambda source: source.field)
