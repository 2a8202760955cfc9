"""Connecting Salesforce: what is asked for, refused, kept, and forgotten at the end."""

import html
import re

import pytest
from pydantic import SecretStr

from sync.salesforce.adapter import SalesforceCrm
from webapp.services.accounts import audit
from webapp.services.crm import connections, mirror, sync_runs
from webapp.services.crm.credentials import host_of, may_connect
from webapp.services.crm.kinds.salesforce import ENDINGS, host_problem, my_domain_of
from webapp.services.leads import lead_table, leads
from webapp.services.runs import runs


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


def show(visitor, path="/sync/connection"):
    """The page's text, white space folded."""
    return re.sub(r"\s+", " ", visitor.get(path).text)


def form(fake, **changes):
    return {
        "method": "client_credentials",
        "domain": fake.url,
        "consumer_key": fake.app.consumer_key,
        "consumer_secret": fake.app.consumer_secret,
    } | changes


def connection(read):
    return read(connections.find)


def test_saving_tests_the_connection_and_starts_nothing(admin, fake, read):
    address = admin.post("/sync/connection", data=form(fake)).location
    [run] = read(lambda s: runs.latest(s, "sync"))
    assert address == f"/sync/runs/{run.key}"
    assert run.task == {"mode": "check"}
    assert connection(read).is_paused
    assert connection(read).changed_by == "ada@example.com"
    assert "Before the first run" in show(admin, "/sync")


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("client_credentials", ["domain", "consumer_key", "consumer_secret"]),
        ("jwt", ["domain", "username", "consumer_key", "private_key"]),
        ("session", ["domain", "session_id"]),
        ("password", ["domain", "username", "password", "security_token"]),
    ],
)
def test_each_way_to_log_in_asks_for_what_it_needs_and_names_what_is_missing(admin, method, asked):
    page = admin.get(f"/sync/connection?method={method}").text
    assert re.findall(r'<(?:input|textarea)[^>]* id="([a-z_]+)" name="\1"', page) == asked
    answer = admin.post("/sync/connection", data={"method": method})
    assert answer.status_code == 422
    assert re.findall(r'id="([a-z_]+)-error">Is required\.', answer.text) == asked


def test_a_refused_form_keeps_what_was_typed_but_for_secrets(admin):
    sent = {"method": "jwt", "domain": "acme.my.salesforce.com", "username": "a@acme.com"}
    answer = admin.post("/sync/connection", data=sent | {"consumer_key": "PLANTED"})
    assert 'value="acme.my.salesforce.com"' in answer.text
    assert 'value="a@acme.com"' in answer.text
    assert "PLANTED" not in answer.text
    assert "Enter secrets again" in answer.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("domain", "x" * 256), ("domain", "a\x00b"), ("username", "x" * 201), ("username", "a\x07")],
)
def test_what_no_database_takes_is_refused_by_name(admin, fake, name, value):
    sent = form(fake, method="password", username="a", password="p", security_token="t")
    answer = admin.post("/sync/connection", data=sent | {name: value})
    assert answer.status_code == 422
    assert f'id="{name}-error"' in answer.text


def test_a_key_that_is_too_long_is_refused(admin, fake):
    answer = admin.post("/sync/connection", data=form(fake, consumer_key="x" * 2001))
    assert answer.status_code == 422
    assert "Must be at most 2,000 characters long." in answer.text


@pytest.mark.parametrize("method", ["", "telepathy"])
def test_an_unknown_way_to_log_in_is_refused(admin, fake, method):
    assert admin.post("/sync/connection", data=form(fake, method=method)).status_code == 400
    assert admin.get("/sync/connection?method=telepathy").status_code == 400


@pytest.mark.parametrize("copied", ["acme.my.salesforce.com", " https://Acme.my.salesforce.com/ "])
def test_my_domain_is_understood_as_it_is_copied_from_a_browser(admin, fake, read, copied):
    admin.post("/sync/connection", data=form(fake, domain=copied))
    assert connection(read).domain == "acme.my.salesforce.com"


def test_an_address_of_pages_is_refused_and_my_domain_proposed(admin, fake, read):
    copied = "https://acme.lightning.force.com/lightning/page/home"
    answer = admin.post("/sync/connection", data=form(fake, domain=copied))
    assert answer.status_code == 422
    assert "Enter acme.my.salesforce.com, the address for programs." in answer.text
    assert f'value="{copied}"' in answer.text
    assert connection(read) is None


@pytest.mark.parametrize(
    ("host", "my_domain"),
    [
        ("acme.lightning.force.com", "acme.my.salesforce.com"),
        ("acme--uat.sandbox.lightning.force.com", "acme--uat.sandbox.my.salesforce.com"),
        ("acme-dev-ed.develop.lightning.force.com", "acme-dev-ed.develop.my.salesforce.com"),
        ("acme.my.salesforce-setup.com", "acme.my.salesforce.com"),
        ("acme--uat.sandbox.my.salesforce-setup.com", "acme--uat.sandbox.my.salesforce.com"),
        ("acme--c.vf.force.com", "acme.my.salesforce.com"),
        ("acme--uat--c.sandbox.vf.force.com", "acme--uat.sandbox.my.salesforce.com"),
        ("acme.my.site.com", "acme.my.salesforce.com"),
        ("acme.my.salesforce.com", None),
        ("login.salesforce.com", None),
        ("evil.example.com", None),
    ],
)
def test_my_domain_is_told_from_the_addresses_of_pages(host, my_domain):
    assert my_domain_of(host) == my_domain


@pytest.mark.parametrize(
    "end", [":443", ":8443", ".", ".:443", "?x=1", "#top", "/lightning?x=1", ":443/lightning#top"]
)
def test_an_address_of_pages_is_told_whatever_follows_its_name(end):
    assert host_problem(host_of(f"https://acme.lightning.force.com{end}"), "jwt") is not None


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        ("acme.file.force.com", "Enter acme.my.salesforce.com, the address for programs."),
        (
            "acme--uat.sandbox.file.force.com",
            "Enter acme--uat.sandbox.my.salesforce.com, the address",
        ),
        ("acme.force.com", "No org answers API calls at this address."),
        ("www.salesforce.com", "No org answers API calls at this address."),
        ("help.salesforce.com", "No org answers API calls at this address."),
        ("login.salesforce.com", "Client credentials do not work at login.salesforce.com."),
        ("test.salesforce.com", "Client credentials do not work at test.salesforce.com."),
    ],
)
def test_a_host_where_no_client_credentials_work_is_refused_when_it_is_entered(
    admin, fake, read, host, rule
):
    answer = admin.post("/sync/connection", data=form(fake, domain=host))
    assert answer.status_code == 422
    assert rule in html.unescape(answer.text)
    assert connection(read) is None


@pytest.mark.parametrize(
    ("host", "method"),
    [
        ("login.salesforce.com", "jwt"),
        ("test.salesforce.com", "password"),
        ("na139.salesforce.com", "session"),
        ("acme--uat.sandbox.my.salesforce.com", "client_credentials"),
    ],
)
def test_a_host_where_a_way_to_log_in_works_is_taken(host, method):
    assert host_problem(host, method) is None


@pytest.mark.parametrize("end", [":443", ".", "?x=1", "/?x=1#top"])
def test_what_follows_the_name_of_my_domain_is_left_off(end):
    assert host_of(f"Acme.my.salesforce.com{end}") == "acme.my.salesforce.com"


def test_a_secret_left_empty_is_kept_and_none_is_shown(admin, fake, salesforce, read, settings):
    page = show(admin)
    assert page.count("Stored. Leave it empty to keep it.") == 2
    assert fake.app.consumer_secret not in page
    host = fake.url.removeprefix("http://")
    salesforce.connect(domain=host)
    admin.post("/sync/connection", data=form(fake, domain=host, consumer_secret=""))
    kept = read(lambda s: connections.credentials(connections.get(s), settings))
    assert kept.value("consumer_secret") == fake.app.consumer_secret


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


@pytest.mark.parametrize("private_key", ["nonsense", CERTIFICATE])
def test_what_is_no_private_key_is_refused_at_its_field(admin, fake, salesforce, read, private_key):
    sent = form(fake, method="jwt", username="a@acme.com", private_key=private_key)
    answer = admin.post("/sync/connection", data=sent)
    assert answer.status_code == 422
    assert 'id="private_key-error">Must be an RSA private key in PEM form' in answer.text
    assert connection(read).method == "client_credentials"


def test_another_way_to_log_in_keeps_no_secret_of_the_old_one(admin, salesforce):
    assert "Stored" not in show(admin, "/sync/connection?method=jwt")


def test_saving_while_a_run_is_at_work_says_when_to_test(admin, fake, salesforce, write):
    write(lambda s: sync_runs.request(s, "live", "ada", salesforce.now))
    answer = admin.post("/sync/connection", data=form(fake), follow_redirects=True)
    assert "Saved but not tested: another run is in progress." in answer.text


def test_the_settings_are_the_connection_where_they_name_one(admin, fake, settings, salesforce):
    settings.salesforce_domain = "acme.my.salesforce.com"
    settings.salesforce_consumer_key = SecretStr("PLANTED")
    page = show(admin)
    assert "Managed by server settings" in page
    assert "set, not shown" in page
    assert ">not set<" in page
    assert "PLANTED" not in page
    assert "<input" not in page.split("<main")[1].replace('<input type="hidden"', "")
    for path in ("/sync/connection", "/sync/connection/disconnect"):
        assert admin.post(path, data=form(fake)).status_code == 400


def test_settings_that_no_worker_has_taken_up_yet_are_shown(admin, settings):
    settings.salesforce_domain = "acme.my.salesforce.com"
    page = show(admin, "/sync")
    assert "The worker connects within seconds of its start." in page
    assert "until you start" not in page


def test_history_is_read_again_from_the_chosen_time_on(admin, fake, salesforce, read):
    fake.lead()
    salesforce.later()
    assert read(mirror.reached)
    assert admin.post("/sync/connection/history", data={"days": "1825"}).location == "/sync"
    assert read(mirror.reached) == {}
    assert connections.rules(connection(read)).history_days == 1825
    salesforce.tick()
    [run, *_] = read(lambda s: runs.latest(s, "sync"))
    assert run.result["counts"]["leads_read"] == 1
    assert '<option value="1825" selected>' in show(admin)
    assert "changed in the last 1,825 days." in show(admin)
    admin.post("/sync/connection/history", data={"days": "36500"})
    assert "The first run reads all leads and opportunities." in show(admin)


@pytest.mark.parametrize("days", ["", "x", "0", "-1", "7", "1e3", "0000730", "9" * 400])
def test_only_the_histories_offered_are_read(admin, salesforce, days):
    assert admin.post("/sync/connection/history", data={"days": days}).status_code == 400


def test_history_is_read_again_by_a_run_that_is_asked_for_already(
    admin, fake, salesforce, read, write
):
    fake.lead()
    salesforce.later()
    run = write(lambda s: sync_runs.request(s, "live", "ada", salesforce.now))
    assert admin.post("/sync/connection/history", data={"days": "365"}).location == "/sync"
    salesforce.tick()
    assert read(lambda s: runs.by_key(s, run.key)).result["counts"]["leads_read"] == 1


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_disconnecting_forgets_the_org_and_keeps_leads_and_outcomes(
    admin, fake, salesforce, read, write
):
    lead = fake.lead(LeadSource="Webinar")
    fake.close(fake.convert(lead), won=True)
    salesforce.later()
    write(lambda s: sync_runs.request(s, "live", "ada", salesforce.now))
    answer = admin.post("/sync/connection/disconnect", follow_redirects=True)
    assert "Salesforce is disconnected." in answer.text
    assert "Connect Salesforce" in answer.text
    assert connection(read) is None
    assert read(lambda s: leads.find(s, lead)).outcome is True
    assert ("ada@example.com", "disconnected") in [(e.actor, e.action) for e in read(audit.latest)]
    salesforce.tick()
    [run, *_] = read(lambda s: runs.latest(s, "sync"))
    assert run.error == "Salesforce is not connected."
    salesforce.connect()
    salesforce.start()
    salesforce.later()
    assert salesforce.history(lead) == [("converted", "1b")]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_run_at_work_keeps_nothing_once_its_org_is_disconnected(
    admin, fake, salesforce, read, write, monkeypatch
):
    fake.leads(3)
    run = write(lambda s: sync_runs.request(s, "live", "ada", salesforce.now))
    ask = SalesforceCrm.page

    def ask_and_be_disconnected(crm, *query):
        page = ask(crm, *query)
        admin.post("/sync/connection/disconnect")
        return page

    monkeypatch.setattr(SalesforceCrm, "page", ask_and_be_disconnected)
    salesforce.tick()
    assert read(lead_table.is_empty)
    assert read(lambda s: runs.by_key(s, run.key)).error == "Salesforce is not connected."
    assert connection(read) is None
    assert read(mirror.reached) == {}


def test_managers_neither_read_nor_change_it(mona, sign_in, fake, salesforce):
    manager = sign_in(mona)
    assert manager.get("/sync/connection").status_code == 403
    assert manager.post("/sync/connection", data=form(fake)).status_code == 403
    assert ">Connection</a>" not in show(manager, "/sync")


def test_a_host_that_is_not_salesforce_s_is_refused_in_the_form(admin, fake, read):
    answer = admin.post("/sync/connection", data=form(fake, domain=r"evil.com\.salesforce.com"))
    assert answer.status_code == 422
    assert "Must be your My Domain, such as acme.my.salesforce.com" in answer.text
    assert connection(read) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "evilsalesforce.com",
        ".salesforce.com",
        "acme.my.salesforce.com@127.0.0.1",
        "evil.com@acme.my.salesforce.com",
        "acme.my.salesforce.com:99999",
        "acme.my.salesforce.com:8443",
        "acme.my.salesforce.com.",
        r"evil.com\.salesforce.com",
        "evil.com#.salesforce.com",
        "evil.com?.salesforce.com",
        "evil.com%2f.salesforce.com",
        "evil.com%00.salesforce.com",
        "evil com.salesforce.com",
        "[::1].salesforce.com",
        "acme.\N{LATIN SMALL LETTER LONG S}alesforce.com",
    ],
)
def test_only_plain_names_of_salesforce_s_hosts_may_be_called(host):
    assert may_connect("acme.my.salesforce.com", ENDINGS, None)
    assert not may_connect(host, ENDINGS, None)


def test_the_first_steps_stay_while_the_login_fails_and_the_sync_starts_after_that(
    admin, fake, salesforce
):
    salesforce.write(lambda s: connections.pause(s, True, "ada", salesforce.now))
    with fake.failing("wrong consumer key"):
        salesforce.run("check")
    page = show(admin, "/sync")
    assert "Before the first run" in page
    assert re.search(r"<button [^>]*disabled[^>]*>Start the sync<", page)
    assert ">Resume</button>" not in page
    assert admin.post("/sync/resume").status_code == 409
    salesforce.run("check")
    assert re.search(
        r'<button type="submit" class="button-primary">Start the sync<', show(admin, "/sync")
    )


def test_a_pause_during_the_first_run_shows_no_first_steps(admin, salesforce):
    admin.post("/sync/runs", data={"mode": "live"})
    admin.post("/sync/pause")
    page = show(admin, "/sync")
    assert "Sync is waiting" in page
    assert "Before the first run" not in page
    assert ">Resume</button>" in page


def test_a_manager_cannot_begin_what_an_administrator_has_not_started(
    admin, mona, sign_in, fake, read
):
    admin.post("/sync/connection", data=form(fake))
    manager = sign_in(mona)
    page = show(manager, "/sync")
    assert re.search(r"<button[^>]* disabled title=\"Not started yet: [^>]*>Sync now<", page)
    assert "An administrator starts the sync." in page
    answer = manager.post("/sync/runs", data={"mode": "live"})
    assert answer.status_code == 409
    told = re.sub(r"\s+", " ", answer.text)
    assert "The sync has not been started yet, so nothing was read or written." in told
    assert "An administrator starts it on the sync page." in told
    assert "live" not in read(lambda s: [sync_runs.mode(r) for r in runs.latest(s, "sync")])
