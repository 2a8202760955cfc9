"""Scoring and reading leads."""
