"""Strict reading of parsed JSON: the type, range and size of every value is checked."""

from typing import Any

MAX_LEVELS = 5_000  # of a category
MAX_NUMBER = 1e40  # far above any coefficient, far below what would overflow when summed
MAX_TEXT_LENGTH = 200


class ScorecardError(ValueError):
    """A scorecard that cannot be used; the message names the place in it."""


class Reader:
    """One value of parsed JSON and where it stands: `scorecard.terms[2]`.

    >>> Reader({"n": float("nan")}, "card").number("n")
    Traceback (most recent call last):
    ml.scorecard.json_reader.ScorecardError: card.n must be a finite number
    """

    def __init__(self, content: object, place: str) -> None:
        self.content = content
        self.place = place
        self._unread = set(content) if isinstance(content, dict) else set()

    def reader(self, key: str) -> "Reader":
        """Read an object."""
        return Reader(self._object(self._get(key), f"{self.place}.{key}"), f"{self.place}.{key}")

    def optional(self, key: str) -> "Reader | None":
        """Read an object that may be left out."""
        return self.reader(key) if key in self._object(self.content, self.place) else None

    def one_or_more(self, key: str, *, most: int) -> list["Reader"]:
        """Read an object, a list of at most `most` objects, or nothing where it is left out."""
        content = self._object(self.content, self.place)
        if key not in content:
            return []
        is_list = isinstance(content[key], list)
        return self.readers(key, most=most) if is_list else [self.reader(key)]

    def readers(self, key: str, *, most: int) -> list["Reader"]:
        """Read a list of at most `most` values, each with its own place."""
        items = _list(self._get(key), f"{self.place}.{key}", most)
        return [Reader(item, f"{self.place}.{key}[{i}]") for i, item in enumerate(items)]

    def names(self, *, most: int) -> list[str]:
        """Read the keys of this object, at most `most`."""
        content = self._object(self.content, self.place)
        if len(content) > most or not all(isinstance(name, str) for name in content):
            raise ScorecardError(f"{self.place} must hold at most {most} names")
        return list(content)

    def text(self, key: str) -> str:
        """Read a text that is not empty."""
        text = self._get(key)
        if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT_LENGTH:
            raise ScorecardError(f"{self.place}.{key} must be a text")
        return text

    def integer(self, key: str) -> int:
        """Read a whole number of 0 or more."""
        number = self._get(key)
        if type(number) is not int or not 0 <= number <= MAX_NUMBER:
            raise ScorecardError(f"{self.place}.{key} must be a whole number of 0 or more")
        return number

    def integer_or_none(self, key: str) -> int | None:
        """Read a whole number of 0 or more, or null."""
        return None if self._get(key) is None else self.integer(key)

    def integers(self, key: str, *, most: int, low: int = 0) -> tuple[int, ...]:
        """Read a list of at most `most` whole numbers of `low` or more."""
        numbers = _list(self._get(key), f"{self.place}.{key}", most)
        if not all(type(number) is int and low <= number <= MAX_NUMBER for number in numbers):
            raise ScorecardError(f"{self.place}.{key} must hold whole numbers of {low} or more")
        return tuple(numbers)

    def number(
        self,
        key: str,
        *,
        low: float = -MAX_NUMBER,
        high: float = MAX_NUMBER,
        default: float | None = None,
    ) -> float:
        """Read a finite number from `low` to `high`; it may be left out if it has a default."""
        if default is not None and key not in self._object(self.content, self.place):
            return default
        number = _number(self._get(key), f"{self.place}.{key}")
        if not low <= number <= high:
            raise ScorecardError(f"{self.place}.{key} must be from {low} to {high}")
        return number

    def numbers(self, key: str, *, most: int) -> tuple[float, ...]:
        """Read a list of at most `most` finite numbers."""
        return Reader(self._get(key), f"{self.place}.{key}").numbers_here(most=most)

    def numbers_here(self, *, most: int) -> tuple[float, ...]:
        """Read this value itself as a list of at most `most` finite numbers."""
        return tuple(_number(item, self.place) for item in _list(self.content, self.place, most))

    def row(self, key: str, length: int) -> list[Any]:
        """Read a list of exactly `length` values."""
        return Reader(self._get(key), f"{self.place}.{key}").row_here(length)

    def row_here(self, length: int) -> list[Any]:
        """Read this value itself as a list of exactly `length` values."""
        items = _list(self.content, self.place, length)
        if len(items) != length:
            raise ScorecardError(f"{self.place} must hold {length} values")
        return items

    def finish(self) -> None:
        """Refuse keys that nobody has read."""
        if self._unread:
            raise ScorecardError(f"{self.place} has the unknown key {min(self._unread)!r:.80}")

    def _get(self, key: str) -> object:
        content = self._object(self.content, self.place)
        if key not in content:
            raise ScorecardError(f"{self.place}.{key} is missing")
        self._unread.discard(key)
        return content[key]

    @staticmethod
    def _object(content: object, place: str) -> dict[str, Any]:
        if not isinstance(content, dict):
            raise ScorecardError(f"{place} must be an object")
        return content


def _list(content: object, place: str, most: int) -> list[Any]:
    if not isinstance(content, list) or len(content) > most:
        raise ScorecardError(f"{place} must be a list of at most {most} values")
    return content


def _number(content: object, place: str) -> float:
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    # Compared before it becomes a float: a number of any size has an order, NaN has none.
    if not (is_number and -MAX_NUMBER <= content <= MAX_NUMBER):  # type: ignore[operator]
        raise ScorecardError(f"{place} must be a finite number")
    return float(content) + 0.0  # type: ignore[arg-type]  # -0.0 becomes 0.0
