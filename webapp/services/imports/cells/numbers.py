"""Numbers as files write them: which decimal mark a column uses, and each cell read by it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from ml.fields.lenient import plain_number
from webapp.stored import NumberForm

DecimalMark: TypeAlias = Literal[".", ","]

MAX_NUMBER_LENGTH = 40
MARKS: tuple[DecimalMark, ...] = (".", ",")
CURRENCY = r"(?:(?:[A-Z]{1,3})?[$€£¥₹₽₩₪₫₴₺₦฿]|\b[A-Z]{3}\b|\bkr\b\.?|zł|Kč|Rs\b\.?)"
# A currency may stand before or behind, a sign of per cent behind; accountants write losses in
# brackets, and some programs the minus at the end.
AROUND = re.compile(
    rf"(?P<open>\()?(?P<sign>[+-](?=\D))?\s*{CURRENCY}?\s*(?P<number>[+-]?.*?)"
    rf"\s*(?:{CURRENCY}|%)?(?P<close>\)|-)?"
)
# Signs and figures as word processors and East Asian keyboards write them.
PLAIN = str.maketrans("\u2212\uff0d\uff0b\uff0e\uff0c\u2009\u2007", "--+.,  ")


def _strict(mark: DecimalMark) -> re.Pattern[str]:
    other = re.escape("," if mark == "." else ".")
    groups = "|".join(
        rf"[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+"
        for between in (other, "[ \u00a0\u202f]", "['\u2019]")
    )
    # Lakhs and crores, as India groups its figures: 1,20,000.
    groups += rf"|[1-9][0-9]?(?:{other}[0-9]{{2}})+{other}[0-9]{{3}}"
    decimals = rf"(?:{re.escape(mark)}[0-9]*)?(?:[eE][+-]?[0-9]{{1,3}})?"
    return re.compile(rf"[+-]?(?:{groups}|[0-9]+|(?={re.escape(mark)}[0-9])){decimals}")


STRICT = {mark: _strict(mark) for mark in MARKS}


def number_form(text: str) -> NumberForm | None:
    """Tell how a text writes its number; None where it is no number.

    >>> number_form("1.200,50"), number_form("1234,5"), number_form("1,234"), number_form("n. a.")
    (',', ',', ',?', None)
    """
    number = _without_currency(text)
    fitting = [mark for mark in MARKS if number and STRICT[mark].fullmatch(number)]
    if not fitting:
        return None
    if "." not in number and "," not in number:
        return "whole"
    if len(fitting) == 1:
        return fitting[0]
    return ".?" if "." in number else ",?"


def decimal_mark(
    forms: Mapping[NumberForm | None, int], *, point_is_usual: bool
) -> tuple[DecimalMark | None, bool]:
    """Decide on a column's decimal mark by how many cells have each form; None if they do not say.

    Says too whether it matters. `point_is_usual`: the file parts its columns by commas, or holds
    numbers as such, so that a point in 1.234 is no mark of thousands.
    """
    point, comma = forms.get(".", 0) > 0, forms.get(",", 0) > 0
    doubtful = forms.get(".?", 0) + forms.get(",?", 0)
    if point and comma:
        return None, True
    if point or comma:
        return ("." if point else ","), True
    if forms.get(".?", 0) and not forms.get(",?", 0) and point_is_usual:
        return ".", True
    return (None, True) if doubtful else (".", False)


def read_number(text: str, mark: DecimalMark) -> int | float:
    """Read a number written with this decimal mark; ValueError where it is none.

    >>> read_number("1.200,50", ","), read_number("€ 1,200", "."), read_number("12", ",")
    (1200.5, 1200.0, 12)
    """
    if text.isascii() and text.isdecimal() and len(text) < 16:
        return int(text)
    number = _without_currency(text)
    if not STRICT[mark].fullmatch(number):
        raise ValueError("is not a number")
    plain = re.sub("[ \u00a0\u202f'\u2019]", "", number)
    plain = plain.replace("," if mark == "." else ".", "").replace(mark, ".")
    return float(plain)


def count_forms(cells: Iterable[str]) -> Counter[NumberForm | None]:
    """Count the forms of numbers among cells."""
    return Counter(number_form(cell) for cell in cells)


def _without_currency(text: str) -> str:
    """The number in a text; "" where the text is too long for one, or has two signs."""
    cleaned = text.strip() if text.isascii() else plain_number(text.strip().translate(PLAIN))
    if not cleaned or len(cleaned) > MAX_NUMBER_LENGTH:
        return ""
    found = AROUND.fullmatch(cleaned)
    if found is None or (found["open"] is None) == (found["close"] == ")"):
        return ""
    number, sign = found["number"].strip(), found["sign"] or ""
    if found["close"]:
        sign += "-"
    return number if not sign else sign + number if number[:1] not in ("+", "-") else ""
