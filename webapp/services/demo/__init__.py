"""Invented leads with half a year of history, to look at before the first real one arrives."""
