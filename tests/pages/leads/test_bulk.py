"""Bulk actions by form: what is refused, the file of ticked leads, notices in a cookie."""

import secrets

import pytest

from tests.factories import PROGRAM, make_lead, make_outcome
from webapp.services.leads import leads


@pytest.fixture
def lead(write, champion):
    return write(lambda s: make_lead(s, "L-1"))


def outcome_of(read, lead):
    return read(lambda s: leads.by_key(s, lead.key).outcome)


@pytest.mark.parametrize("key", ["²", "٣", "9" * 5000, "0", "-1", "x", str(2**63)])
def test_what_is_no_number_of_a_lead_is_refused_by_its_name(key, lead, rita, sign_in):
    form = {"outcome": "lost", "lead": f"{key} open"}
    answer = sign_in(rita).post("/leads/bulk", data=form)
    assert answer.status_code == 400
    assert "lead: must be the number of a lead and its status" in answer.text.lower()


@pytest.mark.parametrize(
    ("path", "form", "named"),
    [
        ("bulk", {"outcome": "won"}, "outcome: must be one of"),
        ("bulk", {"outcome": "lost", "reason": "a\0b"}, "reason: must be text"),
        ("bulk", {"outcome": "lost", "reason": "x" * 101}, "reason: must be text"),
        ("bulk/assign", {"owner": "nobody@example.com"}, "owner: must be the e-mail address"),
        ("bulk/assign", {"owner": "a\0b"}, "owner: must be text"),
        ("bulk/undo", {"action": "x' OR 1"}, "action: must be the key of a bulk action"),
        ("owner/undo", {"batch": "a\0b"}, "batch: must be the key of an assignment"),
        ("1/row", {"outcome": "won"}, "outcome: must be one of"),
        ("bulk/1/reason", {"reason-1": "\0"}, "reason-1: must be text"),
    ],
)
def test_what_no_page_sends_is_refused_by_field_and_rule(path, form, named, lead, rita, sign_in):
    answer = sign_in(rita).post(f"/leads/{path}", data={"lead": f"{lead.key} open", **form})
    assert answer.status_code == 400
    assert named in answer.text.lower()


def test_too_many_leads_at_once_are_refused_not_cut(lead, rita, sign_in):
    form = {"outcome": "lost", "lead": [f"{n} open" for n in range(1, 1002)]}
    answer = sign_in(rita).post("/leads/bulk", data=form)
    assert answer.status_code == 400
    assert "at most 1,000 leads at once" in answer.text


def test_a_reason_is_kept_as_text_is_kept_everywhere(lead, rita, sign_in, read):
    form = {"outcome": "lost", "reason": "  Cafe\u0301 closed ", "lead": f"{lead.key} open"}
    sign_in(rita).post("/leads/bulk", data=form)
    [event] = read(lambda s: leads.outcome_history(s, leads.by_key(s, lead.key)))
    assert event.reason == "Café closed"


def test_the_ticked_leads_are_answered_as_a_file(ada, sign_in, write):
    write(lambda s: [make_lead(s, f"L-{n}") for n in range(3)])
    write(lambda s: make_outcome(s, "L-2", False, attribution=PROGRAM))
    admin = sign_in(ada)
    answer = admin.post("/leads/bulk/export", data={"lead": ["1 open", "3 lost"]})
    assert answer.status_code == 200
    assert "attachment; filename=leads-" in answer.headers["Content-Disposition"]
    ids = {line.split(",")[0] for line in answer.text.splitlines()}
    assert ids == {"lead_id", "L-0", "L-2"}
    assert "exported" in admin.get("/settings/audit-log").text


def test_a_file_of_no_ticked_lead_is_refused_rather_than_one_of_all(lead, ada, sign_in):
    assert sign_in(ada).post("/leads/bulk/export").status_code == 400


def test_only_administrators_take_the_ticked_leads_along(lead, mona, rita, sign_in):
    for person in (mona, rita):
        client = sign_in(person)
        assert client.post("/leads/bulk/export", data={"lead": "1 open"}).status_code == 403
        assert "bulk/export" not in client.get("/leads").text


def test_the_notice_of_many_changed_leads_fits_into_a_cookie(rita, sign_in, write):
    def make(session):
        for n in range(51):
            name = "".join(chr(0x4E00 + secrets.randbelow(20_000)) for _ in range(200))
            make_lead(session, f"L-{n}", name=name)
            if n:
                make_outcome(session, f"L-{n}", True, attribution=PROGRAM)

    write(make)
    rep = sign_in(rita)
    form = {"outcome": "lost", "reason": "x" * 100, "lead": [f"{n} open" for n in range(1, 52)]}
    answer = rep.post("/leads/bulk", data={**form, "back": "/leads?q=" + "x" * 1900})
    assert max(len(each) for each in answer.headers.getlist("Set-Cookie")) < 4_000
    page = rep.get("/leads").text
    assert "1 lead marked lost" in page
    assert "and 45 more." in page
    assert "Undo all" in page


def test_an_assignment_stands_under_recent_actions_with_its_undo(rita, sign_in, read, write):
    write(lambda s: [make_lead(s, f"L-{n}", owner="Bo") for n in range(2)])
    rep = sign_in(rita)
    form = {"owner": rita.email, "lead": ["1 open", "2 open"]}
    rep.post("/leads/bulk/assign", data=form)
    page = rep.get("/leads/bulk/recent").text
    assert f"2 leads given to {rita.email}" in page
    batch = page.split('name="batch" value="')[1].split('"')[0]
    rep.post("/leads/owner/undo", data={"batch": batch, "back": "/leads/bulk/recent"})
    assert read(lambda s: leads.by_key(s, 1).owner) == "Bo"
    page = rep.get("/leads/bulk/recent").text
    assert "2 leads given to Bo" in page
    assert "undone" in page
