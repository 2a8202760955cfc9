"""Owners of leads: who they are, who gives leads to them, who sees whose."""
