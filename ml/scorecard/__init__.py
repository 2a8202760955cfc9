"""A served model as data, with its reasons: standard library only."""
