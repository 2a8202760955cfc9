"""Sentences that people read, made without knowing their language.

A sentence reads as English wherever text is wanted; by the message and the values that it was made
of, a page puts it into its reader's language. Standard library only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Reader(Protocol):
    """What a language gives: its messages, and how it writes numbers."""

    def gettext(self, message: str) -> str:
        """The message in this language, else as it is."""

    def ngettext(self, singular: str, plural: str, n: float) -> str:
        """The form for so many in this language, else the English one."""

    def number(self, number: float) -> str:
        """A number with its thousands set apart."""

    def figure(self, text: str) -> str:
        """A number as English writes it, with this language's signs."""


class Figure(str):
    """A number as English writes it, such as "1,234.5" or "53 %", for a sentence to hold."""


class Said(NamedTuple):
    """What a sentence is made of: its message, with a `plural` its form for `n`, and its values.

    As `is_whole` it begins with a capital and ends with a full stop in any language.
    """

    message: str
    values: Mapping[str, Any]
    plural: str | None = None
    n: float = 1
    is_whole: bool = False

    def to(self, reader: Reader) -> str:
        """Give it in the reader's language."""
        found = (
            reader.gettext(self.message)
            if self.plural is None
            else reader.ngettext(self.message, self.plural, self.n)
        )
        text = found % {name: in_words(value, reader) for name, value in self.values.items()}
        return whole(text) if self.is_whole else text


class Sentence(str):
    """An English sentence that knows what it was made of; `gettext` and `ngettext` make it.

    Its values are texts, whole numbers, figures, sentences, or errors that were raised with one.
    """

    said: Said

    def __new__(cls, said: Said) -> "Sentence":
        sentence = super().__new__(cls, said.to(ENGLISH))
        sentence.said = said
        return sentence

    def __getnewargs__(self) -> tuple[Said]:  # type: ignore[override]
        return (self.said,)


def gettext(message: str, /, **values: Any) -> str:
    """Make a sentence of a message, which is a format with named values and `%%` for a per cent.

    >>> gettext("Lead %(id)s not found", id="L-1")
    'Lead L-1 not found'
    """
    return Sentence(Said(message, values))


def ngettext(singular: str, plural: str, n: int, /, **values: Any) -> str:
    """Make a sentence of the form for `n`, which both forms may name.

    >>> ngettext("%(n)s lead", "%(n)s leads", 1), ngettext("%(n)s lead", "%(n)s leads", 1200)
    ('1 lead', '1,200 leads')
    """
    return Sentence(Said(singular, {"n": n, **values}, plural, n))


def mark(message: str) -> str:
    """Name a message that is made into a sentence elsewhere, for the catalogue.

    >>> mark("New field")
    'New field'
    """
    return message


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Name both forms of a message that is made into a sentence elsewhere."""
    return singular, plural


def joined(parts: Iterable[str], by: str = " ") -> str:
    """Put sentences one after another, without those that are empty.

    >>> joined([gettext("Saved."), "", gettext("Go on.")])
    'Saved. Go on.'
    """
    named = {f"part{n}": part for n, part in enumerate(part for part in parts if part)}
    return Sentence(Said(by.replace("%", "%%").join(f"%({name})s" for name in named), named))


def either(texts: Sequence[str]) -> str:
    """Name some of which one is enough.

    >>> either(["A"]), either(["A", "B", "C"])
    ('A', 'A or B or C')
    """
    named, *others = texts
    for other in others:
        named = gettext("%(this)s or %(that)s", this=named, that=other)
    return named


def as_whole(text: str) -> str:
    """Make a clause a sentence of its own: with a capital and a full stop.

    >>> as_whole(gettext("too few outcomes"))
    'Too few outcomes.'
    """
    if isinstance(text, Sentence):
        return Sentence(text.said._replace(is_whole=True))
    return whole(text)


def whole(text: str) -> str:
    """Begin a text with a capital and end it with one full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


class _English:
    """The language of the messages."""

    def gettext(self, message: str) -> str:
        return message

    def ngettext(self, singular: str, plural: str, n: float) -> str:
        return singular if n == 1 else plural

    def number(self, number: float) -> str:
        return f"{number:,}"

    def figure(self, text: str) -> str:
        return str(text)


ENGLISH: Reader = _English()


def in_words(value: Any, reader: Reader) -> Any:
    """Give a value of a sentence as its reader writes it."""
    if _has_sentence(value):
        value = value.args[0]
    if isinstance(value, Sentence):
        return value.said.to(reader)
    if isinstance(value, Figure):
        return reader.figure(value)
    if type(value) is int:
        return reader.number(value)
    return value


def _has_sentence(value: Any) -> bool:
    is_error = isinstance(value, Exception) and bool(value.args)
    return is_error and isinstance(value.args[0], Sentence)
