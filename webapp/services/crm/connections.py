"""The connection to the CRM: how to get in, by which rules, and whether it works at present."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import Session

from ml.sentences import Figure, gettext
from webapp.config import Settings
from webapp.crm_tables import (
    CrmConflict,
    CrmConnection,
    CrmDeal,
    CrmLead,
    CrmLink,
    CrmScoreWrite,
    CrmUnmatched,
)
from webapp.database import change, look_up_again, once
from webapp.services.accounts import audit
from webapp.services.crm import mirror
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds import table as kinds
from webapp.services.crm.kinds.exchange import CURED_BY_SETTINGS, LOST
from webapp.services.crm.kinds.kind import CrmKind
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.leads import pipeline
from webapp.services.runs import runs
from webapp.services.sealing import UnreadableSecret, opened, sealed, secret_key

# What `once` knows it by.
CONNECTION = "connection"
THE_CONNECTION = sa.select(CrmConnection).order_by(CrmConnection.key).limit(1)
# Access may have been taken while all was looked at the last time.
MARGIN = timedelta(days=1)


class NotConnected(RuntimeError):
    """There is no connection to a CRM."""

    def __init__(self) -> None:
        super().__init__(gettext("%(name)s is not connected.", name=kinds.of(None).name))


class InvalidConnection(ValueError):
    """A connection breaks rules; `errors` has a sentence for each wrong value by its name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True)
class Loss:
    """Of `n_known` records of an object that were read before, asked for once more, `n_lost`
    are neither shown nor deleted.

    `ids` are lost, these or earlier ones; `n_back` that were are shown again.
    """

    object: str
    n_lost: int
    n_known: int
    ids: Sequence[str] = ()
    n_back: int = 0

    @property
    def share(self) -> float:
        return self.n_lost / max(self.n_known, 1)

    def in_words(self, kind: CrmKind) -> str:
        noun = kind.leads if self.object == "lead" else kind.deals
        return gettext(
            "%(n_lost)s of %(n_known)s %(noun)s (%(share)s)",
            n_lost=Figure(f"{self.n_lost:,}"),
            n_known=Figure(f"{self.n_known:,}"),
            noun=noun,
            share=Figure(f"{self.share:.0%}"),
        )


def find(session: Session, *, lock: bool = False) -> CrmConnection | None:
    """The connection, where there is one; `lock` keeps others from changing it meanwhile."""
    query = THE_CONNECTION.with_for_update() if lock else THE_CONNECTION

    def look_up(session: Session) -> CrmConnection | None:
        return session.scalar(query, execution_options={"populate_existing": True})

    return look_up(session) if lock else once(session, CONNECTION, look_up)


def get(session: Session, *, lock: bool = False) -> CrmConnection:
    """The connection; else `NotConnected`."""
    found = find(session, lock=lock)
    if found is None:
        raise NotConnected
    return found


def kind(session: Session) -> CrmKind:
    """Which CRM is connected, or could be."""
    connection = find(session)
    return kinds.of(connection.kind if connection is not None else None)


def rules(connection: CrmConnection) -> CrmRules:
    """What the administrator chose."""
    return CrmRules.from_json(connection.rules)


def from_environment(settings: Settings) -> Credentials | None:
    """The credentials that the settings hold, where they name a domain."""
    kind = kinds.configured(settings)
    if kind is None:
        return None
    method = kind.setting(settings, "method")
    values = {}
    for field in kind.login.methods[method].fields:
        value = kind.setting(settings, field.name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        values[field.name] = text.replace("\\n", "\n") if field.is_of_lines else text
    return Credentials.of(method, values)


def credentials(connection: CrmConnection, settings: Settings) -> Credentials:
    """How to log in: the settings' credentials, else the stored ones decrypted."""
    if (found := from_environment(settings)) is not None:
        return found
    secrets = opened(connection.sealed_secrets, secret_key(settings))
    return Credentials(connection.method, connection.domain, connection.username, secrets)


def save(
    session: Session,
    entered: Credentials,
    settings: Settings,
    *,
    actor: str,
    now: datetime,
    kind: CrmKind | None = None,
) -> CrmConnection:
    """Store how to log in, and close the breaker: a person has acted.

    A secret left empty keeps the stored one, as long as method and domain stay. Changing the domain
    deletes cached data from the old org; leads and outcomes stay. With a new connection or domain
    the sync is paused until a person starts it. A present connection keeps its kind.
    """
    connection = find(session, lock=True)
    entered = _completed(connection, entered, settings)
    kind = kinds.of(connection.kind) if connection else kind or kinds.of(None)
    methods = kind.login.methods
    if entered.method not in methods:
        raise InvalidConnection(
            {"method": gettext("must be one of %(methods)s", methods=", ".join(methods))}
        )
    if missing := entered.missing(methods[entered.method]):
        raise InvalidConnection(dict.fromkeys(missing, gettext("is required")))
    if connection is None:
        connection = _new(session, kind, entered, now)
        connection.is_paused = True
    elif connection.domain != entered.domain:
        forget_org(session, connection)
        connection.is_paused = True
    _take(connection, entered, actor, now)
    connection.sealed_secrets = sealed(entered.secrets, secret_key(settings))
    detail = {"method": entered.method, "domain": entered.domain}
    audit.record(session, actor, "connected", connection.kind, now=now, detail=detail)
    return connection


def ensure(session: Session, settings: Settings, now: datetime) -> CrmConnection | None:
    """The connection, made from the settings where these name one."""
    connection = find(session)
    kind, found = kinds.configured(settings), from_environment(settings)
    if kind is None or found is None:
        return connection
    if connection is None:
        return _new(session, kind, found, now)
    before = Credentials(connection.method, connection.domain, connection.username)
    if (connection.kind, before) == (kind.key, replace(found, secrets=before.secrets)):
        return connection
    # No run stores what it read by the settings of before after this.
    connection = get(session, lock=True)
    if (connection.kind, connection.domain) != (kind.key, found.domain):
        forget_org(session, connection)
    connection.kind = kind.key
    _take(connection, found, "settings", now)
    return connection


def save_rules(session: Session, chosen: CrmRules, actor: str, now: datetime) -> None:
    """Store what the administrator chose, or `InvalidConnection`; outcomes are derived again."""
    errors = chosen.mistakes(kind(session))
    if errors:
        raise InvalidConnection(errors)
    connection = get(session, lock=True)
    before = rules(connection)
    connection.rules = chosen.to_json()
    if chosen == before:
        return
    reconfigured(session, actor, now)
    connection.rederive_after_id = ""
    if chosen.needs_reading(before):
        mirror.read_from_start(session)
    detail = {k: v for k, v in chosen.to_json().items() if v != before.to_json()[k]}
    audit.record(session, actor, "changed rules", connection.kind, now=now, detail=detail)


def reconfigured(session: Session, actor: str, now: datetime) -> CrmConnection:
    """Note new settings: a run at work ends, and one comes early.

    Locks the connection, so that no run stores what it read by the old settings after this.
    """
    connection = get(session, lock=True)
    _note_change(connection, actor, now)
    if connection.breaker_case in CURED_BY_SETTINGS:
        close_breaker(connection)
    return connection


def pause(session: Session, is_paused: bool, actor: str, now: datetime) -> None:
    """Stop or resume scheduled runs; resumed ones begin early."""
    connection = get(session)
    if connection.is_paused == is_paused:
        return
    connection.is_paused = is_paused
    connection.hinted_at = None if is_paused else now
    action = "paused" if is_paused else "resumed"
    audit.record(session, actor, action, connection.kind, now=now)


def read_history(session: Session, n_days: int, actor: str, now: datetime) -> None:
    """Have the next run read everything again, from so many days ago on."""
    connection = reconfigured(session, actor, now)
    chosen = replace(rules(connection), history_days=n_days)
    if errors := chosen.mistakes(kind(session)):
        raise InvalidConnection(errors)
    connection.rules = chosen.to_json()
    mirror.read_from_start(session)
    audit.record(session, actor, "read history", connection.kind, now=now, detail={"days": n_days})


def disconnect(session: Session, actor: str, now: datetime) -> None:
    """Forget how to log in, the rules, and what was read of the org; leads and the mapping stay."""
    connection = get(session, lock=True)
    forget_org(session, connection)
    detail = {"domain": connection.domain}
    audit.record(session, actor, "disconnected", connection.kind, now=now, detail=detail)
    session.delete(connection)
    look_up_again(session, CONNECTION)


def hint(session: Session, now: datetime) -> bool:
    """Somebody says that there is news: the next run comes early. Returns whether that is new."""
    unheard = sa.update(CrmConnection).where(CrmConnection.hinted_at.is_(None))
    return change(session, unheard.values(hinted_at=now)) > 0


def zone(connection: CrmConnection) -> ZoneInfo | None:
    """Where the CRM's dates are days; None where that is not known."""
    try:
        return ZoneInfo(connection.time_zone) if connection.time_zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def close_breaker(connection: CrmConnection) -> None:
    """Let runs start again."""
    connection.breaker_case, connection.breaker_until = None, None
    connection.breaker_detail, connection.n_failures = "", 0


def open_breaker(connection: CrmConnection, case: str, detail: str, until: datetime | None) -> None:
    """Let no run start before a time; without one, before a person has acted."""
    connection.breaker_case, connection.breaker_until = case, until
    connection.breaker_detail = detail[:500]


def forget_org(session: Session, connection: CrmConnection) -> None:
    """Forget all that was read of an org; leads, scores and outcomes stay."""
    for table in (CrmLink, CrmConflict, CrmUnmatched, CrmScoreWrite, CrmLead, CrmDeal):
        change(session, sa.delete(table))
    pipeline.clear(session)
    mirror.read_from_start(session)
    connection.described, connection.described_at = [], None
    connection.time_zone, connection.lost_records = None, {}
    connection.reconciled_at, connection.reconciling = None, {}
    connection.rederive_after_id = None
    connection.n_used, connection.n_limit = None, None
    connection.offered_since, connection.offered_version_key = None, None
    connection.offered_through_key, connection.compared_through_key = 0, 0
    connection.org_runs_after_key = runs.newest_key(session)


def note_losses(session: Session, losses: Sequence[Loss], now: datetime) -> datetime | None:
    """Keep which records are lost; if some are visible again, return since when to read again.

    What happened to records meanwhile has moved no stamp that a later window would show.
    """
    connection = get(session)
    before = connection.lost_records
    whole_at = connection.reconciled_at or connection.changed_at
    since = datetime.fromisoformat(before["since"]) if before else whole_at - MARGIN
    # Not by the share: that of a sample is another one each night.
    is_back = any(loss.n_back for loss in losses)
    accepted = before.get("accepted", {})
    if is_back:
        accepted = {obj: min(share, _share(losses, obj)) for obj, share in accepted.items()}
    lost = {loss.object: asdict(loss) for loss in losses if loss.ids}
    now_lost = {"lost": lost, "since": since.isoformat(), "accepted": accepted}
    connection.lost_records = now_lost if lost else {}
    return min(since, now) if is_back else None


def lost(connection: CrmConnection) -> list[Loss]:
    """The records that were no longer visible at the last check."""
    return [Loss(**values) for values in connection.lost_records.get("lost", {}).values()]


def too_much_lost(
    connection: CrmConnection, losses: Sequence[Loss], max_percent: float
) -> list[Loss]:
    """What is lost beyond what is allowed, or beyond what a person has accepted."""
    accepted = connection.lost_records.get("accepted", {})
    return [
        loss for loss in losses if loss.share > accepted.get(loss.object, 0) + max_percent / 100
    ]


def accept_losses(session: Session, actor: str, now: datetime) -> list[Loss]:
    """Go on, with a run soon, without the lost records; a further loss is asked about anew.

    Returns the accepted losses: none if everything is visible again.
    """
    connection = get(session, lock=True)
    losses = [loss for loss in lost(connection) if loss.n_lost]
    if not losses:
        return []
    shares = {loss.object: loss.share for loss in losses}
    connection.lost_records = connection.lost_records | {"accepted": shares}
    if connection.breaker_case == LOST:
        close_breaker(connection)
        connection.hinted_at = now
    detail = {
        loss.object: gettext("%(n_lost)s of %(n_known)s", n_lost=loss.n_lost, n_known=loss.n_known)
        for loss in losses
    }
    audit.record(session, actor, "accepted lost records", connection.kind, now=now, detail=detail)
    return losses


def _share(losses: Sequence[Loss], obj: str) -> float:
    return next((loss.share for loss in losses if loss.object == obj), 0.0)


def _new(session: Session, kind: CrmKind, entered: Credentials, now: datetime) -> CrmConnection:
    of_login = {name: getattr(entered, name) for name in ("method", "domain", "username")}
    connection = CrmConnection(
        kind=kind.key, **of_login, is_paused=False, changed_at=now, changed_by="settings"
    )
    connection.org_runs_after_key = runs.newest_key(session)
    session.add(connection)
    session.flush()
    look_up_again(session, CONNECTION)
    return connection


def _take(connection: CrmConnection, entered: Credentials, actor: str, now: datetime) -> None:
    """Log in another way from now on."""
    connection.method = entered.method
    connection.domain = entered.domain
    connection.username = entered.username
    _note_change(connection, actor, now)
    close_breaker(connection)


def _note_change(connection: CrmConnection, actor: str, now: datetime) -> None:
    """End a run at work, and have one come early."""
    connection.changed_at = connection.hinted_at = now
    connection.changed_by = actor


def _completed(
    connection: CrmConnection | None, entered: Credentials, settings: Settings
) -> Credentials:
    if connection is None or not connection.sealed_secrets:
        return entered
    if (connection.method, connection.domain) != (entered.method, entered.domain):
        return entered
    try:
        stored = opened(connection.sealed_secrets, secret_key(settings))
    except UnreadableSecret:
        return entered
    return replace(entered, secrets=stored | {n: v for n, v in entered.secrets.items() if v})
