"""Numbers of files: the decimal mark by a column's own evidence, and cells read by it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.imports.cells.numbers import (
    count_forms,
    decimal_mark,
    number_form,
    read_number,
)

CENTS = st.integers(-(10**11), 10**11)
GROUPS = {".": (",", " ", "'", "\u00a0", ""), ",": (".", " ", "'", "\u00a0", "")}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("900", "whole"),
        ("-5", "whole"),
        ("12 %", "whole"),
        ("1.200,50", ","),
        ("1234,50", ","),
        ("7,5", ","),
        ("1.234.567", ","),
        ("1,234.50", "."),
        ("1234.5", "."),
        ("0.125", "."),
        ("1,234,567", "."),
        ("EUR 1,200.00", "."),
        ("1,234", ",?"),
        ("1.234", ".?"),
        ("1.2.3", None),
        ("12,34,56", None),
        ("+49 30 5550101", None),
        ("555-0101", None),
        ("9" * 41, None),
        ("many", None),
        ("", None),
    ],
)
def test_a_number_tells_its_decimal_mark_or_that_it_may_have_either(text, form):
    assert number_form(text) == form


@pytest.mark.parametrize(
    ("cells", "point_is_usual", "mark", "matters"),
    [
        (["1", "2"], False, ".", False),
        (["1234,50", "7,5"], True, ",", True),
        (["1.234", "1234,5"], True, ",", True),
        (["1.234"], True, ".", True),
        (["1.234"], False, None, True),
        (["1,234"], True, None, True),
        (["1.5", "1,5"], True, None, True),
    ],
)
def test_the_column_decides_on_its_mark_or_leaves_it_open(cells, point_is_usual, mark, matters):
    forms = count_forms(cells)
    assert decimal_mark(forms, point_is_usual=point_is_usual) == (mark, matters)


def written(cents, mark, group):
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}{whole:,}".replace(",", group) + f"{mark}{rest:02}"


@given(CENTS, st.sampled_from([".", ","]), st.data())
def test_a_number_written_with_either_mark_is_read_back(cents, mark, data):
    text = written(cents, mark, data.draw(st.sampled_from(GROUPS[mark])))
    assert number_form(text) == mark
    assert read_number(text, mark) == pytest.approx(cents / 100)


@given(st.lists(CENTS, min_size=1), st.sampled_from([".", ","]), st.data())
def test_amounts_with_cents_always_decide_their_column(amounts, mark, data):
    group = data.draw(st.sampled_from(GROUPS[mark]))
    forms = count_forms(written(cents, mark, group) for cents in amounts)
    assert decimal_mark(forms, point_is_usual=True) == (mark, True)


@given(st.text(alphabet="0123456789.,+-eE '€%A", max_size=45))
def test_what_has_a_form_can_be_read_by_it_and_nothing_else(text):
    form = number_form(text)
    for mark in (".", ","):
        is_meant = form is not None and form in ("whole", mark, ".?", ",?")
        if is_meant:
            assert isinstance(read_number(text, mark), int | float)
        else:
            with pytest.raises(ValueError, match="not a number"):
                read_number(text, mark)


def test_no_evidence_at_all_needs_no_question():
    assert decimal_mark(Counter(), point_is_usual=False) == (".", False)
