"""By which hosts requests may name the product."""

import pytest

from webapp.app import create_app


@pytest.fixture(scope="session")
def dialect():
    """A request with another host reaches no database."""
    return "sqlite"


PUBLIC = {"public_url": "https://leads.example"}
NAMED = {"allowed_hosts": "Web, 10.0.0.5,[fd00::1]"}


@pytest.mark.parametrize("path", ["/health", "/sign-in", "/api/leads", "/nothing", "/docs"])
@pytest.mark.parametrize("host", ["evil.example", "leads.example.evil.example", "10.0.0.5.", "x y"])
def test_a_request_that_names_another_host_is_refused_everywhere(path, host, settings, champion):
    client = create_app(settings.model_copy(update=PUBLIC)).test_client()
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "LEADLOOP_ALLOWED_HOSTS" in answer.text


@pytest.mark.parametrize(
    ("changed", "host", "status"),
    [
        ({}, "anything.example", 200),
        (PUBLIC, "leads.example", 200),
        (PUBLIC, "LEADS.example:443", 200),
        (PUBLIC, "127.0.0.1:8000", 200),
        (PUBLIC, "localhost", 200),
        (PUBLIC, "[::1]:8000", 200),
        (PUBLIC, "web", 400),
        (PUBLIC | NAMED, "web:8000", 200),
        (NAMED, "10.0.0.5:8000", 200),
        (NAMED, "[fd00::1]:8000", 200),
        (NAMED, "leads.example", 400),
        (PUBLIC | {"host": "192.168.1.2"}, "192.168.1.2:8000", 200),
    ],
)
def test_the_public_address_this_machine_and_the_hosts_named_are_taken(
    changed, host, status, settings, champion
):
    client = create_app(settings.model_copy(update=changed)).test_client()
    assert client.get("/health", headers={"Host": host}).status_code == status
