"""Outcomes: added, never erased; the newest by time of happening counts."""

from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from tests.factories import NOW, PROGRAM, make_lead, make_outcome
from webapp.services.leads import leads
from webapp.services.outcomes import label_counts, outcomes
from webapp.services.outcomes.outcomes import Attribution, Effect
from webapp.services.outcomes.times import OutcomeInFuture
from webapp.tables import NEVER_WORKED, Outcome, Score

RITA = Attribution("rep", "rita@example.com")
DAY = timedelta(days=1)


@pytest.fixture
def lead(write):
    write(lambda s: make_lead(s, "noise", actual_outcome=True))
    return write(lambda s: make_lead(s, "L-1"))


def outcome_of(read):
    return read(lambda s: leads.find(s, "L-1").outcome)


def n_rows(read, lead):
    query = sa.select(sa.func.count()).where(Outcome.lead_key == lead.key)
    return read(lambda s: s.scalar(query))


def test_saying_it_again_adds_nothing(lead, write, read):
    for _ in range(5):
        write(lambda s: make_outcome(s, "L-1", True))
    assert n_rows(read, lead) == 1


def test_another_source_saying_the_same_is_kept_as_a_confirmation(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True))
    write(lambda s: make_outcome(s, "L-1", True, attribution=RITA, now=NOW + DAY))
    assert n_rows(read, lead) == 2
    assert read(lambda s: leads.find(s, "L-1").outcome_at) == NOW


def test_a_withdrawn_outcome_stays_in_the_history(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True))
    write(lambda s: make_outcome(s, "L-1", None, now=NOW + DAY))
    assert outcome_of(read) is None
    assert n_rows(read, lead) == 2


def test_after_a_withdrawal_an_earlier_statement_of_another_source_counts(lead, write, read):
    file = Attribution("csv", "ada@example.com")
    write(lambda s: make_outcome(s, "L-1", False, attribution=file, happened_at=NOW - 9 * DAY))
    write(lambda s: make_outcome(s, "L-1", True, attribution=RITA, now=NOW + DAY))
    write(lambda s: make_outcome(s, "L-1", None, attribution=RITA, now=NOW + 2 * DAY))
    found = read(lambda s: leads.find(s, "L-1"))
    assert (found.outcome, found.outcome_at) == (False, NOW - 9 * DAY)
    assert read(lambda s: s.scalar(sa.select(Score.status).where(Score.lead_key == lead.key))) == (
        "lost"
    )


def test_a_statement_of_another_source_counts_though_it_comes_after_a_withdrawal(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True, attribution=RITA))
    write(lambda s: make_outcome(s, "L-1", None, attribution=RITA, now=NOW + DAY))
    write(lambda s: make_outcome(s, "L-1", False, now=NOW + 2 * DAY, happened_at=NOW - DAY))
    assert outcome_of(read) is False


def test_a_withdrawal_cancels_one_statement_of_its_source(lead, write, read):
    for day, converted in enumerate((True, False, None)):
        write(lambda s, c=converted, d=day: make_outcome(s, "L-1", c, now=NOW + d * DAY))
    assert outcome_of(read) is True
    write(lambda s: make_outcome(s, "L-1", None, now=NOW + 4 * DAY))
    assert (outcome_of(read), n_rows(read, lead)) == (True, 3)


def test_a_source_cannot_withdraw_what_another_has_said(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True))
    write(lambda s: make_outcome(s, "L-1", None, attribution=RITA, now=NOW + DAY))
    assert (outcome_of(read), n_rows(read, lead)) == (True, 1)


def test_a_key_withdraws_its_own_word_and_not_that_of_another_key(lead, write, read):
    another = Attribution("api", "key:another")
    for day, (told, by) in enumerate(((True, PROGRAM), (True, another), (None, PROGRAM))):
        write(
            lambda s, d=day, t=told, by=by: make_outcome(
                s, "L-1", t, attribution=by, now=NOW + d * DAY
            )
        )
    assert (outcome_of(read), n_rows(read, lead)) == (True, 3)
    write(lambda s: make_outcome(s, "L-1", None, attribution=another, now=NOW + 9 * DAY))
    assert outcome_of(read) is None


def test_a_deal_that_is_open_again_withdraws_all_that_the_crm_has_said(lead, write, read):
    crm = Attribution("salesforce", "worker")
    for day, converted in enumerate((True, False, None)):
        at = NOW + day * DAY
        write(lambda s, c=converted, at=at: make_outcome(s, "L-1", c, attribution=crm, now=at))
    assert (outcome_of(read), n_rows(read, lead)) == (None, 4)


def test_a_withdrawn_statement_may_be_repeated_with_its_time(lead, write, read):
    for day, converted in enumerate((True, None, True)):
        at = None if converted is None else NOW - DAY
        write(
            lambda s, c=converted, d=day, at=at: make_outcome(
                s, "L-1", c, now=NOW + d * DAY, happened_at=at
            )
        )
    found = read(lambda s: leads.find(s, "L-1"))
    assert (found.outcome, found.outcome_at) == (True, NOW - DAY)


def test_withdrawing_what_was_never_said_adds_nothing(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", None))
    assert n_rows(read, lead) == 0


def test_what_happened_earlier_does_not_beat_what_happened_later(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True))
    write(lambda s: make_outcome(s, "L-1", False, happened_at=NOW - DAY, now=NOW + DAY))
    assert outcome_of(read) is True
    assert n_rows(read, lead) == 2


def test_a_statement_about_now_counts_although_the_clock_went_back(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", True, now=NOW))
    write(lambda s: make_outcome(s, "L-1", False, now=NOW - timedelta(minutes=1)))
    assert outcome_of(read) is False


def test_an_outcome_in_the_future_is_refused(lead, write, read):
    with pytest.raises(OutcomeInFuture):
        write(lambda s: make_outcome(s, "L-1", True, happened_at=NOW + DAY))
    assert n_rows(read, lead) == 0


def test_a_statement_with_a_key_is_recorded_once(lead, write, read):
    attribution = Attribution("salesforce", "sync", idempotency_key="006A-won")
    for at in (NOW, NOW + DAY):
        write(
            lambda s, at=at: make_outcome(
                s, "L-1", True, attribution=attribution, now=at, happened_at=at
            )
        )
    assert n_rows(read, lead) == 1


@pytest.mark.parametrize(
    ("again", "at", "since"),
    [
        (RITA, None, NOW),
        (RITA, NOW + DAY, NOW + DAY),
        (PROGRAM, None, NOW + 2 * DAY),
    ],
    ids=["undone", "dated anew", "said by another"],
)
def test_an_outcome_that_was_undone_and_said_again_keeps_its_time(
    again, at, since, lead, write, read
):
    write(lambda s: make_outcome(s, "L-1", False, attribution=RITA))
    write(lambda s: make_outcome(s, "L-1", None, attribution=RITA, now=NOW + DAY))
    later = NOW + 2 * DAY
    write(lambda s: make_outcome(s, "L-1", False, attribution=again, now=later, happened_at=at))
    assert read(lambda s: leads.find(s, "L-1").outcome_at) == since


def test_a_deal_that_was_open_again_is_lost_anew(lead, write, read):
    crm = Attribution("salesforce", "worker")
    for day, converted in enumerate((False, None, False)):
        at = NOW + day * DAY
        write(lambda s, c=converted, at=at: make_outcome(s, "L-1", c, attribution=crm, now=at))
    assert read(lambda s: leads.find(s, "L-1").outcome_at) == NOW + 2 * DAY


def test_only_a_changed_outcome_is_a_new_label(lead, write, read):
    changes = [
        write(lambda s, c=c, i=i: _record(s, c, NOW + i * DAY)) is Effect.CHANGED
        for i, c in enumerate([True, True, None, None, True, False])
    ]
    assert changes == [True, False, True, False, True, True]


def _record(session, converted, now):
    found = leads.find(session, "L-1", lock=True)
    return outcomes.record(session, found, converted, PROGRAM, now=now)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_the_winner_does_not_depend_on_the_order_of_arrival(order, lead, write, read):
    reported = [(True, 0), (False, 3), (None, 1), (True, 2)]
    for i in order:
        converted, day = reported[i]
        at = NOW - timedelta(days=9) + day * DAY
        write(lambda s, c=converted, at=at: make_outcome(s, "L-1", c, happened_at=at))
    assert outcome_of(read) is False


def test_a_lead_never_worked_is_closed_but_no_label(lead, write, read):
    n_before = read(label_counts.count)
    write(lambda s: make_outcome(s, "L-1", NEVER_WORKED))
    found = read(lambda s: leads.find(s, "L-1"))
    assert (found.outcome, found.outcome_at, found.status) == (None, NOW, NEVER_WORKED)
    assert read(label_counts.count) == n_before
    statuses = sa.select(Score.status).where(Score.lead_key == lead.key)
    assert read(lambda s: s.scalars(statuses).all()) == [NEVER_WORKED]


def test_never_worked_can_be_undone_and_stays_in_the_history(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", NEVER_WORKED))
    write(lambda s: make_outcome(s, "L-1", None, now=NOW + DAY))
    assert read(lambda s: leads.find(s, "L-1").status) == "open"
    assert n_rows(read, lead) == 2


def test_what_happened_after_a_lead_was_never_worked_counts(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", NEVER_WORKED))
    write(lambda s: make_outcome(s, "L-1", True, now=NOW + DAY))
    found = read(lambda s: leads.find(s, "L-1"))
    assert (found.outcome, found.is_never_worked) == (True, False)


def test_a_label_that_becomes_never_worked_is_no_label_any_more(lead, write, read):
    write(lambda s: make_outcome(s, "L-1", False))
    n_labels = read(label_counts.count)
    write(lambda s: make_outcome(s, "L-1", NEVER_WORKED, now=NOW + DAY))
    assert read(label_counts.count) == n_labels - 1
