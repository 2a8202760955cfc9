"""Closed deals that should belong to a lead and do not: listed, linked or ignored."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext, mark
from webapp.crm_tables import CrmDeal, CrmLead, CrmLink, CrmUnmatched
from webapp.database import change, insert
from webapp.services.accounts import audit
from webapp.services.crm import connections, links, mirror
from webapp.services.crm.kinds import table as kinds
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.leads import leads
from webapp.tables import Lead

TRIED_FOR = timedelta(days=90)
NAMELESS = {"name": None, "stage": None, "clue": None}
MAX_CLUE_LENGTH = 100
# The reason of an entry whose link a person has removed.
UNLINKED = "unlinked"
# What has become of an entry, where somebody deals with it once more.
SINCE = {
    "open": mark("is not ignored any more"),
    "ignored": mark("was ignored%(by)s"),
    "linked": mark("was linked to a lead%(by)s"),
    "settled": mark("is not on the list any more"),
}
# Of an entry that nobody has dealt with for good.
IS_UNRESOLVED = CrmUnmatched.state.in_(("open", "ignored"))
# The CRM was asked for its lead: until then nobody has to look for it.
WAS_ASKED = CrmUnmatched.n_tries > 0
# People see it; one that they have unlinked at once, whenever the next run comes.
IS_LISTED = sa.or_(WAS_ASKED, CrmUnmatched.reason == UNLINKED)


class UnmatchedNotFound(LookupError):
    """No deal with this id is listed, or it is no longer in the state that was asked for.

    The `entry` is what it has become since, if anything.
    """

    def __init__(self, kind: CrmKind, deal_id: str, entry: CrmUnmatched | None) -> None:
        by = (
            gettext(" by %(resolved_by)s", resolved_by=entry.resolved_by)
            if entry and entry.resolved_by
            else ""
        )
        now = gettext(SINCE[entry.state], by=by) if entry else gettext("is not on the list")
        super().__init__(f"{kind.deal.capitalize()} {deal_id} {now}")
        self.entry = entry


class NotFromCrm(ValueError):
    """The lead chosen is not one of the CRM's."""

    def __init__(self, kind: CrmKind) -> None:
        super().__init__(
            gettext(
                "This lead is not from %(name)s: record its outcome on its own page", name=kind.name
            )
        )


class NamedByCrm(ValueError):
    """The link is the CRM's own word, which is changed there."""

    def __init__(self, kind: CrmKind) -> None:
        super().__init__(
            gettext(
                "%(name)s itself links this %(deal)s to the lead", name=kind.name, deal=kind.deal
            )
        )


def note(session: Session, deal_ids: Collection[str], reason: str, now: datetime) -> None:
    """Note deals to be listed once the CRM was asked for their leads, unless they were before."""
    if deal_ids:
        new = {"reason": reason, "state": "open", "first_seen_at": now, "n_tries": 0}
        rows = [new | {"deal_id": row_id} for row_id in sorted(deal_ids)]
        session.execute(insert(session, CrmUnmatched).on_conflict_do_nothing(), rows)


def never_asked(session: Session, limit: int) -> list[str]:
    """Deals whose leads the CRM was not asked for yet."""
    query = sa.select(CrmUnmatched.deal_id).where(CrmUnmatched.state == "open", ~WAS_ASKED)
    return list(session.scalars(query.order_by(CrmUnmatched.deal_id).limit(limit)))


def asked(session: Session, after_id: str, limit: int) -> list[str]:
    """Deals on the list, in order of their ids."""
    query = sa.select(CrmUnmatched.deal_id).where(CrmUnmatched.state == "open", WAS_ASKED)
    query = query.where(CrmUnmatched.deal_id > after_id).order_by(CrmUnmatched.deal_id)
    return list(session.scalars(query.limit(limit)))


def without_names(session: Session, deal_ids: Collection[str]) -> list[str]:
    """Those of these deals that were unlinked without a name: earlier versions kept none."""
    query = sa.select(CrmUnmatched.deal_id).where(
        CrmUnmatched.deal_id.in_(deal_ids), CrmUnmatched.reason == UNLINKED
    )
    return list(session.scalars(query.where(CrmUnmatched.name.is_(None))))


def list_asked(session: Session, deal_ids: Collection[str], clues: Mapping[str, str]) -> int:
    """List deals that the CRM names no lead for; return how many are new on the list.

    The `clues` are what people look for first, by the deal's id.
    """
    query = sa.select(CrmUnmatched).where(
        CrmUnmatched.deal_id.in_(deal_ids), CrmUnmatched.state == "open"
    )
    rows = session.scalars(query.with_for_update()).all()
    n_new = sum(row.n_tries == 0 and row.reason != UNLINKED for row in rows)
    for row in rows:
        row.n_tries += 1
        row.clue = clues.get(row.deal_id, "")[:MAX_CLUE_LENGTH] or None
    return n_new


def resolve(session: Session, deal_ids: Collection[str], now: datetime) -> None:
    """Take from the list what the CRM names a lead for."""
    _resolve(session, CrmUnmatched.deal_id.in_(deal_ids), now)


def keep_names(session: Session, names: Mapping[str, Mapping[str, str | None]]) -> None:
    """Note name and stage of what people see in a list, unless somebody deals with it now."""
    is_seen = sa.or_(IS_UNRESOLVED, CrmUnmatched.state == "linked")
    query = sa.select(CrmUnmatched).where(CrmUnmatched.deal_id.in_(names), is_seen)
    for row in session.scalars(query.with_for_update(skip_locked=True)):
        row.name, row.stage = names[row.deal_id]["name"], names[row.deal_id]["stage"]


def forget(session: Session, lead_keys: Collection[int], now: datetime) -> None:
    """Remove the names of leads about to be erased; entries stay, not to be listed again."""
    crm_leads = sa.select(CrmLead.id).where(CrmLead.lead_key.in_(lead_keys))
    deals = sa.select(CrmLink.deal_id).where(CrmLink.crm_lead_id.in_(crm_leads))
    ids = set(session.scalars(deals))
    note(session, ids, "lead_erased", now)
    is_its = sa.or_(CrmUnmatched.deal_id.in_(ids), CrmUnmatched.lead_key.in_(lead_keys))
    statement = sa.update(CrmUnmatched).where(is_its)
    change(session, statement.values(state="settled", resolved_at=now, lead_key=None, **NAMELESS))
    named = sa.update(CrmDeal).where(CrmDeal.id.in_(ids))
    change(session, named.values(name=None, stage=None))


def close_matched(session: Session, now: datetime) -> None:
    """Take from the list what by now belongs to a lead, is gone, or was tried for long enough.

    What is open again or gone for now is forgotten: it is noted anew once it is closed and here.
    What is ignored stays so while its deal is here.
    """
    is_matched = links.is_of_a_lead(CrmUnmatched.deal_id)
    here = sa.select(CrmDeal.id).where(
        CrmDeal.id == CrmUnmatched.deal_id, CrmDeal.is_deleted.is_(False), CrmDeal.is_readable
    )
    is_closed = here.where(CrmDeal.is_closed).exists()
    forgotten = sa.delete(CrmUnmatched).where(CrmUnmatched.state == "open")
    change(session, forgotten.where(~is_closed, ~is_matched))
    is_old = CrmUnmatched.first_seen_at < now - TRIED_FOR
    _resolve(session, sa.or_(is_matched, ~here.exists(), is_old), now)


def link(session: Session, deal_id: str, lead_id: str, actor: str, *, now: datetime) -> None:
    """Say that a deal is a lead's; the next run derives the outcome from it."""
    # The connection before the lead, as every step of a run, and that before the entry, as erasure.
    connections.get(session, lock=True)
    entry(session, deal_id)
    lead, crm_lead = _both(session, lead_id)
    row = entry(session, deal_id, lock=True)
    session.merge(CrmLink(crm_lead_id=crm_lead.id, deal_id=deal_id, origin="person"))
    mirror.read_again(session, [crm_lead.id])
    row.state, row.lead_key = "linked", lead.key
    row.clue, row.resolved_at, row.resolved_by = None, now, actor
    connections.hint(session, now)
    detail = {"lead": lead.lead_id}
    audit.record(
        session,
        actor,
        f"linked {connections.kind(session).deal}",
        deal_id,
        now=now,
        detail=detail,
    )


def unlink(session: Session, deal_id: str, lead_id: str, actor: str, *, now: datetime) -> bool:
    """Take back a link made by hand; False where there is none.

    The next run takes back what only this link had brought, and asks the CRM once more for the
    deal's lead, unless it names that by now. Raises `NamedByCrm` where nobody but the CRM says that
    the deal is the lead's.
    """
    connection = connections.get(session, lock=True)
    lead, crm_lead = _both(session, lead_id)
    linked = links.of_leads(session, [crm_lead.id])[crm_lead.id]
    by = {link.origin: link for link in linked if link.deal_id == deal_id}
    by_hand = by.pop("person", None)
    if by_hand is None and links.is_told(by):
        raise NamedByCrm(kinds.of(connection.kind))
    if by_hand is None:
        return False
    session.delete(by_hand)
    mirror.read_again(session, [crm_lead.id])
    _look_for_lead_again(session, deal_id, now, is_told=links.is_told(by))
    connections.hint(session, now)
    detail = {"lead": lead.lead_id}
    deal = kinds.of(connection.kind).deal
    audit.record(session, actor, f"unlinked {deal}", deal_id, now=now, detail=detail)
    return True


def ignore(session: Session, deal_id: str, actor: str, *, now: datetime) -> None:
    """Take a deal from the list."""
    row = entry(session, deal_id, lock=True)
    row.state, row.resolved_at, row.resolved_by = "ignored", now, actor
    audit.record(
        session,
        actor,
        f"ignored {connections.kind(session).deal}",
        deal_id,
        now=now,
    )


def list_again(session: Session, deal_id: str, actor: str, *, now: datetime) -> None:
    """Take back that a deal is ignored."""
    row = entry(session, deal_id, "ignored", lock=True)
    row.state, row.resolved_at, row.resolved_by = "open", None, None
    audit.record(
        session,
        actor,
        f"listed {connections.kind(session).deal}",
        deal_id,
        now=now,
    )


def listed(
    session: Session,
    state: str = "open",
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[CrmUnmatched]:
    """Entries in a state, oldest first, behind one given as its time and id."""
    order = (CrmUnmatched.first_seen_at, CrmUnmatched.deal_id)
    query = sa.select(CrmUnmatched).where(CrmUnmatched.state == state, IS_LISTED)
    if after is not None:
        at, deal_id = sa.literal(after[0], order[0].type), sa.literal(after[1])
        query = query.where(sa.tuple_(*order) > sa.tuple_(at, deal_id))
    return list(session.scalars(query.order_by(*order).limit(limit)))


def n_open(session: Session, state: str = "open") -> int:
    """How many are listed, or in another state."""
    is_in_it = (CrmUnmatched.state == state, IS_LISTED)
    return session.scalar(sa.select(sa.func.count()).where(*is_in_it)) or 0


def entry(
    session: Session, deal_id: str, state: str = "open", *, lock: bool = False
) -> CrmUnmatched:
    """The entry of a deal in this state, locked for a change where asked."""
    row = session.get(CrmUnmatched, deal_id, with_for_update=lock or None)
    if row is None or row.state != state or not (row.n_tries or row.reason == UNLINKED):
        raise UnmatchedNotFound(connections.kind(session), deal_id, row)
    return row


def known(session: Session, deal_id: str) -> CrmUnmatched:
    """The entry of a deal, whatever has become of it."""
    return session.get_one(CrmUnmatched, deal_id)


def _both(session: Session, lead_id: str) -> tuple[Lead, CrmLead]:
    """A lead as it is here, locked, and as the CRM has it."""
    lead = leads.find(session, lead_id, lock=True)
    crm_lead = session.scalar(sa.select(CrmLead).where(CrmLead.lead_key == lead.key))
    if crm_lead is None:
        raise NotFromCrm(connections.kind(session))
    return lead, crm_lead


def _look_for_lead_again(session: Session, deal_id: str, now: datetime, *, is_told: bool) -> None:
    """List a deal as if it had just closed, unless the CRM has told whose it is.

    One that is not closed is noted once it closes.
    """
    row = session.get(CrmUnmatched, deal_id, with_for_update=True)
    deal = session.get(CrmDeal, deal_id)
    is_closed = deal is not None and deal.is_closed and not deal.is_deleted
    if row is None and is_closed and not is_told:
        # Its link came back with its outcome after a new connection.
        note(session, [deal_id], UNLINKED, now)
    if row is None or row.state != "linked":
        return
    if not is_closed:
        session.delete(row)
        return
    row.state, row.reason, row.first_seen_at, row.n_tries = "open", UNLINKED, now, 0
    row.lead_key = row.resolved_at = row.resolved_by = None
    if is_told:
        resolve(session, [deal_id], now)


def _resolve(session: Session, is_over: sa.ColumnElement[bool], now: datetime) -> int:
    resolved = {"state": "settled", "resolved_at": now, "resolved_by": "sync"}
    statement = sa.update(CrmUnmatched).where(IS_UNRESOLVED, is_over)
    return change(session, statement.values(**resolved, **NAMELESS))
