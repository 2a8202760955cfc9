"""One field's rule: what a value of it may be, and how it is read from JSON or from text.

Which fields there are, and the file that declares them, is the business of `ml.fields.fields_file`.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias, assert_never

FieldType: TypeAlias = Literal["count", "number", "category", "boolean"]
Value: TypeAlias = int | float | str | bool | None

# Of words that differ by a slip: web is not webinar.
MIN_LIKENESS = 0.65
MAX_NUMBER = 10**15  # whole numbers up to here are exact as floats
MAX_TEXT_LENGTH = 100
MAX_NUMBER_LENGTH = 40  # a million-digit cell is refused before it is read as a number

NUMBER_TEXT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
YES_OR_NO = (("true", "yes"), ("false", "no"))
BOOLEAN_TEXTS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# What spreadsheets, CRMs and programs write where they know nothing, in small letters.
NULL_WORDS = frozenset(
    {
        *("", "nan", "none", "null", "nil", "nat", "undefined", "unknown", "<na>", "<null>"),
        *("n/a", "n.a.", "#n/a", "#null!", "#value!", "#ref!", "#name?", "#div/0!"),
        *("-", "--", "---", "\u2013", "\u2014", "?", "\\n", *("#" * n for n in range(2, 20))),
        *("--none--", "-none-", "- none -", "(none)", "(blank)", "(empty)"),
        *("select", "--select--", "-select-", "- select -", "please select"),
    }
)
NULL_WORD = "is a word for an unknown value"
NO_CONTROLS = "must not hold control characters or half characters (surrogates)"
DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
SEPARATORS = "\x1c\x1d\x1e\x1f"  # control characters that Python trims as white space
NO_CONTROL_CHARACTERS = r"^[^\u0000-\u001F\u007F-\u009F]*$"


DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_text(value: object, *, maximum: int) -> str | None:
    """Trim a text and bring it into Unicode form NFC; None and blank text mean unknown.

    ValueError if it is no text, is longer than `maximum`, or holds control characters or lone
    surrogates.

    >>> clean_text("  Cafe\\u0301 ", maximum=10)
    'Café'
    >>> clean_text("   ", maximum=10) is None
    True
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be text")
    if any(separator in value for separator in SEPARATORS):
        raise ValueError(NO_CONTROLS)
    text = value.strip()
    if text.isascii() and text.isprintable() and len(text) <= maximum:
        return text or None  # the usual case: nothing to compose, nothing to refuse
    # They turn what follows around, so that one name can look like another.
    text = DIRECTION.sub("", text).strip()
    # Composing a very long run of accents takes quadratic time, so length comes first.
    if len(text) <= 4 * maximum:
        text = unicodedata.normalize("NFC", text)
    if len(text) > maximum:
        raise ValueError(f"must be at most {maximum} characters long")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError(NO_CONTROLS)
    return text or None


def is_null_word(text: str) -> bool:
    """Tell whether a text is blank or one of `NULL_WORDS`, in any case, and so says nothing.

    >>> is_null_word(" N/A "), is_null_word("--None--"), is_null_word("Nan Goldin")
    (True, True, False)
    """
    return text.strip().casefold() in NULL_WORDS


def category_key(value: str) -> str:
    """Give a category without regard to case and white space, as models match on it.

    >>> category_key("Cold  CALL ")
    'cold call'
    """
    return unicodedata.normalize("NFC", " ".join(value.casefold().split()))


def level_key(value: Value) -> str | None:
    """Give the level that models match a stored category or boolean on.

    None where it is unknown, as a number kept from the time when the field had another type.

    >>> level_key("Cold  Call"), level_key(True), level_key(7)
    ('cold call', 'true', None)
    """
    if isinstance(value, str):
        return category_key(value) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None


def signed_log1p(value: Value) -> float | None:
    """Compress a stored number, sign(x) log(1 + |x|), so that equal ratios are about equal steps.

    None for anything but a number within +-10^15.

    >>> round(signed_log1p(9), 3), round(signed_log1p(-9.0), 3), signed_log1p("9")
    (2.303, -2.303, None)
    """
    if type(value) is not int and type(value) is not float:  # a bool is neither
        return None
    # NaN fails both comparisons.
    if 0 <= value <= MAX_NUMBER:
        return math.log1p(value)
    return -math.log1p(-value) if -MAX_NUMBER <= value < 0 else None


def nearest_of(text: str, candidates: tuple[str, ...]) -> str | None:
    """Find the candidate that a mistyped text most likely means, None where none is close.

    >>> nearest_of("referal", ("Referral", "Webinar")), nearest_of("web", ("Webinar",))
    ('Referral', None)
    """
    by_key = {category_key(candidate): candidate for candidate in reversed(candidates)}
    close = get_close_matches(
        category_key(text[:MAX_TEXT_LENGTH]), by_key, n=1, cutoff=MIN_LIKENESS
    )
    return by_key[close[0]] if close else None


def number_text(number: float) -> str:
    """Write a finite number for people: thousands separated, three digits of a fraction.

    >>> number_text(1279), number_text(2.33333), number_text(3178.24)
    ('1,279', '2.33', '3,178')
    """
    if float(number).is_integer() or abs(number) >= 1000:
        return f"{round(number):,}"
    return f"{number:.3g}"


def value_text(value: Value) -> str:
    """Write a known value for people.

    >>> value_text(True), value_text(2500.0), value_text("Referral")
    ('yes', '2,500', 'Referral')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(value) if isinstance(value, int | float) else str(value)


class Kind(NamedTuple):
    """What a type of fields is: all that differs between types but the reading of a value.

    `noun` is for people, `measure` the same for types whose values mean the same, `keys` those of
    an entry that only some types have, `keyboard` HTML's inputmode, and `answers` the only values,
    as they are sent and as they are shown; empty where choices say them, or any value is right.
    """

    noun: str
    measure: str
    is_numeric: bool
    keys: frozenset[str]
    keyboard: str
    answers: tuple[tuple[str, str], ...] = ()


OF_NUMBERS = frozenset({"min", "max", "unit"})
COUNT = Kind("whole number", "number", True, OF_NUMBERS, "numeric")
NUMBER = Kind("number", "number", True, OF_NUMBERS, "decimal")
CATEGORY = Kind("text", "text", False, frozenset({"choices", "aliases"}), "text")
BOOLEAN = Kind("yes or no", "yes or no", False, frozenset(), "text", YES_OR_NO)


def kind_of(field_type: FieldType) -> Kind:
    """Look up what a type is; mypy names this place first when a type is added."""
    match field_type:
        case "count":
            return COUNT
        case "number":
            return NUMBER
        case "category":
            return CATEGORY
        case "boolean":
            return BOOLEAN
        case _:
            assert_never(field_type)


@dataclass(frozen=True)
class Field:
    """One input of a lead and the rule for its values.

    Both bounds are allowed values themselves. Of a category `choices` are all that is allowed, as
    they are stored, or any text where there are none, and `aliases` other words, each with its
    choice. `use` says whether models may learn from it, and `influenced` whether a rep can bring
    another value about; people see it while it is `declared`. Of a `retired` field values are still
    taken, but people and models do without. The eight `builtin` fields are always accepted.
    """

    name: str
    type: FieldType
    label: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    unit: str | None = None
    use: bool = True
    influenced: bool = False
    salesforce: str | None = None
    help: str | None = None
    declared: bool = True
    retired: bool = False
    builtin: bool = False

    def parse(self, value: object, *, text: bool = False) -> Value:
        """Check one value and bring it into the form it is stored in; None means unknown.

        With `text` every value comes as a string (form, CSV): numbers and booleans are then read
        from it, and blank text means unknown.

        ValueError with a sentence for the sender, whatever is wrong.

        >>> visits = Field("visits", "count", "Visits", minimum=0)
        >>> visits.parse(3.0), visits.parse(" 12 ", text=True), visits.parse(None)
        (3, 12, None)
        >>> visits.parse(-1)
        Traceback (most recent call last):
        ValueError: must be a whole number of 0 or more, or null
        """
        if value is None or (text and isinstance(value, str) and not value.strip()):
            return None
        match self.type:
            case "category":
                return self._category(value)
            case "boolean":
                return self._boolean(value, text=text)
            case "count" | "number":
                return self._number(self._number_from(value) if text else value)
            case _:
                assert_never(self.type)

    @property
    def kind(self) -> Kind:
        """What its type is."""
        return kind_of(self.type)

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """The only values, as they are sent and as they are shown; empty where there is no list."""
        return self.kind.answers or tuple((choice, choice) for choice in self.choices)

    @cached_property
    def rule(self) -> str:
        """What a value must be, in words: "a whole number from 0 to 120, or null"."""
        match self.type:
            case "boolean":
                return "true, false or null"
            case "category" if self.choices:
                return f"one of {', '.join(self.choices)}, or null"
            case "category":
                return f"text of at most {MAX_TEXT_LENGTH} characters, or null"
            case "count" | "number":
                return self._number_rule(self.minimum, self.maximum)
            case _:
                assert_never(self.type)

    def json_schema(self) -> dict[str, Any]:
        """Describe the values as JSON Schema (OpenAPI 3.1), null allowed."""
        about: dict[str, Any] = {"title": self.label}
        also = "".join(f"; {word} is read as {choice}" for word, choice in self.aliases)
        about |= {"description": f"{self.help or self.label} ({self.rule}{also})"}
        about |= {"deprecated": True} if self.retired else {}
        low, high = self._bounds()
        match self.type:
            case "boolean":
                return about | {"type": ["boolean", "null"]}
            case "category" if self.choices:
                return about | {"type": ["string", "null"], "enum": [*self.choices, None]}
            case "category":
                text = {"maxLength": MAX_TEXT_LENGTH, "pattern": NO_CONTROL_CHARACTERS}
                return about | {"type": ["string", "null"]} | text
            case "count":
                return about | {"type": ["integer", "null"], "minimum": low, "maximum": high}
            case "number":
                return about | {"type": ["number", "null"], "minimum": low, "maximum": high}
            case _:
                assert_never(self.type)

    def _bounds(self) -> tuple[float, float]:
        low = -MAX_NUMBER if self.minimum is None else self.minimum
        return low, MAX_NUMBER if self.maximum is None else self.maximum

    def _number_rule(self, minimum: float | None, maximum: float | None) -> str:
        noun = "a whole number" if self.type == "count" else "a number"
        low, high = (None if b is None else f"{b:,}" for b in (minimum, maximum))
        if low and high:
            return f"{noun} from {low} to {high}, or null"
        if low:
            return f"{noun} of {low} or more, or null"
        return f"{noun} of {high} or less, or null" if high else f"{noun}, or null"

    def _number_from(self, value: object) -> float:
        if not isinstance(value, str):
            raise ValueError(f"must be {self.rule}")
        cleaned = value.strip()
        if len(cleaned) > MAX_NUMBER_LENGTH:
            raise ValueError(f"must be {self._number_rule(*self._bounds())}")
        if not NUMBER_TEXT.fullmatch(cleaned):
            raise ValueError(f"must be {self.rule}")
        return float(cleaned)

    def _boolean(self, value: object, *, text: bool) -> bool:
        if text:
            known = isinstance(value, str)
            value = BOOLEAN_TEXTS.get(str(value).strip().casefold()) if known else None
        if not isinstance(value, bool):
            raise ValueError(f"must be {self.rule}")
        return value

    def _number(self, value: object) -> int | float:
        low, high = self._bounds()
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) > MAX_NUMBER:  # type: ignore[arg-type]
            raise ValueError(f"must be {self._number_rule(low, high)}")
        # Written so that NaN fails; an int of any size compares without overflow.
        if not (is_number and low <= value <= high):  # type: ignore[operator]
            raise ValueError(f"must be {self.rule}")
        number = float(value)  # type: ignore[arg-type]
        if self.type == "number":
            return number + 0.0  # -0.0 becomes 0.0
        if not number.is_integer():
            raise ValueError(f"must be {self.rule}")
        return int(number)

    def _category(self, value: object) -> str | None:
        cleaned = clean_text(value, maximum=MAX_TEXT_LENGTH)
        choice = self._choice_by_key.get(category_key(cleaned or ""))
        if choice is None and cleaned and is_null_word(cleaned):
            raise ValueError(NULL_WORD)
        if cleaned is None or not self.choices:
            return cleaned
        if choice is None:
            meant = nearest_of(cleaned, self.choices)
            hint = f" (did you mean {meant}?)" if meant else ""
            raise ValueError(f"must be {self.rule}{hint}")
        return choice

    @cached_property
    def _choice_by_key(self) -> dict[str, str]:
        words = (*self.aliases, *zip(self.choices, self.choices, strict=True))
        return {category_key(word): choice for word, choice in words}
