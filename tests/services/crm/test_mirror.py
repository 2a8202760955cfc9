"""What is known of the CRM, for people."""

from datetime import timedelta

import pytest

from sync.crm.mapping import stamp
from sync.crm.reading import Window
from webapp.services.crm import mirror


@pytest.fixture(scope="session")
def dialect():
    """The statements are tested on both databases by the cases of tests/salesforce."""
    return "sqlite"


def test_leads_stay_read_up_to_where_they_were_while_a_week_is_read_again(session, now):
    window = Window().opened(now, now - timedelta(days=365)).behind(stamp(now - timedelta(days=9)))
    mirror.keep_window(session, "lead", vars(window))
    assert mirror.reached(session) == {"lead": now - timedelta(days=9)}
    again = window.finished().back_to(now - timedelta(days=7))
    mirror.keep_window(session, "lead", vars(again))
    assert mirror.reached(session) == {"lead": now}
