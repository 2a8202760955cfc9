"""Leads: their records, scores, table and history."""
