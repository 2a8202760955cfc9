import pytest

from tests.factories import NOW
from webapp.services.webhooks import endpoints, events
from webapp.services.webhooks.endpoints import Wanted


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"webhook_hosts": "hooks.internal"})


@pytest.fixture
def listen(write, settings, champion):
    """`listen(*types)` makes an endpoint and gives it; without types it asks for all."""

    def listen(*types, min_points="10", name="A receiver"):
        url = "http://hooks.internal/leads?token=PLANTED"
        wanted = Wanted(name, "webhook", url, types or tuple(events.TYPES), min_points)
        return write(
            lambda s: endpoints.create(s, wanted, settings, actor="ada@example.com", now=NOW)
        )[0]

    return listen
