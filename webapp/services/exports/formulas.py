"""Cells of a CSV file that a spreadsheet would run as a formula: written as text, and read back."""

import re

# What makes a cell a formula, behind any number of apostrophes: those tell both ways apart.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
DEFUSED = re.compile(r"'+[=+\-@\t\r]")


def defused(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run.

    >>> defused("=1+1"), defused("'=1+1"), defused("Acme")
    ("'=1+1", "''=1+1", 'Acme')
    """
    return f"'{text}" if FORMULA.match(text) else text


def restored(cell: str) -> str:
    """Give the text that `defused` wrote as this cell, exactly.

    >>> restored("'=1+1"), restored("''=1+1"), restored("'s Hertogenbosch")
    ('=1+1', "'=1+1", "'s Hertogenbosch")
    """
    return cell[1:] if cell.startswith("'") and DEFUSED.match(cell) else cell
