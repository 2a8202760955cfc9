"""Signing in, accounts, keys and settings."""
