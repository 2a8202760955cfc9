"""The types of fields, and that what is written of fields is read back."""

from typing import get_args

import hypothesis
from hypothesis import strategies as st

from ml.fields.checks import entry_complaints, entry_of, field_from
from ml.fields.fields_file import Fields, dumps, loads
from ml.fields.types import FieldType, kind_of

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30)
ENTRIES = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"own_[a-z0-9_]{1,10}", fullmatch=True),
        "type": st.sampled_from(get_args(FieldType)),
        "label": TEXT,
    },
    optional={
        "min": st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15),
        "max": st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15),
        "choices": st.lists(TEXT, min_size=1, max_size=5),
        "unit": TEXT,
        "use": st.booleans(),
        "retired": st.booleans(),
        "help": TEXT,
        "salesforce": st.just("Seats__c"),
    },
)


@hypothesis.given(st.lists(ENTRIES, min_size=1, max_size=4, unique_by=lambda e: str(e["name"])))
def test_fields_written_to_a_file_are_read_back_as_the_same(entries):
    right = [entry for entry in entries if not list(entry_complaints(entry))]
    hypothesis.assume(right)
    fields = Fields(field_from(entry) for entry in right)
    assert list(loads(dumps(fields))) == list(fields)
    assert [field_from(entry_of(field)) for field in fields.own] == list(fields.own)


def test_the_types_say_what_they_are():
    nouns = [kind_of(name).noun for name in get_args(FieldType)]
    assert nouns == ["whole number", "number", "text", "yes or no"]
