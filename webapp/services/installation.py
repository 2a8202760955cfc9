"""Whether the installation around the product is sound: files, disk, clock, worker and proxy."""

import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.fields.fields_file import Fields
from webapp.config import Settings
from webapp.database import utc_now
from webapp.services import health
from webapp.services.accounts import audit
from webapp.services.health import Check
from webapp.services.runs import workers
from webapp.tables import Run

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# Below the first writes are about to fail, below the second a backup or a large import would.
MIN_FREE_BYTES, ENOUGH_FREE_BYTES = 200 * 10**6, 2 * 10**9
MAX_SKEW = timedelta(minutes=2)
BACKUP_IS_OLD_AFTER = timedelta(days=7)


def everything(session: Session, settings: Settings, file_fields: Fields | None) -> list[Check]:
    """All checks of `doctor`; `file_fields` are those of a file that rules."""
    found = health.readiness(session)
    if not all(check.is_good for check in found):
        return [*found, health.data_folder(settings)]
    found += [*health.of_store(session, file_fields), health.data_folder(settings)]
    return found + checks(session, settings)


def checks(session: Session, settings: Settings) -> list[Check]:
    """All of them; what only advises leaves `is_good` true."""
    now = utc_now()
    return [
        _rights(settings),
        _first_access(settings),
        _disk(settings),
        _clock(session, now),
        _worker(session, now),
        _proxy(settings),
        _backup(session, settings, now),
    ]


def _files(settings: Settings) -> Iterator[Path]:
    """What holds secrets or people's data, as far as it is there."""
    found = [settings.data_dir / name for name in ("secret_key", "crm_key", "first-access.txt")]
    if database := settings.database_file:
        found += [database.with_name(database.name + ending) for ending in ("", "-wal", "-shm")]
    return (path for path in found if path.exists())


def _rights(settings: Settings) -> Check:
    others = stat.S_IRWXG | stat.S_IRWXO
    open_to_others = [path for path in _files(settings) if path.stat().st_mode & others]
    if not open_to_others:
        return Check("permissions", True, "secrets and database are their owner's alone")
    names = " ".join(str(path) for path in open_to_others)
    return Check("permissions", False, f"others on this machine may read them: chmod 600 {names}")


def _first_access(settings: Settings) -> Check:
    path = settings.data_dir / "first-access.txt"
    if not path.exists():
        return Check("first access", True, "no first password lies about")
    sentence = f"{path} holds the first key and password: note them, then delete it"
    return Check("first access", True, sentence, is_advice=True)


def _disk(settings: Settings) -> Check:
    if not settings.data_dir.exists():
        return Check("disk", False, f"{settings.data_dir} is not there: set LEADLOOP_DATA_DIR")
    free = shutil.disk_usage(settings.data_dir).free
    room = f"{free / 10**9:,.1f} GB free at {settings.data_dir}"
    if free < MIN_FREE_BYTES:
        return Check("disk", False, f"{room}: make room, or nothing more can be kept")
    if free < ENOUGH_FREE_BYTES:
        return Check("disk", True, f"{room}: too little for a backup or a large import", True)
    return Check("disk", True, room)


def _clock(session: Session, now: datetime) -> Check:
    """Compare this machine's clock with the database's, or with the newest run in its file."""
    if session.get_bind().dialect.name == "postgresql":
        theirs = session.scalar(sa.select(sa.func.clock_timestamp()))
        ahead, whose = (theirs or now) - utc_now(), "the database server's"
    else:
        newest = session.scalar(sa.select(sa.func.max(Run.requested_at)))
        ahead, whose = max(timedelta(0), (newest or now) - now), "the newest run's"
    if abs(ahead) <= MAX_SKEW:
        return Check("clock", True, f"{now:%Y-%m-%d %H:%M} in UTC")
    minutes = round(abs(ahead).total_seconds() / 60)
    side = "behind" if ahead > timedelta(0) else "ahead of"
    sentence = f"{minutes} minutes {side} {whose}: set this machine's time by NTP"
    return Check("clock", False, sentence)


def _worker(session: Session, now: datetime) -> Check:
    seen_at = workers.last_seen(session)
    if seen_at is None:
        sentence = "none has run yet: imports, trainings and the sync wait for `python -m sync`"
        return Check("worker", True, sentence, is_advice=True)
    at = f"{seen_at.astimezone(UTC):%Y-%m-%d %H:%M} in UTC"
    if workers.is_gone(seen_at, now):
        return Check("worker", False, f"none since {at}: start `python -m sync`")
    return Check("worker", True, f"at work at {at}")


def _proxy(settings: Settings) -> Check:
    is_https = (settings.public_url or "").startswith("https://")
    if is_https and not settings.has_secure_cookies:
        sentence = "people come by HTTPS, so set LEADLOOP_SECURE_COOKIES=1"
    elif is_https and not settings.trusted_proxies:
        sentence = "people come by HTTPS, so set LEADLOOP_TRUSTED_PROXIES to how many are in front"
    elif settings.host not in LOOPBACK and not settings.trusted_proxies:
        sentence = (
            f"{settings.host} is served without HTTPS: put a proxy in front (docs/deployment.md),"
            " set LEADLOOP_TRUSTED_PROXIES and LEADLOOP_SECURE_COOKIES, or serve 127.0.0.1 alone"
        )
    else:
        sentence = "behind HTTPS" if settings.trusted_proxies else "serves this machine alone"
        return Check("proxy", True, sentence)
    return Check("proxy", True, sentence, is_advice=True)


def _backup(session: Session, settings: Settings, now: datetime) -> Check:
    if settings.database_file is None:
        return Check("backup", True, "by pg_dump, whose copies are not seen from here")
    step = "run `flask --app wsgi backup` each day and keep its files elsewhere"
    made_at = audit.last(session, audit.BACKED_UP)
    if made_at is None:
        return Check("backup", True, f"none is known of: {step}", is_advice=True)
    age = now - made_at
    sentence = f"the last one is {age.days} day{'' if age.days == 1 else 's'} old"
    if age > BACKUP_IS_OLD_AFTER:
        return Check("backup", True, f"{sentence}: {step}", is_advice=True)
    return Check("backup", True, sentence)
