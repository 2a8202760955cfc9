"""Hints from the CRM."""
