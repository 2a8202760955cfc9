"""The set-up list: what an administrator of a new Leadloop has done of it."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.crm_tables import CrmConnection
from webapp.database import insert
from webapp.field_lists import FieldList
from webapp.services.demo.ids import ORDER
from webapp.tables import Lead, ModelVersion, User
from webapp.tables.people import Invitation
from webapp.tables.setup import HiddenSetup


class Steps(NamedTuple):
    """Which steps are done: conversion rate told or learned, fields changed, own leads, people."""

    rate: bool
    fields: bool
    leads: bool
    people: bool


def steps(session: Session, email: str) -> Steps | None:
    """The steps, in one query; None where all are done or this person has hidden the list."""
    is_hidden = sa.exists().where(HiddenSetup.email == email)
    done = [sa.exists().where(_rate_is_known()), *_others(email)]
    found = session.execute(sa.select(*done, is_hidden)).one()
    told = Steps(*map(bool, found[:-1]))
    return None if found[-1] or all(told) else told


def hide(session: Session, email: str, now: datetime) -> None:
    """Show the list to this person no more."""
    row = insert(session, HiddenSetup).values(email=email, hidden_at=now)
    session.execute(row.on_conflict_do_nothing())


def _rate_is_known() -> sa.ColumnElement[bool]:
    """Somebody told the rate, or a version has learned it from leads of the team's own."""
    is_demo = sa.func.coalesce(ModelVersion.training["is_demo"].as_boolean(), False)
    is_told = ModelVersion.parent_key.is_(None) & (ModelVersion.key > _first_version())
    return is_told | (ModelVersion.parent_key.is_not(None) & is_demo.is_(False))


def _first_version() -> sa.ScalarSelect[int]:
    version = sa.orm.aliased(ModelVersion)
    return sa.select(sa.func.min(version.key)).scalar_subquery()


def _others(email: str) -> tuple[sa.ColumnElement[bool], ...]:
    is_own = (Lead.lead_id < ORDER[0]) | (Lead.lead_id > ORDER[-1])
    is_another = sa.exists().where(User.email != email)
    return (
        sa.exists().where(FieldList.version > 1),
        sa.exists().select_from(CrmConnection) | sa.exists().where(is_own),
        is_another | sa.exists().select_from(Invitation),
    )
