"""The sync page: the state and its remedy, calls, runs, and what a person may ask for."""

import re
from datetime import timedelta

import pytest

from webapp.database import utc_now
from webapp.services.accounts import audit
from webapp.services.crm import connections, sync_runs
from webapp.services.crm.outcome_rules import CrmRules
from webapp.services.runs import runs


@pytest.fixture
def admin(ada, sign_in):
    return sign_in(ada)


@pytest.fixture
def manager(mona, sign_in):
    return sign_in(mona)


def show(visitor, path="/sync"):
    """The page's text, white space folded."""
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


def without_times(text):
    """A page or fragment without its moments: a second may pass between two requests."""
    return re.sub(r"<time.*?</time>", "", text).strip()


def catch_up(salesforce):
    """A run that goes well, just now."""
    salesforce.fake.clock.move_to(utc_now())
    return salesforce.run()


def test_without_a_connection_an_administrator_reads_what_it_does_and_connects(admin):
    page = show(admin)
    assert "Connect Salesforce" in page
    assert "Nothing is read or written until you start" in page
    assert 'action="/sync/connection"' in page


def test_without_a_connection_a_manager_reads_who_connects(manager):
    page = show(manager)
    assert "Ask an administrator to connect it here" in page
    assert "<input" not in page.split("<main")[1]


def test_a_rep_sees_nothing_of_it(rita, sign_in):
    rep = sign_in(rita)
    assert rep.get("/sync").status_code == 403
    assert "Sync" not in rep.get("/leads").text


def test_before_the_first_run_the_page_says_what_to_do(admin, fake, salesforce):
    salesforce.write(lambda s: connections.pause(s, True, "ada", salesforce.now))
    page = show(admin)
    assert "Before the first run" in page
    assert "Nothing is read or written until you start the sync" in page
    salesforce.run("check")
    salesforce.run("dry")
    assert len(re.findall('<li class="passed">', show(admin))) == 2
    assert admin.post("/sync/resume").location == "/sync"
    page = show(admin)
    assert "Before the first run" not in page
    assert "Sync is waiting" in page


def test_after_a_run_it_is_up_to_date(manager, fake, salesforce):
    fake.close(fake.convert(fake.lead(LeadSource="Webinar")), won=True)
    fake.lead(LeadSource="Referral")
    catch_up(salesforce)
    page = show(manager)
    assert "Up to date as of" in page
    assert "2 new leads, 1 converted, 1 score written" in page
    assert re.search(r"Whole org, last 24 hours<.label> <span>\d+ of [\d,]+<", page)
    assert "by ada" in page


def test_a_long_silence_is_told(manager, fake, salesforce):
    salesforce.run()
    assert "Behind: the last complete sync started" in show(manager)


def test_a_run_asked_for_shows_its_progress_until_it_is_done(manager, fake, salesforce, read):
    assert manager.post("/sync/runs", data={"mode": "live"}).location == "/sync"
    [run] = read(lambda s: runs.latest(s, "sync"))
    assert (run.requested_by, run.task) == ("mona@example.com", {"mode": "live"})
    fragment = manager.get("/sync/status").text
    assert f'hx-get="/sync/status?watched={run.key}" hx-trigger="every 1s"' in fragment
    assert "Sync is waiting" in fragment
    assert without_times(fragment) in without_times(manager.get("/sync").text)
    fake.clock.move_to(utc_now())
    salesforce.tick()
    done = manager.get(f"/sync/status?watched={run.key}").text
    assert "Up to date" in done
    assert 'hx-select="#sync" hx-target="#sync" hx-trigger="load"' in done


def test_a_page_at_rest_looks_again_when_the_next_run_is_due(manager, salesforce):
    catch_up(salesforce)
    [seconds] = re.findall(r'hx-trigger="load delay:(\d+)s"', show(manager))
    assert 14 * 60 <= int(seconds) <= 15 * 60 + 5


def test_a_run_nobody_takes_up_asks_for_the_worker(manager, salesforce, write):
    long_ago = utc_now() - timedelta(minutes=5)
    write(lambda s: sync_runs.request(s, "live", "ada", long_ago))
    assert "No worker has picked this up yet" in manager.get("/sync/status").text


def test_a_next_run_that_does_not_come_asks_for_the_worker(manager, salesforce):
    salesforce.run()
    assert "Overdue; no worker has picked it up" in show(manager)


def test_a_run_is_asked_for_once(manager, salesforce):
    manager.post("/sync/runs", data={"mode": "live"})
    answer = manager.post("/sync/runs", data={"mode": "dry"})
    assert answer.status_code == 409
    assert "Wait until it is done" in answer.text


def test_who_asks_for_a_sync_during_one_is_shown_that_one(manager, salesforce, read):
    manager.post("/sync/runs", data={"mode": "live"})
    page = manager.post("/sync/runs", data={"mode": "live"}, follow_redirects=True).text
    assert "A sync is already in progress; you can follow it here." in page
    assert len(read(lambda s: runs.latest(s, "sync"))) == 1


def test_who_asks_for_a_sync_during_a_test_gets_one_after_it(manager, fake, salesforce):
    salesforce.later()
    fake.clock.advance(minutes=1)
    lead = fake.lead()
    manager.post("/sync/runs", data={"mode": "check"})
    assert re.search(r'<button type="submit" class="button-primary" *>Sync now<', show(manager))
    page = manager.post("/sync/runs", data={"mode": "live"}, follow_redirects=True).text
    assert "Another run is in progress; the sync starts after it." in page
    salesforce.tick()
    salesforce.tick()
    assert salesforce.lead(lead).crm_id == lead


def test_a_sync_asked_for_during_a_test_is_refused_where_none_would_follow(admin, salesforce):
    admin.post("/sync/pause")
    admin.post("/sync/runs", data={"mode": "check"})
    assert admin.post("/sync/runs", data={"mode": "live"}).status_code == 409


@pytest.mark.parametrize("mode", [None, "", "sample", "drop"])
def test_only_known_kinds_of_run_are_asked_for(manager, salesforce, mode):
    assert manager.post("/sync/runs", data={"mode": mode} if mode else {}).status_code == 400


def test_without_a_connection_no_run_is_asked_for(manager):
    answer = manager.post("/sync/runs", data={"mode": "live"})
    assert answer.status_code == 409
    assert "Salesforce is not connected." in answer.text
    assert "An administrator can connect it on the sync page." in answer.text
    assert manager.get("/sync/status").headers["HX-Refresh"] == "true"


def test_what_only_a_person_can_mend_is_told_with_its_remedy(admin, fake, salesforce):
    with fake.failing("no run-as user"):
        salesforce.run()
    page = show(admin)
    assert "Stopped: your action is needed" in page
    assert "enable Client Credentials Flow and choose the integration user as Run As" in page
    assert ">Correct the connection</a>" in page
    assert admin.post("/sync/runs", data={"mode": "live"}).status_code == 409
    assert admin.post("/sync/runs", data={"mode": "check"}).status_code == 303
    salesforce.tick()
    assert "Stopped" not in show(admin)


def test_too_much_out_of_sight_is_asked_about(admin, manager, fake, salesforce):
    leads = fake.leads(3)
    salesforce.later()
    fake.hide(*leads[:2])
    salesforce.run("reconcile")
    page = show(admin)
    assert "Stopped: your action is needed" in page
    assert "No longer visible: 2 of 3 leads (67%)" in page
    assert ">Go on without them</button>" in page
    assert ">Go on without them</button>" not in show(manager)
    assert manager.post("/sync/lost").status_code == 403
    assert admin.post("/sync/lost").location == "/sync"
    fake.clock.advance(minutes=1)
    salesforce.tick()
    assert "Stopped" not in show(admin)


def test_a_manager_reads_the_fault_and_who_mends_it(manager, fake, salesforce):
    with fake.failing("wrong consumer key"):
        salesforce.run()
    page = show(manager)
    assert "Salesforce does not know the consumer key" in page
    assert "Ask an administrator to correct this" in page


def test_a_test_of_the_connection_names_the_next_steps_before_the_first_sync_alone(
    manager, fake, salesforce
):
    steps = "Next: map the fields"
    assert steps in show(manager, f"/sync/runs/{salesforce.run('check').key}")
    salesforce.later()
    page = show(manager, f"/sync/runs/{salesforce.run('check').key}")
    assert "The connection works." in page
    assert steps not in page


def test_logins_are_counted_beside_the_api_calls(manager, fake, salesforce):
    with fake.failing("wrong consumer key"):
        run = salesforce.run("check")
    page = show(manager, f"/sync/runs/{run.key}")
    assert "<dt>API calls</dt> <dd>0</dd>" in page
    assert "<dt>Logins</dt> <dd>1</dd>" in page


def test_a_fault_that_passes_is_told_with_the_next_try(manager, fake, salesforce):
    fake.clock.move_to(utc_now())
    with fake.failing("maintenance"):
        salesforce.run()
    page = show(manager)
    assert "The last run failed" in page
    assert "Salesforce is down for maintenance or overloaded." in page


def test_a_used_quota_says_when_it_goes_on(manager, fake, salesforce):
    fake.clock.move_to(utc_now())
    fake.fail_next("day quota used")
    salesforce.run()
    page = show(manager)
    assert re.search(r"Waiting: next try <time [^>]+>in \d+ minutes", page)
    assert "The org has used its API calls of the last 24 hours." in page


def test_a_missing_permission_to_read_deals_is_told(manager, fake, salesforce):
    for _ in range(3):
        fake.hide(fake.convert(fake.lead()))
    salesforce.later()
    assert "3 of 3 leads with an opportunity have one that the integration" in show(manager)


def test_score_fields_that_cannot_be_written_are_told(manager, fake, salesforce):
    fake.lead(LeadSource="Webinar")
    fake.set_access("Score_Reasons__c", "read-only")
    salesforce.later()
    assert "The integration user may not write a score field." in show(manager)


def test_a_pause_stops_the_clock_and_says_so(admin, fake, salesforce, read):
    salesforce.later()
    assert admin.post("/sync/pause").location == "/sync"
    page = show(admin)
    assert "Paused" in page
    assert ">Resume</button>" in page
    n_requests = len(fake.requests)
    fake.clock.advance(hours=1)
    salesforce.tick()
    assert len(fake.requests) == n_requests
    admin.post("/sync/runs", data={"mode": "dry"})
    assert "Scheduled runs are paused." in show(admin)
    salesforce.tick()
    n_requests = len(fake.requests)
    admin.post("/sync/resume")
    salesforce.tick()
    assert len(fake.requests) > n_requests
    actions = [(e.actor, e.action) for e in read(audit.latest)]
    assert ("ada@example.com", "paused") in actions
    assert ("ada@example.com", "resumed") in actions


def test_a_manager_does_not_pause_it(manager, salesforce):
    assert manager.post("/sync/pause").status_code == 403
    assert ">Pause</button>" not in show(manager)


def test_a_test_of_the_connection_says_what_is_there_and_what_is_missing(admin, fake, salesforce):
    fake.set_access("Score_Reasons__c", "read-only")
    address = admin.post("/sync/runs", data={"mode": "check"}).location
    assert "Connection test is waiting" in show(admin, address)
    salesforce.tick()
    page = show(admin, address)
    assert "Connected, but something is missing." in page
    assert page.count('<li class="failed">') == 1
    assert "Missing or read-only: Score_Reasons__c. Deploy the folder salesforce/ again." in page
    fragment = admin.get(f"{address}/progress").text
    assert "hx-trigger" not in fragment
    assert without_times(fragment) in without_times(admin.get(address).text)


def test_a_dry_run_says_what_it_would_do(manager, fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.close(fake.convert(lead), won=True)
    fake.clock.advance(minutes=15)
    run = salesforce.run("dry")
    page = show(manager, f"/sync/runs/{run.key}")
    assert "No lead was changed." in page
    assert "with the next 1 lead and 1 opportunity." in page
    assert f"{lead}</th>" in page
    assert "its opportunity is won" in page
    assert "Dry run:</strong> would bring 1 new lead, 1 converted" in show(manager, "/sync/runs")


def test_a_failed_run_keeps_its_words(manager, fake, salesforce):
    with fake.failing("object not visible"):
        run = salesforce.run()
    page = show(manager, f"/sync/runs/{run.key}")
    assert "The integration user cannot see an object." in page
    assert "Assign the permission set Lead Scoring Integration" in page
    assert ">failed</span>" in show(manager, "/sync/runs")


def test_a_look_at_everything_tells_where_numbers_differ(manager, fake, salesforce, write):
    fake.lead()
    salesforce.later()

    def finish(session):
        run = sync_runs.request(session, "reconcile", "ada", utc_now())
        runs.claim(session, "sync", "w", utc_now())
        drift = [{"month": "2026-09", "crm": 12, "leadloop": 11}]
        runs.finish(session, run, utc_now(), {"mode": "reconcile", "drift": drift})
        return run

    run = write(finish)
    assert "2026-09" in show(manager, f"/sync/runs/{run.key}")
    assert "In 1 month Salesforce and Leadloop have different numbers of leads" in show(manager)


def test_a_look_at_some_leads_leads_to_what_came_of_it(admin, fake, salesforce):
    fake.leads(2)
    run = salesforce.run("sample")
    page = show(admin, f"/sync/runs/{run.key}")
    assert "2 leads tested" in show(admin, "/sync/runs")
    assert f'href="/sync/mapping/{run.key}"' in page
    assert '<a href="/sync/runs" aria-current="page">Runs</a>' in page


def test_a_run_of_another_kind_is_not_shown_here(manager, salesforce, write):
    run = write(
        lambda s: runs.request(s, "import", trigger="request", requested_by="a", now=utc_now())
    )
    answer = manager.get(f"/sync/runs/{run.key}")
    assert answer.status_code == 404
    assert f"Run {run.key} is of another kind: import." in answer.text
    assert 'href="/sync">Go to Sync</a>' in answer.text


def test_many_runs_go_on_on_further_pages(manager, salesforce, write):
    def make(session):
        for _ in range(120):
            run = sync_runs.request(session, "live", "ada", utc_now())
            runs.claim(session, "sync", "w", utc_now())
            runs.finish(session, run, utc_now(), {})

    write(make)
    seen, addresses = [], ["/sync/runs"]
    for address in addresses:
        page = show(manager, address)
        seen += [int(key) for key in re.findall(r'href="/sync/runs/(\d+)"', page)]
        addresses += re.findall(r'href="(/sync/runs\?before=\d+)">Earlier', page)
    assert len(addresses) == 3
    assert len(seen) == 120
    assert seen == sorted(seen, reverse=True)


def test_while_it_waits_for_a_person_only_a_test_is_offered(admin, fake, salesforce):
    fake.app.consumer_secret = "another"
    salesforce.run()
    page = show(admin)
    assert "Stopped: your action is needed" in page
    buttons = re.findall(r'<button type="submit"([^>]*)>(Sync now|Dry run|Test connection)<', page)
    assert {name: "disabled" in marks for marks, name in buttons} == {
        "Sync now": True,
        "Dry run": True,
        "Test connection": False,
    }


def test_a_run_after_resuming_or_new_rules_says_so_and_speaks_of_no_hint(admin, salesforce, read):
    salesforce.later()
    admin.post("/sync/pause")
    admin.post("/sync/resume")
    [asked, *_] = read(lambda s: runs.latest(s, sync_runs.KIND))
    assert (asked.trigger, asked.requested_by) == ("request", "ada@example.com")
    salesforce.tick()
    rules = CrmRules(conflicts="rep")
    salesforce.write(lambda s: connections.save_rules(s, rules, "ada", salesforce.now))
    salesforce.fake.clock.advance(minutes=1)
    salesforce.tick()
    [after, *_] = read(lambda s: runs.latest(s, sync_runs.KIND))
    assert after.trigger == "settings"
