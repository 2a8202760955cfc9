"""Fixtures for tests of pages."""

import argon2
import pytest

from tests.connected import described, fake, salesforce  # noqa: F401 - fixtures
from webapp.services.accounts import accounts


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Most tests here sign in: as cheap as argon2 gets."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(accounts, "_hasher", hasher)
