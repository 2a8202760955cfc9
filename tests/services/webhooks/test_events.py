"""Which events are written, with what happened and only with it, and for whom."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import MOSTLY_SQLITE, ON_BOTH
from tests.factories import FIELDS, NOW, PROGRAM, make_lead, make_outcome, make_version
from webapp.api.document.webhooks import BODIES
from webapp.services.leads import leads, records, removal, scoring
from webapp.services.models import lifecycle, registry, rescoring
from webapp.services.webhooks import deliveries, endpoints, events, messages
from webapp.tables.webhooks import WebhookDelivery, WebhookEvent

LATER = NOW + timedelta(hours=1)
COLD: dict[str, Any] = {"email_opens": 0, "website_visits": 0, "content_downloads": 0}
HOT: dict[str, Any] = {
    "email_opens": 30,
    "website_visits": 40,
    "content_downloads": 9,
    "lead_source": "Referral",
}


@pytest.fixture(scope="session", params=MOSTLY_SQLITE)
def dialect(request):
    return request.param


@pytest.fixture
def told(read):
    """The events written so far, by type, with their data."""
    query = sa.select(WebhookEvent).order_by(WebhookEvent.occurred_at, WebhookEvent.type)
    return lambda: [(e.type, e.data) for e in read(lambda s: s.scalars(query).all())]


@ON_BOTH
def test_new_inputs_tell_of_a_score_and_a_grade_that_changed(write, listen, told):
    listen()
    first = write(lambda s: make_lead(s, "L-1", **COLD))
    assert told() == []  # a first score is no change
    write(lambda s: make_lead(s, "L-1", now=LATER, **HOT))
    [(grade_type, grade), (score_type, score)] = told()
    assert (grade_type, score_type) == ("grade.changed", "score.changed")
    assert grade == score
    assert score["previous_score"] < score["conversion_score"]
    assert (score["lead_id"], score["previous_grade"], score["grade"]) == ("L-1", "D", "A")
    assert (score["model_version"], score["status"]) == ("1.0", "open")
    assert first.lead_id == "L-1"


def test_a_score_is_told_from_the_points_on_that_an_endpoint_asked_for(write, listen, read):
    listen(events.SCORE_CHANGED, min_points="1")
    listen(events.SCORE_CHANGED, min_points="100")
    write(lambda s: make_lead(s, "L-1", **COLD))
    write(lambda s: make_lead(s, "L-1", now=LATER, **HOT))
    assert read(lambda s: s.scalars(sa.select(WebhookDelivery.endpoint_key)).all()) == [1]


def test_the_same_inputs_again_tell_nothing(write, listen, told):
    listen()
    write(lambda s: make_lead(s, "L-1", **COLD))
    write(lambda s: make_lead(s, "L-1", now=LATER, **COLD))
    assert told() == []


@ON_BOTH
def test_what_is_rolled_back_is_not_told(write, listen, told):
    listen()

    def work(session):
        make_outcome(session, make_lead(session, "L-1"), True)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(work)
    assert told() == []


def test_an_outcome_is_told_when_another_one_counts(write, listen, told):
    listen(events.OUTCOME_RECORDED)
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    write(lambda s: make_outcome(s, "L-1", True, now=LATER))
    write(lambda s: make_outcome(s, "L-1", None, now=LATER + timedelta(hours=1)))
    assert [data["outcome"] for _, data in told()] == ["converted", None]
    assert [data["status"] for _, data in told()] == ["converted", "open"]


def test_history_that_is_read_in_and_files_are_no_news(write, listen, told):
    listen()
    long_ago = NOW - timedelta(days=31)
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True, happened_at=long_ago))
    file = replace(PROGRAM, source="csv")
    write(lambda s: make_outcome(s, make_lead(s, "L-2"), True, attribution=file))
    assert told() == []


def test_scoring_a_file_tells_nothing(write, listen, told):
    listen()
    write(lambda s: make_lead(s, "L-1", **COLD))
    record = records.clean(FIELDS, {"lead_id": "L-1", **HOT})
    given = [scoring.ScoringInput(record, LATER, came_with_outcome=False)]
    write(lambda s: scoring.score_many(s, registry.in_use(s), given, source="csv", now=LATER))
    assert told() == []


def test_what_is_sent_is_what_the_api_document_says(write, read, listen):
    listen()
    write(lambda s: make_lead(s, "L-1", **COLD))
    write(lambda s: make_outcome(s, make_lead(s, "L-1", now=LATER, **HOT), True, now=LATER))
    version = write(make_version)
    write(lambda s: lifecycle.switch(s, version, "mona@example.com", LATER))
    sent = read(lambda s: s.scalars(sa.select(WebhookEvent)).all())
    assert {event.type for event in sent} == set(BODIES) - {events.SYNC_FAILED}
    for event in sent:
        BODIES[event.type].model_validate_json(messages.body("webhook", event, None, ""))


@ON_BOTH
def test_a_new_version_is_one_event_however_many_leads_it_scores(write, listen, told):
    listen()
    for number in range(3):
        write(lambda s, number=number: make_lead(s, f"L-{number}", **COLD))
    version = write(make_version)

    def promote(session):
        rescoring.begin(session, version, LATER)
        rescoring.fill(session, version, 0)
        lifecycle.switch(session, version, "mona@example.com", LATER, reason="")

    write(promote)
    [(kind, data)] = told()
    assert kind == "model.promoted"
    assert data["open_leads"] == 3
    assert (data["previous_version"], data["model_version"]) == ("1.0", "1.1")
    assert (data["action"], data["by"]) == ("promoted", "person")


def test_a_disabled_endpoint_gets_no_new_events(write, listen, told):
    endpoint = listen()
    write(lambda s: endpoints.disable(s, endpoint.key, actor="ada@example.com", now=NOW))
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    assert told() == []


@ON_BOTH
def test_erasing_a_lead_erases_what_was_told_of_it(write, listen, told):
    listen()
    lead = write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    assert len(told()) == 1
    write(lambda s: removal.erase(s, [lead.key], "ada@example.com", NOW))
    assert told() == []


@ON_BOTH
def test_an_endpoint_is_claimed_by_one_worker_until_the_claim_lapses(write, listen):
    listen()
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    assert len(write(lambda s: deliveries.claim(s, "one", NOW, 8))) == 1
    assert write(lambda s: deliveries.claim(s, "two", NOW, 8)) == []
    after = NOW + deliveries.LEASE
    assert len(write(lambda s: deliveries.claim(s, "two", after, 8))) == 1


@ON_BOTH
def test_events_are_forgotten_after_a_month(write, listen, told, read):
    listen()
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    soon, late = NOW + timedelta(days=29), NOW + timedelta(days=31)
    assert write(lambda s: deliveries.forget_old(s, soon)) == 0
    assert write(lambda s: deliveries.forget_old(s, late)) == 1
    assert told() == []
    assert read(lambda s: s.scalars(sa.select(WebhookDelivery.key)).all()) == []


@ON_BOTH
def test_figures_say_what_waits_and_what_fails(write, read, listen):
    listen()
    off = listen(name="Off")
    write(lambda s: endpoints.disable(s, off.key, actor="ada@example.com", now=NOW))
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    assert read(deliveries.figures) == deliveries.Figures(1, NOW, 1, 0)
    failed = deliveries.Answer(NOW, 5, status=500)
    assert write(lambda s: deliveries.record(s, 1, failed)) is False
    assert read(deliveries.figures) == deliveries.Figures(1, NOW, 1, 1)


def test_a_lead_known_before_is_found_by_its_key(write, read, listen):
    listen()
    write(lambda s: make_outcome(s, make_lead(s, "L-1", name="Ann"), True))
    key = read(lambda s: leads.find(s, "L-1")).key
    outgoing = read(lambda s: deliveries.next_due(s, 1, NOW))
    assert (outgoing.lead.key, outgoing.event.lead_key) == (key, key)


@ON_BOTH
def test_a_webhook_is_removed_while_an_answer_is_noted(app, write, listen):
    """Whoever locks the endpoint waits for nobody who waits for it."""
    endpoint = listen()
    write(lambda s: make_outcome(s, make_lead(s, "L-1"), True))
    noted = []

    def note():
        with app.app_context():
            answer = deliveries.Answer(NOW, 5, status=200)
            noted.append(write(lambda s: deliveries.record(s, 1, answer)))

    thread = threading.Thread(target=note)

    def remove(session):
        endpoints.by_key(session, endpoint.key, lock=True)
        thread.start()
        thread.join(0.3)
        endpoints.remove(session, endpoint.key, actor="ada@example.com", now=NOW)
        session.flush()

    write(remove)
    thread.join()
    assert noted == [False]
