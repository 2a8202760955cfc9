"""Scores that people say are wrong: reviewed by managers, and never learned from."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.sentences import gettext
from webapp.services.leads import leads
from webapp.services.models import registry
from webapp.tables import Lead
from webapp.tables.remarks import WRONG_REASONS, ScoreReport

PAGE_SIZE = 50
STATES = ("open", "resolved")
HIGH = ("not_a_fit", "no_interest")
LOW = ("good_fit", "wants_to_buy")
OTHER = tuple(reason for reason in WRONG_REASONS if reason not in HIGH + LOW)


class ReportNotFound(LookupError):
    """There is no such open report."""

    def __init__(self, key: int) -> None:
        super().__init__(gettext("Report %(key)s is not open any more", key=str(key)))


class UnknownReason(ValueError):
    """The reason is not in the list."""


class NoScore(ValueError):
    """The lead has no score that could be wrong."""

    def __init__(self) -> None:
        super().__init__(gettext("This lead has no score"))


@dataclass(frozen=True)
class Listed:
    """A report with its lead, for people."""

    report: ScoreReport
    lead: Lead


def report(
    session: Session, lead: Lead, reason: str, note: str | None, *, author: str, now: datetime
) -> ScoreReport:
    """Say that a lead's score is wrong; a person's open report on the lead is changed instead.

    The caller holds the lead's row locked. Else `UnknownReason` or `NoScore`.
    """
    if reason not in WRONG_REASONS:
        raise UnknownReason(reason)
    probability = leads.current_probability(session, lead)
    if probability is None:
        raise NoScore
    version, card = registry.serving(session)
    found = own(session, lead, author) or ScoreReport(lead_key=lead.key, author=author)
    found.reason, found.note, found.reported_at = reason, note, now
    found.version, found.probability = version.name, probability
    found.grade = card.grade(probability)
    session.add(found)
    session.flush()
    return found


def own(session: Session, lead: Lead, author: str) -> ScoreReport | None:
    """A person's open report on a lead."""
    is_own = (ScoreReport.lead_key == lead.key, ScoreReport.author == author)
    return session.scalar(sa.select(ScoreReport).where(*is_own, ScoreReport.resolved_at.is_(None)))


def take_back(session: Session, lead: Lead, author: str) -> None:
    """Delete a person's open report on a lead, where there is one."""
    found = own(session, lead, author)
    if found is not None:
        session.delete(found)


def resolve(session: Session, key: int, by: str, now: datetime) -> ScoreReport:
    """Close a report after a look at it; else `ReportNotFound`."""
    found = session.get(ScoreReport, key, with_for_update=True)
    if found is None or found.resolved_at is not None:
        raise ReportNotFound(key)
    found.resolved_at, found.resolved_by = now, by
    return found


def listed(
    session: Session, *, is_open: bool, before: int | None = None, size: int = PAGE_SIZE
) -> tuple[list[Listed], int | None]:
    """Reports with their leads, the newest first, and the key before which the others follow."""
    query = sa.select(ScoreReport, Lead).join(Lead, Lead.key == ScoreReport.lead_key)
    query = query.where(_is_in(is_open=is_open))
    if before is not None:
        query = query.where(ScoreReport.key < before)
    rows = session.execute(query.order_by(ScoreReport.key.desc()).limit(size + 1)).all()
    shown = [Listed(*row) for row in rows[:size]]
    return shown, shown[-1].report.key if len(rows) > size else None


def beside(
    session: Session, key: int, lead: Lead, *, is_open: bool
) -> tuple[ScoreReport | None, ScoreReport | None]:
    """The reports on other leads before and behind one on this lead, in the order of the list."""
    others = sa.select(ScoreReport).where(_is_in(is_open=is_open), ScoreReport.lead_key != lead.key)
    newer = others.where(ScoreReport.key > key).order_by(ScoreReport.key)
    older = others.where(ScoreReport.key < key).order_by(ScoreReport.key.desc())
    return session.scalar(newer.limit(1)), session.scalar(older.limit(1))


def _is_in(*, is_open: bool) -> sa.ColumnElement[bool]:
    is_unresolved = ScoreReport.resolved_at.is_(None)
    return is_unresolved if is_open else ~is_unresolved


def counts(session: Session) -> tuple[int, int]:
    """How many are open, and how many resolved."""
    n_resolved = sa.func.count(ScoreReport.resolved_at)
    n_all, resolved = session.execute(sa.select(sa.func.count(), n_resolved)).one()
    return n_all - resolved, resolved


class Wrong(NamedTuple):
    """How many scores of a grade were said to be too high, too low, or wrong otherwise."""

    n_high: int
    n_low: int
    n_other: int


class Reported(NamedTuple):
    """Reports on a version's scores, open and resolved, by grade; and how many are open in all."""

    by_grade: dict[str, Wrong]
    n_open: int


def reported(session: Session, version: str) -> Reported:
    """How many scores were reported as wrong, in one query."""
    lists = (HIGH, LOW, OTHER)
    n_of = [sa.func.count(sa.case((ScoreReport.reason.in_(each), 1))) for each in lists]
    query = sa.select(ScoreReport.grade, *n_of).where(ScoreReport.version == version)
    some = query.group_by(ScoreReport.grade).subquery()
    is_open = ScoreReport.resolved_at.is_(None)
    every = sa.select(sa.func.count().label("n")).select_from(ScoreReport).where(is_open).subquery()
    rows = session.execute(sa.select(every.c.n, some).outerjoin(some, sa.true())).all()
    found = {grade: Wrong(*numbers) for _, grade, *numbers in rows if grade is not None}
    return Reported(found, rows[0][0])
