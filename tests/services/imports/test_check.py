"""What an import would do: counted, shown by example, in memory that a large file does not fill."""

import tracemalloc

from tests.factories import FIELDS, NOW
from tests.services.imports.reading import told_of
from webapp.services.imports.check import Check
from webapp.services.imports.forecast import Known
from webapp.services.imports.matching.mapping import ColumnMapping, Mapping
from webapp.services.imports.rows import RowReader
from webapp.stored import LeadChange, RowError, ValueChange

COLUMNS = ("lead_id", "owner", "age", "actual_outcome")
MAPPING = Mapping(
    columns=(
        *(ColumnMapping(name=name, target=name) for name in COLUMNS),
        ColumnMapping(name="Colour"),
    )
)


def preview_of(*rows, known=None, mapping=MAPPING):
    read = RowReader(mapping, FIELDS, NOW).read
    made = [read(number, number + 1, list(cells)) for number, cells in enumerate(rows, 1)]
    return told_of(made, mapping, known or {})


def test_rows_are_counted_by_what_they_bring():
    known = {
        "L-1": Known({"owner": "Rita", "age": 30}, None),
        "L-2": Known({"owner": "Rita", "age": 40}, True),
        "L-3": Known({"owner": "Rita"}, None),
    }
    result, told = preview_of(
        ("L-1", "Omar", "30", "won", "red"),
        ("L-2", "Rita", "", "won", "red"),
        ("L-3", "", "", "lost", "red"),
        ("L-4", "Rita", "50", "", "red"),
        ("L-5", "Rita", "old", "", "red"),
        ("L-6", "Rita", "130", "", "red"),
        known=known,
    )
    assert (result.n_rows, result.n_wrong, result.ignored_columns) == (6, 1, ["Colour"])
    assert (told.n_new, told.n_changed, told.n_unchanged) == (2, 1, 2)
    assert (told.n_outcomes, told.n_waiting) == (2, 0)
    rule = "must be a whole number from 0 to 120"
    error = f"{rule}; leave it empty if it is unknown"
    assert result.errors == [RowError(line=6, field="age", message=error)]
    [warning] = result.warnings
    assert (warning.column, warning.count, warning.lines) == ("age", 1, [7])
    assert warning.message == f"{rule}; not used, what was known before is kept"
    assert told.changes == [changed("L-1", "owner", "Rita", "Omar")]


def changed(lead_id, field, old, new):
    return LeadChange(lead_id=lead_id, changes=[ValueChange(field=field, old=old, new=new)])


def test_the_changes_of_five_leads_are_shown():
    known = {f"L-{n}": Known({"age": n}, None) for n in range(9)}
    rows = [(f"L-{n}", "", str(n + 1), "", "") for n in range(9)]
    _, told = preview_of(*rows, known=known)
    assert told.n_changed == 9
    assert told.changes == [changed(f"L-{n}", "age", n, n + 1) for n in range(5)]


def test_outcomes_of_unknown_leads_wait_where_a_row_says_nothing_else():
    columns = [ColumnMapping(name=n, target=n) for n in ("lead_id", "name", "actual_outcome")]
    mapping = Mapping(columns=tuple(columns))
    rows = [("L-1", "", "won"), ("L-2", "Bob", "lost"), ("L-3", "Cleo", ""), ("L-4", "", "")]
    _, told = preview_of(*rows, mapping=mapping)
    assert (told.n_new, told.n_outcomes, told.n_waiting) == (1, 0, 2)


def test_wrong_rows_are_counted_by_reason_and_listed_up_to_a_bound():
    result, _ = preview_of(*((f"L-{n}", "", "old", "", "") for n in range(1_200)))
    assert (result.n_wrong, len(result.errors)) == (1_200, 200)
    assert [(reason.column, reason.n) for reason in result.reasons] == [("age", 1_200)]


def test_ids_that_look_cut_are_counted():
    rows = [("123456789012345000", "", "", "", ""), ("12345...", "", "", "", "")]
    result, _ = preview_of(*rows)
    sentence = "2 IDs look cut off, as spreadsheets do with long numbers: check them."
    assert [warning.message for warning in result.warnings] == [sentence]


def test_memory_does_not_grow_with_the_file():
    read = RowReader(MAPPING, FIELDS, NOW).read

    tracemalloc.start()
    check = Check()
    for n in range(40_000):
        check.add([read(n, n, [f"L-{n}", f"Owner {n}", "130" if n % 2 else "old", "", f"{n}"])])
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert check.result([], []).n_rows == 40_000
    assert peak_bytes < 20_000_000


def notes_of(columns, *rows):
    mapping = Mapping(columns=tuple(ColumnMapping(name=n, target=n) for n in columns))
    result, _ = preview_of(*rows, mapping=mapping)
    return [warning.message for warning in result.warnings]


def test_a_history_of_outcomes_is_nothing_to_warn_of():
    columns = ("lead_id", "actual_outcome", "outcome_at")
    won = ("L-1", "won", "2025-01-05")
    assert notes_of(columns, ("L-1", "lost", "2025-01-07"), won) == []
    assert notes_of(columns, won, ("L-1", "lost", "")) == [
        "1 row repeats the ID of a row above: where they differ, the last one counts.",
        "1 row has another outcome than a row above for the same lead: the last one counts.",
    ]


def test_a_history_of_inputs_is_nothing_to_warn_of():
    columns = ("lead_id", "age", "scored_at")
    assert notes_of(columns, ("L-1", "30", "2025-01-07"), ("L-1", "29", "2025-01-05")) == []
    assert len(notes_of(columns, ("L-1", "30", "2025-01-07"), ("L-1", "29", ""))) == 1
