"""What every answer carries, what is kept of every request, and the server's own life."""

import gzip
import threading
import time

import pytest
import requests

from demo.salesforce.fake import FakeSalesforce
from demo.salesforce.org.clock import Clock, moment, stamp


def test_answers_tell_the_clock_and_the_calls_used(fake, api):
    fake.clock.move_to(moment("2026-12-24T18:00:00.000+0000"))
    api.log_in()
    answer = api.get("limits")
    assert answer.headers["Date"] == "Thu, 24 Dec 2026 18:00:00 GMT"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    assert answer.json()["DailyApiRequests"] == {"Max": 15_000, "Remaining": 14_999}


def test_calls_are_counted_for_a_day(fake, api):
    fake.quota.use(100)
    fake.clock.advance(hours=23)
    fake.quota.use(10)
    assert fake.quota.used == 110
    fake.clock.advance(hours=2)
    assert fake.quota.used == 10


def test_logins_are_no_calls(fake, api):
    for _ in range(3):
        api.log_in()
    assert fake.quota.used == 0
    assert (len(fake.logins), len(fake.calls)) == (3, 0)


def test_every_request_is_kept(fake, api):
    api.query("SELECT Id FROM Lead")
    api.get("sobjects/Lead/describe")
    fake.fail_next("reset")
    with pytest.raises(requests.ConnectionError):
        api.get("limits")
    assert [each.status for each in fake.calls] == [200, 200, None]
    assert fake.queries == ["SELECT Id FROM Lead"]
    fake.requests.clear()
    assert not fake.calls


def test_versions_are_listed_without_a_login(fake):
    listed = requests.get(f"{fake.url}/services/data/", timeout=5).json()
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in listed
    assert listed[-1]["label"] == "Winter '27"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "sobjects/Nothing/describe", 404, "NOT_FOUND"),
        ("GET", "nothing", 404, "NOT_FOUND"),
        ("GET", "queries/?q=x", 404, "NOT_FOUND"),
        ("GET", "query/", 400, "MALFORMED_QUERY"),
        ("POST", "query/", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "sobjects/Lead/00Q5e0000000001EAA", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_paths_and_methods_that_are_none_are_refused(api, method, path, status, code):
    answer = api.call(method, path)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_pages_are_packed_for_who_takes_them(fake, api):
    fake.leads(50)
    packed = api.query("SELECT Id, Name FROM Lead", **{"Accept-Encoding": "gzip"})
    plain = api.query("SELECT Id, Name FROM Lead", **{"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(gzip.compress(plain.content, 1)) == int(packed.headers["Content-Length"])
    assert packed.json() == plain.json()


def test_all_objects_and_the_record_of_an_object_are_described(api):
    listed = api.get("sobjects/").json()["sobjects"]
    assert {"Lead", "Opportunity", "LeadStatus"} <= {each["name"] for each in listed}
    assert api.get("sobjects/Lead").json()["objectDescribe"]["keyPrefix"] == "00Q"
    statuses = api.rows("SELECT MasterLabel, IsConverted FROM LeadStatus ORDER BY SortOrder")
    assert [row["MasterLabel"] for row in statuses if row["IsConverted"]] == ["Closed - Converted"]


def test_a_mistake_of_the_fake_is_not_taken_for_a_fault(monkeypatch):
    def break_it():
        with FakeSalesforce() as fake:
            monkeypatch.setattr(fake.oauth, "answer", lambda request: 1 / 0)
            with pytest.raises(requests.ConnectionError):
                requests.post(f"{fake.url}/services/oauth2/token", timeout=5)

    with pytest.raises(ZeroDivisionError):
        break_it()


def test_changes_and_calls_may_come_at_the_same_time(fake, api):
    def work():
        for _ in range(40):
            with fake.acting_as(fake.rep):
                fake.close(fake.convert(fake.lead()), won=True)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    while any(each.is_alive() for each in workers):
        for row in api.rows("SELECT Id FROM Lead WHERE IsConverted = false LIMIT 5"):
            api.patch({"id": row["Id"], "Rating": "Hot"})
    rows = api.rows("SELECT Id, ConvertedOpportunity.IsWon, LastModifiedById FROM Lead")
    assert len({row["Id"] for row in rows}) == 80
    assert all(row["ConvertedOpportunity"]["IsWon"] for row in rows)
    assert {row["LastModifiedById"] for row in rows} == {fake.rep}


def test_a_clock_that_ticks_goes_with_the_time():
    clock = Clock(ticks=True)
    before = clock.now
    time.sleep(1.05)
    assert clock.now > before
    clock.advance(hours=1)
    assert stamp(clock.now) > stamp(before)[:11]


def test_a_clock_does_not_go_back():
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)


def test_a_record_opens_in_a_browser(fake):
    lead = fake.lead(LastName="<b>Ng</b>", Company="Acme")
    page = requests.get(f"{fake.url}/{lead}", timeout=5)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html;charset=UTF-8")
    assert "&lt;b&gt;Ng&lt;/b&gt;" in page.text
    assert "<b>" not in page.text


@pytest.mark.parametrize("path", ["", "00Q5e0000000999AAA", "xyz", "00Q", "favicon.ico"])
def test_what_is_no_record_is_no_page(fake, path):
    assert requests.get(f"{fake.url}/{path}", timeout=5).status_code == 404
