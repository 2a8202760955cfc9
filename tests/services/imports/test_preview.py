"""What an import would do: counted, shown by example, in memory that a large file does not fill."""

import tracemalloc

from tests.factories import FIELDS, NOW
from webapp.services.imports.mapping import ColumnMapping, Mapping
from webapp.services.imports.preview import Known, preview
from webapp.services.imports.rows import RowReader

COLUMNS = ("lead_id", "owner", "age", "actual_outcome")
MAPPING = Mapping(
    columns=(
        *(ColumnMapping(name=name, target=name) for name in COLUMNS),
        ColumnMapping(name="Colour"),
    )
)


def preview_of(*rows, known=None, mapping=MAPPING):
    read = RowReader(mapping, FIELDS, NOW).read
    made = (read(number, number + 1, list(cells)) for number, cells in enumerate(rows, 1))
    return preview(made, mapping, lambda ids: {i: known[i] for i in ids if i in (known or {})})


def test_rows_are_counted_by_what_they_bring():
    known = {
        "L-1": Known({"owner": "Rita", "age": 30}, None),
        "L-2": Known({"owner": "Rita", "age": 40}, True),
        "L-3": Known({"owner": "Rita"}, None),
    }
    told = preview_of(
        ("L-1", "Omar", "30", "won", "red"),
        ("L-2", "Rita", "", "won", "red"),
        ("L-3", "", "", "lost", "red"),
        ("L-4", "Rita", "50", "", "red"),
        ("L-5", "Rita", "old", "", "red"),
        ("L-6", "Rita", "130", "", "red"),
        known=known,
    )
    assert told.as_json() == {
        "read": 6,
        "new": 2,
        "changed": 1,
        "unchanged": 2,
        "outcomes": 2,
        "waiting": 0,
        "rejected": [
            {
                "line": 6,
                "column": "age",
                "reason": "must be a whole number from 0 to 120; leave it empty if it is unknown",
            }
        ],
        "ignored_columns": ["Colour"],
        "warnings": [
            {
                "column": "age",
                "message": "is out of the field's range; left unknown",
                "count": 1,
                "values": ["130"],
            }
        ],
    }
    assert told.changes == [[("L-1", "owner", "Rita", "Omar")]]


def test_the_changes_of_five_leads_are_shown():
    known = {f"L-{n}": Known({"age": n}, None) for n in range(9)}
    told = preview_of(*((f"L-{n}", "", str(n + 1), "", "") for n in range(9)), known=known)
    assert told.n_changed == 9
    assert [(c.old, c.new) for [c] in told.changes] == [(n, n + 1) for n in range(5)]


def test_outcomes_of_unknown_leads_wait_where_a_file_says_nothing_else():
    columns = [ColumnMapping(name=n, target=n) for n in ("lead_id", "name", "actual_outcome")]
    mapping = Mapping(columns=tuple(columns))
    told = preview_of(("L-1", "Ada", "won"), ("L-2", "Bob", "lost"), mapping=mapping)
    assert (told.n_new, told.n_outcomes, told.n_waiting) == (0, 0, 2)


def test_wrong_rows_are_counted_by_reason_and_listed_up_to_a_bound():
    told = preview_of(*((f"L-{n}", "", "old", "", "") for n in range(1_200)))
    assert (told.n_wrong, len(told.rejected)) == (1_200, 1_000)
    assert list(told.wrong_by_reason.values()) == [1_200]


def test_ids_that_look_cut_are_counted():
    rows = [("123456789012345000", "", "", "", ""), ("12345...", "", "", "", "")]
    assert preview_of(*rows).notes == [
        "2 IDs look cut, as spreadsheets do with long numbers: check them."
    ]


def test_memory_does_not_grow_with_the_file():
    read = RowReader(MAPPING, FIELDS, NOW).read

    def rows():
        for n in range(40_000):
            yield read(n, n, [f"L-{n}", f"Owner {n}", "130" if n % 2 else "old", "", f"{n}"])

    tracemalloc.start()
    told = preview(rows(), MAPPING, lambda ids: {})
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told.n_read == 40_000
    assert peak_bytes < 20_000_000
