"""Daily digests: each sent once a day, at the hour of its reader."""

from datetime import datetime
from functools import partial

import structlog

from sync.worker import Worker
from webapp.database import Session, read, write
from webapp.product import product
from webapp.services import mail
from webapp.services.models import registry
from webapp.services.my_day import digests
from webapp.services.my_day.digests import Due
from webapp.services.owners import sight

log = structlog.stdlib.get_logger("leadloop.worker")


def send_digests(worker: Worker) -> None:
    """Send every digest whose hour has come; one that cannot be sent is tried again later."""
    now = worker.clock()
    if not mail.is_on(product().settings):
        return
    for wanted in read(partial(digests.due, now=now)):
        if worker.stop.is_set():
            return
        if write(partial(digests.claim, wanted=wanted)):
            _send(wanted, now)


def _send(wanted: Due, now: datetime) -> None:
    settings, fields = product().settings, product().fields
    site = mail.site(settings)

    def compose(session: Session) -> tuple[str, str] | None:
        if sight.is_limited(wanted.role, settings.reps_see):
            sight.limit(session, wanted.email)
        live = registry.serving(session)
        return digests.message(session, fields, live, me=wanted.email, site=site, now=now)

    try:
        if message := read(compose):
            mail.send(settings, wanted.email, *message)
    except (mail.MailFailed, registry.NoChampion) as failure:
        log.warning("digest not sent", user=wanted.user_key, reason=str(failure))
        write(partial(digests.give_back, wanted=wanted, now=now))
