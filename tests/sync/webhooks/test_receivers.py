"""What receivers do: answer late or never, ask for time, point elsewhere, move, go away."""

import socket
import threading
import time

import pytest
import sqlalchemy as sa

from sync.webhooks import calls
from tests.sync.webhooks.receiver import close_a_lead, receiving
from webapp.services.leads import leads, removal
from webapp.services.webhooks import addresses, endpoints
from webapp.tables.webhooks import WebhookTry

ADA = "ada@example.com"


@pytest.fixture
def error(read):
    """Why the only call had no answer."""
    return lambda: read(lambda s: s.scalars(sa.select(WebhookTry.error)).one())


def test_a_receiver_may_say_how_long_to_wait(write, receiver, listen, send, clock):
    listen(receiver.url)
    close_a_lead(write, "L-1")
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    send()
    clock.forward(seconds=100)
    send()
    assert len(receiver.received) == 1
    clock.forward(seconds=30)
    send()
    assert len(receiver.received) == 2


@pytest.mark.parametrize("asked", ["1000000000000000", "9" * 400])
def test_a_receiver_that_asks_for_ages_is_left_alone_for_an_hour(
    asked, write, receiver, listen, send, clock, endpoint
):
    key, _ = listen(receiver.url)
    close_a_lead(write, "L-1")
    receiver.status, receiver.headers = 503, {"Retry-After": asked}
    send()
    assert endpoint(key).n_failures == 1
    clock.forward(minutes=59)
    send()
    assert len(receiver.received) == 1
    clock.forward(minutes=2)
    send()
    assert len(receiver.received) == 2


def test_a_receiver_may_take_longer_to_answer_than_to_connect(
    write, receiver, listen, send, states, monkeypatch
):
    monkeypatch.setattr(calls, "CONNECT_SECONDS", 0.2)
    listen(receiver.url)
    receiver.act = lambda handler: time.sleep(0.5)
    close_a_lead(write, "L-1")
    send()
    assert states() == ["delivered"]


def test_a_receiver_that_never_answers_is_given_up(
    write, receiver, listen, send, error, monkeypatch
):
    monkeypatch.setattr(calls, "CALL_SECONDS", 0.2)
    listen(receiver.url)
    receiver.act = lambda handler: time.sleep(0.5)
    close_a_lead(write, "L-1")
    send()
    assert error() == "No response within 0.2 s"


def test_a_redirect_is_not_followed(write, receiver, listen, send, read):
    with receiving() as other:
        listen(receiver.url)
        receiver.status, receiver.headers = 302, {"Location": other.url}
        close_a_lead(write, "L-1")
        send()
        assert other.received == []
    assert read(lambda s: s.scalar(sa.select(WebhookTry.status))) == 302


def test_an_answer_that_trickles_in_is_cut_off(write, receiver, listen, send, read, monkeypatch):
    monkeypatch.setattr(calls, "CALL_SECONDS", 0.4)
    listen(receiver.url)

    def trickle(handler):
        for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
            handler.wfile.write(bytes([letter]))
            time.sleep(0.02)

    receiver.act = trickle
    close_a_lead(write, "L-1")
    send()
    assert read(lambda s: s.scalar(sa.select(WebhookTry.error))) == ("No response within 0.4 s")


def test_a_name_that_leads_to_a_private_address_by_now_is_not_called(
    write, listen, send, error, settings, monkeypatch
):
    """Asked when the address is saved, and again at the call."""
    ips = iter(["93.184.216.34", "127.0.0.1"])

    def look_up(host, port, *args, **named):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(ips), port))]

    def connect(*args):
        raise AssertionError("called")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(calls.socket, "create_connection", connect)
    url = "https://hooks.example.com/leads"
    endpoints.check_address(url, settings)
    listen(url)
    close_a_lead(write, "L-1")
    send()
    assert "hooks.example.com is an address of a private network" in error()


def test_a_slow_endpoint_holds_up_no_other(write, listen, send, monkeypatch):
    with receiving() as slow, receiving() as quick:
        is_sent = threading.Event()
        waited = []
        slow.act = lambda handler: waited.append(is_sent.wait(4))
        listen(slow.url)
        listen(quick.url)
        quick.act = lambda handler: is_sent.set() if len(quick.received) == 3 else None
        for name in ("L-1", "L-2", "L-3"):
            close_a_lead(write, name)
        send()
        assert waited[0] is True  # the other had all three while this one had its first
        assert (len(slow.received), len(quick.received)) == (3, 3)


def test_nothing_more_is_sent_once_the_webhook_is_disabled(
    write, receiver, listen, send, states, clock
):
    key, _ = listen(receiver.url)
    receiver.act = lambda handler: write(
        lambda s: endpoints.disable(s, key, actor=ADA, now=clock.now)
    )
    for name in ("L-1", "L-2", "L-3"):
        close_a_lead(write, name)
    send()
    assert len(receiver.received) == 1
    assert states() == ["delivered", "pending", "pending"]


def test_a_lead_that_is_erased_meanwhile_is_told_of_no_more(
    write, read, receiver, listen, send, clock
):
    listen(receiver.url)
    for name in ("L-1", "L-2", "L-3"):
        close_a_lead(write, name)
    erased = read(lambda s: leads.find(s, "L-2")).key

    def erase(handler):
        if len(receiver.received) == 1:
            write(lambda s: removal.erase(s, [erased], ADA, clock.now))

    receiver.act = erase
    send()
    told = [body for _, body in receiver.received]
    assert [name in b"".join(told) for name in (b"L-1", b"L-2", b"L-3")] == [True, False, True]
