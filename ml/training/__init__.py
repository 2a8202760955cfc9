"""Learning a model from labelled leads and measuring it."""
