"""Every phase of the sync with a CRM that is not Salesforce: it never converts a lead, and its
deals have many leads as its leads have many deals.
"""

import re
from datetime import timedelta

import pytest

from sync.crm import phases, reading
from sync.crm.faults import Case, Kind
from sync.crm.protocol import DEALS, LEADS
from sync.scheduler import ADAPTERS
from tests import factories
from tests.crm.product import Connected
from webapp.services.accounts import audit
from webapp.services.crm import connections, crm_records, sync_runs, unmatched
from webapp.services.crm.kinds import table
from webapp.services.leads import leads
from webapp.services.runs import runs

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def dialect():
    """What is stored is told apart by tests/salesforce on both databases."""
    return "sqlite"


def test_every_crm_that_can_be_connected_has_an_adapter():
    assert ADAPTERS.keys() == table.KINDS.keys()


def test_the_first_sync_takes_the_outcome_of_many_leads_from_many_deals(met):
    assert met.first["leads_new"] == 3
    assert met.statuses("ann", "bob", "cy") == ["converted", "converted", "in_pipeline"]
    assert met.history("ann") == [("converted", "memory", "1b")]


def test_a_poll_reads_what_has_changed_and_says_nothing_twice(crm, met):
    crm.lose("open")
    counts = met.well()
    assert (counts["lost"], counts.get("converted", 0)) == (1, 0)
    assert met.statuses("bob", "cy") == ["converted", "lost"]
    assert met.history("cy")[-1] == ("lost", "memory", "1c")
    assert "lost" not in met.well()


def test_a_deal_that_changes_hands_takes_its_outcome_along(crm, met):
    crm.deal("won", "bob", "cy")
    met.well()
    assert met.statuses("ann", "bob", "cy") == ["open", "converted", "converted"]
    assert met.history("ann") == [("converted", "memory", "1b"), ("withdrawn", "memory", "4")]


def test_a_backfill_that_is_stopped_goes_on_where_it_stood(crm, connected, monkeypatch):
    monkeypatch.setattr(reading, "STEP_ROWS", 2)
    for n in range(9):
        crm.lead(f"lead-{n}", source="Webinar")
        crm.deal(f"deal-{n}", f"lead-{n}", f"lead-{(n + 1) % 9}")
    crm.win("deal-4")
    busy = Case("away", Kind.QUOTA, "Come back later.")
    answer, asked = crm.page, []

    def page(*args):
        asked.append(args)
        if len(asked) == 3:
            crm.faults = [busy]
        return answer(*args)

    monkeypatch.setattr(crm, "page", page)
    assert connected.run().result["stopped"] == "Come back later."
    connected.well(hours=2)
    wanted = {n: "converted" if n in {4, 5} else "in_pipeline" for n in range(9)}
    names = [f"lead-{n}" for n in wanted]
    assert connected.statuses(*names) == list(wanted.values())
    connected.write(lambda s: sync_runs.request_history(s, 90, "ada", crm.now))
    with connected.app.app_context():
        phases.sync_crm(connected.worker)
    assert connected.history("lead-4") == [("converted", "memory", "1b")]


def test_other_rules_settle_every_lead_anew_without_a_call(met):
    met.rules(milestone="deal_created")
    met.well()
    assert met.statuses("ann", "bob", "cy") == ["converted"] * 3
    assert met.history("cy") == [("converted", "memory", "1m")]


def test_reconciling_finds_what_is_gone_without_a_stamp(crm, met):
    crm.purge(DEALS, "won")
    crm.purge(LEADS, "cy")
    met.well(days=1)
    assert met.statuses("bob") == ["in_pipeline"], "its other deal is open"
    with pytest.raises(leads.LeadNotFound):
        met.statuses("cy")


def test_scores_are_written_to_leads_without_a_deal(crm, met):
    crm.lead("dot", source="Webinar", visits=8)
    crm.lead("eve", source="Webinar")
    assert met.well()["scores_written"] == 2
    assert set(crm.written) == {"dot", "eve"}
    crm.written.clear()
    crm.lead("dot", visits=40)
    crm.lose(crm.deal("late", "eve"))
    assert met.well()["scores_written"] == 1
    assert set(crm.written) == {"dot"}


def test_a_dry_run_says_what_it_would_do_and_keeps_nothing(crm, connected):
    crm.lead("ann", source="Referral")
    crm.win(crm.deal("won", "ann"))
    run = connected.run("dry")
    assert run.result["rehearsed"] == {"leads": 1, "deals": 1}
    assert run.result["counts"]["converted"] == 1
    with pytest.raises(leads.LeadNotFound):
        connected.statuses("ann")


def test_the_connection_and_the_mapping_can_be_tested(crm, met):
    checks = met.run("check").result["checks"]
    assert [check["name"] for check in checks] == ["Login", "Mapped fields"]
    sampled = met.run("sample").result["sample"]["leads"]
    assert {lead["id"] for lead in sampled} == {"ann", "bob", "cy"}
    assert sampled[0]["inputs"]["website_visits"] == 3


def test_a_deal_that_names_no_lead_is_listed_in_the_words_of_the_crm(crm, met):
    crm.win(crm.deal("stray", has_source=True))
    met.well()
    assert [row.deal_id for row in met.write(unmatched.listed)] == ["stray"]
    with pytest.raises(unmatched.UnmatchedNotFound, match="Deal x is not on the list"):
        met.write(lambda s: unmatched.entry(s, "x"))
    met.write(lambda s: unmatched.link(s, "stray", "cy", "ada", now=crm.now))
    assert "linked deal" in [entry.action for entry in met.write(audit.latest)]
    met.well()
    assert met.statuses("cy") == ["converted"]


def test_records_are_found_where_this_crm_has_them(met):
    found = met.write(lambda s: crm_records.of_leads(s, [leads.find(s, "ann").key]))
    [records] = found.values()
    assert records.address == "https://acme.memory.example/people/ann"
    assert records.deal is not None
    assert records.deal.address == "https://acme.memory.example/deals/won"


def test_pages_speak_of_this_crm_in_its_own_words(crm, met, sign_in, ada):
    crm.win(crm.deal("stray", has_source=True))
    met.well()
    client = sign_in(ada)
    key = met.write(lambda s: leads.find(s, "ann").key)
    pages = {
        "/sync": "Memory at acme.memory.example",
        "/sync/runs": "1 unmatched deal",
        "/sync/unmatched": "Unmatched deals",
        "/sync/conflicts": "If a rep and Memory report",
        "/sync/rejected": "If Memory rejects a score",
        "/sync/connection": "Connection to Memory",
        "/sync/mapping": "Choose which Memory person field",
        "/sync/rules": "Only people of these sellers",
        f"/leads/{key}": "Person in Memory",
    }
    for path, words in pages.items():
        text = client.get(path, follow_redirects=True).text
        assert words in text, path
        assert "Salesforce" not in text, path
        assert "pportunit" not in text, path


def test_people_connect_it_by_a_form_of_its_own(app, settings, crm, known, sign_in, ada):
    admin = sign_in(ada)
    page = admin.get("/sync/connection?kind=memory").text
    assert "Connect Memory" in page
    assert re.findall(r'<input type="(\w+)" id="(\w+)"', page) == [
        ("text", "domain"),
        ("password", "service_key"),
    ]
    form = {"kind": "memory", "method": "service_key", "domain": "acme.my.salesforce.com"}
    refused = admin.post("/sync/connection", data=form | {"service_key": "PLANTED"})
    assert refused.status_code == 422
    assert "Must end in .memory.example." in refused.text
    sent = form | {"domain": "https://Acme.memory.example/home", "service_key": "PLANTED"}
    assert admin.post("/sync/connection", data=sent).status_code == 303
    page = admin.get("/sync/connection").text
    assert 'value="acme.memory.example"' in page
    assert "Stored. Leave it empty to keep it." in page
    assert "PLANTED" not in page
    assert "My Domain" not in page
    product = Connected(app, crm)
    found = product.write(lambda s: connections.credentials(connections.get(s), settings))
    assert found.secrets == {"service_key": "PLANTED"}
    with app.app_context():
        phases.sync_crm(product.worker)
    [run] = product.write(lambda s: runs.latest(s, "sync"))
    assert [check["name"] for check in run.result["checks"]] == ["Login", "Mapped fields"]
    admin.post("/sync/connection/disconnect")
    assert "Connect Salesforce" in admin.get("/sync/connection").text


def test_a_connected_crm_is_not_exchanged_for_another_by_its_form(met, sign_in, ada):
    admin = sign_in(ada)
    form = {"kind": "salesforce", "method": "session", "session_id": "x"}
    assert admin.post("/sync/connection", data=form | {"domain": "a.b"}).status_code == 400


def test_rules_of_another_crm_are_neither_offered_nor_taken(met, sign_in, ada):
    admin = sign_in(ada)
    page = admin.get("/sync/rules").text
    form = {
        name: value
        for name, value in connections.CrmRules().to_json().items()
        if isinstance(value, (int, str)) and not isinstance(value, bool)
    }
    assert "record type" not in page
    assert "lead_converted" not in page
    assert admin.post("/sync/rules", data=form | {"owner_ids": "17"}).status_code == 303
    for wrong in ({"record_type_ids": "012"}, {"milestone": "lead_converted"}):
        answer = admin.post("/sync/rules", data=form | wrong)
        assert answer.status_code == 422, wrong


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_ids_may_be_longer_than_those_of_salesforce(crm, connected, sign_in, ada):
    lead_id = crm.lead("person_0b6f1c1e-9d0a-4c7e-8f57-1f2f3a4b5c6d")
    crm.win(crm.deal("deal_0b6f1c1e-9d0a-4c7e-8f57-1f2f3a4b5c6d", lead_id))
    connected.well()
    stray = crm.win(crm.deal("stray_0b6f1c1e-9d0a-4c7e-8f57-1f2f3a4b5c6d", has_source=True))
    connected.well(days=1)
    assert connected.statuses(lead_id) == ["converted"]
    assert sign_in(ada).get(f"/sync/unmatched/{stray}").status_code == 200


def test_a_program_hears_that_the_crm_has_a_lead_in_the_pipeline(met, app, write):
    headers = {"Authorization": f"Bearer {write(factories.make_key)}"}
    body = {"outcome": True, "expected_status": "open"}
    answer = app.test_client().put("/feedback/cy", json=body, headers=headers)
    told = "Lead cy is in the pipeline by now (Memory); nothing was recorded"
    assert (answer.status_code, answer.json["detail"]) == (409, told)
