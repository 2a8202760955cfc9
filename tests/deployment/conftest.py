"""Fixtures for tests of what is deployed."""

from tests.connected import fake, salesforce  # noqa: F401 - fixtures
