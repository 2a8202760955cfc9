"""How many leads have an outcome: told without counting them, and right whatever is done."""

import contextlib
import random

import pytest
import sqlalchemy as sa

from tests.factories import FIELDS, NOW, make_lead, make_outcome
from webapp.services.leads import leads, removal
from webapp.services.outcomes import label_counts
from webapp.tables import NEVER_WORKED, Lead

IDS = [f"L-{n}" for n in range(6)]


def true_counts(session):
    n = sa.func.count()
    each = (sa.select(n).where(Lead.outcome.is_(known)) for known in (True, False))
    return tuple(session.scalar(query) for query in each)


def report(session, lead_id, draw):
    make_outcome(session, lead_id, draw.choice([True, False, None, NEVER_WORKED]))


def merge(session, lead_id, draw):
    into = leads.find(session, draw.choice(IDS))
    lead = leads.find(session, lead_id, lock=True)
    removal.remove(session, lead, NOW, into=into if into.key != lead.key else None)


def restore(session, lead_id, draw):
    removal.restore(session, FIELDS, leads.find(session, lead_id, lock=True), NOW)


def erase(session, lead_id, draw):
    removal.erase(session, [leads.find(session, lead_id).key], "ada@example.com", NOW)


def add_up(session, lead_id, draw):
    while label_counts.add_up(session, NOW):
        pass


STEPS = [report, report, report, merge, restore, erase, add_up]


class Failed(Exception):
    """What ends a transaction."""


@pytest.mark.parametrize("seed", range(3))
def test_the_count_is_the_true_one_after_any_steps(seed, write, read):
    draw = random.Random(seed)
    for number in range(40):
        step, lead_id = draw.choice(STEPS), draw.choice(IDS)
        is_kept = draw.random() < 0.8

        def work(session, step=step, lead_id=lead_id, is_kept=is_kept):
            for each in IDS:
                if session.scalar(sa.select(Lead.key).where(Lead.lead_id == each)) is None:
                    make_lead(session, each, actual_outcome=draw.choice([True, False, None]))
            step(session, lead_id, draw)
            if not is_kept:
                raise Failed

        with contextlib.suppress(Failed):
            write(work)
        assert read(label_counts.by_class) == read(true_counts), f"after step {number}: {step}"
    assert sum(read(true_counts)) > 0


def test_statements_for_many_leads_are_counted_too(write, read):
    write(lambda s: [make_lead(s, each) for each in IDS])
    write(lambda s: s.execute(sa.update(Lead).where(Lead.lead_id != "L-1").values(outcome=True)))
    assert read(label_counts.by_class) == (5, 0)
    write(lambda s: s.execute(sa.update(Lead).where(Lead.lead_id < "L-3").values(outcome=False)))
    assert read(label_counts.by_class) == (2 + 1, 3) == (*read(true_counts),)


def test_changes_are_added_up_to_one_row(write, read):
    write(lambda s: [make_lead(s, each, actual_outcome=True) for each in IDS])
    while write(lambda s: label_counts.add_up(s, NOW)):
        pass
    n_rows = sa.select(sa.func.count()).select_from(label_counts.LabelCount)
    assert (read(lambda s: s.scalar(n_rows)), read(label_counts.count)) == (1, 6)
