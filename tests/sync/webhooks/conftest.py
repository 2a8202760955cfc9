import pytest
import sqlalchemy as sa

from sync.webhooks import sending
from sync.webhooks.sending import send_webhooks
from tests.factories import NOW
from tests.sync.webhooks.receiver import receiving
from webapp.services.webhooks import endpoints, events
from webapp.services.webhooks.endpoints import Wanted
from webapp.tables.webhooks import WebhookDelivery


@pytest.fixture(scope="session")
def dialect():
    """What the worker does; tests/services/webhooks asks both databases."""
    return "sqlite"


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"webhook_hosts": "127.0.0.1"})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(sending, "PAUSE_SECONDS", dict.fromkeys(sending.PAUSE_SECONDS, 0))
    monkeypatch.setattr(sending, "LOOK_AGAIN_SECONDS", 0.05)


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def listen(write, settings):
    """`listen(url)` makes an endpoint and gives its key and secret."""

    def listen(url, *types, kind="webhook", min_points="10", name="A receiver"):
        wanted = Wanted(name, kind, url, types or tuple(events.TYPES), min_points)
        endpoint, secret = write(
            lambda s: endpoints.create(s, wanted, settings, actor="ada@example.com", now=NOW)
        )
        return endpoint.key, secret

    return listen


@pytest.fixture
def send(do, worker):
    return lambda: do(send_webhooks, worker)


@pytest.fixture
def endpoint(read):
    return lambda key: read(lambda s: endpoints.by_key(s, key))


@pytest.fixture
def states(read):
    query = sa.select(WebhookDelivery.state).order_by(WebhookDelivery.key)
    return lambda: read(lambda s: list(s.scalars(query)))
