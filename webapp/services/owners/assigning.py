"""Giving leads to another owner, one or many at once, and taking that back."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from ml.sentences import gettext
from webapp.crm_tables import CrmLead
from webapp.database import PLAIN_ROWS, change
from webapp.services.accounts import accounts, audit
from webapp.services.crm import connections
from webapp.services.leads import leads
from webapp.services.owners import sight
from webapp.tables import Lead, Score, User
from webapp.tables.owners import Assignment

BATCH = "[0-9a-f]{32}"
SHOWN_FOR = timedelta(days=30)
MAX_SHOWN = 50


class NotAnOwner(ValueError):
    """Leads are given to people with an account that is on."""

    def __init__(self, owner: str) -> None:
        super().__init__(gettext("%(owner)s has no account here, or it is turned off", owner=owner))


class OwnedByCrm(RuntimeError):
    """The CRM says who owns a lead, and the next sync would take the owner back."""

    def __init__(self, crm: str) -> None:
        super().__init__(gettext("The owner of this lead comes from %(crm)s", crm=crm))
        self.crm = crm


@dataclass(frozen=True)
class Assigned:
    """What an assignment did: `batch` undoes it, None where nothing changed.

    `in_crm` are the leads left as they were, since the CRM says who owns them.
    """

    owner: str | None
    batch: str | None
    changed: list[Lead]
    in_crm: list[Lead]


def assign(
    session: Session, lead_keys: Collection[int], owner: str | None, *, by: str, now: datetime
) -> Assigned:
    """Give leads to an account, by its e-mail address, or to nobody (None).

    Leads whose owner comes from the CRM stay as they are: the next sync would take the owner back.
    Leads that are gone, or not for this person to see, are left out. Raises `NotAnOwner`.
    """
    if owner is not None:
        account = accounts.find(session, owner)
        if account is None or not account.is_active:
            raise NotAnOwner(owner)
        owner = account.email
    found = leads.lock_by_key(session, lead_keys)
    in_crm = owned_by_crm(session, found)
    free = [lead for key, lead in found.items() if key not in in_crm and lead.owner != owner]
    batch = _change(session, {lead.key: owner for lead in free}, free, by=by, now=now)
    return Assigned(owner, batch, free, [found[key] for key in in_crm])


def assign_one(
    session: Session, lead_key: int, owner: str | None, *, by: str, now: datetime
) -> Assigned:
    """Give one lead to an account, or raise `OwnedByCrm` with the CRM that decides instead."""
    lead = leads.find(session, leads.by_key(session, lead_key).lead_id, lock=True)
    done = assign(session, [lead.key], owner, by=by, now=now)
    if done.in_crm:
        raise OwnedByCrm(connections.kind(session).name)
    return done


def undo(session: Session, batch: str, *, by: str, now: datetime) -> list[Lead]:
    """Give leads back to who had them before; not those that have gone to somebody else since."""
    query = sa.select(Assignment).where(Assignment.batch == batch)
    made = {row.lead_key: row for row in session.scalars(query)}
    if made and all(row.actor == by for row in made.values()):
        sight.lift(session)  # they saw these leads until they gave them away
    found = leads.lock_by_key(session, made)
    in_crm = owned_by_crm(session, found)
    back = [
        lead for key, lead in found.items() if lead.owner == made[key].owner and key not in in_crm
    ]
    _change(session, {lead.key: made[lead.key].owner_before for lead in back}, back, by=by, now=now)
    return back


class Batch(NamedTuple):
    """Leads that a person gave away at once, and how many are still with whom they were given to.

    `owner` is None where they went to nobody, or back to several owners.
    """

    key: str
    owner: str | None
    at: datetime
    n_leads: int
    n_standing: int


def recent(session: Session, by: str, now: datetime) -> list[Batch]:
    """The person's own assignments of the last 30 days, the newest first."""
    n_owners = sa.func.count(sa.distinct(sa.func.coalesce(Assignment.owner, "")))
    at = sa.func.min(Assignment.at)
    is_standing = Lead.owner.is_not_distinct_from(Assignment.owner)
    query = (
        sa.select(
            Assignment.batch,
            sa.case((n_owners == 1, sa.func.max(Assignment.owner))),
            at,
            sa.func.count(),
            sa.func.sum(sa.case((is_standing, 1), else_=0)),
        )
        .join(Lead, Lead.key == Assignment.lead_key)
        .where(Assignment.actor == by, Assignment.at > now - SHOWN_FOR)
        .group_by(Assignment.batch)
        .order_by(at.desc())
        .limit(MAX_SHOWN)
    )
    return [Batch(*row) for row in session.execute(query)]


@dataclass(frozen=True)
class Ownership:
    """What is to be said of a lead's owner: who could have it, who gave it last, who decides."""

    accounts: list[str]
    last: Assignment | None
    is_from_crm: bool


def ownership(session: Session, lead: Lead) -> Ownership:
    """Who owns a lead, for a page that lets people change it."""
    # One statement: the last assignment stands beside each account.
    newest = sa.select(sa.func.max(Assignment.key)).where(Assignment.lead_key == lead.key)
    query = sa.select(User.email, Assignment).where(User.is_active).order_by(User.email)
    query = query.outerjoin(Assignment, Assignment.key == newest.scalar_subquery())
    rows = session.execute(query).all()
    active, last = [email for email, _ in rows], rows[0][1] if rows else None
    is_current = last is not None and last.owner == lead.owner
    from_crm = owned_by_crm(session, [lead.key])
    return Ownership(active, last if is_current else None, bool(from_crm))


def owned_by_crm(session: Session, lead_keys: Collection[int]) -> set[int]:
    """Those of these leads that the connected CRM has, and so says who owns them."""
    if not lead_keys or connections.find(session) is None:
        return set()
    query = sa.select(CrmLead.lead_key).where(CrmLead.lead_key.in_(lead_keys))
    return {key for key in session.scalars(query.where(CrmLead.is_deleted.is_(False))) if key}


def _change(
    session: Session,
    owners: Mapping[int, str | None],
    found: Sequence[Lead],
    *,
    by: str,
    now: datetime,
) -> str | None:
    if not found:
        return None
    batch = secrets.token_hex(16)
    rows = [
        {
            "lead_key": lead.key,
            "batch": batch,
            "owner_before": lead.owner,
            "owner": owners[lead.key],
            "actor": by,
            "at": now,
        }
        for lead in found
    ]
    session.execute(sa.insert(Assignment), rows, execution_options=PLAIN_ROWS)
    for owner in set(owners.values()):
        keys = [key for key, wanted in owners.items() if wanted == owner]
        change(session, sa.update(Lead).where(Lead.key.in_(keys)).values(owner=owner))
        # Scores repeat the owner, by whom the lead table is filtered.
        shown = sa.update(Score).where(Score.lead_key.in_(keys))
        change(session, shown.values(owner=owner or ""))
    for lead in found:
        set_committed_value(lead, "owner", owners[lead.key])
    n_leads = f"{len(found)} {'lead' if len(found) == 1 else 'leads'}"
    detail = {"owner": sorted({owner or "nobody" for owner in owners.values()}), "batch": batch}
    audit.record(session, by, "assigned", n_leads, now=now, detail=detail)
    return batch
