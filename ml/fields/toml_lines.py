"""Where each table and key of a TOML text stands.

`tomllib` forgets lines once a text is read; mistakes in a fields file are named by line, so
the lines are found again here. What the entries mean is the business of `ml.fields.fields_file`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# One alternative each: the four kinds of string, a comment, a line end, a bracket, the rest.
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<end>\n)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|[^\"'#\n\[\]{}]+",
    re.DOTALL,
)


@dataclass(frozen=True)
class TableLines:
    """One table: its header (`[[field]]`, or empty at the top), its line, its keys' lines."""

    header: str
    line: int
    keys: dict[str, int] = field(default_factory=dict)


def table_lines(text: str) -> list[TableLines]:
    """Find the line, from 1, of every table of a valid TOML text and of every key in it.

    The first table is the unnamed one at the top.

    >>> table_lines('a = 1\\n[[b]]\\nc = [\\n2]\\nd = 3')[1]
    TableLines(header='[[b]]', line=2, keys={'c': 3, 'd': 5})
    """
    tables = [TableLines("", 1)]
    for line, statement in _statements(text.replace("\r\n", "\n")):
        if statement.startswith("["):
            tables.append(TableLines(re.sub(r"[\s\"']", "", statement), line))
        else:
            key = statement.partition("=")[0].strip().strip("\"'")
            tables[-1].keys.setdefault(key, line)
    return tables


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement with the line it starts on, comments left out."""
    line, started_at, depth, parts = 1, 1, 0, ""
    for token in TOKEN.finditer(text + "\n"):
        kind, piece = token.lastgroup, token.group()
        if kind == "end" and depth == 0:
            if parts.strip():
                yield started_at, parts.strip()
            parts = ""
        elif kind != "comment":
            depth += (kind == "open") - (kind == "close")
            started_at = started_at if parts.strip() else line
            parts += piece
        line += piece.count("\n")
