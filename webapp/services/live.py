"""What most pages ask first, in one statement: the live version, the fields, and what there is."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp import field_lists
from webapp.database import note
from webapp.field_lists import FIELD_LISTS, FieldList
from webapp.services.demo import demo_leads
from webapp.services.models import registry
from webapp.services.models.registry import ALIASES, CHAMPION, SINCE, VersionRef
from webapp.services.remarks import overrides
from webapp.tables import ModelAlias, ModelVersion


def look_up(session: Session, now: datetime) -> None:
    """Look all of it up for the rest of this `read`; nothing where no version is live.

    Overrides and demo leads, which there mostly are none of, are asked for only where there may be.
    """
    newest = sa.select(FieldList.version, FieldList.digest).order_by(FieldList.version.desc())
    fields = newest.limit(1).subquery()
    whether = (overrides.any_active(now), demo_leads.may_be_here())
    query = sa.select(ModelAlias, *registry.REF, fields.c.version, fields.c.digest, *whether)
    query = query.join(ModelVersion, ModelAlias.version_key == ModelVersion.key)
    found = session.execute(query.outerjoin(fields, sa.true())).all()
    aliases = {row[0].name: row[0] for row in found}
    if CHAMPION not in aliases:
        return
    version, digest, any_overrides, any_demo = found[0][5:]
    note(session, ALIASES, {row[0].name: VersionRef(*row[1:5]) for row in found})
    note(session, SINCE, aliases[CHAMPION].since)
    note(session, overrides.ANY_ACTIVE, bool(any_overrides))
    note(session, demo_leads.MAY_BE_HERE, bool(any_demo))
    note(session, FIELD_LISTS, field_lists.of_version(session, version, digest))
