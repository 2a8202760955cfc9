"""Read text as people and programs send it: words for "unknown", control characters, overlong."""

import re

# What spreadsheets, CRMs and programs write where they know nothing, in small letters.
NULL_WORDS = frozenset(
    {
        *("", "nan", "none", "null", "nil", "nat", "undefined", "unknown", "<na>", "<null>"),
        *("n/a", "n.a.", "#n/a", "#null!", "#value!", "#ref!", "#name?", "#div/0!"),
        *("-", "--", "---", "\u2013", "\u2014", "?", "\\n"),
        *("--none--", "-none-", "- none -", "(none)", "(blank)", "(empty)"),
        *("select", "--select--", "-select-", "- select -", "please select"),
    }
)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\s]+")


def is_null_word(text: str) -> bool:
    """Tell whether a text says that nothing is known.

    Parameters
    ----------
    text : str
        As it was sent; case and white space around it do not matter.

    Returns
    -------
    bool
        True for blank text and every word of `NULL_WORDS`.

    Examples
    --------
    >>> is_null_word(" N/A "), is_null_word("--None--"), is_null_word("Nan Goldin")
    (True, True, False)
    """
    return text.strip().casefold() in NULL_WORDS


def folded(text: str, maximum: int) -> str:
    r"""Fold line breaks, control and half characters into single blanks, and cut what is too long.

    Parameters
    ----------
    text : str
        Any text.
    maximum : int
        Most characters kept.

    Returns
    -------
    str
        At most `maximum` characters, trimmed.

    Examples
    --------
    >>> folded("Called twice.\n Wants a quote", 20)
    'Called twice. Wants'
    """
    # Long enough for any white space in between, short enough to be quick.
    return CONTROLS.sub(" ", text[: 20 * maximum]).strip()[:maximum].strip()
