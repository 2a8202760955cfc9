"""Taking along what is known."""
