"""Read text as people and programs send it: words for "unknown", control characters, overlong."""

import re
from collections.abc import Collection

from ml.fields.types import category_key

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
NO_LETTERS = re.compile(r"[\W_]+")


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


def word_key(text: str) -> str:
    """Give the form of words that is compared where case and punctuation do not matter.

    Parameters
    ----------
    text : str
        Words as written.

    Returns
    -------
    str
        Small letters and digits, single blanks between words.

    Examples
    --------
    >>> word_key("Closed - Won"), word_key("TRADE_SHOW")
    ('closed won', 'trade show')
    """
    return NO_LETTERS.sub(" ", text.casefold()).strip()


def choice_of(text: str, choices: Collection[str]) -> str | None:
    """Find the choice that a text writes.

    Parameters
    ----------
    text : str
        As it was sent.
    choices : collection of str
        The values a category may take.

    Returns
    -------
    str or None
        The choice, case and white space aside; else the only one that is the same but for
        punctuation; else None.

    Examples
    --------
    >>> choice_of("trade-show", ["Trade Show", "Webinar"]), choice_of("Web", ["Webinar"])
    ('Trade Show', None)
    """
    exact, loose = category_key(text), word_key(text)
    found = [choice for choice in choices if category_key(choice) == exact]
    found = found or [choice for choice in choices if loose and word_key(choice) == loose]
    return found[0] if len(found) == 1 else None
