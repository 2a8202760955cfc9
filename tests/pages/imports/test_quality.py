"""The page Data quality: what surprised, by field and value, and what to do about it."""

import re

import pytest

from ml.fields import reading
from tests.factories import NOW, make_champion, make_leads, make_user
from tests.pages.models.test_monitors import check_done
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered
from webapp.services.leads import duplicates
from webapp.services.models import monitoring
from webapp.services.runs import runs


@pytest.fixture
def admin(write, sign_in):
    return sign_in(write(lambda s: make_user(s, role="admin")))


@pytest.fixture
def send(client, headers, write, monkeypatch):
    """Send a lead as a program would; what surprises is stored at once."""
    write(make_champion)
    monkeypatch.setattr(quality, "STORED_EVERY_SECONDS", 0)
    return lambda **lead: client.post("/score", json={"lead_id": "L-1", **lead}, headers=headers)


def test_a_value_outside_the_list_is_counted_and_added(admin, send, read):
    for source in ("Web", "Web", "Fax"):
        send(lead_source=source)
    page = admin.get("/data-quality").text
    assert page.index(">Web</th>") < page.index(">Fax</th>")
    counts = {one.value: one.n for one in read(quality.everything)}
    assert counts == {"Web": 2, "Fax": 1}
    key = next(one.key for one in read(quality.everything) if one.value == "Web")
    answer = admin.post(f"/data-quality/{key}/add", follow_redirects=True).text
    assert "Web is a value of Lead source from now on." in answer
    assert send(lead_source="web").json["warnings"] == []
    assert [one.value for one in read(quality.everything)] == ["Fax"]


def test_a_value_outside_the_list_is_treated_as_a_choice(admin, send, read):
    for source in ("Web", "WEB", "web-", "Fax"):
        send(lead_source=source)
    [key] = [one.key for one in read(quality.everything) if one.value == "Web"]
    path = f"/data-quality/{key}/treat-as"
    answer = admin.post(path, data={"choice": "Organic"}, follow_redirects=True).text
    assert "Web is read as Organic in Lead source from now on." in answer
    assert [one.value for one in read(quality.everything)] == ["Fax"]
    assert send(lead_source="wEb").json["warnings"] == []
    again = admin.post(path, data={"choice": "Organic"}, follow_redirects=True).text
    assert "This value is not on the page any more." in again


def test_what_it_is_to_be_treated_as_must_be_a_choice(admin, send, read):
    send(lead_source="Web")
    [one] = read(quality.everything)
    answer = admin.post(f"/data-quality/{one.key}/treat-as", data={"choice": "Letter"})
    assert answer.status_code == 422
    assert "which is no choice." in answer.text
    assert [one.value for one in read(quality.everything)] == ["Web"]


def test_outcomes_without_a_lead_are_counted(admin, send, client, headers):
    assert "Outcomes without a lead" not in admin.get("/data-quality").text
    client.put("/feedback/L-9?outcome=true&wait=true", headers=headers)
    assert "1 outcome is waiting for a lead" in admin.get("/data-quality").text


def test_text_about_people_is_never_kept(admin, send, read):
    send(name="Ada\nExample", phone="n/a", industry="x" * 300, email_opens=-1)
    kept = {(one.field, one.kind, one.value) for one in read(quality.everything)}
    assert kept == {
        ("name", "control characters", ""),
        ("phone", "word for unknown", ""),
        ("industry", "too long", ""),
        ("email_opens", "out of range", ""),
    }


def test_the_values_of_a_field_are_bounded(write, read):
    many = {("lead_source", reading.NOT_IN_LIST, str(n)): (1, "key:a") for n in range(250)}
    for _ in range(2):
        write(lambda s: quality.store(s, many, NOW))
    rows = read(quality.everything)
    assert len(rows) == quality.MAX_VALUES + 1
    assert sum(one.n for one in rows) == 500
    known = {("lead_source", reading.NOT_IN_LIST, one.value): (1, "key:b") for one in rows}
    write(lambda s: quality.store(s, known, NOW))
    assert {one.n for one in read(quality.everything)} == {3, 101}
    assert {one.last_source for one in read(quality.everything)} == {"key:b"}


def test_known_values_leave_room_for_new_ones(write, read):
    def seen(start, end):
        return {
            ("lead_source", reading.NOT_IN_LIST, f"{n:03}"): (1, "key:a") for n in range(start, end)
        }

    write(lambda s: quality.store(s, seen(0, 150), NOW))
    write(lambda s: quality.store(s, seen(0, 200), NOW))
    assert len(read(quality.everything)) == quality.MAX_VALUES
    assert all(one.value for one in read(quality.everything))


def test_counts_are_handed_over_once_and_counted_on_where_that_fails():
    def fail(found):
        raise ConnectionError

    gathered = Gathered()
    kept: list[object] = []
    assert gathered.add([("a", "other", "")] * 3, "key:a") is False
    with pytest.raises(ConnectionError):
        gathered.flush(fail)
    assert gathered.n_waiting == 3
    for _ in range(2):
        gathered.flush(kept.append)
    assert kept == [{("a", "other", ""): (3, "key:a")}]


def test_looking_at_the_page_writes_nothing_and_says_what_is_to_come(
    admin, send, read, monkeypatch
):
    monkeypatch.setattr(quality, "STORED_EVERY_SECONDS", 60)
    send(lead_source="Web")
    assert "1 more value has come in just now" in admin.get("/data-quality").text
    assert read(quality.everything) == []


def test_a_count_is_dismissed_and_metrics_name_no_value(admin, send, client, read):
    send(lead_source="Web")
    [one] = read(quality.everything)
    assert (
        "Nothing to correct at present."
        in admin.post(f"/data-quality/{one.key}/forget", follow_redirects=True).text
    )
    figures = client.get("/metrics").text
    assert 'leadloop_surprises_total{field="lead_source",rule="not in the list"} 1.0' in figures
    assert 'Web"' not in figures


def test_likely_duplicates_are_listed_with_links_once_a_check_has_found_them(admin, write):
    def find(session):
        rows = [{"lead_id": f"L-{n}", "name": "Ada", "email": "ada@x.example"} for n in range(7)]
        made = make_leads(session, rows)
        check_done(session)
        run = runs.last_success(session, monitoring.KIND)
        run.result = {**run.result, "duplicates": duplicates.find(session)}
        return [lead.key for lead in made]

    assert "Likely duplicates" not in admin.get("/data-quality").text
    keys = write(find)
    page = re.sub(r"\s+", " ", admin.get("/data-quality").text)
    assert "Same e-mail address: 1 person, 7 leads" in page
    assert re.findall(r'href="/leads/(\d+)">Ada</a>', page) == [str(key) for key in keys[:5]]
    assert "and 2 more" in page
