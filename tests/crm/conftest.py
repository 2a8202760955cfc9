"""The product beside a CRM in memory."""

import pytest

from tests import factories
from tests.crm.memory import MEMORY, MemoryCrm
from tests.crm.product import SOURCES, START, Connected
from webapp.services.crm import connections, saved_mapping
from webapp.services.crm.credentials import Credentials
from webapp.services.crm.kinds import table


@pytest.fixture
def crm():
    return MemoryCrm(START)


@pytest.fixture
def known(monkeypatch):
    """The product has an adapter of this CRM."""
    monkeypatch.setitem(table.KINDS, MEMORY.key, MEMORY)


@pytest.fixture
def connected(app, settings, write, crm, known):
    entered = Credentials("service_key", "acme.memory.example", secrets={"service_key": "secret"})

    def connect(session):
        factories.make_champion(session)
        connections.save(session, entered, settings, actor="ada", now=START, kind=MEMORY)
        connections.pause(session, False, "ada", START)
        saved_mapping.save(session, SOURCES, "ada", START)

    write(connect)
    return Connected(app, crm)


@pytest.fixture
def met(crm, connected):
    """Three leads and two deals, each of two leads, after the first sync."""
    for lead_id in ("ann", "bob", "cy"):
        crm.lead(lead_id, source="Referral", visits=3)
    crm.win(crm.deal("won", "ann", "bob"))
    crm.deal("open", "bob", "cy")
    connected.first = connected.well()
    return connected
