"""What the product does: plain functions that take a session, never commit, know no Flask."""
