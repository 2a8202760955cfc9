"""Changes as people read them."""


def signed_text(change: float, digits: int = 0) -> str:
    r"""Write a change for people: always signed, with a minus sign and no hyphen.

    >>> signed_text(3.21, 1), signed_text(-0.4), signed_text(-7) == "\N{MINUS SIGN}7"
    ('+3.2', '+0', True)
    """
    return f"{round(change, digits) + 0.0:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
