"""The page Data quality: what surprised, by field and value, and what to do about it."""

import pytest

from tests.factories import NOW, make_champion, make_user
from webapp.services.imports import quality
from webapp.services.imports.quality import Gathered


@pytest.fixture
def admin(write, sign_in):
    return sign_in(write(lambda s: make_user(s, role="admin")))


@pytest.fixture
def send(client, headers, write):
    """Send a lead as a program would."""
    write(make_champion)
    return lambda **lead: client.post("/score", json={"lead_id": "L-1", **lead}, headers=headers)


def test_a_value_outside_the_list_is_counted_and_added(admin, send, read):
    for source in ("Web", "Web", "Fax"):
        send(lead_source=source)
    page = admin.get("/data-quality").text
    assert page.index('<td class="cell-side">Web</td>') < page.index("Fax</td>")
    counts = {one.value: one.n for one in read(quality.everything)}
    assert counts == {"Web": 2, "Fax": 1}
    key = next(one.key for one in read(quality.everything) if one.value == "Web")
    answer = admin.post(f"/data-quality/{key}/add", follow_redirects=True).text
    assert "Web is a value of Lead source from now on." in answer
    assert send(lead_source="web").json["warnings"] == []
    assert [one.value for one in read(quality.everything)] == ["Fax"]


def test_text_about_people_is_never_kept(admin, send, read):
    send(name="Ada\nExample", phone="n/a", industry="x" * 300, email_opens=-1)
    admin.get("/data-quality")
    kept = {(one.field, one.kind, one.value) for one in read(quality.everything)}
    assert kept == {
        ("name", "other", ""),
        ("phone", "word for unknown", ""),
        ("industry", "other", ""),
        ("email_opens", "other", ""),
    }


def test_the_values_of_a_field_are_bounded(write, read):
    many = {("lead_source", quality.NOT_IN_LIST, str(n)): (1, "key:a") for n in range(250)}
    for _ in range(2):
        write(lambda s: quality.store(s, many, NOW))
    rows = read(quality.everything)
    assert len(rows) == quality.MAX_VALUES + 1
    assert sum(one.n for one in rows) == 500


def test_counts_are_gathered_and_taken_once():
    gathered = Gathered()
    assert gathered.add([("a", "other", "")] * 3, "key:a") is False
    assert gathered.take() == {("a", "other", ""): (3, "key:a")}
    assert gathered.take() == {}


def test_a_count_is_dismissed_and_metrics_name_no_value(admin, send, client, read):
    send(lead_source="Web")
    admin.get("/data-quality")
    [one] = read(quality.everything)
    assert (
        "Nothing has surprised us yet"
        in admin.post(f"/data-quality/{one.key}/forget", follow_redirects=True).text
    )
    figures = client.get("/metrics").text
    assert 'leadloop_surprises_total{field="lead_source",rule="not in the list"} 1.0' in figures
    assert 'Web"' not in figures
