"""The invented half year: played in parts, learned from, and removed without a trace."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.conftest import MOSTLY_SQLITE, ON_BOTH
from tests.factories import FIELDS, NOW, make_champion, make_lead, make_outcome, make_version
from webapp.services.demo import demo_data, demo_leads
from webapp.services.demo.demo_data import PARTS
from webapp.services.demo.ids import N_LEADS
from webapp.services.demo.invented import lives
from webapp.services.leads import ageing
from webapp.services.models import lifecycle, registry
from webapp.services.models.lifecycle import NothingToLearn, Trigger
from webapp.services.outcomes import label_counts
from webapp.services.runs import runs
from webapp.services.webhooks import endpoints, events
from webapp.services.webhooks.endpoints import Wanted
from webapp.tables import Lead, Outcome, Snapshot
from webapp.tables.webhooks import WebhookEvent

NEVER = Trigger(n_new_outcomes=10_000)


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    return request.param


@pytest.fixture
def demo(session):
    """A store with the first part."""
    make_champion(session)
    demo_data.load(session, FIELDS, NOW)
    return session


def go_on(session):
    return demo_data.go_on(session, FIELDS, NEVER, NOW)


def test_each_part_brings_its_leads_and_the_outcomes_of_its_days(demo):
    for end in PARTS:
        known = [life for life in lives(FIELDS) if life.messages[0].day < end]
        ended = [life for life in known if life.outcome_day < end]
        assert demo.scalar(sa.select(sa.func.count()).select_from(Lead)) == len(known)
        assert sum(label_counts.by_class(demo)) == len(ended)
        assert go_on(demo) is (end != PARTS[-1])
    assert demo.scalar(sa.select(sa.func.count()).select_from(Lead)) == N_LEADS


def test_days_go_by_for_leads_of_the_demo_once_all_of_it_is_here(demo):
    """What a later part tells of last month would come after what the clock says of today."""
    make_lead(demo, "L-1", days_since_contact=3, now=NOW - timedelta(days=60))
    while demo_data.next_part(demo, FIELDS, NEVER, NOW):
        assert len(ageing.next_due(demo, 0, NOW).keys) == 1
        go_on(demo)
    assert len(ageing.next_due(demo, 0, NOW).keys) > 10


def test_nothing_is_dated_in_the_future_and_every_outcome_follows_its_inputs(demo):
    while go_on(demo):
        pass
    assert demo.scalar(sa.select(sa.func.max(Snapshot.taken_at))) <= NOW
    first = sa.select(sa.func.min(Snapshot.taken_at)).where(Snapshot.lead_key == Outcome.lead_key)
    early = sa.select(Outcome.key).where(Outcome.happened_at <= first.scalar_subquery())
    assert demo.scalars(early).all() == []


def test_the_demo_waits_for_a_training_before_it_goes_on(demo):
    assert not demo_data.go_on(demo, FIELDS, Trigger(n_new_outcomes=50), NOW)


def test_what_a_visitor_does_to_demo_leads_leaves_them_demo_leads(demo):
    rita = demo_data.Attribution("rep", "rita@example.com")
    make_lead(demo, "DEMO-001", attribution=rita, email_opens=9)
    make_outcome(demo, "DEMO-001", True, attribution=rita)
    assert not demo_leads.has_real_outcomes(demo)


def test_invented_and_real_outcomes_are_never_learned_from_together(demo):
    lifecycle.request_retraining(demo, "ada", NOW)
    run = runs.claim(demo, "training", "worker", NOW)
    assert run is not None
    runs.finish(demo, run, NOW)
    make_lead(demo, "L-1", email_opens=3)
    assert demo_leads.in_the_way(demo) is None
    make_outcome(demo, "L-1", True)
    with pytest.raises(NothingToLearn, match="Remove the demo data"):
        lifecycle.request_retraining(demo, "ada", NOW)
    assert lifecycle.is_idle(demo, Trigger(n_new_outcomes=1), NOW)
    assert not go_on(demo)


@ON_BOTH
def test_removed_it_leaves_real_leads_and_the_starter_model(demo):
    make_lead(demo, "L-1", email_opens=3)
    version = make_version(demo)
    version.parent_key = make_champion(demo).key
    version.training = {"n_leads": 1, "n_converted": 1, "n_lost": 0, "is_demo": True}
    registry.set_alias(demo, registry.CHAMPION, version.key, NOW)
    n_demo = demo.scalar(sa.select(sa.func.count()).select_from(Lead)) - 1
    assert demo_data.remove(demo, "ada", NOW) == (n_demo, 0)
    assert demo.scalars(sa.select(Lead.lead_id)).all() == ["L-1"]
    assert runs.unfinished(demo, "rescoring").task["version"] == "1.0"
    assert not demo_leads.are_here(demo)


@ON_BOTH
def test_what_a_program_has_sent_stays_without_its_invented_outcome(demo):
    ended = min(life.lead_id for life in lives(FIELDS) if life.outcome_day < PARTS[0])
    make_lead(demo, ended, email_opens=3)
    assert not demo_leads.has_real_outcomes(demo)
    assert demo_data.remove(demo, "ada", NOW)[1] == 1
    [left] = demo.scalars(sa.select(Lead)).all()
    assert (left.lead_id, left.outcome) == (ended, None)
    assert demo.scalars(sa.select(Outcome)).all() == []


def test_nobody_elsewhere_is_told_of_invented_leads(demo, settings):
    wanted = Wanted(
        name="All", url="https://hooks.example.com/x", kind="webhook", events=list(events.TYPES)
    )
    endpoints.create(demo, wanted, settings, actor="ada", now=NOW)
    while go_on(demo):
        pass
    assert demo.scalars(sa.select(WebhookEvent.type)).all() == []


@pytest.mark.parametrize("kind", ["training", "rescoring"])
def test_it_is_not_removed_while_a_model_is_made(kind, demo):
    runs.request(demo, kind, trigger="request", requested_by="ada", now=NOW)
    with pytest.raises(runs.AlreadyRunning):
        demo_data.remove(demo, "ada", NOW)
    assert demo_leads.are_here(demo)


def test_a_store_with_leads_gets_none(session):
    make_lead(session, "L-1", now=NOW - timedelta(days=1))
    assert demo_data.load(session, FIELDS, NOW) == 0
