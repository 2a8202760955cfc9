"""The made-up company: the same from the same seed, with a signal to learn, and going on."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from demo.salesforce import company

END = datetime(2026, 11, 2, 9, 0, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world():
    return company.filled(leads=1500, seed=1, port=0, end=END)


def rows(world, name):
    return list(world.fake.org.tables[name].rows.values())


def outcomes(world):
    """(lead, has bought) for the leads of which it is known."""
    deals = {row["Id"]: row for row in rows(world, "opportunity")}
    for lead in rows(world, "lead"):
        deal = deals.get(lead.get("ConvertedOpportunityId"), {})
        if deal.get("IsClosed"):
            yield lead, bool(deal.get("IsWon"))
        elif lead["Status"] == "Closed - Not Converted":
            yield lead, False


def test_the_same_seed_makes_the_same_company():
    first, again, other = (company.filled(leads=100, seed=n, port=0, end=END) for n in (3, 3, 4))
    assert rows(again, "lead") == rows(first, "lead") != rows(other, "lead")
    assert rows(again, "opportunity") == rows(first, "opportunity")


def test_the_past_ends_now(world):
    stamps = [row["SystemModstamp"] for row in rows(world, "lead")]
    assert world.fake.clock.now == END
    assert max(stamps) <= "2026-11-02T09:00:00.000+0000"
    assert min(row["CreatedDate"] for row in rows(world, "lead")) < "2026-07-10"


def test_what_is_known_of_a_lead_says_whether_it_buys(world):
    known = list(outcomes(world))
    bought = [lead for lead, has_bought in known if has_bought]
    assert len(known) > 600
    assert 0.15 < len(bought) / len(known) < 0.5

    def rate(source):
        those = [has_bought for lead, has_bought in known if lead["LeadSource"] == source]
        return sum(those) / len(those)

    assert rate("Referral") > rate("Organic") > rate("Cold Call")

    def visits(leads):
        return sum(lead["Website_Visits__c"] for lead in leads) / len(leads)

    assert visits(bought) > 1.3 * visits([lead for lead, has_bought in known if not has_bought])


def test_the_company_has_what_makes_syncing_hard(world):
    leads, deals = rows(world, "lead"), rows(world, "opportunity")
    assert any(lead["OwnerId"].startswith("00G") for lead in leads)
    assert any(lead.get("Industry") is None for lead in leads)
    assert any(lead.get("IsConverted") and "ConvertedOpportunityId" not in lead for lead in leads)
    assert world.fake.org.hidden
    assert {bool(deal.get("IsClosed")) for deal in deals} == {True, False}


def test_leads_keep_coming_and_deals_closing():
    world = company.filled(leads=600, seed=2, port=0, end=END)
    n_leads, n_known = len(rows(world, "lead")), len(list(outcomes(world)))
    world.play(END + timedelta(days=20), moves_clock=False)
    assert len(rows(world, "lead")) > n_leads + 50
    assert len(list(outcomes(world))) > n_known + 20
    assert world.fake.clock.now - END < timedelta(hours=2), "events come now, not in the future"


def test_it_runs_by_itself():
    command = [sys.executable, "-m", "demo.salesforce", "--port", "0", "--leads", "50"]
    with subprocess.Popen(
        [*command, "--demo"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(5)]
        (url,) = re.findall(r"EXTRA_HOST=(\S+)", "".join(lines))
        status = requests.get(f"{url}/services/data/", timeout=5).status_code
        running.terminate()
        assert (status, running.wait(10)) == (200, 0)
