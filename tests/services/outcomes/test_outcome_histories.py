"""Random histories of outcomes against a plain model of what should count."""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.factories import NOW, make_lead
from webapp.services.leads import lead_history, leads
from webapp.services.outcomes import outcomes
from webapp.services.outcomes.outcomes import Attribution, Effect
from webapp.tables import NEVER_WORKED, Outcome

DAY = timedelta(days=1)
WORDS = outcomes.RESULTS
STATEMENTS = st.sampled_from([True, False, NEVER_WORKED])
RESULTS = st.sampled_from([True, False, NEVER_WORKED, None])
SOURCES = st.sampled_from(["api", "rep", "csv"])
DAYS_AGO = st.integers(0, 4)
_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["sqlite"])
def dialect(request):
    """What counts is decided in Python; many at once are written by each in its way."""
    return request.param


@pytest.fixture
def new_lead(write):
    """Every history has a lead of its own."""
    return lambda: write(lambda s: make_lead(s, f"H-{next(_numbers)}", now=NOW - 9 * DAY)).lead_id


@pytest.fixture
def say(write):
    """Record an outcome and say whether what counts has changed."""

    def say(lead_id, converted, source, *, now, happened_at=None):
        def record(session):
            lead = leads.find(session, lead_id, lock=True)
            attribution = Attribution(source, "somebody")
            return outcomes.record(
                session, lead, converted, attribution, now=now, happened_at=happened_at
            )

        return write(record)

    return say


@dataclass(eq=False)
class Told:
    """One thing said or withdrawn, as the model of these tests keeps it."""

    at: datetime
    result: bool | str | None
    source: str
    recorded_at: datetime
    is_cancelled: bool = False

    @property
    def stands(self):
        return self.result is not None and not self.is_cancelled


def since(told):
    """Since when the newest result holds: the beginning of its row.

    What one source said, took back and said again of no other time goes on before that.
    """
    in_place = sorted((t for t in told if t.result is not None), key=lambda t: t.at)
    while not in_place[-1].stands:
        in_place.pop()
    first = in_place.pop()
    for earlier in reversed(in_place):
        is_same = earlier.result == first.result
        if earlier.stands and not is_same:
            break
        is_undo = is_same and earlier.source == first.source and first.at >= first.recorded_at
        first = earlier if earlier.stands or is_undo else first
    return first.at


class Histories(RuleBasedStateMachine):
    """`told` holds what was said and withdrawn in the order in which it was recorded."""

    def __init__(self, new_lead, say, read):
        super().__init__()
        self.say, self.read = say, read
        self.lead_id, self.now, self.told = new_lead(), NOW, []
        self.changed, self.before = Effect.NOTHING, None

    @rule(minutes=st.integers(-3, 90))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(converted=STATEMENTS, source=SOURCES)
    def somebody_says_now(self, converted, source):
        newest = self.newest()
        if newest is None or (newest.result, newest.source) != (converted, source):
            self.told.append(Told(self.latest(), converted, source, self.now))
        self.changed = self.say(self.lead_id, converted, source, now=self.now)

    @rule(converted=STATEMENTS, source=SOURCES, days=DAYS_AGO)
    def somebody_says_of_then(self, converted, source, days):
        at = NOW - days * DAY
        if (at, converted, source) not in [
            (t.at, t.result, t.source) for t in self.told if t.stands
        ]:
            self.told.append(Told(at, converted, source, self.now))
        self.changed = self.say(self.lead_id, converted, source, now=self.now, happened_at=at)

    @rule(source=SOURCES)
    def somebody_withdraws(self, source):
        own = [t for t in self.told if t.source == source]
        if own and own[-1].result is not None:
            own[-1].is_cancelled = True
            self.told.append(Told(self.latest(), None, source, self.now))
        self.changed = self.say(self.lead_id, None, source, now=self.now)

    def newest(self):
        standing = [t for t in self.told if t.stands]
        return sorted(standing, key=lambda t: t.at)[-1] if standing else None

    def latest(self):
        return max([self.now, *(t.at for t in self.told)])

    @invariant()
    def the_newest_statement_that_stands_counts(self):
        lead = self.read(lambda s: leads.find(s, self.lead_id))
        newest = self.newest()
        counts = newest.result if newest else None
        assert outcomes.counting(lead) == counts
        assert lead.outcome is (counts if isinstance(counts, bool) else None)
        assert lead.outcome_at == (None if counts is None else since(self.told))
        assert (self.changed is Effect.CHANGED) == (counts is not self.before)
        self.before, self.changed = counts, Effect.NOTHING

    @invariant()
    def nothing_is_lost_or_added(self):
        rows = self.read(lambda s: leads.outcome_history(s, leads.find(s, self.lead_id)))
        kept = [(r.happened_at, r.result, r.source) for r in sorted(rows, key=lambda r: r.key)]
        assert kept == [(t.at, WORDS[t.result], t.source) for t in self.told]
        standing = {row.key for row in lead_history.standing(rows)}
        assert [r.key in standing for r in sorted(rows, key=lambda r: r.key)] == [
            t.stands for t in self.told
        ]


def test_what_counts_follows_from_the_history_alone(new_lead, say, read):
    run_state_machine_as_test(
        lambda: Histories(new_lead, say, read),  # type: ignore[arg-type]
        settings=settings(max_examples=25, stateful_step_count=20),
    )


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    attribution=st.lists(
        st.tuples(st.integers(0, 99), STATEMENTS, SOURCES),
        unique_by=lambda told: told[0],
        min_size=1,
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_order_in_which_statements_arrive_changes_nothing(
    attribution, order, new_lead, say, read
):
    def outcome_of(events):
        lead_id = new_lead()
        for hours, converted, source in events:
            at = NOW - timedelta(hours=hours)
            say(lead_id, converted, source, now=NOW, happened_at=at)
        lead = read(lambda s: leads.find(s, lead_id))
        return outcomes.counting(lead), lead.outcome_at

    shuffled = order.sample(attribution, len(attribution))
    assert outcome_of(attribution) == outcome_of(shuffled)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(attribution=st.lists(st.tuples(st.integers(0, 1), RESULTS, SOURCES), max_size=12))
def test_many_at_once_are_as_one_after_another(attribution, new_lead, say, write, read):
    one_by_one, at_once = [new_lead(), new_lead()], [new_lead(), new_lead()]
    changes = [
        say(one_by_one[which], result, source, now=NOW) for which, result, source in attribution
    ]

    def record_many(session):
        found = [leads.find(session, lead_id, lock=True) for lead_id in at_once]
        events = [
            outcomes.OutcomeEvent(found[which], result, Attribution(source, "somebody"))
            for which, result, source in attribution
        ]
        return outcomes.record_many(session, events, now=NOW)

    assert write(record_many) == changes
    for first, second in zip(one_by_one, at_once, strict=True):
        assert read(lambda s, i=first: _told(s, i)) == read(lambda s, i=second: _told(s, i))


def _told(session, lead_id):
    lead = leads.find(session, lead_id)
    rows: list[Outcome] = leads.outcome_history(session, lead)
    return lead.outcome, lead.outcome_at, [(row.result, row.source) for row in rows]
