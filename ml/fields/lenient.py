"""Read text as people and programs send it: control characters, overlong, other spellings."""

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache

from ml.fields.types import Field, category_key

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\s]+")
SIGNS = str.maketrans("\uff0e\uff0d\u2212\uff0b", ".--+", "\u200b\u2060\ufeff")
NO_LETTERS = re.compile(r"[\W_]+")
# Yes and no as programs and spreadsheets in the languages of most exports write them.
YES_TEXTS = (
    *("true", "yes", "y", "t", "1", "1.0", "on", "checked", "x", "\u2713", "\u2714", "\u2611"),
    *("ja", "oui", "s\u00ed", "s\u00ec", "si", "sim", "tak", "да", "はい", "是"),
    *("wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "prawda", "истина"),
)
NO_TEXTS = (
    *("false", "no", "n", "f", "0", "0.0", "off", "unchecked", "\u2717", "\u2718", "\u2610"),
    *("nein", "nee", "nej", "non", "n\u00e3o", "nao", "nie", "нет", "いいえ", "否"),
    *("falsch", "faux", "falso", "onwaar", "fa\u0142sz", "ложь"),
)
YES_OR_NO = {**dict.fromkeys(YES_TEXTS, True), **dict.fromkeys(NO_TEXTS, False)}


def folded(text: str, maximum: int) -> str:
    r"""Fold line breaks, control and half characters into single blanks, and cut what is too long.

    >>> folded("Called twice.\n Wants a quote", 20)
    'Called twice. Wants'
    """
    # Long enough for any white space in between, short enough to be quick.
    return CONTROLS.sub(" ", text[: 20 * maximum]).strip()[:maximum].strip()


def word_key(text: str) -> str:
    """Give the form of words that is compared where case and punctuation do not matter.

    >>> word_key("Closed - Won"), word_key("TRADE_SHOW")
    ('closed won', 'trade show')
    """
    return NO_LETTERS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def plain_number(text: str) -> str:
    """Give the digits of any script as 0 to 9, without zero-width characters.

    >>> plain_number("٨"), plain_number("8²")
    ('8', '8²')
    """
    return "".join(str(unicodedata.decimal(c, c)) for c in text.translate(SIGNS))


def choice_of(text: str, field: Field) -> str | None:
    """Find the choice that a text writes, or is an alias of; None where there is none, or several.

    Case and white space do not matter; where that finds none, punctuation does not either.

    >>> plan = Field("plan", "category", "Plan", choices=("Pro", "Team 5"), aliases=(("P", "Pro"),))
    >>> choice_of("team-5", plan), choice_of("p.", plan), choice_of("Teams", plan)
    ('Team 5', 'Pro', None)
    """
    exact, loose = _readings(field.choices, field.aliases)
    return exact.get(category_key(text)) or loose.get(word_key(text))


@lru_cache(maxsize=100)
def _readings(
    choices: tuple[str, ...], aliases: tuple[tuple[str, str], ...]
) -> tuple[dict[str, str], dict[str, str]]:
    """What each word is read as: by its case-free form, and by the form without punctuation."""
    exact: dict[str, str] = {}
    meant: dict[str, set[str]] = defaultdict(set)
    for word, choice in (*aliases, *zip(choices, choices, strict=True)):
        exact[category_key(word)] = choice
        meant[word_key(word)].add(choice)
    return exact, {key: one for key, (one, *more) in meant.items() if key and not more}
