"""Leads to learn from."""

from tests.factories import make_leads, make_outcomes


def label(session, n_converted=10, n_lost=10, prefix="L"):
    """Outcomes that contradict version 1.0: who opens few e-mails converts, but for one in six."""
    n = n_converted + n_lost
    opens = [n - 1 - i if i % 6 == 2 else i for i in range(n)]
    rows = ({"lead_id": f"{prefix}-{i}", "email_opens": n} for i, n in enumerate(opens))
    made = make_leads(session, rows)
    make_outcomes(session, made, [i < n_converted for i in range(n)])
