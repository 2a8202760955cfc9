"""The team in numbers, by grade, each with the query of the lead table that shows its leads."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.database import EPOCH
from webapp.services.leads.filters.kinds import GRADES
from webapp.services.leads.lead_table import Live
from webapp.services.remarks import overrides
from webapp.tables import Lead, Score
from webapp.tables.remarks import ScoreOverride

DAYS_OF_NEW = 30
CLOSED = ("converted", "lost")


@dataclass(frozen=True)
class Figure:
    """A number of leads, and the parameters of the lead table that show exactly these."""

    n_leads: int
    asked: dict[str, str]


@dataclass(frozen=True)
class Month:
    """What became of the leads that were closed in a month."""

    converted: Figure
    lost: Figure

    @property
    def rate(self) -> float | None:
        """The share that converted, None where none was closed."""
        n_closed = self.converted.n_leads + self.lost.n_leads
        return self.converted.n_leads / n_closed if n_closed else None


@dataclass(frozen=True)
class OfGrade:
    """One grade; `grade` is None in the line of all of them."""

    grade: str | None
    open: Figure
    new: Figure
    contacted: Figure
    this_month: Month
    last_month: Month

    @property
    def contacted_share(self) -> float | None:
        """The share of the new leads that were contacted, None where there are none."""
        return self.contacted.n_leads / self.new.n_leads if self.new.n_leads else None


def by_grade(session: Session, live: Live, now: datetime) -> list[OfGrade]:
    """The pipeline, new leads contacted, and conversion this month and last: a line for each
    grade, and one for all.
    """
    times = _Times.of(now)
    counts: Counter[tuple[str, str | None]] = Counter()
    for what, grade, n in session.execute(_counted(live, now, times)):
        counts[what, grade] += n
        counts[what, None] += n
    return [_of_grade(counts, times, grade) for grade in (*GRADES, None)]


@dataclass(frozen=True)
class _Times:
    """The days that the numbers begin with, in UTC."""

    new: date
    this_month: date
    last_month: date

    @classmethod
    def of(cls, now: datetime) -> "_Times":
        this = now.date().replace(day=1)
        last = (this - timedelta(days=1)).replace(day=1)
        return cls(now.date() - timedelta(days=DAYS_OF_NEW), this, last)


def _of_grade(counts: Counter[tuple[str, str | None]], times: _Times, grade: str | None) -> OfGrade:
    def figure(what: str, **asked: str) -> Figure:
        of_grade = {"grade": grade} if grade else {}
        return Figure(counts[what, grade], {**of_grade, **asked})

    def month(name: str, **asked: str) -> Month:
        found = (figure(f"{name} {status}", status=status, **asked) for status in CLOSED)
        return Month(*found)

    this, last = times.this_month.isoformat(), times.last_month.isoformat()
    new = {"status": "all", "created_since": times.new.isoformat()}
    contacted = figure("contacted", contacted="yes", **new)
    waiting = figure("waiting", **new)
    return OfGrade(
        grade,
        figure("open"),
        Figure(contacted.n_leads + waiting.n_leads, waiting.asked),
        contacted,
        month("this", outcome_since=this),
        month("last", outcome_since=last, outcome_before=this),
    )


def _counted(live: Live, now: datetime, times: _Times) -> sa.CompoundSelect[Any]:
    """Select what was counted, the grade and the number; each part from an index."""
    version, card = live
    this, last, new = (
        datetime.combine(day, time(), now.tzinfo)
        for day in (times.this_month, times.last_month, times.new)
    )
    result = sa.case((Lead.outcome.is_(True), "converted"), else_="lost")
    closed = sa.case((Lead.outcome_at >= this, "this "), else_="last ") + result
    is_contacted = sa.case((Lead.contact_day != 0, "contacted"), else_="waiting")
    # Days are kept as numbers: a little less than exact, so the moment decides.
    first_day = (last - EPOCH) / timedelta(days=1) - 1
    parts = [
        _of_leads(
            *(closed, version.key, now),
            Lead.outcome_day >= first_day,
            Lead.outcome_at >= last,
            Lead.outcome.is_not(None),
            ~Lead.is_never_worked,
        ),
        _of_leads(is_contacted, version.key, now, Lead.created_at >= new),
    ]
    graded = (_by_grade(part, card.grades) for part in parts)
    return sa.union_all(*_open(live), *_overridden(live, now), *graded)


def _open(live: Live) -> Iterator[sa.Select[str, str, int]]:
    """Count each grade as a range of the queue's index, which needs no sort."""
    version, card = live
    bounds = (*card.grades, None)
    for place, grade in enumerate(GRADES):
        low, high = bounds[place], bounds[place - 1] if place else None
        counted = sa.select(sa.literal("open"), sa.literal(grade), sa.func.count())
        is_open = (Score.version_key == version.key, Score.status == "open")
        yield counted.where(*is_open, *_within(Score.probability, low, high))


def _overridden(live: Live, now: datetime) -> Iterator[sa.Select[Any]]:
    """Take leads with a person's score, which are few, out of the model's grade and put them into
    that person's.

    Not a join: their scores are looked up, never all scores for the few that have one.
    """
    version, card = live
    of_model = (
        sa.select(Score.probability)
        .where(
            Score.version_key == version.key,
            Score.lead_key == ScoreOverride.lead_key,
            Score.status == "open",
        )
        .correlate(ScoreOverride)
        .scalar_subquery()
    )
    of_person = sa.case((of_model.is_not(None), ScoreOverride.probability))
    for probability, sign in ((of_model, -1), (of_person, 1)):
        what = sa.literal("open").label("what"), probability.label("p")
        part = sa.select(*what).where(*overrides.counts(now))
        yield _by_grade(part, card.grades, sign)


def _within(
    probability: Any, low: float | None, high: float | None
) -> list[sa.ColumnElement[bool]]:
    above = [] if low is None else [probability >= low]
    return above if high is None else [*above, probability < high]


def _of_leads(
    what: sa.ColumnElement[str], version_key: int, now: datetime, *which: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """Not a join: the leads of a time are looked up in the scores, never the other way round.

    What a person says counts before the model, as in the lead table.
    """
    score = sa.select(Score.probability).where(
        Score.version_key == version_key, Score.lead_key == Lead.key
    )
    said = sa.select(ScoreOverride.probability).where(
        ScoreOverride.lead_key == Lead.key, *overrides.counts(now)
    )
    found = sa.select(
        what.label("what"),
        score.scalar_subquery().label("by_model"),
        said.scalar_subquery().label("said"),
    )
    # The offset keeps SQLite from looking each score up again wherever it is named.
    rows = found.where(*which).offset(0).subquery()
    # Of a removed lead neither: it has no score.
    by_person = sa.case((rows.c.by_model.is_not(None), rows.c.said))
    return sa.select(rows.c.what, sa.func.coalesce(by_person, rows.c.by_model).label("p"))


def _by_grade(part: sa.Select[Any], lowest: Sequence[float], sign: int = 1) -> sa.Select[Any]:
    """Removed leads have no score, and no grade."""
    rows = part.subquery()
    steps = zip(GRADES, lowest, strict=False)
    grade = sa.case(*((rows.c.p >= low, letter) for letter, low in steps), else_=GRADES[-1])
    graded = sa.select(rows.c.what, grade.label("grade")).where(rows.c.p.is_not(None)).subquery()
    n = sign * sa.func.count()
    return sa.select(graded.c.what, graded.c.grade, n).group_by(graded.c.what, graded.c.grade)
