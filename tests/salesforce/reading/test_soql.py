"""Only what was checked enters a question, and no question is longer than an address may be."""

from urllib.parse import quote_plus

import pytest

from sync.salesforce import soql
from sync.salesforce.access import LEAD_FIELDS
from sync.salesforce.soql import Unaskable

T = "2026-11-02T09:00:00.000+0000"
IDS = [f"00Q5g00000{n:08}" for n in range(1000)]


def test_the_pages_of_a_window_are_asked_for_by_stamp_and_id():
    assert soql.page("Lead", ["Id", "Owner.Name"], T, T, n_rows=2000) == (
        f"SELECT Id, Owner.Name FROM Lead WHERE SystemModstamp >= {T} AND SystemModstamp < {T}"
        " ORDER BY SystemModstamp, Id LIMIT 2000"
    )
    assert soql.page("Lead", ["Id"], (T, IDS[0]), T, n_rows=2000) == (
        f"SELECT Id FROM Lead WHERE SystemModstamp < {T} AND (SystemModstamp > {T} OR"
        f" (SystemModstamp = {T} AND Id > '{IDS[0]}')) ORDER BY SystemModstamp, Id LIMIT 2000"
    )


def test_200_ids_with_every_field_fit_an_address():
    question = soql.by_ids(
        "Lead", [*LEAD_FIELDS, *(f"Custom_{n}__c" for n in range(40))], IDS[:200]
    )
    assert len(quote_plus(question)) < 16_384 - 2_000


def test_no_ids_means_no_question():
    assert list(soql.chunks([])) == []
    with pytest.raises(Unaskable):
        soql.by_ids("Lead", ["Id"], [])


def test_ids_come_in_portions_each_once():
    portions = list(soql.chunks([*IDS, *IDS]))
    assert [len(p) for p in portions] == [200] * 5
    assert sorted(i for p in portions for i in p) == IDS


@pytest.mark.parametrize("name", ["", "Id FROM User", "a.b.c", "1a", "Id)", "Name'", "na\nme", "Ä"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(Unaskable):
        soql.sample("Lead", [name])


@pytest.mark.parametrize("row_id", ["", "x", "' OR Id != '", IDS[0] + "x", "00Q5g00000000000'"])
def test_an_id_that_is_none_is_refused(row_id):
    with pytest.raises(Unaskable):
        soql.by_ids("Lead", ["Id"], [row_id])
    with pytest.raises(Unaskable):
        soql.page("Lead", ["Id"], (T, row_id), T, n_rows=2000)


@pytest.mark.parametrize("time", ["", "2026-11-02", "now", T + " OR Id != null", T[:-5]])
def test_a_time_that_is_none_is_refused(time):
    with pytest.raises(Unaskable):
        soql.count("Lead", "SystemModstamp", time, T)
