"""Leads to learn from."""

from tests.factories import make_leads, make_outcomes


def label(session, n_converted=10, n_lost=10, prefix="L"):
    """Outcomes that contradict version 1.0: who opens few e-mails converts."""
    n = n_converted + n_lost
    made = make_leads(session, ({"lead_id": f"{prefix}-{i}", "email_opens": i} for i in range(n)))
    make_outcomes(session, made, [i < n_converted for i in range(n)])
