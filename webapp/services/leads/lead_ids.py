"""The one form of a lead's id, the same at every way in."""

import re
from typing import Any

from ml.fields.fields_file import clean_text

MAX_LENGTH = 100
RULE = f"text of 1 to {MAX_LENGTH} characters, without control characters, or a whole number"
# Zero-width and direction characters, which nobody sees: two ids would look the same.
INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
# What Excel makes of a long number: 1.23457E+14 stands for a billion of them.
SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d{1,3}", re.ASCII | re.IGNORECASE)
# Ids of accounts, contacts, users, opportunities, leads and campaigns, without their checksum.
SALESFORCE_ID = re.compile(r"(001|003|005|006|00Q|701)[0-9A-Za-z]{12}", re.ASCII)
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def canonical(value: Any) -> str:
    """Bring a lead id into its one form.

    Trimmed, in Unicode NFC, without zero-width and direction characters; a whole number becomes
    text, and Salesforce's 15 characters become the 18 that mean the same.

    Parameters
    ----------
    value : object
        As it was sent: text or an integer.

    Returns
    -------
    str
        1 to 100 characters.

    Raises
    ------
    ValueError
        With a sentence for the sender, where it is no id.

    Examples
    --------
    >>> canonical(" L-1\u200b "), canonical(12345), canonical("00Q5f000001AbCd")
    ('L-1', '12345', '00Q5f000001AbCdEAK')
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_LENGTH:
        value = str(value)
    if isinstance(value, str):
        value = INVISIBLE.sub("", value)
    cleaned = clean_text(value, maximum=MAX_LENGTH)
    if not cleaned:
        raise ValueError("is required and must not be empty")
    if SHORTENED.fullmatch(cleaned):
        raise ValueError(
            "was shortened by Excel, so that different IDs look the same: format the column as text"
            " before you export it"
        )
    return cleaned + _checksum(cleaned) if SALESFORCE_ID.fullmatch(cleaned) else cleaned


def _checksum(salesforce_id: str) -> str:
    """The three characters that say which of the fifteen are capitals, five bits each."""
    return "".join(
        CHECKSUM[sum(1 << place for place, c in enumerate(five) if "A" <= c <= "Z")]
        for five in (salesforce_id[0:5], salesforce_id[5:10], salesforce_id[10:15])
    )
