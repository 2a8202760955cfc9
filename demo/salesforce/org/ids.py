"""Record ids: three characters for the object, twelve in base 62, three that check their case."""

from functools import lru_cache

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def make(prefix: str, number: int) -> str:
    """The 18 characters of the n-th record of an object."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return with_check(prefix + "5e" + digits.rjust(10, "0"))


def with_check(short: str) -> str:
    """An id of 15 characters with its check: one bit for each capital, five in a character."""
    return short + _check(short[:5]) + _check(short[5:10]) + _check(short[10:])


@lru_cache(maxsize=1024)
def _check(block: str) -> str:
    return CHECKS[sum(1 << n for n, c in enumerate(block) if c.isupper())]


def normal(text: str) -> str | None:
    """The 18 characters of an id given in 15 or 18, or None where it is no id."""
    if len(text) not in {15, 18} or not all(c in DIGITS for c in text):
        return None
    full = with_check(text[:15])
    return full if text in {full, full[:15]} else None
