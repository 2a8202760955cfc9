"""When there are outcomes enough to learn from. Standard library only: the pages ask it."""

MIN_OF_EACH_CLASS = 10  # below, a fold of five has too few of a kind to learn from


def shortage(n_converted: int, n_lost: int, *, counted: str = "leads") -> str | None:
    """Say what is missing before a model can be learned; None where there are enough outcomes.

    `counted` names what the numbers are of.

    >>> shortage(12, 9)
    'There are 12 converted and 9 lost leads to learn from; at least 10 of each are needed.'
    >>> shortage(10, 10) is None
    True
    """
    if min(n_converted, n_lost) >= MIN_OF_EACH_CLASS:
        return None
    return (
        f"There are {n_converted} converted and {n_lost} lost {counted} to learn from; "
        f"at least {MIN_OF_EACH_CLASS} of each are needed."
    )
