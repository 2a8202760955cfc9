"""Reporting outcomes."""
