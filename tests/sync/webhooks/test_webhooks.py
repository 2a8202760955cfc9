"""Webhooks on their way: signed, sent at least once, tried again, given up; each by one worker."""

import json
import random
import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from standardwebhooks import webhooks as reference

from sync.webhooks.sending import send_webhooks
from tests.factories import NOW, make_lead, make_outcome, make_user
from tests.services.inbox import mail_settings
from tests.services.inbox import receiving as receiving_mail
from tests.sync.webhooks.receiver import close_a_lead, receiving
from webapp.database import utc_now
from webapp.services.webhooks import deliveries, endpoints, events
from webapp.tables import AuditEntry
from webapp.tables.webhooks import WebhookEndpoint, WebhookTry

HOUR = timedelta(hours=1)


def at(monkeypatch, now):
    """Let the reference library verify at the clock of the test."""

    class Then(datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    monkeypatch.setattr(reference, "datetime", Then)


def test_a_message_verifies_with_the_library_of_the_specification(
    write, receiver, listen, send, monkeypatch
):
    _, secret = listen(receiver.url, events.OUTCOME_RECORDED)
    close_a_lead(write, "L-ü")
    send()
    [(headers, body)] = receiver.received
    at(monkeypatch, NOW)
    told = reference.Webhook(secret).verify(body, headers)
    assert headers["content-type"] == "application/json"
    assert told == {
        "type": "outcome.recorded",
        "timestamp": NOW.isoformat(),
        "data": {
            "lead_id": "L-ü",
            "status": "converted",
            "outcome": "converted",
            "happened_at": NOW.isoformat(),
            "source": "api",
        },
    }
    with pytest.raises(reference.WebhookVerificationError):
        reference.Webhook(secret).verify(body.replace(b"L-", b"M-"), headers)


def test_a_delivered_message_is_sent_once(write, receiver, listen, send, states):
    listen(receiver.url)
    close_a_lead(write, "L-1")
    send()
    send()
    assert (len(receiver.received), states()) == (1, ["delivered"])


def test_the_log_holds_status_and_duration_of_each_try(write, read, receiver, listen, send, clock):
    listen(receiver.url)
    close_a_lead(write, "L-1")
    receiver.status = 500
    send()
    receiver.status = 200
    clock.forward(minutes=1)
    send()
    tries = read(lambda s: s.scalars(sa.select(WebhookTry).order_by(WebhookTry.key)).all())
    assert [each.status for each in tries] == [500, 200]
    assert all(each.milliseconds >= 0 and each.error is None for each in tries)
    assert len(set(receiver.ids)) == 1


def test_a_message_is_tried_ten_times_over_three_days_and_then_fails(
    write, receiver, listen, send, clock, states
):
    listen(receiver.url)
    close_a_lead(write, "L-1")
    receiver.status = 503
    began = clock.now
    while states() == ["pending"]:
        send()
        clock.forward(minutes=10)
    assert states() == ["failed"]
    assert len(receiver.received) == 10
    assert timedelta(days=2.6) < clock.now - began < timedelta(days=3.4)


def test_the_waits_between_tries_add_up_to_three_days():
    total = sum(deliveries.RETRY_AFTER, timedelta())
    assert timedelta(days=2.9) < total <= timedelta(days=3)


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_the_log_says_so(
    write, read, receiver, listen, send, clock, endpoint
):
    key, _ = listen(receiver.url)
    receiver.status = 500
    for day in range(5):
        close_a_lead(write, f"L-{day}", now=clock.now)
        for _ in range(12):
            send()
            clock.forward(hours=2)
    assert endpoint(key).disabled_reason == "Every call has failed for three days."
    n_received = len(receiver.received)
    send()
    assert len(receiver.received) == n_received
    entries = read(lambda s: s.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.key)).all())
    assert entries.count("disabled webhook") == 1


def test_administrators_are_mailed_when_an_endpoint_is_disabled(
    write, receiver, listen, do, worker, settings, free_port, app
):
    listen(receiver.url)
    close_a_lead(write, "L-1")
    write(lambda s: make_user(s, "ada@example.com", role="admin"))
    receiver.status = 410
    with receiving_mail(free_port) as inbox:
        for name, value in mail_settings(free_port).items():
            setattr(settings, name, value)
        do(send_webhooks, worker)
    [mail] = inbox.mails
    assert mail["To"] == "ada@example.com"
    assert "410 Gone" in mail.get_content()
    assert "https://leads.example.com/settings/webhooks/1" in mail.get_content()


def test_what_was_in_the_queue_is_sent_when_the_endpoint_is_enabled_again(
    write, receiver, listen, send, clock, states
):
    key, _ = listen(receiver.url)
    close_a_lead(write, "L-1")
    receiver.status = 410
    send()
    assert states() == ["pending"]
    receiver.status = 200
    clock.forward(hours=1)
    send()
    assert len(receiver.received) == 1
    write(lambda s: endpoints.enable(s, key, actor="ada@example.com", now=clock.now))
    send()
    assert states() == ["delivered"]


def test_a_message_that_is_refused_holds_up_no_other(write, receiver, listen, send, clock, states):
    listen(receiver.url)

    def refuse_the_first(handler):
        receiver.status = 400 if b"L-1" in receiver.received[-1][1] else 200

    receiver.act = refuse_the_first
    for name in ("L-1", "L-2", "L-3"):
        close_a_lead(write, name)
    for _ in range(3):
        send()
        clock.forward(seconds=20)
    assert states() == ["pending", "delivered", "delivered"]


def test_slack_and_teams_get_a_sentence(write, receiver, listen, send):
    listen(receiver.url, kind="slack")
    listen(receiver.url, kind="teams")
    write(lambda s: make_lead(s, "L-1", name="Ann <b>", company="Acme & Co"))
    write(lambda s: make_outcome(s, "L-1", False))
    send()
    bodies = [json.loads(body) for _, body in receiver.received]
    [slack] = [body["text"] for body in bodies if "text" in body]
    assert slack == (
        "Ann &lt;b&gt;, Acme &amp; Co was lost. <http://127.0.0.1:8000/leads/1|Open in Leadloop>"
    )
    [teams] = [body["attachments"][0] for body in bodies if "attachments" in body]
    assert teams["contentType"] == "application/vnd.microsoft.card.adaptive"
    inlines = teams["content"]["body"][0]["inlines"]
    assert inlines == [{"type": "TextRun", "text": "Ann <b>, Acme & Co was lost."}]


def test_two_workers_send_a_message_once(write, receiver, listen, do, make_worker, app):
    listen(receiver.url)
    for number in range(10):
        close_a_lead(write, f"L-{number}")
    workers = [make_worker(), make_worker()]
    threads = [threading.Thread(target=do, args=[send_webhooks, w]) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(receiver.ids) == sorted(set(receiver.ids))
    assert len(receiver.received) == 10


def test_a_worker_that_is_killed_before_it_notes_the_answer_has_it_sent_again_with_the_same_id(
    write, receiver, listen, send, clock, states, kill_worker_at
):
    listen(receiver.url)
    close_a_lead(write, "L-1", now=utc_now())  # the worker's clock is the real one
    kill_worker_at("answered")
    assert (len(receiver.received), states()) == (1, ["pending"])
    clock.now = utc_now()
    send()
    assert len(receiver.received) == 1  # nobody knows yet that the worker is gone
    clock.forward(seconds=61)
    send()
    assert len(receiver.received) == 2
    assert len(set(receiver.ids)) == 1
    assert states() == ["delivered"]


@hypothesis_settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(st.integers(0, 90), min_size=1, max_size=8),
    down_at=st.integers(0, 60),
    seed=st.integers(0, 1000),
)
def test_a_receiver_that_is_down_for_an_hour_loses_nothing(
    minutes, down_at, seed, write, read, do, worker, clock, listen
):
    """Leads are closed at any minute; from one minute on nothing is received for an hour."""
    random.seed(seed)
    with receiving() as receiver:
        key, _ = listen(receiver.url, events.OUTCOME_RECORDED)
        began = clock.now
        wanted = set()
        for minute in range(0, 300, 10):
            clock.now = began + timedelta(minutes=minute)
            is_down = down_at <= minute < down_at + 60
            receiver.status = 503 if is_down else 200
            for place, closed_at in enumerate(minutes):
                if minute <= closed_at < minute + 10:
                    name = f"{seed}-{began.isoformat()}-{place}"
                    close_a_lead(write, name, now=clock.now)
                    wanted.add(name)
            accepted_before = len(receiver.received)
            do(send_webhooks, worker)
            if not is_down:
                got = {
                    json.loads(b)["data"]["lead_id"] for _, b in receiver.received[accepted_before:]
                }
                wanted -= got
        assert wanted == set()
        assert len(set(receiver.ids)) == len(minutes)
        write(lambda s: endpoints.remove(s, key, actor="ada@example.com", now=clock.now))
        clock.now += HOUR


def test_two_endpoints_and_no_leads_cost_nothing(read, send, listen, receiver):
    listen(receiver.url)
    send()
    assert receiver.received == []
    assert read(lambda s: s.scalar(sa.select(WebhookEndpoint.claimed_by))) is None
