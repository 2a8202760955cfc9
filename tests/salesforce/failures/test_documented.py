"""The table of failures in docs/salesforce.md, the tests and the words in the code agree."""

import re

from sync.crm.outcomes import REASONS
from sync.salesforce.cases import CASES
from sync.salesforce.errors import CALL_SIGNS, LOGIN_SIGNS, ROW_SIGNS
from tests.salesforce import test_secrets, test_write_cases
from tests.salesforce.failures import test_errors, test_failures, test_limits, test_passing
from tests.salesforce.outcomes import (
    test_lookups,
    test_merge_cases,
    test_outcomes_cases,
    test_pipeline_cases,
)
from tests.salesforce.reading import (
    test_company,
    test_currencies,
    test_cursor_cases,
    test_hidden_fields,
    test_reconcile,
    test_visibility,
)
from webapp.config import ROOT

PAGE = (ROOT / "docs/salesforce.md").read_text()


def table(heading):
    """The numbered rows of the table below a heading."""
    below = PAGE.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in below.splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in lines]


NUMBERED = (test_failures, test_passing, test_visibility)
OTHERS = (test_errors, test_limits, test_reconcile, test_secrets, test_write_cases)
ROWS = table("When something fails")
HAPPENINGS = table("What happens in an org, and what comes of it")


def test_the_table_has_each_of_the_70_cases():
    assert [int(row[0]) for row in ROWS] == list(range(1, 71))


def test_each_case_names_a_test():
    for _, _, test, *_ in ROWS:
        name = test.strip("`")
        assert any(callable(vars(module).get(name)) for module in (*NUMBERED, *OTHERS)), name


def test_the_first_55_cases_name_a_test_of_their_number():
    for number, _, test, *_ in ROWS[:55]:
        name = test.strip("`")
        numbers = [int(n) for n in re.findall(r"(?<=_)\d\d(?=_)", name)]
        covered = range(numbers[0], numbers[-1] + 1) if "_to_" in name else numbers
        assert int(number) in {*covered, *numbers}, name


def test_each_happening_names_its_tests():
    outcomes = (test_lookups, test_merge_cases, test_outcomes_cases, test_pipeline_cases)
    reading = (
        test_company,
        test_currencies,
        test_cursor_cases,
        test_hidden_fields,
        test_visibility,
    )
    modules = (*outcomes, *reading, test_write_cases)
    known = {name for module in modules for name in vars(module)}
    assert [int(row[0]) for row in HAPPENINGS] == list(range(1, 41))
    for _, _, _, tests in HAPPENINGS:
        assert {test.strip("` ") for test in tests.split(",")} <= known


def test_what_the_administrator_reads_are_the_words_of_the_code_and_none_is_missing():
    assert {row[4] for row in ROWS} == {case.message for case in CASES.values()}


def test_each_code_that_is_recognised_stands_beside_its_sentence():
    signs = (sign for table in (LOGIN_SIGNS, CALL_SIGNS, ROW_SIGNS) for sign in table)
    recognised = {(code, s.case.message) for s in signs for code in s.codes.split("|") if code}
    told = {(c.replace("*", ".*"), row[4]) for row in ROWS for c in re.findall("`(.+?)`", row[1])}
    assert recognised - told == set()


def test_every_rule_of_an_outcome_is_told_in_words_and_explained():
    """The first column has rules as in "2, 2b to 2d"."""
    below = PAGE.partition("## What became of a lead")[2].partition("\n## ")[0]
    explained = set()
    for listed in re.findall(r"^\| ([1-5L][^|]*) \|", below, re.MULTILINE):
        for first, _, last in (rule.partition(" to ") for rule in listed.split(", ")):
            letters = range(ord(first[-1]), ord((last or first)[-1]) + 1)
            explained |= {first[:-1] + chr(letter) for letter in letters}
    # A deal that cannot be read keeps what was recorded.
    assert explained - {"1u"} == set(REASONS)
