"""The mapping page: built from what Salesforce describes, tried before it is saved."""

import re

import pytest

from tests import factories
from webapp.services.accounts import audit
from webapp.services.crm import mirror, saved_mapping, sync_runs
from webapp.services.runs import runs

UNMAPPED = {f"{field.name}.from": "" for field in factories.FIELDS.declared}
FORM = UNMAPPED | {
    "location.from": "as_is:City",
    "industry.from": "as_is:Industry",
    "email_opens.from": "as_is:Email_Opens__c",
    "days_since_contact.from": "days_since:LastActivityDate",
    "lead_source.from": "as_is:LeadSource",
    "lead_source.default": "Organic",
}


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def sources(read):
    return {s.field: s for s in read(lambda s: saved_mapping.sources(s, factories.FIELDS))}


def error(page, field):
    found = re.search(rf'id="{field}-error">([^<]*)<', page)
    return found[1] if found else None


def chosen(page, field):
    select = re.search(rf'<select id="{field}-from".*?</select>', page, re.S)[0]
    found = re.search(r'value="([^"]*)" selected', select)
    return found[1] if found else ""


def test_without_a_connection_the_page_says_what_comes_first(admin):
    for address in ("/sync/mapping", "/sync/rules"):
        answer = admin.get(address)
        assert answer.status_code == 200
        assert "Salesforce is not connected" in answer.text


def test_fields_are_asked_for_where_they_are_not_known(salesforce, admin):
    assert "Read the fields" in admin.get("/sync/mapping").text
    asked = admin.post("/sync/mapping/describe")
    assert asked.status_code == 303
    assert "Waiting for the worker" in admin.get(asked.location).text
    salesforce.tick()
    assert "Map the fields" in admin.get(f"{asked.location}/status").text
    assert "Email Opens (Email_Opens__c)" in admin.get("/sync/mapping").text


def test_each_field_offers_what_can_fill_it(described, admin):
    page = admin.get("/sync/mapping").text
    opens = re.search(r'<select id="email_opens-from".*?</select>', page, re.S)[0]
    groups = re.findall(r'optgroup label="([^"]+)"', opens)
    assert groups == ["Standard fields", "Custom fields"]
    assert "Days since Last Activity (LastActivityDate)" in opens
    assert "Industry" not in opens
    for never in ("Conversion_Score__c", "Status", "ConvertedDate", "SystemModstamp"):
        assert f":{never}" not in page


def test_a_formula_says_how_old_it_may_be(fake, salesforce, admin):
    fake.add_field("Health__c | double 3,0 | NFS | Health | formula")
    salesforce.map(email_opens=("Health__c", "as_is"))
    salesforce.run("check")
    page = admin.get("/sync/mapping").text
    assert page.count("is a formula or a roll-up") == 1
    assert "Health__c is a formula or a roll-up: Leadloop notices its changes" in page


def test_an_amount_says_that_it_is_converted_where_there_are_several_currencies(
    fake, salesforce, admin
):
    fake.use_currencies("EUR", JPY=160.0)
    salesforce.map(email_opens=("AnnualRevenue", "as_is"))
    salesforce.run("check")
    page = admin.get("/sync/mapping").text
    assert "Salesforce holds amounts in several currencies. They are read in the" in page
    assert "is a formula or a roll-up" not in page


def test_a_mapping_is_saved_and_every_lead_read_again(described, admin, read):
    described.later()
    answer = admin.post("/sync/mapping", data=FORM)
    assert answer.location == "/sync/mapping"
    saved = sources(read)
    assert (saved["email_opens"].crm_field, saved["email_opens"].is_stable) == (
        "Email_Opens__c",
        False,
    )
    assert saved["days_since_contact"].transform == "days_since"
    assert saved["lead_source"].fallback == "Organic"
    assert saved["location"].is_stable
    assert "lead" not in read(mirror.reached)
    page = admin.get("/sync/mapping").text
    assert "The mapping is saved. The next run reads all leads again" in page
    assert chosen(page, "email_opens") == "as_is:Email_Opens__c"
    assert chosen(page, "age") == ""
    assert read(audit.latest)[0].action == "mapped fields"


def test_the_same_mapping_again_changes_nothing(described, admin, read):
    admin.post("/sync/mapping", data=FORM)
    n_entries = len(read(audit.latest))
    admin.post("/sync/mapping", data=FORM)
    assert "nothing was changed" in admin.get("/sync/mapping").text
    assert len(read(audit.latest)) == n_entries


def test_values_outside_of_the_list_are_shown_and_replaced_one_by_one(described, admin, read):
    page = admin.get("/sync/mapping").text
    assert "5 of 5 values of LeadSource are not accepted by this field" in page
    admin.post("/sync/mapping", data=FORM | {"lead_source:Web": "Organic", "lead_source:Gone": "x"})
    assert sources(read)["lead_source"].replacements == {"Web": "Organic"}


def test_a_constant_is_the_default_for_every_lead(described, admin, read):
    admin.post("/sync/mapping", data=FORM | {"age.from": "constant", "age.default": "40"})
    assert (sources(read)["age"].transform, sources(read)["age"].constant) == ("constant", "40")


@pytest.mark.parametrize(
    ("crm_field", "was", "tick", "is_stable"),
    [
        ("Title", "", None, True),
        ("Title", "Title", None, False),
        ("Email_Opens__c", "Email_Opens__c", "yes", True),
        ("Rating", "City", "kept", False),
        ("Rating", "City", "yes", True),
    ],
)
def test_a_tick_is_meant_for_the_field_that_it_stood_beside(
    crm_field, was, tick, is_stable, described, admin, read
):
    name = "email_opens" if crm_field == "Email_Opens__c" else "location"
    form = UNMAPPED | {f"{name}.from": f"as_is:{crm_field}", f"{name}.was": was}
    admin.post("/sync/mapping", data=form | ({f"{name}.stable": tick} if tick else {}))
    assert sources(read)[name].is_stable is is_stable


def test_every_wrong_field_is_named_and_nothing_entered_is_lost(described, admin, read):
    before = sources(read)
    form = FORM | {
        "email_opens.from": "boolean:City",
        "age.default": "very old",
        "age.from": "constant",
        "lead_source.default": "Internet",
        "industry.default": "anything goes",
    }
    answer = admin.post("/sync/mapping", data=form)
    assert answer.status_code == 422
    page = answer.text
    assert "Nothing was saved: 3 fields need correcting." in re.sub(r"\s+", " ", page)
    assert error(page, "email_opens") == "City (string) cannot fill a count this way."
    assert error(page, "age").startswith("The default must be a whole number from 0 to 120")
    assert error(page, "lead_source").startswith("The default must be one of Webinar")
    assert error(page, "industry") is None
    assert chosen(page, "email_opens") == "boolean:City"
    assert chosen(page, "days_since_contact") == "days_since:LastActivityDate"
    for text in ("very old", "anything goes", "Internet"):
        assert text in page
    assert sources(read) == before


LONG = "x" * 5000


@pytest.mark.parametrize(
    "form",
    [
        {"unknown.from": "as_is:City"},
        {"location.colour": "red"},
        {LONG: LONG},
        {"location.from": "magic:City"},
        {"location.from": "City"},
        {"location.from": LONG},
        {"location.from": f"as_is:{LONG}"},
        {"location.from": "as_is:City\0"},
        {"location.from": "constant"},
        {"location.default": LONG},
        {"location.from": "constant", "location.default": LONG},
        {"location.from": "as_is:City", "location.default": LONG},
        {"location.from": "as_is:City", "location.default": "a\0b"},
        {"location.from": ["as_is:City", "as_is:State"]},
        {"age.from": "as_is:Status"},
        {"age.from": "days_since:SystemModstamp"},
        {"lead_source.from": "as_is:LeadSource", "lead_source:Web": LONG},
    ],
)
@pytest.mark.parametrize("address", ["/sync/mapping", "/sync/mapping/test"])
def test_a_form_that_nobody_was_shown_is_answered_in_sentences(
    address, form, described, admin, read
):
    before = sources(read)
    answer = admin.post(address, data=UNMAPPED | form)
    assert answer.status_code == 422
    assert "1 field needs correcting" in re.sub(r"\s+", " ", answer.text)
    assert len(answer.text) < 300_000
    assert sources(read) == before


def test_texts_that_only_fit_when_composed_are_kept_composed(described, admin, read):
    accents = "e\u0301" * 100
    form = UNMAPPED | {"location.from": "constant", "location.default": accents}
    assert admin.post("/sync/mapping", data=form).status_code == 303
    assert sources(read)["location"].constant == "é" * 100


def test_a_test_shows_what_is_empty_and_what_breaks_its_rule(described, fake, admin, read):
    fake.lead(LeadSource="Web", City="Lyon")
    fake.lead(LeadSource="Webinar", Email_Opens__c=4)
    before = sources(read)
    asked = admin.post("/sync/mapping/test", data=FORM)
    assert asked.status_code == 303
    assert 'hx-trigger="every 1s"' in admin.get(asked.location).text
    described.tick()
    page = admin.get(asked.location).text
    assert "This mapping is not saved yet" in page
    assert chosen(page, "email_opens") == "as_is:Email_Opens__c"
    assert asked.location.endswith("#mapping-run")
    fragment = admin.get(f"{asked.location.partition('#')[0]}/status").text
    assert fragment in page
    assert "hx-trigger" not in fragment
    assert "Test on 2 leads" in fragment
    assert re.search(r'<s class="bad">Web</s>\s+Organic', fragment)
    shares = re.findall(r'sample-shares">.*?</tr>', fragment, re.S)
    assert [re.findall(r">(\d+ %)<", share) for share in shares] == [
        ["50 %", "100 %", "50 %", "100 %", "0 %"],
        ["0 %", "0 %", "0 %", "0 %", "50 %"],
    ]
    assert sources(read) == before
    log = admin.get(asked.location.partition("#")[0].replace("mapping", "runs")).text
    assert "Show the result" in log


def test_a_field_that_vanished_since_is_named_by_the_test(described, fake, admin):
    fake.set_access("Email_Opens__c", "missing")
    asked = admin.post("/sync/mapping/test", data=FORM)
    described.tick()
    page = admin.get(asked.location).text
    assert "There is no lead field Email_Opens__c, or it is hidden" in page
    assert error(page, "email_opens") is not None


def test_a_mapping_that_stops_the_sync_is_marked_on_the_page(described, fake, admin):
    admin.post("/sync/mapping", data=FORM)
    fake.set_access("Email_Opens__c", "missing")
    stopped = described.run()
    assert stopped.state == "failed"
    assert "Correct the mapping" in admin.get("/sync").text
    tested = admin.get(f"/sync/runs/{described.run('check').key}").text
    assert "Correct the mapping" in tested
    assert "Correct the connection" not in tested
    page = admin.get("/sync/mapping").text
    assert "The sync is waiting: 1 field needs correcting." in page
    assert error(page, "email_opens").startswith("There is no lead field Email_Opens__c")
    assert chosen(page, "email_opens") == "as_is:Email_Opens__c"
    admin.post("/sync/mapping", data=FORM | {"email_opens.from": ""})
    described.later()


def test_while_another_run_is_at_work_nothing_entered_is_lost(described, admin, write):
    write(lambda s: sync_runs.request(s, "live", "worker", described.now))
    answer = admin.post("/sync/mapping/test", data=FORM)
    assert answer.status_code == 409
    assert "A sync run is in progress. Wait until it is done, then try again." in answer.text
    assert chosen(answer.text, "email_opens") == "as_is:Email_Opens__c"


def test_a_test_that_failed_says_why(described, fake, admin):
    with fake.failing("maintenance"):
        asked = admin.post("/sync/mapping/test", data=FORM)
        described.tick()
    assert "Salesforce is down for maintenance" in admin.get(asked.location).text


def test_an_org_without_leads_is_said_so(described, admin):
    asked = admin.post("/sync/mapping/test", data=FORM)
    described.tick()
    assert "The integration user sees no leads in Salesforce" in admin.get(asked.location).text


def test_only_tests_of_a_mapping_are_shown(described, admin, write):
    other = write(
        lambda s: runs.request(s, "import", trigger="request", requested_by="a", now=described.now)
    )
    live = write(lambda s: sync_runs.request(s, "live", "worker", described.now))
    for key in (other.key, live.key, 4711):
        assert admin.get(f"/sync/mapping/{key}").status_code == 404
        assert admin.get(f"/sync/mapping/{key}/status").status_code == 404


def test_a_field_that_is_not_mapped_stays_so(described, admin, read):
    assert admin.post("/sync/mapping", data=UNMAPPED).status_code == 303
    assert sources(read) == {}


@pytest.mark.parametrize("address", ["/sync/mapping", "/sync/mapping/test"])
def test_a_field_that_was_not_sent_was_not_chosen(address, described, admin, read):
    before = sources(read)
    answer = admin.post(address, data={n: v for n, v in FORM.items() if n != "location.from"})
    assert answer.status_code == 422
    assert error(answer.text, "location").startswith("Was not sent: choose a source for it")
    assert error(answer.text, "industry") is None
    empty = admin.post(address, data={})
    assert empty.status_code == 422
    assert all(error(empty.text, field.name) for field in factories.FIELDS.declared)
    assert sources(read) == before
