"""The worker's side of webhooks: endpoints with something to send, each in a thread of its own."""

import contextvars
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial

import structlog
from standardwebhooks.webhooks import Webhook

from sync.webhooks import calls
from sync.worker import Worker
from webapp.database import read, write
from webapp.product import product
from webapp.services import mail
from webapp.services.accounts import accounts
from webapp.services.sealing import UnreadableSecret
from webapp.services.webhooks import deliveries, endpoints, messages
from webapp.services.webhooks.addresses import AddressRefused
from webapp.services.webhooks.deliveries import Answer, Outgoing
from webapp.services.webhooks.endpoints import Address
from webapp.tables.webhooks import WebhookEndpoint

MAX_AT_ONCE = 8  # endpoints
# A turn ends well before the claim of its endpoint does, also where its last call is a slow one.
TURN_SECONDS = 20.0
# Between two messages to one endpoint: chats take one a second.
PAUSE_SECONDS = {"webhook": 0.05, "slack": 1.0, "teams": 1.0}
# While endpoints are at work, others that become due need not wait for the slowest of them.
LOOK_AGAIN_SECONDS = 1.0

log = structlog.stdlib.get_logger("leadloop.worker")


def send_webhooks(worker: Worker) -> None:
    """Send all that is due; an endpoint that is slow or down holds up none but itself."""
    at_work: set[Future[None]] = set()
    with ThreadPoolExecutor(MAX_AT_ONCE, "webhooks") as pool:
        while not worker.stop.is_set():
            for endpoint in _claimed(worker, MAX_AT_ONCE - len(at_work)):
                turn = partial(_turn, worker, endpoint)
                at_work.add(pool.submit(contextvars.copy_context().run, turn))
            if not at_work:
                return
            done, at_work = wait(at_work, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
            for future in done:
                future.result()


def _claimed(worker: Worker, limit: int) -> list[WebhookEndpoint]:
    now = worker.clock()
    if not limit or not read(partial(deliveries.is_any_due, now=now)):
        return []
    return write(lambda s: deliveries.claim(s, worker.name, now, limit))


def _turn(worker: Worker, endpoint: WebhookEndpoint) -> None:
    """Send to one endpoint, the oldest first, until all is sent, one call fails or time is up.

    Each message is read just before its call: what was erased or disabled meanwhile is not sent.
    """
    ends_at = time.monotonic() + TURN_SECONDS
    try:
        while not worker.stop.is_set() and time.monotonic() < ends_at:
            outgoing = read(lambda s: deliveries.next_due(s, endpoint.key, worker.clock()))
            if outgoing is None:
                return
            key, answer = outgoing.delivery.key, send(worker, outgoing)
            if not write(partial(deliveries.record, delivery_key=key, answer=answer)):
                _tell_if_given_up(endpoint.key)
                return
            worker.stop.wait(PAUSE_SECONDS[endpoint.kind])
    finally:
        write(lambda s: deliveries.release(s, endpoint.key, worker.name))


def _tell_if_given_up(endpoint_key: int) -> None:
    """Mail administrators about an endpoint that was disabled just now."""
    settings = product().settings
    found = read(lambda s: s.get(WebhookEndpoint, endpoint_key))
    if found is None or found.disabled_reason is None or not mail.is_on(settings):
        return
    page = f"{mail.site(settings)}/settings/webhooks/{endpoint_key}"
    text = (
        f"Leadloop has disabled the webhook “{found.name}”. {found.disabled_reason} Check the"
        f" receiver, then enable it; what waits in its queue is sent then.\n\n{page}\n"
    )
    for address in read(accounts.admins):
        try:
            mail.send(settings, address, f"Webhook “{found.name}” is disabled", text)
        except mail.MailFailed as failure:
            log.warning("mail not sent", reason=str(failure))


def send(worker: Worker, outgoing: Outgoing) -> Answer:
    """Make one call; whatever is wrong with it is its answer."""
    settings, endpoint, now = product().settings, outgoing.endpoint, worker.clock()
    try:
        address = endpoints.address(endpoint, settings)
        target = endpoints.target(address.url, settings)
    except (UnreadableSecret, AddressRefused) as refused:
        return Answer(now, 0, error=str(refused)[: calls.MAX_ERROR_LENGTH])
    site = settings.public_url or settings.address
    body = messages.body(endpoint.kind, outgoing.event, outgoing.lead, site)
    headers = {"Content-Type": "application/json"}
    if endpoint.kind == "webhook":
        headers |= signed(address, outgoing.event.id, body, now)
    return calls.post(target, body, headers, worker.clock)


def signed(address: Address, message_id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers by which the receiver knows who sent what and when (standardwebhooks.com)."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(address.secret).sign(message_id, now, body),
    }
