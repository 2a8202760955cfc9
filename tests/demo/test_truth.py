"""The made-up company tells how good the queue is: it knows which leads will buy."""

import threading

import pytest

from demo.salesforce import truth
from demo.salesforce.company import Fate
from tests.factories import make_champion, make_leads


@pytest.fixture
def fates(write):
    """Six open leads of whom those with more email opens buy, one of them excepted."""

    def make(session):
        made = make_leads(session, [{"lead_id": f"L-{n}", "email_opens": 2 * n} for n in range(6)])
        for lead in made:
            lead.crm_id = f"00Q{lead.key:015}"
        return [lead.crm_id for lead in made]

    ids = write(make)
    buys = (False, False, True, False, True, True)
    return {crm_id: Fate(n / 10, buys[n]) for n, crm_id in enumerate(ids)}


def test_the_order_of_open_leads_is_compared_with_who_buys(fates, read):
    told = read(lambda session: truth.of_queue(session, fates))
    assert told == (
        "Truth: 3 of 6 open leads will buy. Version 1.0 ranks them with AUC 0.89 (0.58 to 1.00);"
        " all that may be known would give 0.89 (0.58 to 1.00). 0.0% are scored above 90%."
    )


def test_before_there_are_leads_nothing_is_claimed(write, read):
    write(make_champion)
    told = read(lambda session: truth.of_queue(session, {}))
    assert "0 of 0 open leads will buy. Version 1.0 ranks them with AUC unknown" in told


def test_it_is_told_once_more_at_the_end(fates, app, capsys):
    stopping = threading.Event()
    stopping.set()
    with app.app_context():
        truth.tell(fates, stopping)
    assert capsys.readouterr().out.count("Truth: 3 of 6 open leads will buy.") == 1
