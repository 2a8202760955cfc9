"""What My day names as the cause of a rising score."""

import pytest

from ml.fields.types import Value
from ml.scorecard.changes import Explained, Part
from tests.factories import FIELDS, make_lead
from webapp.services.models import registry
from webapp.services.my_day import own_leads


@pytest.fixture(scope="session")
def dialect():
    """Nothing here depends on the database."""
    return "sqlite"


def test_a_value_that_stayed_is_no_cause_though_its_effect_rose(write, read, monkeypatch):
    """A forest weighs a field by what the others are."""
    lead = write(lambda s: make_lead(s, "L-1", email_opens=3, website_visits=9))
    parts = (Part("email_opens", 0.08), Part("website_visits", 0.05), Part("age", 0.004))
    told = Explained(0.1, 0.23, 0.23, parts, ())
    monkeypatch.setattr(own_leads, "explain_change", lambda *_: told)
    before: dict[str, Value] = {"email_opens": 3, "website_visits": 2}
    _, card = read(registry.serving)
    (cause,) = own_leads._causes(card, FIELDS, lead, before)
    assert (cause.label, cause.before, cause.now) == ("Website visits", 2, 9)
    assert cause.points == pytest.approx(5)
