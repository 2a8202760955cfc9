"""Whatever is sent: a problem document with a 4xx, and nothing written."""

import http.client
from urllib.parse import urlsplit

import sqlalchemy as sa

from tests.api import hostile
from webapp.tables import Lead, Outcome

MAX_ANSWER = 8_000


def test_hostile_requests_are_refused_and_leave_nothing_behind(
    dialect, waitress_url, headers, read
):
    cases = hostile.cases() if dialect == "sqlite" else hostile.beyond_values()
    wrong = {case.name: fault for case in cases if (fault := faults(waitress_url, case, headers))}
    assert len(cases) > (600 if dialect == "sqlite" else 200)
    assert wrong == {}
    assert read(lambda s: s.scalars(sa.select(Lead.lead_id)).all()) == []
    assert read(lambda s: s.scalars(sa.select(Outcome.key)).all()) == []


def test_without_strict_handling_no_hostile_value_breaks_anything(client, headers):
    for case in hostile.values():
        options = {"content_type": hostile.JSON, "headers": headers}
        answer = client.post("/score", data=case.body, **options)
        assert answer.status_code in {200, *case.statuses}, case.name
        assert answer.status_code != 200 or answer.json["warnings"], case.name
        assert len(answer.data) <= MAX_ANSWER


def faults(url, case, headers):
    """What is wrong with the answer, or None."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.putrequest(case.method, case.path)
        for name, value in {**headers, **case.headers}.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", str(len(case.body)))
        connection.endheaders(case.body)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status not in case.statuses:
        return f"{answer.status}: {body[:200]!r}"
    if answer.headers.get_content_type() != "application/problem+json":
        return f"{answer.headers.get_content_type()}"
    return f"{len(body)} bytes" if len(body) > MAX_ANSWER else None
