"""Reading page by page: complete whatever the stamps, the caps and the moments of commit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.salesforce.org.clock import Clock, stamp
from demo.salesforce.org.crm import Crm
from demo.salesforce.soql.parse import SoqlError
from demo.salesforce.soql.query import Queries

ROOT = "/services/data/v66.0"


def keyset_pages(queries, end, limit):
    """Read all leads before `end` as the product does: no page relies on the one before."""
    after, rows = None, []
    while True:
        behind = ""
        if after:
            at, row_id = after
            behind = f" AND (SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{row_id}'))"
        soql = (
            f"SELECT Id, SystemModstamp FROM Lead WHERE SystemModstamp < {end}{behind}"
            f" ORDER BY SystemModstamp, Id LIMIT {limit}"
        )
        page = queries.start(soql, ROOT, 2000, deleted=True)
        rows += page["records"]
        if page["done"] and page["totalSize"] < limit:
            return [row["Id"] for row in rows]
        after = (page["records"][-1]["SystemModstamp"], page["records"][-1]["Id"])


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 5),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_keyset_pages_are_complete_under_ties_and_caps(loads, limit, cap):
    crm = Crm(Clock())
    made = [lead for n in loads for lead in crm.leads(n)]
    queries = Queries(crm.org)
    queries.page_cap = cap
    assert keyset_pages(queries, stamp(crm.clock.now), limit) == made


def test_a_changed_row_moves_to_the_end():
    crm = Crm(Clock())
    first, second = crm.leads(2)
    crm.update(first, City="Oslo")
    assert keyset_pages(Queries(crm.org), stamp(crm.clock.now), 5) == [second, first]


def test_the_second_that_goes_on_is_not_before_the_end():
    crm = Crm(Clock())
    end = stamp(crm.clock.now)
    crm.lead()
    assert keyset_pages(Queries(crm.org), end, 5) == []


def test_a_long_answer_goes_on_behind_a_locator(fake, api):
    made = fake.leads(450)
    page = api.query("SELECT Id FROM Lead", **{"Sforce-Query-Options": "batchSize=200"}).json()
    rows = page["records"]
    assert (len(rows), page["totalSize"], page["done"]) == (200, 450, False)
    while not page["done"]:
        page = api.get(page["nextRecordsUrl"].removeprefix(f"{ROOT}/")).json()
        rows += page["records"]
    assert sorted(row["Id"] for row in rows) == made


def test_a_locator_answers_with_the_rows_of_its_time(fake, api):
    fake.leads(3, City="Bonn")
    fake.rest.queries.page_cap = 2
    soql = "SELECT City FROM Lead WHERE City = 'Bonn'"
    more = api.query(soql).json()["nextRecordsUrl"].removeprefix(f"{ROOT}/")
    for row in api.rows("SELECT Id FROM Lead LIMIT 3"):
        fake.update(row["Id"], City="Oslo")
    assert [row["City"] for row in api.get(more).json()["records"]] == ["Bonn"]


def test_locators_run_out(fake, api):
    fake.leads(3)
    fake.rest.queries.page_cap = 1
    path = api.query("SELECT Id FROM Lead").json()["nextRecordsUrl"].removeprefix(f"{ROOT}/")
    fake.clock.advance(days=2, seconds=1)
    api.log_in()
    assert api.get(path).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_counting_pages_nothing(fake, api):
    fake.leads(3)
    fake.delete(fake.lead())
    answer = api.get("query/", q="SELECT COUNT() FROM Lead").json()
    assert answer == {"totalSize": 3, "done": True, "records": []}


@settings(max_examples=50)
@given(st.data())
def test_indexes_find_what_a_scan_finds(data):
    """Look-ups by id and parent are the fast way to the same rows."""
    crm = Crm(Clock())
    deal = crm.opportunity()
    leads = crm.leads(data.draw(st.integers(1, 6)))
    for lead in leads:
        crm.convert(lead, data.draw(st.sampled_from([True, False, deal])))
    wanted = {"Id": leads[0], "ConvertedOpportunityId": deal}
    name = data.draw(st.sampled_from(sorted(wanted)))
    by_index = f"SELECT Id FROM Lead WHERE {name} = '{wanted[name]}' ORDER BY Id"
    by_scan = f"SELECT Id FROM Lead WHERE {name} = '{wanted[name]}' OR City = 'x' ORDER BY Id"
    found = [Queries(crm.org).start(each, ROOT, 2000, deleted=True) for each in (by_index, by_scan)]
    assert found[0] == found[1]
    assert found[0]["records"] or name != "Id"


def test_an_unknown_locator_is_refused():
    queries = Queries(Crm(Clock()).org)
    with pytest.raises(SoqlError, match="invalid query locator"):
        queries.more("0r8000000000001AAA-2000", ROOT, 2000)
