"""Leads whose outcome here and in the CRM differ: found, listed, resolved."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.crm_tables import CrmConflict, CrmLead
from webapp.database import change
from webapp.services.accounts import audit
from webapp.services.leads import leads
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import MEANINGS, Attribution, OutcomeEvent
from webapp.tables import SOURCES, Lead, Outcome

# How a resolved conflict is written into the history.
RULE = "conflict"
# Keys are given before they are committed: so many may still appear behind the newest one.
LATE_KEYS = 500
# Whose outcome was not kept, by its source.
_SIDES = {
    "crm": gettext("the CRM"),
    "rep": gettext("a rep"),
    "api": gettext("an API key"),
    "csv": gettext("an import"),
}


class ConflictNotFound(LookupError):
    """There is no open conflict with this number."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Conflict %(key)s is not open any more", key=str(key)))


@dataclass(frozen=True)
class Listed:
    """A conflict with its lead and both outcomes, for people."""

    conflict: CrmConflict
    lead: Lead
    rep: Outcome
    crm: Outcome


def review(session: Session, lead_keys: Collection[int], rule: str, now: datetime) -> int:
    """Compare both sides of leads, list conflicts or resolve them by rule; return how many opened.

    A resolved conflict is not opened again before one side reports something new. A resolution in
    favour of an outcome reported here ends with that.
    """
    _end_resolutions(session, lead_keys, now)
    sides = _sides(session, lead_keys)
    known = _known(session, lead_keys)
    opened = []
    for lead_key in sorted(lead_keys):
        rep, crm = sides.get(lead_key, (None, None))
        still = known[lead_key].get(None)
        if rep is None or crm is None or rep.result == crm.result:
            _close(still, "agreement", "agreement", now)
        elif (rep.key, crm.key) not in known[lead_key]:
            _close(still, "newest", "newer statements", now)
            session.flush()
            sides_of = {"rep_outcome_key": rep.key, "crm_outcome_key": crm.key}
            opened.append(CrmConflict(lead_key=lead_key, opened_at=now, **sides_of))
            session.add(opened[-1])
            session.flush()
    if rule != "ask":
        for conflict in opened:
            _resolve(session, conflict, rule, actor=f"rule: {rule}", now=now)
    return len(opened)


def resolve(session: Session, key: int, kept: str, actor: str, *, now: datetime) -> Listed:
    """Let one side count, as a person chose; else `ConflictNotFound`. Returns what was listed."""
    lead_key = session.scalar(sa.select(CrmConflict.lead_key).where(CrmConflict.key == key))
    if lead_key is None:
        raise ConflictNotFound(key)
    # The lead before what belongs to it, as everywhere.
    leads.by_key(session, lead_key, lock=True)
    conflict = session.get(CrmConflict, key, with_for_update=True, populate_existing=True)
    if conflict is None or conflict.resolved_at is not None:
        raise ConflictNotFound(key)
    found = Listed(*session.execute(_query().where(CrmConflict.key == key)).one())
    _resolve(session, conflict, kept, actor=actor, now=now)
    detail = {"kept": kept}
    audit.record(session, actor, "resolved a conflict", found.lead.lead_id, now=now, detail=detail)
    return found


def listed(session: Session, *, before_key: int | None = None, limit: int = 50) -> list[Listed]:
    """Open conflicts, newest first."""
    query = _query().where(CrmConflict.resolved_at.is_(None))
    if before_key is not None:
        query = query.where(CrmConflict.key < before_key)
    rows = session.execute(query.order_by(CrmConflict.key.desc()).limit(limit))
    return [Listed(*row) for row in rows]


def resolved(session: Session, *, before_key: int | None = None, limit: int = 50) -> list[Listed]:
    """Resolved conflicts, the one resolved last first, behind the one of a key."""
    query = _query().where(CrmConflict.resolved_at.is_not(None))
    place = session.get(CrmConflict, before_key) if before_key is not None else None
    if place is not None and place.resolved_at is not None:
        at, key = sa.literal(place.resolved_at, CrmConflict.resolved_at.type), place.key
        order = sa.tuple_(CrmConflict.resolved_at, CrmConflict.key)
        query = query.where(order < sa.tuple_(at, sa.literal(key)))
    latest = (CrmConflict.resolved_at.desc(), CrmConflict.key.desc())
    return [Listed(*row) for row in session.execute(query.order_by(*latest).limit(limit))]


def find(session: Session, key: int) -> Listed | None:
    """A conflict, open or resolved."""
    row = session.execute(_query().where(CrmConflict.key == key)).one_or_none()
    return Listed(*row) if row is not None else None


def resolution(session: Session, counting: Outcome, other: Outcome) -> CrmConflict | None:
    """The conflict of two outcomes of a lead in which the first was kept, if there was one."""
    rep, crm = CrmConflict.rep_outcome_key, CrmConflict.crm_outcome_key
    ours = sa.and_(rep == counting.key, crm == other.key, CrmConflict.kept == "rep")
    theirs = sa.and_(crm == counting.key, rep == other.key, CrmConflict.kept == "crm")
    return session.scalar(sa.select(CrmConflict).where(ours | theirs).limit(1))


def n_open(session: Session) -> int:
    """How many conflicts need review."""
    return session.scalar(sa.select(sa.func.count()).where(CrmConflict.resolved_at.is_(None))) or 0


def n_resolved(session: Session) -> int:
    """How many were resolved, by people, by the rule, or by what was reported since."""
    is_resolved = CrmConflict.resolved_at.is_not(None)
    return session.scalar(sa.select(sa.func.count()).where(is_resolved)) or 0


def _query() -> sa.Select[CrmConflict, Lead, Outcome, Outcome]:
    rep, crm = sa.orm.aliased(Outcome), sa.orm.aliased(Outcome)
    return (
        sa.select(CrmConflict, Lead, rep, crm)
        .join(Lead, Lead.key == CrmConflict.lead_key)
        .join(rep, rep.key == CrmConflict.rep_outcome_key)
        .join(crm, crm.key == CrmConflict.crm_outcome_key)
    )


def to_be_compared(session: Session, after_key: int, limit: int) -> tuple[list[int], int, bool]:
    """CRM leads with an outcome reported here since an outcome's key; how far, and if more follow.

    Looks at `limit` outcomes, beside those whose keys may have been committed late.
    """
    newest = session.scalar(sa.select(sa.func.max(Outcome.key))) or 0
    query = (
        sa.select(Outcome.key, Outcome.lead_key, Outcome.source)
        .where(Outcome.key > max(after_key - LATE_KEYS, 0))
        .order_by(Outcome.key)
        .limit(limit + LATE_KEYS)
    )
    rows = session.execute(query).all()
    reported = {row.lead_key for row in rows if row.source in SOURCES}
    ours = sa.select(CrmLead.lead_key).where(CrmLead.lead_key.in_(reported))
    is_more = len(rows) == limit + LATE_KEYS
    through = rows[-1].key if is_more else newest
    return sorted(k for k in session.scalars(ours) if k), through, is_more


def forget_withdrawn(session: Session, lead_keys: Collection[int]) -> list[str]:
    """Forget that the CRM's outcome of leads was recorded where somebody here has withdrawn it.

    Returns the CRM's ids of these leads: what it says of them is news again.
    """
    told = sa.exists().where(
        Outcome.lead_key == CrmLead.lead_key, Outcome.source.not_in(SOURCES), outcomes.stands()
    )
    is_recorded = sa.and_(CrmLead.lead_key.in_(lead_keys), CrmLead.outcome.in_(outcomes.DEFINITE))
    query = sa.select(CrmLead.id, CrmLead.lead_key).where(is_recorded, ~told)
    found = dict(session.execute(query).all())
    if found:
        # The lead before what belongs to it, as everywhere.
        leads.lock_by_key(session, {key for key in found.values() if key})
        change(session, sa.update(CrmLead).where(CrmLead.id.in_(found)).values(outcome=None))
    return list(found)


def _sides(
    session: Session, lead_keys: Iterable[int]
) -> dict[int, tuple[Outcome | None, Outcome | None]]:
    """The newest standing outcome of each side; resolutions and what was inferred are of none.

    A rule alone makes no resolution: a file may name it, but not give it our key.
    """
    is_resolution = sa.and_(
        Outcome.rule == RULE, Outcome.idempotency_key.startswith(_key(0).removesuffix("0:"))
    )
    query = sa.select(Outcome).where(
        Outcome.lead_key.in_(lead_keys),
        ~sa.func.coalesce(is_resolution, False),
        ~Outcome.is_assumed,
        outcomes.stands(),
    )
    newest: dict[tuple[int, bool], Outcome] = {}
    for row in session.scalars(query.order_by(Outcome.happened_at, Outcome.key)):
        newest[row.lead_key, row.source not in SOURCES] = row
    keys = {lead_key for lead_key, _ in newest}
    return {key: (newest.get((key, False)), newest.get((key, True))) for key in keys}


def _known(
    session: Session, lead_keys: Iterable[int]
) -> dict[int, dict[tuple[int, int] | None, CrmConflict]]:
    """Each lead's conflicts by their sides; the open one also under None."""
    found: dict[int, dict[tuple[int, int] | None, CrmConflict]] = defaultdict(dict)
    query = sa.select(CrmConflict).where(CrmConflict.lead_key.in_(lead_keys))
    for row in session.scalars(query):
        found[row.lead_key][row.rep_outcome_key, row.crm_outcome_key] = row
        if row.resolved_at is None:
            found[row.lead_key][None] = row
    return found


def _end_resolutions(session: Session, lead_keys: Collection[int], now: datetime) -> None:
    """Withdraw what repeats, as resolved, a report that was withdrawn since.

    Of the CRM no repetition stays: what it withdraws are all of its words.
    """
    rep = sa.orm.aliased(Outcome)
    query = (
        sa.select(CrmConflict.key, CrmConflict.lead_key, rep)
        .join(rep, rep.key == CrmConflict.rep_outcome_key)
        .where(CrmConflict.lead_key.in_(lead_keys), CrmConflict.kept == "rep")
        .where(~outcomes.stands(rep))
    )
    ended = session.execute(query).all()
    ours = leads.lock_by_key(session, {lead_key for _, lead_key, _ in ended}) if ended else {}
    events = [
        OutcomeEvent(
            ours[lead_key],
            None,
            Attribution(
                side.source,
                side.actor,
                "the outcome kept was withdrawn",
                RULE,
                _key(conflict_key),
            ),
            withdraws="keyed",
        )
        for conflict_key, lead_key, side in ended
    ]
    if events:
        outcomes.record_many(session, events, now=now)


def _key(conflict_key: int) -> str:
    """How the idempotency keys of what a resolution has recorded begin."""
    return f"conflict:{conflict_key}:"


def _close(conflict: CrmConflict | None, kept: str, by: str, now: datetime) -> None:
    if conflict is not None:
        conflict.resolved_at, conflict.resolved_by, conflict.kept = now, by, kept


def _resolve(
    session: Session, conflict: CrmConflict, kept: str, *, actor: str, now: datetime
) -> None:
    """Close a conflict; the kept side is recorded once more if the other one counts at present."""
    _close(conflict, kept, actor, now)
    if kept == "newest":
        return
    key = conflict.rep_outcome_key if kept == "rep" else conflict.crm_outcome_key
    side = session.get_one(Outcome, key)
    lead = leads.by_key(session, conflict.lead_key, lock=True)
    if outcomes.counting(lead) == MEANINGS[side.result]:
        return
    against = session.get_one(Outcome, conflict.rep_outcome_key).source if kept == "crm" else "crm"
    reason = f"kept in a conflict with {_SIDES.get(against, 'an outcome recorded here')}"
    attribution = Attribution(side.source, actor, reason, RULE, f"{_key(conflict.key)}kept")
    outcomes.record_many(session, [OutcomeEvent(lead, MEANINGS[side.result], attribution)], now=now)
