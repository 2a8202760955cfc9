"""The invented half year in the store: it is played in parts, so that the model learns as it goes.

Each part brings new leads and outcomes, and the worker trains on them as on any. Whatever was
promoted or refused in the demo really was.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields, Value
from webapp.database import BACKFILL, change, hold
from webapp.services.accounts import audit
from webapp.services.demo import demo_leads
from webapp.services.demo.ids import IDS, INVENTED, ORDER
from webapp.services.demo.invented import N_DAYS, OWNERS, Life, Message, lives
from webapp.services.leads import leads, records, removal, scoring
from webapp.services.leads.leads import DEMO_SOURCE
from webapp.services.models import lifecycle, monitoring, registry
from webapp.services.models.lifecycle import Trigger
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, OutcomeEvent
from webapp.services.runs import runs
from webapp.tables import Lead, ModelVersion, Outcome, Run, User

# The last days of the parts; the first is there when Leadloop starts.
PARTS = (105, 145, N_DAYS)
DEMO = Attribution(DEMO_SOURCE, "demo")


def load(session: Session, fields: Fields, now: datetime) -> int:
    """Bring the first part into an empty store; return how many leads, 0 where there are some."""
    if session.scalar(sa.select(Lead.key).limit(1)) is not None:
        return 0
    _play(session, fields, now - timedelta(days=N_DAYS), range(PARTS[0]))
    return session.scalar(sa.select(sa.func.count()).select_from(Lead)) or 0


def next_part(
    session: Session, fields: Fields, trigger: Trigger, now: datetime
) -> tuple[datetime, range] | None:
    """When the half year began, and the days to play next, once the model has learned from those
    before; None where there are none. The demo ends where real outcomes begin.
    """
    first = session.scalar(sa.select(Lead).where(Lead.lead_id == ORDER[0]))
    if first is None or not demo_leads.are_here(session):
        return None
    known = lives(fields)
    last = session.scalar(sa.select(sa.func.max(Lead.lead_id)).where(Lead.lead_id.in_(IDS)))
    came_on = known[ORDER.index(last or ORDER[0])].messages[0].day
    end = next((end for end in PARTS if came_on < end), N_DAYS)
    following = PARTS[PARTS.index(end) + 1 :]
    if not following or demo_leads.has_real_outcomes(session):
        return None
    if not lifecycle.is_idle(session, trigger, now):
        return None
    begun_at = first.created_at - timedelta(days=known[0].messages[0].day)
    return begun_at, range(end, following[0])


def go_on(session: Session, fields: Fields, trigger: Trigger, now: datetime) -> bool:
    """Bring the next part, if one is due; say whether there was one."""
    part = next_part(session, fields, trigger, now)
    if part is not None:
        _play(session, fields, *part)
    return part is not None


def remove(session: Session, actor: str, now: datetime) -> tuple[int, int]:
    """Delete the demo leads that nobody else has sent, with all of theirs; return how many, and
    how many stay.

    Of others their invented outcomes go. What was learned from them goes out of use: the worker
    returns to the newest starter model. Raises `AlreadyRunning` during a training or a promotion.
    """
    hold(session, BACKFILL)
    for kind in ("training", "rescoring"):
        if runs.unfinished(session, kind) is not None:
            raise runs.AlreadyRunning(kind)
    live = registry.champion(session)
    if live.learned_from is not None and live.learned_from.is_demo:
        reason = "The demo data was removed."
        starter = registry.starter(session).name
        lifecycle.request_promotion(session, starter, actor, now, reason=reason)
    keys = session.scalars(demo_leads.keys()).all()
    removal.delete(session, keys, now)
    _take_back_outcomes(session)
    _forget_checks(session)
    n_sent = session.scalar(sa.select(sa.func.count()).where(Lead.lead_id.in_(IDS))) or 0
    audit.record(session, actor, "removed the demo data", f"{len(keys)} leads", now=now)
    return len(keys), n_sent


def _take_back_outcomes(session: Session) -> None:
    told = sa.select(Lead).join(Outcome, Outcome.lead_key == Lead.key)
    real = session.scalars(told.where(Outcome.idempotency_key == INVENTED)).all()
    change(session, sa.delete(Outcome).where(Outcome.idempotency_key == INVENTED))
    for lead in real:
        outcomes.count_again(session, lead)


def _forget_checks(session: Session) -> None:
    """What the monitors have found on invented leads says nothing of real ones."""
    made = sa.select(ModelVersion.run_key).where(ModelVersion.run_key.is_not(None))
    checks = sa.delete(Run).where(Run.kind == monitoring.KIND, Run.finished_at.is_not(None))
    change(session, checks.where(Run.key.not_in(made)))


def _play(session: Session, fields: Fields, begun_at: datetime, days: range) -> None:
    """Live through some days, each with messages in the morning and outcomes at its end."""
    messages: dict[int, list[tuple[Life, Message]]] = defaultdict(list)
    outcomes_of: dict[int, list[Life]] = defaultdict(list)
    for life in lives(fields):
        for message in life.messages:
            messages[message.day].append((life, message))
        outcomes_of[life.outcome_day].append(life)
    # Some leads are of the person who set Leadloop up, so that My day has work.
    visitor = session.scalar(sa.select(User.email).order_by(User.key).limit(1))
    owners = {OWNERS[0]: visitor} if visitor else {}
    for day in days:
        at = begun_at + timedelta(days=day)
        told = [_told(life, message, owners) for life, message in messages[day]]
        scoring.score_leads(session, fields, [records.clean(fields, t) for t in told], DEMO, now=at)
        _record(session, outcomes_of[day], at + timedelta(hours=8))


def _told(life: Life, message: Message, owners: Mapping[str, str]) -> dict[str, Value]:
    owner = life.people["owner"]
    people = {**life.people, "owner": owners.get(owner, owner)}
    return {"lead_id": life.lead_id, **people, **message.inputs}


def _by(lead: Lead) -> Attribution:
    return Attribution("rep", lead.owner or "demo", idempotency_key=INVENTED)


def _record(session: Session, ended: list[Life], at: datetime) -> None:
    found = leads.lock_many(session, [life.lead_id for life in ended])
    events = [
        OutcomeEvent(lead, life.converted, _by(lead), at)
        for life in ended
        if (lead := found.get(life.lead_id)) is not None
    ]
    if events:
        outcomes.record_many(session, events, now=at)
