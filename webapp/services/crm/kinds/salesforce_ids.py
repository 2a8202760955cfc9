"""Record ids of Salesforce: 15 characters, and 3 that say which of these are capitals."""

import re

# Of accounts, contacts, users, opportunities, leads and campaigns, without their checksum.
SHORT_ID = re.compile(r"(001|003|005|006|00Q|701)[0-9A-Za-z]{12}", re.ASCII)
# All of an id, which a spreadsheet or a database may have put into one case.
WHOLE_ID = re.compile(rf"{SHORT_ID.pattern}[A-Z0-5]{{3}}", re.ASCII | re.IGNORECASE)
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def canonical(text: str) -> str:
    """The one form of what is plainly such an id: 18 characters in their own case; else as it is.

    >>> canonical("00Q5f000001AbCd"), canonical("00Q5F000001ABCDEAK"), canonical("L-1")
    ('00Q5f000001AbCdEAK', '00Q5f000001AbCdEAK', 'L-1')
    """
    if WHOLE_ID.fullmatch(text) and text in (text.upper(), text.lower()):
        return _with_case(text)
    return full_id(text) if SHORT_ID.fullmatch(text) else text


def full_id(text: str) -> str:
    """A record id of whatever object with its last 3 characters; else as it is.

    >>> full_id("0055g000001AbCd"), full_id("no id")
    ('0055g000001AbCdAAK', 'no id')
    """
    return text + _checksum(text) if re.fullmatch(r"[A-Za-z0-9]{15}", text) else text


def is_full_id(text: str, starts: tuple[str, ...]) -> bool:
    """Whether it is an id of 18 characters, of one of these objects, whose last three fit."""
    return len(text) == 18 and full_id(text[:15]) == text and text.startswith(starts)


def _with_case(text: str) -> str:
    """The capitals that the last three characters tell; the id as it is where they tell others."""
    bits = [CHECKSUM.index(c) >> place & 1 for c in text[15:].upper() for place in range(5)]
    letters = zip(text[:15], bits, strict=True)
    restored = "".join(c.upper() if is_capital else c.lower() for c, is_capital in letters)
    end = text[15:].upper()
    return restored + end if _checksum(restored) == end else text


def _checksum(text: str) -> str:
    return "".join(
        CHECKSUM[sum(1 << place for place, c in enumerate(five) if "A" <= c <= "Z")]
        for five in (text[0:5], text[5:10], text[10:15])
    )
