"""Leads that are probably one person: found by the worker, listed for people to merge.

Only keys are kept of what is found, nothing about people.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.crm_tables import CrmLead
from webapp.services.leads import leads
from webapp.tables import Lead

MAX_GROUPS = 20  # of a kind, the largest
MAX_NAMED = 5  # leads of a group
MIN_KNOWN = 3  # inputs

Shared: TypeAlias = Literal["email", "company", "inputs", "contact"]
Columns: TypeAlias = list[sa.ColumnElement[Any] | InstrumentedAttribute[Any]]


class Group(NamedTuple):
    """So many leads share something; the first of them."""

    n: int
    leads: list[Lead]

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys of those named."""
        return tuple(lead.key for lead in self.leads)


class Duplicates(NamedTuple):
    """Leads that share an e-mail address, name and company, name and all inputs, or a contact."""

    shared: Shared
    n_groups: int
    n_leads: int
    groups: list[Group]


def find(session: Session) -> dict[Shared, dict[str, Any]]:
    """Find what leads share that are still here, for JSON: counts, and the keys of some leads.

    Goes through all leads four times, about half a second for 100,000 each.
    """
    name, company = sa.func.lower(Lead.name), sa.func.coalesce(Lead.company, "")
    values = [getattr(Lead, column) for column in leads.BUILTIN_COLUMNS]
    is_known: sa.ColumnElement[Any] = sum(
        (sa.case((value.is_not(None), 1), else_=0) for value in values), sa.literal(0)
    )
    inputs = [name, *values, sa.cast(Lead.own_fields, sa.Text)]
    here = sa.select().where(Lead.removed_at.is_(None), Lead.merged_into_key.is_(None))
    named = here.where(Lead.name != "")
    in_crm = here.join_from(Lead, CrmLead, CrmLead.lead_key == Lead.key)
    found: dict[Shared, dict[str, Any]] = {
        "email": _alike(session, here.where(Lead.email != ""), [sa.func.lower(Lead.email)]),
        "company": _alike(session, named.where(company != ""), [name, sa.func.lower(company)]),
        # What hardly anything is known of is alike by chance.
        "inputs": _alike(session, named.where(company == "", is_known >= MIN_KNOWN), inputs),
        "contact": _alike(session, in_crm.where(~CrmLead.is_deleted), [CrmLead.contact_id]),
    }
    return {shared: each for shared, each in found.items() if each["n_groups"]}


def known(session: Session, found: Mapping[str, Any]) -> list[Duplicates]:
    """Read what was found, as it is now: without leads that were merged or deleted since.

    Those that share several things are told and counted once, under the first.
    """
    keys = {key for each in found.values() for _, some in each["groups"] for key in some}
    here = {
        key: lead
        for key, lead in leads.by_keys(session, keys).items()
        if lead.removed_at is None and lead.merged_into_key is None
    }
    told: list[Duplicates] = []
    seen: set[tuple[int, ...]] = set()
    for shared, each in found.items():
        groups = [_as_now(n, [here.get(key) for key in some]) for n, some in each["groups"]]
        still = [group for group in groups if len(group.leads) > 1 and group.keys not in seen]
        seen |= {group.keys for group in still}
        if still:
            n_groups = each["n_groups"] - len(groups) + len(still)
            n_before = sum(n for n, _ in each["groups"])
            n_leads = each["n_leads"] - n_before + sum(group.n for group in still)
            told.append(Duplicates(shared, n_groups, n_leads, still))  # type: ignore[arg-type]
    return told


def _as_now(n: int, named: list[Lead | None]) -> Group:
    here = [lead for lead in named if lead is not None]
    return Group(n - len(named) + len(here), here)


def _alike(session: Session, which: sa.Select[Any], columns: Columns) -> dict[str, Any]:
    """Count leads that are alike in all columns, the first of which is known; name the largest."""
    n = sa.func.count().label("n_alike")
    keys = sa.func.aggregate_strings(sa.cast(Lead.key, sa.Text), ",").label("lead_keys")
    groups = which.add_columns(n, keys).where(columns[0].is_not(None)).group_by(*columns)
    alike = groups.having(n > 1).subquery()
    totals = sa.func.count().over(), sa.func.sum(alike.c.n_alike).over()
    largest = sa.select(alike.c.n_alike, alike.c.lead_keys, *totals).order_by(
        alike.c.n_alike.desc(), alike.c.lead_keys
    )
    rows = session.execute(largest.limit(MAX_GROUPS)).all()
    return {
        "n_groups": rows[0][2] if rows else 0,
        "n_leads": int(rows[0][3]) if rows else 0,
        "groups": [[n, sorted(map(int, some.split(",")))[:MAX_NAMED]] for n, some, *_ in rows],
    }
