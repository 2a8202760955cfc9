"""Which leads the monitors read: whose outcomes tell of the level, and at which age they are."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ml.monitoring.outcome_delays import Wait, outcome_delays
from tests.factories import NOW, make_lead, make_outcome
from webapp.services.models import monitor_samples
from webapp.services.models.monitor_samples import JudgedLead, Samples

DAY = timedelta(days=1)
KNOWN = outcome_delays([Wait(1 + n % 5, n % 3 == 0) for n in range(90)])


def leads(n, n_converted, *, probability, is_unseen):
    """Leads with an outcome, told before or after the version went live."""
    scored_at, told_at = (NOW, NOW + DAY) if is_unseen else (NOW - 20 * DAY, NOW - DAY)
    return [
        JudgedLead(
            inputs={},
            probability=probability,
            converted=place < n_converted,
            group=1_000 * is_unseen + place,
            first_scored_at=scored_at,
            outcome_at=told_at,
            recorded_at=told_at,
            is_followed=True,
            counted_by_run=None if is_unseen else 1,
            is_unseen=is_unseen,
        )
        for place in range(n)
    ]


def evidence(judged, *, delays=KNOWN, is_as_learned=True, claimed_auc=None):
    measured = SimpleNamespace(claimed_auc=claimed_auc) if claimed_auc else None
    version: Any = SimpleNamespace(key=1, metrics={"n": 1}, learned_from=None, measured=measured)
    unasked: Any = None  # what tells nothing of the level
    live: Any = version if is_as_learned else SimpleNamespace(key=2)
    return Samples(
        champion=live,
        learned=version,
        card=unasked,
        learned_card=unasked,
        since=NOW,
        now=NOW + 5 * DAY,
        delays=delays,
        recent=[],
        judged=judged,
        labelled_by_score=[],
        scored_by_score=[],
    ).of_level


LEARNED = leads(150, 45, probability=0.2, is_unseen=False)  # 30 converted as learned
NEW = leads(30, 9, probability=0.2, is_unseen=True)


def test_leads_learned_from_and_new_ones_tell_together_what_the_level_would_be_today():
    slow = leads(10, 9, probability=0.2, is_unseen=True)
    slow = [replace(lead, first_scored_at=NOW - 9 * DAY, group=-lead.group) for lead in slow]
    found = evidence(LEARNED[5:] + slow + NEW)
    assert found.is_partly_learned
    assert len(found.leads) == 185


def test_a_level_that_all_leads_together_bear_out_stays():
    as_learned = leads(150, 32, probability=0.2, is_unseen=False)
    assert not evidence(
        as_learned + leads(60, 18, probability=0.2, is_unseen=True)
    ).is_partly_learned


@pytest.mark.parametrize(
    "judged",
    [
        pytest.param(leads(30, 9, probability=0.2, is_unseen=False) + NEW, id="perhaps chance"),
        pytest.param(LEARNED + leads(30, 2, probability=0.2, is_unseen=True), id="denied"),
        pytest.param(
            LEARNED + leads(30, 20, probability=0.2, is_unseen=True), id="new ones say it"
        ),
    ],
)
def test_else_only_what_came_since_it_went_live(judged):
    found = evidence(judged)
    assert not found.is_partly_learned
    assert {lead.is_unseen for lead in found.leads} == {True}


def test_a_recalibrated_version_goes_by_the_same_leads():
    assert evidence(LEARNED + NEW, is_as_learned=False).is_partly_learned
    settled = leads(150, 45, probability=0.28, is_unseen=False)
    new = leads(30, 9, probability=0.28, is_unseen=True)
    assert not evidence(settled + new, is_as_learned=False).is_partly_learned


def test_while_the_claimed_order_is_in_doubt_leads_of_before_tell_nothing_of_the_level():
    """The newer leads, all with one score, are ranked by luck: the world may have changed."""
    judged = LEARNED + leads(60, 18, probability=0.2, is_unseen=True)
    assert evidence(judged, claimed_auc=(0.55, 0.45, 0.65)).is_partly_learned
    assert not evidence(judged, claimed_auc=(0.8, 0.75, 0.85)).is_partly_learned


def test_while_outcomes_are_too_few_nothing_tells_of_the_level():
    few = outcome_delays([Wait(1, n < 5) for n in range(14)] + [Wait(4, None)] * 60)
    assert evidence(LEARNED + NEW, delays=few) is None


def test_recent_leads_are_as_old_as_those_learned_from(champion, write, read):
    """Outcomes take 10 days and opens grow by one a day: after 30 days nothing else has changed."""

    def live(session):
        for n in range(10):
            lead = make_lead(session, f"ended-{n}", email_opens=0, now=NOW - 30 * DAY)
            make_outcome(session, lead, n % 2 == 0, now=NOW - 20 * DAY)
        for n in range(20):
            for day in range(0, 31, 5):
                make_lead(session, f"open-{n}", email_opens=day, now=NOW - (30 - day) * DAY)

    write(live)
    samples = read(lambda s: monitor_samples.read(s, NOW))
    opens = [lead.inputs["email_opens"] for lead in samples.recent]
    assert (len(opens), max(opens)) == (30, 5)
