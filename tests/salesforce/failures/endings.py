"""How a run may end: well, failed until a person acts, or failed until the next one."""

from webapp.services.crm import connections


def breaker(salesforce):
    return salesforce.read(lambda s: connections.get(s).breaker_case)


def failed(fake, salesforce, case, *, n_logins=None):
    """A run that fails in words, and leaves Salesforce alone until a person acts."""
    fake.clock.advance(minutes=15)
    run = salesforce.run()
    assert run.state == "failed"
    assert run.error.startswith(case.message)
    assert breaker(salesforce) == case.name
    if n_logins is not None:
        assert len(fake.logins) == n_logins
    n_requests = len(fake.requests)
    fake.clock.advance(hours=3)
    salesforce.tick()
    assert len(fake.requests) == n_requests
    return run


def comes_back(fake, salesforce, case):
    """A run that fails in words; the next one is due within minutes, and calls nobody."""
    fake.clock.advance(minutes=15)
    run = salesforce.run()
    assert run.state == "failed"
    assert run.error.startswith(case.message)
    assert breaker(salesforce) is None
    fake.clock.advance(minutes=5)


def survived(fake, salesforce, *leads):
    """A run that does all it had to do."""
    salesforce.later()
    for lead in leads:
        assert salesforce.lead(lead).crm_id == lead
