"""The audit log: failures, refusals and exports with their caller, and entries that stay."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.conftest import csrf_token
from tests.factories import NOW, make_key
from webapp.database import utc_now
from webapp.services.accounts import attempts, audit
from webapp.tables import AuditEntry


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def dialect(request):
    """Each database has triggers of its own."""
    return request.param


def entries(read, action):
    return [e for e in read(audit.latest) if e.action == action]


def fail(client, email, n=1, address="192.0.2.7"):
    form = {"email": email, "password": "wrong"}
    for _ in range(n):
        token = csrf_token(client, "/sign-in")
        data = {**form, "csrf_token": token}
        client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": address})


def test_a_detail_that_says_nothing_is_not_shown(ada, sign_in, write):
    detail = {"from": "1.0", "reason": "", "open_leads": 0}
    write(lambda s: audit.record(s, "gate", "promoted", "version 1.1", now=NOW, detail=detail))
    page = " ".join(sign_in(ada).get("/settings/audit-log").text.split())
    assert "from: 1.0; open_leads: 0 <" in page


@pytest.mark.parametrize("email", ["rita@example.com", "hunter2 my password"])
def test_a_failed_sign_in_says_whose_and_from_where_but_not_what_was_typed(
    email, client, rita, read, capfd
):
    fail(client, email)
    [entry] = entries(read, "failed to sign in")
    assert entry.actor == (rita.email if email == rita.email else "unknown account")
    assert (entry.caller, len(entry.request_id)) == ("192.0.2.7", 32)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = [line for line in lines if line["event"] == "audit"]
    assert [(t["action"], t["caller"], t["request_id"]) for t in told] == [
        ("failed to sign in", "192.0.2.7", entry.request_id)
    ]
    assert email not in str(lines)


def test_a_pause_is_told_once_when_it_begins(client, rita, read):
    fail(client, rita.email, attempts.FREE_TRIES + 2)
    assert len(entries(read, "failed to sign in")) == attempts.FREE_TRIES + 2
    assert len(entries(read, "sign-in paused")) == 1


def test_a_refused_page_and_call_are_told_once_in_a_while(client, rita, sign_in, write, read):
    rep, key = sign_in(rita), write(lambda s: make_key(s, "score", name="Web"))
    for _ in range(3):
        assert rep.get("/settings/keys").status_code == 403
        own = {"Authorization": f"Bearer {key}"}
        assert client.post("/retrain", headers=own).status_code == 403
    found = {(e.actor, e.subject) for e in entries(read, "was refused")}
    assert found == {(rita.email, "pages.keys.index"), ("key:Web", "api.runs.retrain")}
    assert len(entries(read, "was refused")) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET actor = 'somebody else'",
        "UPDATE audit_entries SET subject = 'erased'",
        "DELETE FROM audit_entries",
    ],
)
def test_no_entry_is_changed_or_deleted(statement, write, read):
    write(
        lambda s: audit.record(s, "ada", "promoted", "1.1", now=utc_now(), detail={"from": "1.0"})
    )
    with pytest.raises(sa.exc.DBAPIError, match="audit entries are"):
        write(lambda s: s.execute(sa.text(statement)))
    assert read(audit.latest)[0].actor == "ada"


def test_an_entry_may_lose_what_names_a_person_and_nothing_else(write, read):
    write(lambda s: audit.record(s, "ada", "assigned", "L-1", now=utc_now(), detail={"to": "x"}))
    erased = sa.update(AuditEntry).values(subject="erased", detail={})
    write(lambda s: s.execute(erased))
    assert (read(audit.latest)[0].subject, read(audit.latest)[0].actor) == ("erased", "ada")


def test_old_entries_go_where_the_settings_say_so(write, read):
    now = utc_now()
    for days in (89, 91, 400):
        write(lambda s, d=days: audit.record(s, "ada", "x", "y", now=now - timedelta(days=d)))
    assert write(lambda s: audit.forget_old(s, 0, now)) == 0
    assert write(lambda s: audit.forget_old(s, 365, now)) == 1
    assert write(lambda s: audit.forget_old(s, 90, now)) == 1
    assert len(read(audit.latest)) == 1


def test_the_log_is_downloaded_as_json_lines(ada, sign_in, write, app):
    write(lambda s: audit.record(s, "gate", "promoted", "1.1", now=NOW, detail={"gain": 0.03}))
    answer = sign_in(ada).get("/settings/audit-log.jsonl")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert (lines[0]["actor"], lines[0]["detail"], lines[0]["caller"]) == (
        "gate",
        {"gain": 0.03},
        None,
    )
    assert (lines[-1]["action"], lines[-1]["subject"]) == ("exported", "audit log")
    printed = app.test_cli_runner().invoke(args=["export-audit"]).stdout.splitlines()
    assert json.loads(printed[-1])["actor"] == "cli"
