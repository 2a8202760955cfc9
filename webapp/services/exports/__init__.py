"""Exports: leads, outcomes and score history to take along, and to bring back."""
