"""The SOQL that Leadloop sends, read exactly; any other is refused, never answered wrong.

The grammar is Salesforce's: AND and OR are not mixed without parentheses, and NOT stands before
one condition. Left out on purpose: subqueries, aggregates but COUNT(), GROUP BY, OFFSET, date
literals such as TODAY, aliases.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

COMPARISONS = ("=", "!=", "<>", "<=", ">=", "<", ">")
CLAUSES = ("SELECT", "COUNT", "FROM", "WHERE", "ORDER", "BY", "ASC", "DESC", "NULLS", "LIMIT")
WORDS = frozenset(
    (*CLAUSES, "FIRST", "LAST", "AND", "OR", "NOT", "IN", "LIKE", "TRUE", "FALSE", "NULL")
)
TOKEN = re.compile(
    r"""\s*(?:
    (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\w.:-])
  | (?P<number>-?\d+(?:\.\d+)?)(?![\w.:-])
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
  | (?P<sign><=|>=|!=|<>|[=<>(),])
  | (?P<end>$)
  | (?P<bad>.)
)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
MAX_LENGTH = 100_000

T = TypeVar("T")

Kind = Literal["string", "number", "boolean", "null", "date", "datetime"]


class SoqlError(Exception):
    """The query is refused; the message shows the place, as Salesforce's does."""

    def __init__(self, code: str, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.position = code, reason, position

    def message(self, text: str) -> str:
        if self.position is None:
            return self.reason
        row = text.count("\n", 0, self.position) + 1
        line_start = text.rfind("\n", 0, self.position) + 1
        column = self.position - line_start
        line = text[line_start:].split("\n", 1)[0]
        first = max(0, column - 60)
        shown = line[first : column + 60]
        place = f"ERROR at Row:{row}:Column:{column + 1}"
        return f"\n{shown}\n{' ' * (column - first)}^\n{place}\n{self.reason}"


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    position: int

    @property
    def word(self) -> str | None:
        """The keyword in capitals, where this is one."""
        upper = self.text.upper()
        return upper if self.kind == "name" and upper in WORDS else None


@dataclass(frozen=True)
class Value:
    kind: Kind
    text: str
    position: int


@dataclass(frozen=True)
class Path:
    """A field, one of a parent as in `Owner.Name`, or `convertCurrency(AnnualRevenue)`."""

    name: str
    position: int
    is_converted: bool = False

    @property
    def parts(self) -> list[str]:
        return self.name.split(".")


@dataclass(frozen=True)
class Comparison:
    path: Path
    operator: str
    value: Value


@dataclass(frozen=True)
class Membership:
    path: Path
    values: tuple[Value, ...]
    is_negated: bool


@dataclass(frozen=True)
class Not:
    term: "Condition"


@dataclass(frozen=True)
class And:
    terms: tuple["Condition", ...]


@dataclass(frozen=True)
class Or:
    terms: tuple["Condition", ...]


Condition = Comparison | Membership | Not | And | Or


@dataclass(frozen=True)
class Order:
    path: Path
    is_descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True)
class Query:
    """`fields` is None for COUNT()."""

    fields: tuple[Path, ...] | None
    object_name: str
    object_position: int
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a query, or raise SoqlError."""
    if len(text) > MAX_LENGTH:
        raise SoqlError("QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000.")
    return Parser(text).query()


class Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.next = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        taken = self.token
        self.next += 1
        return taken

    def accept(self, *wanted: str) -> str | None:
        """Take the next token if it is one of these words or signs."""
        found = self.token.word or self.token.text
        if found not in wanted or self.token.kind not in {"name", "sign"}:
            return None
        self.next += 1
        return found

    def expect(self, *wanted: str) -> str:
        return self.accept(*wanted) or self.refuse()

    def refuse(self) -> str:
        if self.token.kind == "end":
            raise SoqlError("MALFORMED_QUERY", "unexpected token: <EOF>", self.token.position)
        reason = f"unexpected token: '{self.token.text}'"
        raise SoqlError("MALFORMED_QUERY", reason, self.token.position)

    def query(self) -> Query:
        self.expect("SELECT")
        fields = None if self.count() else self.listed(self.selected)
        self.expect("FROM")
        source = self.path()
        where = self.condition() if self.accept("WHERE") else None
        order = self.order()
        limit = self.limit()
        if self.token.kind != "end":
            self.refuse()
        return Query(fields, source.name, source.position, where, order, limit)

    def count(self) -> bool:
        if not self.accept("COUNT"):
            return False
        self.expect("(")
        self.expect(")")
        return True

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        items = [item()]
        while self.accept(","):
            items.append(item())
        return tuple(items)

    def selected(self) -> Path:
        path = self.path()
        if path.name.lower() != "convertcurrency" or not self.accept("("):
            return path
        inner = self.path()
        self.expect(")")
        return replace(inner, is_converted=True)

    def path(self) -> Path:
        if self.token.kind != "name" or self.token.word:
            self.refuse()
        token = self.take()
        return Path(token.text, token.position)

    def condition(self) -> Condition:
        if self.accept("NOT"):
            return Not(self.simple())
        first = self.simple()
        joint = self.accept("AND", "OR")
        if joint is None:
            return first
        terms = [first, self.simple()]
        while self.accept(joint):
            terms.append(self.simple())
        return And(tuple(terms)) if joint == "AND" else Or(tuple(terms))

    def simple(self) -> Condition:
        if not self.accept("("):
            return self.comparison()
        inner = self.condition()
        self.expect(")")
        return inner

    def comparison(self) -> Condition:
        path = self.path()
        if self.accept("NOT"):
            self.expect("IN")
            return Membership(path, self.values(), is_negated=True)
        if self.accept("IN"):
            return Membership(path, self.values(), is_negated=False)
        operator = self.expect(*COMPARISONS, "LIKE")
        return Comparison(path, "!=" if operator == "<>" else operator, self.value())

    def values(self) -> tuple[Value, ...]:
        self.expect("(")
        values = self.listed(self.value)
        self.expect(")")
        return values

    def value(self) -> Value:
        token = self.token
        if token.word in {"TRUE", "FALSE", "NULL"}:
            self.next += 1
            return Value("null" if token.word == "NULL" else "boolean", token.word, token.position)
        if token.kind not in {"string", "number", "date", "datetime"}:
            self.refuse()
        self.next += 1
        return Value(token.kind, token.text, token.position)  # type: ignore[arg-type]

    def order(self) -> tuple[Order, ...]:
        if not self.accept("ORDER"):
            return ()
        self.expect("BY")
        return self.listed(self.order_item)

    def order_item(self) -> Order:
        path = self.path()
        is_descending = self.accept("ASC", "DESC") == "DESC"
        nulls_last = bool(self.accept("NULLS")) and self.expect("FIRST", "LAST") == "LAST"
        return Order(path, is_descending, nulls_last)

    def limit(self) -> int | None:
        if not self.accept("LIMIT"):
            return None
        if self.token.kind != "number" or not self.token.text.isdigit():
            self.refuse()
        return int(self.take().text)


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    place = 0
    while not found or found[-1].kind != "end":
        match = TOKEN.match(text, place)
        assert match is not None, "the last two alternatives match anything"
        kind = str(match.lastgroup)
        token = Token(kind, match[kind], match.start(kind))
        if kind == "bad":
            reason = f"unexpected token: '{token.text}'"
            raise SoqlError("MALFORMED_QUERY", reason, token.position)
        found.append(token)
        place = match.end()
    return found


def unquote(value: Value) -> str:
    """The text that a string literal stands for."""
    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda m: _unescape(m[1], value), value.text[1:-1])


def _unescape(escaped: str, value: Value) -> str:
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    plain = ESCAPES.get(escaped) or ESCAPES.get(escaped.lower())
    if plain is None:
        reason = f"Invalid string literal {value.text}. Illegal character sequence \\{escaped}"
        raise SoqlError("MALFORMED_QUERY", reason, value.position)
    return plain
