"""Exports as text, written while they are read."""
