"""What the sync page and operators are told."""

from dataclasses import replace

import pytest

from sync.crm import phases
from sync.salesforce import cases
from webapp.services.crm import connections, sync_runs, sync_status


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both databases by the cases."""
    return "sqlite"


def overview(salesforce):
    return salesforce.read(lambda s: sync_status.overview(s, salesforce.settings, salesforce.now))


def test_without_a_connection_there_is_nothing_to_tell(client, read, settings, now):
    with pytest.raises(connections.NotConnected):
        read(lambda s: sync_status.overview(s, settings, now))
    assert "leadloop_sync" not in client.get("/metrics").text


def test_the_state_is_told_in_figures(fake, salesforce, client):
    fake.lead(LeadSource="Webinar")
    deal = fake.opportunity(LeadSource="Webinar")
    salesforce.later()
    fake.close(deal, won=True)
    salesforce.later()
    fake.clock.advance(minutes=3)
    seen = overview(salesforce)
    assert seen.lag.total_seconds() == 180
    assert (seen.n_unmatched, seen.n_conflicts, seen.n_by_state) == (1, 0, {"sent": 1})
    assert seen.n_read["leads"] == 1
    text = client.get("/metrics").text
    for line in ("failures 0.0", "stopped 0.0", "unmatched 1.0", "scores_due 0.0"):
        assert f"leadloop_sync_{line}" in text


def test_a_stopped_connection_shows_and_refuses_another_run(fake, salesforce, client):
    with fake.failing("no run-as user"):
        salesforce.run()
    assert "leadloop_sync_stopped 1.0" in client.get("/metrics").text
    with pytest.raises(sync_runs.ConnectionBroken, match="no run-as user"):
        salesforce.run()
    assert salesforce.run("check").state == "succeeded"
    assert salesforce.run().state == "succeeded"


def test_deals_that_cannot_be_read_point_to_a_missing_permission(fake, salesforce):
    for _ in range(3):
        fake.hide(fake.convert(fake.lead()))
    salesforce.later()
    assert overview(salesforce).lacks_permission


def statuses(salesforce):
    described = salesforce.read(lambda s: connections.get(s).described)
    return {value for f in described if f["name"] == "Status" for value in f["values"]}


def test_a_check_tells_of_each_thing_whether_it_is_there(fake, salesforce):
    fake.set_access("Score_Reasons__c", "read-only")
    run = salesforce.run("check")
    checks = {check["name"]: check for check in run.result["checks"]}
    assert not checks["Score fields"]["is_good"]
    assert "Score_Reasons__c" in checks["Score fields"]["sentence"]
    assert checks["Lead fields"]["is_good"]
    assert "Closed - Not Converted" in statuses(salesforce)


def test_values_of_a_picklist_that_are_inactive_are_offered_too(fake, salesforce):
    fields = fake.org.objects["lead"].fields
    many = tuple(f"Junk {n}" for n in range(300))
    fields["status"] = replace(fields["status"], inactive=many)
    salesforce.run("check")
    assert {*many, "Closed - Not Converted"} <= statuses(salesforce)


def test_a_connection_saved_while_a_run_fails_is_not_marked(fake, salesforce):
    """The run fails by the secret of before; what was saved meanwhile has not been tried."""
    refuse = fake.oauth.answer

    def save_then_refuse(request):
        salesforce.connect(consumer_secret="the right one")
        return refuse(request)

    salesforce.connect(consumer_secret="the wrong one")
    fake.clock.advance(minutes=1)
    fake.oauth.answer = save_then_refuse
    run = salesforce.run("check")
    assert run.error is None
    assert "The settings changed during this run" in run.result["stopped"]
    connection = overview(salesforce).connection
    assert (connection.breaker_case, connection.n_failures) == (None, 0)


def test_a_sample_tells_how_many_are_empty(fake, salesforce):
    fake.lead(Industry="Banking")
    fake.lead()
    run = salesforce.run("sample")
    assert run.result["sample"]["n_empty"]["industry"] == 1
    assert len(run.result["sample"]["leads"]) == 2


def test_a_dry_run_says_what_it_would_do_and_keeps_nothing(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar")
    fake.close(fake.convert(lead), won=True)
    fake.lead(LeadSource="Referral")
    fake.clock.advance(minutes=15)
    run = salesforce.run("dry")
    assert run.result["counts"]["converted"] == 1
    assert run.result["counts"]["leads_new"] == 2
    assert run.result["counts"]["scores_due"] == 1
    assert run.result["examples"] == [
        {
            "lead_id": lead,
            "outcome": "converted",
            "rule": "1b",
            "reason": "its opportunity is won",
        }
    ]
    assert fake.patches == []
    assert overview(salesforce).n_read["leads"] == 0


def test_a_dry_run_says_what_changed_rules_would_change_of_what_was_read(
    fake, salesforce, monkeypatch
):
    """Rules are applied in steps: each lead counts once."""
    monkeypatch.setattr(phases, "STEP_ROWS", 2)
    salesforce.rules(disqualified=["Bad"], milestone="deal_won")
    gets, loses = fake.lead(Status="Nurture"), fake.lead(Status="Bad")
    moves, stays = fake.lead(), fake.lead()
    fake.convert(moves)
    salesforce.later()
    assert [salesforce.lead(i).status for i in (gets, loses, moves, stays)] == [
        "open",
        "lost",
        "in_pipeline",
        "open",
    ]
    salesforce.rules(disqualified=["Nurture"], milestone="deal_created")
    run = salesforce.run("dry")
    changes = run.result["rule_changes"]
    numbers = {name: n for name, n in changes.items() if name != "examples"}
    assert numbers == {
        "leads": 4,
        "outcomes_gained": 2,
        "outcomes_lost": 1,
        "outcomes_changed": 0,
        "statuses_changed": 3,
    }
    assert sorted((e["lead_id"], e["before"], e["after"]) for e in changes["examples"]) == sorted(
        [
            (gets, "open", "lost"),
            (loses, "lost", "open"),
            (moves, "in_pipeline", "converted"),
        ]
    )
    assert {e["lead_id"]: e["reason"].partition(", dated")[0] for e in changes["examples"]} == {
        gets: "its status means disqualified",
        loses: "its status no longer counts as disqualified",
        moves: "an opportunity was created from it",
    }
    assert [salesforce.lead(i).status for i in (gets, loses, moves)] == [
        "open",
        "lost",
        "in_pipeline",
    ]
    salesforce.later()
    assert [salesforce.lead(i).status for i in (gets, loses, moves)] == [
        "lost",
        "open",
        "converted",
    ]
    assert "rule_changes" not in salesforce.run("dry").result


def test_a_dry_run_counts_what_changed_rules_do_only_once(fake, salesforce):
    lead = fake.lead(Status="Nurture", LeadSource="Webinar")
    salesforce.later()
    salesforce.rules(disqualified=["Nurture"])
    fake.update(lead, LeadSource="Referral")
    fake.clock.advance(minutes=15)
    result = salesforce.run("dry").result
    assert result["rule_changes"]["outcomes_gained"] == 1
    assert result["counts"].get("lost", 0) == 0


def test_a_dry_run_rehearses_a_changed_mapping_from_the_start(fake, salesforce):
    lead = fake.lead(LeadSource="Webinar", Industry="Banking")
    salesforce.later()
    salesforce.later(hours=1)
    salesforce.map(industry=("LeadSource", "as_is"))
    result = salesforce.run("dry").result
    assert result["rehearsed"]["leads"] == 1
    assert result["counts"]["leads_scored"] == 1
    assert salesforce.lead(lead).industry == "Banking"


def test_a_dry_run_rehearses_no_more_than_others_can_wait_for(fake, salesforce, monkeypatch):
    monkeypatch.setattr(phases, "REHEARSED_ROWS", 3)
    for _ in range(5):
        fake.lead(LeadSource="Webinar")
    fake.clock.advance(minutes=15)
    result = salesforce.run("dry").result
    assert result["rehearsed"] == {"leads": 3, "deals": 0}
    assert result["counts"]["leads_new"] == 3


@pytest.mark.parametrize("n_failures", [1, 4, 5])
def test_failures_in_a_row_are_followed_by_longer_pauses(fake, salesforce, n_failures):
    with fake.failing("maintenance"):
        for _ in range(n_failures):
            salesforce.run()
    seen = overview(salesforce).connection
    assert seen.n_failures == n_failures
    assert (seen.breaker_case == cases.MAINTENANCE.name) == (n_failures == 5)
    n_requests = len(fake.requests)
    fake.clock.advance(minutes=min(2 ** (n_failures - 1), 15), seconds=-1)
    salesforce.tick()
    assert len(fake.requests) == n_requests
    fake.clock.advance(seconds=1)
    salesforce.tick()
    assert len(fake.requests) > n_requests
