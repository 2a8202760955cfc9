"""A worker killed at any point leaves nothing stuck, nothing half done and no outcome uncounted."""

import pytest
import sqlalchemy as sa

from sync import jobs
from tests.factories import make_lead, make_leads, make_outcomes
from tests.sync.paused_worker import PLACES
from webapp.database import utc_now
from webapp.services.models import lifecycle, registry
from webapp.services.runs import runs
from webapp.tables import Lead, Score

N_LEADS = 20
OF_MONITORS = {"checking", "recalibrating"}
OF_WEBHOOKS = {"answered"}
LOST_TRAININGS = {"claimed", "training", "registering"}
# Elsewhere a killed worker leaves the same behind on either database.
IN_A_TRANSACTION = {"claiming", "registering", "beginning", "switching"}


@pytest.fixture
def clock(clock):
    clock.now = utc_now()
    return clock


def _label(session):
    places = range(N_LEADS)
    made = make_leads(session, ({"lead_id": f"L-{i}", "email_opens": i} for i in places))
    make_outcomes(session, made, [i % 2 == 0 for i in places])


@pytest.fixture
def recover(do, worker, clock):
    """What the next worker does in the following minutes."""

    def recover():
        for _ in range(3):
            clock.forward(minutes=2)
            for job in (jobs.free_lost_runs, jobs.retrain_if_due, jobs.rescore, jobs.tidy):
                do(job, worker)

    return recover


def on_both(place):
    is_held = place in IN_A_TRANSACTION
    yield pytest.param("sqlite", place)
    yield pytest.param("postgresql", place, marks=() if is_held else pytest.mark.slow)


@pytest.mark.parametrize(
    ("dialect", "place"),
    [case for place in PLACES if place not in OF_MONITORS | OF_WEBHOOKS for case in on_both(place)],
    indirect=["dialect"],
)
def test_the_next_worker_ends_what_a_killed_one_began(place, kill_worker_at, recover, read, write):
    write(_label)
    kill_worker_at(place)
    assert read(_names_in_use)["champion"] == ("1.1" if place == "switched" else "1.0")
    # Leads are taken in meanwhile.
    write(lambda s: make_lead(s, f"L-{N_LEADS}", email_opens=N_LEADS))
    recover()
    lost = [("training", "failed")] if place in LOST_TRAININGS else []
    done = [("training", "succeeded"), ("rescoring", "succeeded")]
    assert read(_states) == lost + done
    assert read(lifecycle.n_uncounted) == 0
    assert read(_names_in_use) == {"champion": "1.1"}
    assert read(_scores) == read(_expected_scores)


def _states(session):
    """What became of trainings and promotions; checks of the monitors come in between."""
    found = reversed(runs.latest(session))
    return [(run.kind, run.state) for run in found if run.kind != "monitoring"]


def _names_in_use(session):
    return {alias: version.name for alias, version in registry.aliases(session).items()}


def _scores(session):
    query = sa.select(Score.version_key, Lead.email_opens, Score.probability).join(Lead)
    return sorted(tuple(row) for row in session.execute(query))


def _expected_scores(session):
    champion = registry.champion(session)
    card = registry.scorecard(session, champion)
    return [
        (champion.key, float(n), card.score({"email_opens": n}).probability)
        for n in range(N_LEADS + 1)
    ]
