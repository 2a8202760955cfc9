"""Whose leads a person sees: a limit of the session, which every query of it keeps.

A page does not ask for it: all sessions of the request are limited, and each SELECT of leads or
scores is narrowed here, wherever it stands.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from webapp.services.leads import leads
from webapp.tables import Lead, Score

ONLY_OF = "sees_only_leads_of"


class LeadOfAnother(ValueError):
    """The lead exists, but belongs to somebody else, and this person sees only their own."""

    def __init__(self, lead_id: str) -> None:
        super().__init__(f"Lead {lead_id} belongs to somebody else")
        self.lead_id = lead_id


def is_limited(role: str, reps_see: str) -> bool:
    """Whether a person of this role sees only some leads, by the setting."""
    return reps_see == "own" and role == "rep"


def limit(session: Session, email: str) -> None:
    """Let the session see only the leads of this account, and those without an owner."""
    session.info[ONLY_OF] = email
    sa.event.listen(session, "do_orm_execute", _narrow)


def owners(session: Session) -> tuple[str, ...] | None:
    """The owners whose leads this session sees, as scores have them; None where it sees all."""
    email = session.info.get(ONLY_OF)
    return None if email is None else ("", email)


def lift(session: Session) -> None:
    """Let the session see all leads, once it is sure that it may change those that it locked."""
    session.info.pop(ONLY_OF, None)


def lock_to_write(session: Session, lead_id: str) -> Lead | None:
    """Lock a lead that may be written to, None where there is none yet; else `LeadOfAnother`.

    From here on the session sees all leads: this one may be given away.
    """
    found = leads.resolve_many(session, [lead_id])
    lift(session)
    if not found and leads.resolve_many(session, [lead_id]):
        raise LeadOfAnother(lead_id)
    return found.get(lead_id)


def _narrow(state: ORMExecuteState) -> None:
    seen = owners(state.session)
    if seen is None or not state.is_select or state.is_column_load:
        return
    criteria: Mapping[Any, sa.ColumnElement[bool]] = {
        Lead: sa.or_(Lead.owner.is_(None), Lead.owner.in_(seen)),
        Score: Score.owner.in_(seen),
    }
    for table, criterion in criteria.items():
        option = with_loader_criteria(table, criterion, include_aliases=True)
        state.statement = state.statement.options(option)
