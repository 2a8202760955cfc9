"""Notes on the page of a lead, with and without htmx."""

import re

import pytest

from tests.factories import NOW, make_lead
from webapp.database import utc_now
from webapp.services.remarks import notes

HTMX = {"HX-Request": "true"}
BO = "bo@example.com"


@pytest.fixture
def lead(write):
    return write(lambda s: make_lead(s, "L-1"))


@pytest.fixture
def rep(rita, sign_in):
    return sign_in(rita)


def test_a_note_is_written_changed_and_deleted(rep, lead):
    address = f"/leads/{lead.key}"
    answer = rep.post(f"{address}/notes", data={"text": "Call <b>Ada</b> in May"})
    assert answer.location == f"{address}#timeline"
    page = rep.get(address).text
    assert "Call &lt;b&gt;Ada&lt;/b&gt; in May</span>" in page
    action = re.search(rf'action="({address}/notes/\d+)"', page)[1]
    fragment = rep.post(action, data={"text": "Call Ada in June"}, headers=HTMX).text
    assert '<span class="note-text">Call Ada in June</span>' in fragment
    assert ", edited" in fragment
    assert "<html" not in fragment
    assert "Call Ada" not in rep.post(f"{action}/delete", headers=HTMX).text


def test_a_note_of_somebody_else_is_only_read(rep, write, lead):
    note = write(lambda s: notes.add(s, lead, "Mine", author=BO, now=utc_now()))
    page = rep.get(f"/leads/{lead.key}").text
    assert "Mine</span>" in page
    assert "note-edit" not in page
    for action in ("", "/delete"):
        answer = rep.post(f"/leads/{lead.key}/notes/{note.key}{action}", data={"text": "Yours"})
        assert answer.status_code == 403
        assert "Only its author can change a note." in answer.text


def test_a_text_that_cannot_be_kept_is_given_back(rep, lead):
    answer = rep.post(f"/leads/{lead.key}/notes", data={"text": "x" * 5001}, headers=HTMX)
    assert answer.status_code == 422
    assert "up to 5,000 characters" in answer.text
    assert "x" * 5001 in answer.text
    assert rep.post(f"/leads/{lead.key}/notes", data={"text": " "}).status_code == 422


def test_earlier_entries_follow_on_demand(rep, write, lead):
    for n in range(25):
        write(lambda s, n=n: notes.add(s, lead, f"note number {n}.", author=BO, now=NOW))
    page = rep.get(f"/leads/{lead.key}").text
    assert "note number 4." not in page
    whole, fragment = re.search(
        r'id="earlier"><a [^>]*href="([^"]+)"[^>]* hx-get="([^"]+)"', page
    ).groups()
    for address in (whole, fragment):
        earlier = rep.get(address).text
        assert earlier.count("note number ") == 5
        assert "First score" in earlier
    assert "Show the newest" in rep.get(whole).text
    assert rep.get(f"/leads/{lead.key}?before=nonsense").status_code == 400


def test_a_note_on_a_lead_that_is_not_there_is_a_page_of_ours(rep):
    assert rep.post("/leads/4711/notes", data={"text": "x"}).status_code == 404
