"""The daily digest, sent through a real SMTP server by a clock that is moved by hand."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sync.digests import send_digests
from tests.factories import NOW, PROGRAM, make_champion, make_lead, make_outcome, make_user
from tests.services.inbox import mail_settings, receiving
from webapp.services.accounts import accounts
from webapp.services.accounts.preferences import InvalidPreference
from webapp.services.my_day import digests
from webapp.services.my_day.digests import InvalidDigest
from webapp.services.my_day.own_leads import Listed
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.remarks import overrides

RITA = "rita@example.com"
COLD: dict[str, Any] = {"email_opens": 0, "website_visits": 0}
HOT: dict[str, Any] = {"email_opens": 30, "website_visits": 40, "content_downloads": 9}


@pytest.fixture(scope="session")
def dialect():
    """My day is asked on both elsewhere."""
    return "sqlite"


@pytest.fixture
def settings(settings, free_port):
    return settings.model_copy(update=mail_settings(free_port))


@pytest.fixture
def inbox(free_port):
    with receiving(free_port) as inbox:
        yield inbox


@pytest.fixture
def rita(write):
    write(make_champion)
    return write(lambda s: make_user(s, RITA))


@pytest.fixture
def want(write, clock):
    def want(user, hour="7", time_zone="Europe/Berlin"):
        write(lambda s: digests.want(s, user.key, hour, time_zone, now=clock.now))

    return want


@pytest.fixture
def tick(do, worker):
    return lambda: do(send_digests, worker)


def make_day(write, now):
    """A lead of Rita's that rose, one that she closed, and one of somebody else's."""
    write(
        lambda s: make_lead(s, "L-1", owner=RITA, name="Ann Lee", company="Acme", now=now, **COLD)
    )
    write(lambda s: make_lead(s, "L-1", now=now + timedelta(hours=1), **HOT))
    write(lambda s: make_lead(s, "L-2", owner=RITA, name="Bo", now=now))
    by_rita = Attribution("rep", RITA)
    write(lambda s: make_outcome(s, "L-2", True, attribution=by_rita, now=now))
    write(lambda s: make_lead(s, "L-3", owner="mona@example.com", name="Secret", now=now))


def test_a_person_is_told_of_their_own_leads_and_of_no_others(
    rita, want, write, clock, tick, inbox
):
    make_day(write, NOW - timedelta(hours=3))
    want(rita)  # at 10:30 of her clock: the first comes tomorrow
    tick()
    assert inbox.mails == []
    clock.forward(hours=20, minutes=35)
    tick()  # 06:05 UTC is 07:05 in Berlin
    [mail] = inbox.mails
    text = mail.get_content()
    assert (mail["To"], mail["From"]) == (RITA, "leadloop@example.com")
    assert "1 rising" in mail["Subject"]
    assert "1 closed" in mail["Subject"]
    assert "Ann Lee, Acme" in text
    assert "https://leads.example.com/leads/1" in text
    assert "Website visits 0 → 40" in text
    assert "converted" in text
    assert "Secret" not in text


def test_it_is_sent_once_a_day(rita, want, write, clock, tick, inbox):
    want(rita, hour="5", time_zone="UTC")
    for _ in range(3 * 24):
        clock.forward(hours=1)
        if clock.now.hour == 0:
            make_day(write, clock.now)
        tick()
    assert len(inbox.mails) == 3


def test_nothing_to_tell_is_no_mail(rita, want, clock, tick, inbox):
    want(rita)
    clock.forward(days=1)
    tick()
    assert inbox.mails == []


def test_a_mail_that_was_refused_is_tried_again(rita, want, write, clock, tick, inbox):
    want(rita)
    clock.forward(days=1)
    make_day(write, clock.now - timedelta(hours=2))
    inbox.refusal = "451 later"
    tick()
    clock.forward(minutes=5)
    inbox.refusal = None
    tick()
    assert inbox.mails == []
    clock.forward(minutes=6)
    tick()
    tick()
    assert len(inbox.mails) == 1


def test_of_two_workers_one_sends_it(rita, want, write, read, clock):
    want(rita)
    clock.forward(days=1)
    [due] = read(lambda s: digests.due(s, clock.now))
    assert write(lambda s: digests.claim(s, due))
    assert not write(lambda s: digests.claim(s, due))


def test_whoever_was_turned_off_gets_none(rita, want, write, clock, read):
    want(rita)
    clock.forward(days=1)
    assert read(lambda s: len(digests.due(s, clock.now))) == 1
    write(lambda s: accounts.set_active(s, rita.key, False, actor="ada", now=clock.now))
    assert read(lambda s: digests.due(s, clock.now)) == []


@pytest.mark.parametrize(
    ("hour", "zone", "field"),
    [
        ("24", "UTC", "hour"),
        ("x", "UTC", "hour"),
        ("²", "UTC", "hour"),
        ("1" * 5_000, "UTC", "hour"),
        ("7", "Nowhere", "time_zone"),
        ("7", "", "time_zone"),
        ("7", "../etc/passwd", "time_zone"),
        ("7", "a\0b", "time_zone"),
    ],
)
def test_an_hour_or_a_zone_that_cannot_be_is_refused(hour, zone, field, rita, want):
    expected: Any = InvalidDigest if field == "hour" else InvalidPreference
    with pytest.raises(expected) as refused:
        want(rita, hour, zone)
    assert refused.value.field == field


def test_a_program_tells_of_outcomes_that_nobody_here_closed(rita, want, write, clock, tick, inbox):
    want(rita)
    clock.forward(days=1)
    write(lambda s: make_lead(s, "L-1", now=clock.now))
    write(lambda s: make_outcome(s, "L-1", True, attribution=PROGRAM, now=clock.now))
    tick()
    assert inbox.mails == []


def test_a_rep_who_sees_only_own_leads_is_not_told_of_one_given_away(
    rita, want, write, clock, tick, inbox, settings
):
    want(rita)
    clock.forward(days=1)
    make_day(write, clock.now - timedelta(hours=2))
    write(lambda s: make_lead(s, "L-2", owner="omar@example.com", now=clock.now))
    settings.reps_see = "own"
    tick()
    [mail] = inbox.mails
    assert "Bo" not in mail.get_content()
    assert "closed" not in mail["Subject"]
    assert "Ann Lee" in mail.get_content()


def test_a_score_that_a_person_set_is_marked_and_stands_before_the_models(
    rita, want, write, clock, tick, inbox
):
    want(rita)
    clock.forward(days=1)
    lead = write(lambda s: make_lead(s, "L-1", owner=RITA, name="Ann", now=clock.now, **COLD))
    until = clock.now + timedelta(days=3)
    said = {"until": until, "reason": "Met her", "author": RITA, "now": clock.now}
    write(lambda s: overrides.put(s, s.merge(lead), 0.95, **said))
    tick()
    text = inbox.mails[0].get_content()
    [line] = [line for line in text.splitlines() if "Ann" in line][:1]
    assert re.fullmatch(r"   95 A \(set by rita@example.com; model: \d+ D\)  Ann", line)


def test_the_week_without_contact_is_told_only_where_it_was_asked_for():
    nobody = Listed({"owner": "me"}, 0, False, [])
    waited = replace(nobody, asked={"not_contacted_for": "7"})
    told = [digests.paragraph(digests.PARTS[0], each, "") for each in (nobody, waited)]
    assert told == [
        "To call: A and B leads (0)",
        "To call: A and B leads without contact for a week (0)",
    ]
