"""Text that means "unknown", and text that is brought into one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.fields.lenient import folded, is_null_word


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "nan", "NaN", "None", "null", "NULL", "N/A", "#N/A", "-", "--None--"),
        *("Select", "(blank)", "Unknown", "-None-", "<NA>"),
    ],
)
def test_words_that_say_nothing_are_unknown_in_any_case(text):
    assert is_null_word(text)


@pytest.mark.parametrize("text", ["0", "no", "false", "Nullarbor", "NA", "Selected", "a-b"])
def test_other_words_are_values(text):
    assert not is_null_word(text)


@given(st.text(), st.integers(1, 50))
def test_folded_text_is_one_line_of_at_most_so_many_characters(text, maximum):
    result = folded(text, maximum)
    assert len(result) <= maximum
    assert result == result.strip()
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or "\ud800" <= c <= "\udfff" for c in result)
