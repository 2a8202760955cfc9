"""Words for outcomes, as people and CRMs write them."""

import pytest

from webapp.services.outcomes.outcome_words import read_cell, read_word


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        *((w, True) for w in ("true", "YES", "1", "Won", "Closed Won", "closed - converted")),
        *((w, True) for w in ("Customer", "Converted", "Closed_Won")),
        *((w, False) for w in ("false", "no", "0", "Lost", "Closed Lost", "Junk Lead")),
        *((w, False) for w in ("Closed - Not Converted", "Unqualified", "Lost Lead")),
        *((w, None) for w in ("Open", "New", "Working - Contacted", "In Progress", "Lead")),
        *((w, "never_worked") for w in ("never_worked", "Not worked")),
    ],
)
def test_usual_words_are_beyond_doubt(word, meaning):
    assert read_word(word) == (meaning, True)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("Lost to competitor", False),
        ("Won - renewal", True),
        ("Not converted (price)", False),
        ("Ghosted", None),
        ("Qualified", None),
    ],
)
def test_other_words_are_only_proposed(word, meaning):
    assert read_word(word) == (meaning, False)


@pytest.mark.parametrize(
    ("words", "cell", "reading"),
    [
        ("converted", "Yes", (True, True)),
        ("converted", "No", (None, True)),
        ("lost", "true", (False, True)),
        ("lost", "false", (None, True)),
        ("active", "False", (False, True)),
        ("active", "True", (None, True)),
        ("probability", "100.0", (True, True)),
        ("probability", "10,5", (None, True)),
        ("probability", "high", (None, False)),
    ],
)
def test_a_column_may_say_yes_to_one_outcome_only(words, cell, reading):
    assert read_cell(cell, words) == reading
