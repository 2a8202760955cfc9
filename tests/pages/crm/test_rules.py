"""The outcome rules page: what counts as converted and lost, and what needs a new reading."""

import re

import pytest

from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.crm.kinds.salesforce_ids import full_id
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.runs import runs

FORM = {
    "milestone": "deal_won",
    "no_deal": "leave_out",
    "no_deal_days": "90",
    "silent_days": "",
    "silence": "lost",
    "conflicts": "ask",
    "external_id_field": "",
    "owner_ids": "",
    "record_type_ids": "",
    "writes_scores": "yes",
    "history_days": "730",
}


LONG = "x" * 5000


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def rules(read):
    return read(lambda s: connections.rules(connections.get(s)))


def test_what_is_shown_is_what_is_saved(described, admin, read):
    page = admin.get("/sync/rules").text
    assert 'value="730"' in page
    assert 'value="Closed - Not Converted"' in page
    assert admin.post("/sync/rules", data=FORM).location == "/sync/rules"
    assert rules(read) == CrmRules()


def test_each_rule_is_saved(described, fake, admin, read):
    fake.add_field("Other_Id__c | string 40 | UCNFS | Other ID")
    described.run("check")
    owner = fake.user("Rita")
    form = FORM | {
        "milestone": "lead_converted",
        "disqualified": ["Closed - Not Converted", "Open - Not Contacted"],
        "no_deal": "lost",
        "no_deal_days": "30",
        "silent_days": "180",
        "silence": "never_worked",
        "conflicts": "rep",
        "external_id_field": "Other_Id__c",
        "owner_ids": f" {owner[:15]} \r\n\r\n{owner}\r\n",
        "history_days": "365",
    }
    form.pop("writes_scores")
    assert admin.post("/sync/rules", data=form).status_code == 303
    assert rules(read) == CrmRules(
        milestone="lead_converted",
        disqualified=("Closed - Not Converted", "Open - Not Contacted"),
        no_deal="lost",
        no_deal_days=30,
        silent_days=180,
        silence="never_worked",
        conflicts="rep",
        external_id_field="Other_Id__c",
        owner_ids=(full_id(owner),),
        history_days=365,
        writes_scores=False,
    )
    entry = read(audit.latest)[0]
    assert (entry.action, entry.detail["silent_days"]) == ("changed rules", 180)


def test_only_what_changes_the_reading_reads_again(described, admin, read):
    described.later()
    admin.post("/sync/rules", data=FORM | {"silent_days": "180"})
    assert "applies them to all leads" in admin.get("/sync/rules").text
    assert "lead" in read(mirror.reached)
    admin.post("/sync/rules", data=FORM | {"history_days": "900"})
    assert "The next run reads leads and opportunities again." in admin.get("/sync/rules").text
    assert read(mirror.reached) == {}


def test_every_wrong_value_is_named_and_nothing_entered_is_lost(described, admin, read):
    form = FORM | {"silent_days": "soon", "history_days": "0", "owner_ids": "Rita"}
    answer = admin.post("/sync/rules", data=form)
    assert answer.status_code == 422
    found = dict(re.findall(r'id="(\w+)-error">([^<]*)<', answer.text))
    assert found == {
        "silent_days": "Must be a whole number from 7 to 3,650.",
        "history_days": "Must be a whole number from 1 to 36,500.",
        "owner_ids": "Must be ids of 15 or 18 letters and digits that start 005 or 00G: Rita.",
    }
    assert 'value="soon"' in answer.text
    assert ">Rita</textarea>" in answer.text
    assert rules(read) == CrmRules()


@pytest.mark.parametrize(
    "changes",
    [
        {"milestone": "signed"},
        {"milestone": LONG},
        {"no_deal": ""},
        {"conflicts": ["ask", "rep"]},
        {"no_deal_days": "9" * 5000},
        {"no_deal_days": ""},
        {"silent_days": "-1"},
        {"silent_days": "\uff11\uff18\uff10"},
        {"history_days": "1e3"},
        {"disqualified": LONG},
        {"disqualified": [f"status {n}" for n in range(300)]},
        {"external_id_field": "Status"},
        {"external_id_field": LONG},
        {"owner_ids": LONG},
        {"owner_ids": "005"},
        {"owner_ids": "0055g0000"},
        {"owner_ids": "005' OR 1=1"},
        {"record_type_ids": "012"},
        {"external_id_field": "Score_Model_Version__c"},
        {"owner_ids": "\0"},
        {"record_type_ids": "0055g000001AbCdAAK"},
        {"colour": "red"},
        {LONG: "x"},
    ],
)
def test_a_form_that_nobody_was_shown_is_answered_in_sentences(
    changes,
    described,
    admin,
    read,
):
    answer = admin.post("/sync/rules", data=FORM | changes)
    assert answer.status_code == 422
    assert "Nothing was saved: 1 value needs correcting." in answer.text
    assert rules(read) == CrmRules()


def test_statuses_are_entered_as_text_before_salesforce_has_told_them(salesforce, admin, read):
    assert '<textarea id="disqualified"' in admin.get("/sync/rules").text
    admin.post("/sync/rules", data=FORM | {"disqualified": "Closed - Not Converted\r\nSpam"})
    assert rules(read).disqualified == ("Closed - Not Converted", "Spam")


def test_rules_need_a_connection(admin):
    assert admin.post("/sync/rules", data=FORM).status_code == 409


def test_a_dry_run_says_what_changed_rules_would_do(admin, fake, salesforce):
    lead = fake.lead(Status="Bad")
    salesforce.later()
    salesforce.rules(disqualified=["Bad"])
    run = salesforce.run("dry")
    page = re.sub(r"\s+", " ", admin.get(f"/sync/runs/{run.key}").text)
    assert "Changed outcome rules" in page
    assert "<dt>Would get an outcome</dt> <dd>1</dd>" in page
    assert "<dt>Would lose their outcome</dt> <dd>0</dd>" in page
    assert "<dt>Would change status</dt> <dd>1</dd>" in page
    assert f'q={lead}&amp;status=all">{lead}</a>' in page
    assert "open → lost" in page
    assert "1 would get an outcome, 1 would change status" in admin.get("/sync/runs").text


def test_changed_rules_can_be_tried_before_any_run_applies_them(described, admin, read):
    form = FORM | {"disqualified": "Open - Not Contacted", "dry_run": "yes"}
    shown = admin.post("/sync/rules", data=form)
    assert shown.status_code == 303, shown.text
    key = int(shown.location.removeprefix("/sync/runs/"))
    assert rules(read).disqualified == ("Open - Not Contacted",)
    connection = read(connections.get)
    assert (connection.is_paused, connection.hinted_at) == (True, None)
    assert sync_runs.mode(read(lambda s: runs.by_key(s, key))) == "dry"
    assert (
        "The sync is paused; once it runs, they apply to all leads."
        in admin.get("/sync/rules").text
    )
