"""An org of a size that a back-fill must get through."""

import pytest

from demo.salesforce.bulk import fill
from demo.salesforce.org.clock import stamp
from tests.demo.test_paging import keyset_pages

N_RECORDS = 100_000


def test_a_filled_org_has_a_closed_deal_for_each_lead(fake, api):
    leads = fill(fake, 2001)
    rows = api.rows("SELECT Id, SystemModstamp, ConvertedOpportunity.IsWon FROM Lead ORDER BY Id")
    assert [row["Id"] for row in rows] == leads[:2000], "the last is on the next page"
    assert [row["ConvertedOpportunity"]["IsWon"] for row in rows[:3]] == [True, False, True]
    assert len({row["SystemModstamp"] for row in rows}) == 1


@pytest.mark.slow
def test_a_hundred_thousand_leads_and_deals_are_read_to_the_end(fake):
    leads = fill(fake, N_RECORDS)
    assert keyset_pages(fake.rest.queries, stamp(fake.clock.now), 2000) == leads
    count = "SELECT COUNT() FROM Opportunity WHERE IsWon = true"
    found = fake.rest.queries.start(count, "", 2000, deleted=False)
    assert found["totalSize"] == N_RECORDS / 2
