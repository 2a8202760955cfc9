"""Fixtures of tests of pages."""

import pytest

from tests.connected import described, fake, salesforce  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def dialect():
    """Pages show what services read, which is tested on both elsewhere; `test_rights` opens all."""
    return "sqlite"


@pytest.fixture(autouse=True)
def no_slow_hashes(quick_hashes):
    """Most tests here sign in, and some through the form itself."""
