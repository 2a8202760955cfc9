"""What a preview foretells is what the import then says it brought."""

from datetime import timedelta

import pytest

from tests.factories import FIELDS, NOW, make_import, make_lead, make_outcome
from webapp.services.imports import intake
from webapp.services.imports.forecast import Forecast, known_leads
from webapp.services.imports.intake import Origin
from webapp.services.imports.rows import ExportedOutcome, ImportRow
from webapp.services.leads import records
from webapp.services.outcomes.outcomes import Attribution
from webapp.stored import ValueChange

DAY = timedelta(days=1)
FILE = Attribution("csv", "ana@example.com")


def rows_of(*cells):
    """Rows by what they say of which lead; times are days before now."""
    rows = []
    for number, (lead_id, values) in enumerate(cells, 1):
        told = dict(values)
        days = {name: told.pop(name, None) for name in ("scored", "at")}
        scored_at, at = (None if n is None else NOW - n * DAY for n in days.values())
        exported = told.pop("exported", None)
        record = records.clean(FIELDS, {"lead_id": lead_id, **told})
        made = {"lead_id": lead_id, **told}
        rows.append(ImportRow(number, number + 1, made, record, scored_at, at, None, [], exported))
    return rows


@pytest.fixture
def both(write, read, champion):
    """What the preview of rows foretells and what importing them brings, in steps of two rows."""

    def both(*cells):
        key, rows = write(make_import).key, rows_of(*cells)
        forecast = Forecast(waits=True)
        for step in (rows[:2], rows[2:]):
            forecast.add(step, read(lambda s, step=step: known_leads(s, step, NOW)))
        told = forecast.result()
        origin = Origin("ana@example.com", key, keep_days=30)
        taken = intake.Taken()
        for step in (rows[:2], rows[2:]):
            taken += write(lambda s, step=step: intake.take_in(s, step, origin, now=NOW))
        foretold = (told.n_new, told.n_changed, told.n_outcomes, told.n_waiting)
        brought = (taken.n_new_leads, taken.n_changed, taken.n_outcomes, taken.n_waiting)
        assert foretold == brought
        return told

    return both


def counts(told):
    return told.n_new, told.n_changed, told.n_unchanged, told.n_outcomes, told.n_waiting


def test_rows_of_one_id_are_one_lead(both, write):
    write(lambda s: make_lead(s, "L-1", age=30))
    write(lambda s: make_lead(s, "L-2", age=30))
    told = both(
        *(("L-1", {"age": 31}), ("L-1", {"age": 31}), ("L-1", {"age": 32})),
        *(("L-2", {"age": 30}), ("L-2", {"age": 30})),
        *(("L-3", {"owner": "Ada", "actual_outcome": False}), ("L-3", {"actual_outcome": False})),
    )
    assert counts(told) == (1, 1, 1, 1, 0)
    assert told.changes[0].changes == [ValueChange(field="age", old=30, new=32)]


def test_the_same_outcome_with_another_time_is_an_outcome_once(both, write):
    write(lambda s: make_lead(s, "L-1"))
    write(lambda s: make_outcome(s, "L-1", True, attribution=FILE, happened_at=NOW - 3 * DAY))
    dated = ("L-1", {"actual_outcome": True, "at": 2})
    told = both(("L-1", {"actual_outcome": True}), dated, dated, ("L-1", {"age": 3}))
    assert counts(told) == (0, 1, 0, 1, 0)
    assert counts(both(dated)) == (0, 0, 1, 0, 0)
    assert told.turned == []


def test_outcomes_that_turn_are_shown(both, write):
    ana = Attribution("api", "ana@example.com")
    for name in ("L-1", "L-2", "L-3"):
        write(lambda s, name=name: make_lead(s, name, actual_outcome=True, attribution=ana))
    withdrawn = ExportedOutcome("api", None, "own")
    told = both(
        *(("L-1", {"actual_outcome": False}), ("L-2", {"actual_outcome": False, "at": 9})),
        ("L-3", {"exported": withdrawn, "at": 0}),
    )
    assert {lead.lead_id: (lead.changes[0].old, lead.changes[0].new) for lead in told.turned} == {
        "L-1": ("converted", "lost"),
        "L-3": ("converted", "withdrawn"),
    }


def test_outcomes_that_waited_are_counted_where_their_lead_comes(both):
    first = both(("L-1", {"actual_outcome": True}), ("L-2", {"actual_outcome": False}))
    assert (first.n_outcomes, first.n_waiting) == (0, 2)
    told = both(
        *(("L-1", {"owner": "Rita"}), ("L-9", {"actual_outcome": True})),
        *(("L-9", {"name": "Ada"}), ("L-2", {"owner": "Eve", "actual_outcome": False})),
    )
    assert counts(told) == (3, 0, 0, 3, 0)


def test_a_row_older_than_what_is_known_only_fills_in(both, write):
    write(lambda s: make_lead(s, "L-1", age=30))
    told = both(("L-1", {"age": 20, "scored": 5}))
    assert counts(told) == (0, 0, 1, 0, 0)
    assert counts(both(("L-1", {"age": 20, "email_opens": 2, "scored": 6}))) == (0, 1, 0, 0, 0)


def test_a_row_that_is_on_record_at_its_time_brings_nothing(both, write):
    for age in (77, 78):
        write(lambda s, age=age: make_lead(s, "L-1", age=age))
    rows = [("L-1", {"age": age, "scored": 0}) for age in (77, 78)]
    assert counts(both(*rows)) == (0, 0, 1, 0, 0)
