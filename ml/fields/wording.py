"""Changes and days as people read them."""

from datetime import datetime


def signed_text(change: float, digits: int = 0) -> str:
    r"""Write a change for people: always signed, with a minus sign and no hyphen.

    >>> signed_text(3.21, 1), signed_text(-0.4), signed_text(-7) == "\N{MINUS SIGN}7"
    ('+3.2', '+0', True)
    """
    return f"{round(change, digits) + 0.0:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def day_text(moment: datetime, now: datetime) -> str:
    """Write a day for people, with the year where it is not the one of now.

    >>> day_text(datetime(2026, 3, 2), datetime(2026, 12, 1))
    '2 Mar'
    >>> day_text(datetime(2025, 11, 12), datetime(2026, 1, 1))
    '12 Nov 2025'
    """
    return f"{moment.day} {moment:%b}" + ("" if moment.year == now.year else f" {moment.year}")
