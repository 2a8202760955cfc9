"""Where mail is set up: links of invitations are mailed, and people may have a daily digest."""

import html
import re

import pytest

from tests.services.inbox import mail_settings, receiving
from webapp.services.my_day import digests

FORM = {"email": "new@example.com", "role": "rep"}


@pytest.fixture
def settings(settings, free_port):
    return settings.model_copy(update=mail_settings(free_port))


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def link_in(page):
    return html.unescape(re.findall(r'<code class="secret"[^>]*>([^<]+)</code>', page)[0])


def test_the_link_is_mailed_by_the_address_of_the_settings(admin, free_port):
    with receiving(free_port) as inbox:
        page = admin.post("/settings/users", data=FORM).text
    [mail] = inbox.mails
    assert "Emailed to new@example.com" in page
    assert (mail["To"], mail["From"]) == ("new@example.com", "leadloop@example.com")
    assert link_in(page).startswith("https://leads.example.com/invitations/")
    assert link_in(page) in mail.get_content()
    assert "ada@example.com has invited you" in mail.get_content()


def test_a_mail_that_cannot_be_sent_is_no_lost_link(admin):
    page = admin.post("/settings/users", data=FORM).text
    assert "The email was not sent: The mail server cannot be used" in page
    assert link_in(page)


def test_a_mail_that_the_server_refuses_says_so(admin, free_port):
    with receiving(free_port) as inbox:
        inbox.refusal = "550 no"
        page = admin.post("/settings/users", data=FORM).text
    assert "The email was not sent" in page


def test_a_person_asks_for_a_daily_digest_and_stops_it(rita, sign_in, read):
    rep = sign_in(rita)
    assert "Daily digest" in rep.get("/settings").text
    form = {"hour": "7", "time_zone": "Europe/Berlin"}
    page = rep.post("/settings/digest", data=form, follow_redirects=True).text
    assert "Daily digest saved." in page
    found = read(lambda s: digests.find(s, rita.key))
    assert (found.hour, found.time_zone) == (7, "Europe/Berlin")
    rep.post("/settings/digest", data={**form, "hour": ""})
    assert read(lambda s: digests.find(s, rita.key)) is None


def test_a_digest_at_no_hour_says_so_beside_its_field(rita, sign_in):
    answer = sign_in(rita).post("/settings/digest", data={"hour": "7", "time_zone": "Mars"})
    assert answer.status_code == 422
    assert 'id="time_zone-error">No time zone has this name.' in answer.text
