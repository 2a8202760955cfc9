"""A function fits on a screen, and a file in a head."""

import ast
import io
import tokenize
from functools import cache

from tests.architecture.source import PRODUCT, sources

FILE_LINES = 400
FUNCTION_CODE_LINES = 50
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_no_file_is_longer_than_400_lines():
    lengths = {s.name: len(s.text.splitlines()) for s in sources(*PRODUCT, "tests", "migrations")}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES} == {}


def test_no_function_has_more_than_50_lines_of_code():
    too_long = {
        f"{source.name}:{function.lineno} {function.name}": n
        for source in sources(*PRODUCT, "tests")
        for function in source.nodes(*FUNCTIONS)
        if function.end_lineno - function.lineno >= FUNCTION_CODE_LINES
        if (n := n_code_lines(source.text, function)) > FUNCTION_CODE_LINES
    }
    assert too_long == {}


def test_comments_blank_lines_and_docstrings_are_not_code():
    text = (
        'def f():\n    """One.\n\n    Two.\n    """\n\n    # why\n    return (\n        1\n    )\n'
    )
    assert n_code_lines(text, ast.parse(text).body[0]) == 4


def n_code_lines(text, function):
    lines = code_lines(text)
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines = lines - set(range(docstring.lineno, docstring.end_lineno + 1))
    return len(lines & set(range(function.lineno, function.end_lineno + 1)))


@cache
def code_lines(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = (token for token in tokens if token.type not in NO_CODE)
    return {n for token in code for n in range(token.start[0], token.end[0] + 1)}
