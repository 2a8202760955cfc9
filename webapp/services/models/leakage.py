"""Leakage: fields that seem to be filled in after the outcome are excluded until allowed.

A live version that was trained before may still use them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from ml.fields.fields_file import Fields
from ml.scorecard.starter import FAMILY
from ml.sentences import gettext
from webapp.services.accounts import audit
from webapp.tables import LeakingField, ModelVersion, Run

ALLOWED, LEFT_OUT, SUSPECTED = "allowed", "left_out", "suspected"


class NotSuspected(LookupError):
    """No training has flagged a field of this name as leaking."""

    def __init__(self, name: str) -> None:
        super().__init__(gettext("No training has flagged a field %(name)s", name=name))


class Known(NamedTuple):
    """Fields that are allowed, and why others are excluded, by name."""

    allowed: frozenset[str]
    left_out: dict[str, str]


def known(session: Session, fields: Fields, champion: ModelVersion) -> Known:
    """The fields allowed and excluded by earlier trainings, people and declarations."""
    rows = every(session)
    suspected = {row.name: row.sentence for row in rows if row.state != ALLOWED}
    return Known(
        frozenset(row.name for row in rows if row.state == ALLOWED),
        _excluded_as_declared(champion, fields) | suspected,
    )


def every(session: Session) -> list[LeakingField]:
    """All fields ever flagged as leaking, undecided ones first, then the newest."""
    rows = session.scalars(sa.select(LeakingField).order_by(LeakingField.suspected_at.desc()))
    return sorted(rows, key=lambda row: row.state != SUSPECTED)


def excluded_but_used(
    version: ModelVersion, fields: Fields, rows: Iterable[LeakingField]
) -> dict[str, str]:
    """The fields that a version uses though they are excluded today, with the reasons."""
    left_out = {row.name for row in rows if row.state != ALLOWED}
    suspected = {
        name: gettext(
            "%(label)s seems to be filled in after the outcome.", label=fields.named(name).label
        )
        for name in version.fields
        if name in left_out
    }
    return _excluded_as_declared(version, fields) | suspected


def newest_without_leaks(
    session: Session, fields: Fields, champion: ModelVersion
) -> ModelVersion | None:
    """Find the newest other version without excluded fields, if any.

    One that was refused in favour of another of them is passed over.
    """
    rows = every(session)
    query = sa.select(ModelVersion).options(defer(ModelVersion.metrics))
    query = query.where(ModelVersion.key != champion.key)
    versions = session.scalars(query.order_by(ModelVersion.key.desc()))
    found = {v.key: v for v in versions if not excluded_but_used(v, fields, rows)}
    fit = (v for v in found.values() if v.verdict.promote or v.parent_key not in found)
    return next(fit, None)


def flag(
    session: Session, suspicions: Iterable[Mapping[str, Any]], run: Run, now: datetime
) -> None:
    """Keep what a training found (`ml.leakage.detect.Leak` as JSON); who decided what stays."""
    for found in suspicions:
        row = session.get(LeakingField, found["field"])
        if row is None:
            row = LeakingField(name=found["field"], state=SUSPECTED, suspected_at=now)
            session.add(row)
        row.run_key = run.key
        for name in ("sign", "sentence", "evidence"):
            setattr(row, name, found[name])
    session.flush()


def decide(session: Session, name: str, state: str, *, actor: str, now: datetime) -> LeakingField:
    """Allow a leaking field, or confirm that it is excluded, from the next training on."""
    row = session.get(LeakingField, name, with_for_update=True) if name.isprintable() else None
    if row is None:
        raise NotSuspected(name)
    row.state, row.decided_by, row.decided_at = state, actor, now
    action = "allowed field" if state == ALLOWED else "left out field"
    audit.record(
        session,
        actor,
        action,
        f"field {name}",
        now=now,
        detail={"sign": row.sign},
    )
    return row


def _excluded_as_declared(version: ModelVersion, fields: Fields) -> dict[str, str]:
    """Those of a version's fields that models may not use as declared, with the reasons."""
    found = {}
    for name in version.fields:
        field = fields.named(name)
        if field.declared and not field.use:
            found[name] = gettext("%(label)s is declared as not for models.", label=field.label)
        elif not field.declared and version.family != FAMILY:
            found[name] = gettext("%(label)s is retired.", label=field.label)
    return found
