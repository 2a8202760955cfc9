"""The one form of a lead's id."""

import pytest

from webapp.services.leads import records


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (" L-1 ", "L-1"),
        ("\u200bL\u200d-1\ufeff", "L-1"),
        ("\u202aAda@example.com\u202c", "Ada@example.com"),
        ("\u00a0 e\u0301", "\u00e9"),
        (12345, "12345"),
        ("00Q5f000001AbCd", "00Q5f000001AbCdEAK"),
        (" 00Q5f000001AbCdEAK", "00Q5f000001AbCdEAK"),
        ("00Q5F000001ABCDEAK", "00Q5f000001AbCdEAK"),
        ("00q5f000001abcdeak", "00Q5f000001AbCdEAK"),
        # Three last characters that tell of capitals where there are figures are no checksum.
        ("001234567890123ZZZ", "001234567890123ZZZ"),
        # No key prefix of Salesforce, or not its length or letters: nothing is known of it.
        ("00q5f000001abcd", "00q5f000001abcd"),
        ("123456789012345", "123456789012345"),
        ("00Q5f000001AbC", "00Q5f000001AbC"),
        ("00Q5f000001AbC-", "00Q5f000001AbC-"),
        ("1e10", "1e10"),
    ],
)
def test_an_id_has_one_form(sent, kept):
    assert records.clean_lead_id(sent) == kept
    assert records.clean_lead_id(kept) == kept


@pytest.mark.parametrize("sent", ["1.23457E+14", "1,23457e+14", "1E+15"])
def test_a_number_shortened_by_excel_is_refused_with_the_reason(sent):
    with pytest.raises(ValueError, match="shortened by Excel"):
        records.clean_lead_id(sent)


@pytest.mark.parametrize("sent", [None, "", "\u200b", True, 1.5, 10**200, "x" * 101, "a\nb", []])
def test_what_is_no_id_is_refused(sent):
    with pytest.raises(ValueError, match="must"):
        records.clean_lead_id(sent)
