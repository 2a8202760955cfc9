"""What a lead's page says of an outcome that was kept in a conflict."""

import re

import pytest

from tests.connected import RITA, dispute
from tests.factories import make_outcome
from webapp.services.crm import conflicts
from webapp.services.outcomes.outcomes import Attribution


@pytest.fixture(scope="module")
def dialect():
    """The SQL of conflicts is tested beside their list."""
    return "sqlite"


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path):
    """The page's text, white space folded."""
    return re.sub(r"\s+", " ", visitor.get(path).text)


def keep(manager, salesforce, side):
    [row] = salesforce.read(conflicts.listed)
    answer = manager.post(f"/sync/conflicts/{row.conflict.key}", data={"kept": side})
    assert answer.status_code == 303


def test_an_outcome_kept_in_a_conflict_is_told_as_its_sources_and_who_kept_it(
    manager, fake, salesforce
):
    lead = dispute(fake, salesforce)
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    salesforce.later()
    keep(manager, salesforce, "crm")
    page = show(manager, f"/leads/{salesforce.lead(lead).key}")
    assert 'Salesforce <span class="muted">(kept by mona<wbr>@example.com)</span>' in page


def test_a_lead_says_who_kept_the_newer_outcome_in_a_conflict(manager, fake, salesforce):
    lead = dispute(fake, salesforce)
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=RITA, now=salesforce.now))
    salesforce.later()
    address = f"/leads/{salesforce.lead(lead).key}"
    assert "says Lost (newer, used)." in show(manager, address)
    keep(manager, salesforce, "rep")
    assert "says Lost (used, kept by mona<wbr>@example.com, <time" in show(manager, address)


def test_the_side_not_kept_in_a_conflict_is_named_as_what_it_was(manager, fake, salesforce):
    lead, key = dispute(fake, salesforce), Attribution("api", "web")
    salesforce.write(lambda s: make_outcome(s, lead, False, attribution=key, now=salesforce.now))
    salesforce.later()
    keep(manager, salesforce, "crm")
    page = show(manager, f"/leads/{salesforce.lead(lead).key}")
    assert "kept in a conflict with an API key" in page
