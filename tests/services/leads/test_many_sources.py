"""Random sequences of partial records, file rows, outcomes and withdrawals of several sources
against a plain model: what was told last is known, and nothing known is lost but by a null.
"""

import itertools
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.factories import FIELDS, NOW, PROGRAM, make_champion, make_import
from webapp.services.imports import intake
from webapp.services.imports.rows import ImportRow
from webapp.services.leads import leads, records, scoring
from webapp.services.outcomes import outcomes, waiting
from webapp.services.outcomes.outcomes import Attribution
from webapp.services.outcomes.waiting import WaitingEvent

DAY = timedelta(days=1)
LONG_AGO = NOW - 99 * DAY
INPUTS = {
    "email_opens": st.integers(0, 9),
    "age": st.integers(18, 80),
    "industry": st.sampled_from(["Banking", "Health", "ünï"]),
    "lead_source": st.sampled_from(["Referral", "Webinar"]),
}
PEOPLE = {"name": st.sampled_from(["Ada", "Grace"]), "owner": st.sampled_from(["Rita", "Mona"])}
TOLD = {**INPUTS, **PEOPLE}
WITH_NULLS = st.fixed_dictionaries({}, optional={n: v | st.none() for n, v in TOLD.items()})
WITHOUT = st.fixed_dictionaries({}, optional=TOLD)
STATEMENTS = st.booleans()
SOURCES = st.sampled_from(["api", "rep", "csv"])
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def dialect():
    """What is kept is decided in Python; test_scoring runs the statements on both."""
    return "sqlite"


@dataclass(eq=False)
class Told:
    """A statement, as the model keeps it."""

    result: bool
    source: str
    at: object
    is_withdrawn: bool = False


class ManySources(RuleBasedStateMachine):
    """`known` is what the lead should be, `told` the statements in the order of arrival."""

    def __init__(self, write, read):
        super().__init__()
        self.write, self.read = write, read
        self.write(make_champion)
        self.lead_id, self.now = f"M-{next(_numbers)}", NOW
        self.is_here, self.known, self.cleared = False, {}, set()
        self.told, self.last, self.oldest = [], {}, LONG_AGO

    def next_moment(self):
        self.now += timedelta(minutes=1)
        return self.now

    def tell(self, values):
        self.is_here = True
        self.known |= {n: v for n, v in values.items() if v is not None}
        for name in [n for n, v in values.items() if v is None]:
            self.known.pop(name, None)
            self.cleared.add(name)

    def state(self, converted, source, at):
        """Take in a statement where it is news."""
        counts = self.counting()
        is_repeated = counts is not None and (counts.result, counts.source) == (converted, source)
        if not (is_repeated and at is None):
            self.told.append(Told(converted, source, at or self.now))
            self.last[source] = self.told[-1]

    def counting(self):
        standing = [told for told in self.told if not told.is_withdrawn]
        return sorted(standing, key=lambda told: told.at)[-1] if standing else None

    @rule(values=WITH_NULLS, outcome=STATEMENTS | st.none())
    def a_program_sends_what_it_knows(self, values, outcome):
        now = self.next_moment()
        sent = {"lead_id": f" {self.lead_id}\u200b", "actual_outcome": outcome, **values}
        record = records.clean(FIELDS, sent)
        self.write(lambda s: scoring.score_lead(s, FIELDS, record, PROGRAM, now=now))
        self.tell(values)
        if outcome is not None:
            self.state(outcome, "api", None)

    @rule(values=WITHOUT, outcome=STATEMENTS | st.none())
    def a_file_has_a_row(self, values, outcome):
        now = self.next_moment()
        self.take_in({**values, "actual_outcome": outcome}, None, now)
        self.tell(values)
        counts = self.counting()
        if outcome is not None and (counts is None or counts.result != outcome):
            self.state(outcome, "csv", None)

    @rule(values=WITHOUT)
    def a_file_older_than_all_before_has_a_row(self, values):
        values = {name: v for name, v in values.items() if name not in self.cleared}
        is_first = not self.is_here
        self.oldest -= DAY
        self.take_in(values, self.oldest, self.next_moment())
        self.tell(values if is_first else {n: v for n, v in values.items() if n not in self.known})

    def take_in(self, values, scored_at, now):
        number = next(_numbers)
        record = records.clean(FIELDS, {"lead_id": self.lead_id, **values})
        row = ImportRow(number, number + 1, {}, record, scored_at, None, None, [])
        origin = intake.Origin("ada@example.com", self.write(make_import).key)
        self.write(lambda s: intake.take_in(s, [row], origin, now=now))

    @rule(converted=STATEMENTS, source=SOURCES, hours=st.integers(1, 99) | st.none())
    def somebody_says_what_became_of_it(self, converted, source, hours):
        now = self.next_moment()
        # No two of one time: which of these counts is decided by the order of arrival.
        at = None if hours is None else NOW - timedelta(hours=hours, seconds=len(self.told))
        attribution = Attribution(source, PROGRAM.actor)

        def work(session):
            if not self.is_here:
                event = WaitingEvent(self.lead_id, converted, attribution, at)
                waiting.keep(session, [event], now=now, keep_days=30)
                return
            lead = leads.find(session, self.lead_id, lock=True)
            outcomes.record(session, lead, converted, attribution, now=now, happened_at=at)

        self.write(work)
        self.state(converted, source, at)

    @rule(source=SOURCES)
    def a_source_takes_back_its_last_word(self, source):
        now, attribution = self.next_moment(), Attribution(source, PROGRAM.actor)

        def work(session):
            if not self.is_here:
                waiting.withdraw(session, self.lead_id, attribution, now=now)
                return
            lead = leads.find(session, self.lead_id, lock=True)
            outcomes.record(session, lead, None, attribution, now=now)

        self.write(work)
        if last := self.last.pop(source, None):
            last.is_withdrawn = True

    @invariant()
    def what_was_told_last_is_known(self):
        if not self.is_here:
            return
        lead, newest = self.read(self.found)
        told = {**leads.known_inputs(lead), **{n: getattr(lead, n) for n in PEOPLE}}
        assert {n: v for n, v in told.items() if v is not None} == self.known
        assert newest.inputs == leads.collected_inputs(lead)

    @invariant()
    def the_newest_statement_that_stands_counts(self):
        if self.is_here:
            counts = self.counting()
            assert self.read(self.found)[0].outcome is (counts.result if counts else None)

    def found(self, session):
        lead = leads.find(session, self.lead_id)
        return lead, scoring.latest_snapshots(session, [lead.key])[lead.key]


def test_any_sequence_of_several_sources_ends_as_a_plain_model_says(write, read):
    run_state_machine_as_test(
        lambda: ManySources(write, read),  # type: ignore[arg-type]
        settings=settings(
            max_examples=20,
            stateful_step_count=10,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
