"""Random histories with late commits, kills, faults and hidden records: then all is right."""

import pytest

from tests.salesforce.reading.history import History

FEW, MANY = range(50), range(50, 1050)


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    """What is tested here is the order of things; statements are tested on both elsewhere."""
    return request.param


@pytest.mark.parametrize("seed", FEW)
def test_after_any_history_every_outcome_is_the_truth(seed, fake, salesforce, monkeypatch):
    check(seed, fake, salesforce, monkeypatch)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("seed", range(5))
def test_after_histories_on_postgresql_too(seed, fake, salesforce, monkeypatch):
    check(seed, fake, salesforce, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_after_any_of_many_histories_too(seed, fake, salesforce, monkeypatch):
    check(seed, fake, salesforce, monkeypatch)


def check(seed, fake, salesforce, monkeypatch):
    history = History(seed, fake, salesforce, monkeypatch)
    if seed % 5 == 0:
        history.begin_long_ago()
    history.live(n_events=30)
    history.come_to_rest()
    goes_on = {i for i in history.leads if not history.survivor(i)["IsDeleted"]}
    recorded = history.found.outcomes()
    assert goes_on <= recorded.keys()
    assert not history.erased() & recorded.keys()
    assert recorded == {lead: history.truth(lead) for lead in recorded}
    assert history.outcomes_of_old() == history.truth_of_old()
    assert history.found.in_pipeline() == {i for i in goes_on if history.is_pending(i)}
    assert history.by_hand.listed() == history.by_hand.to_be_listed()
    assert history.dated_too_early() == []
    assert history.found.repeated_words() == []
    assert history.unwritten() == []
    assert history.useless_writes() <= history.n_kills + history.found.n_to_repeat
