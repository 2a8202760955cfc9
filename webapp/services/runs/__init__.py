"""Work of the worker, and requests that may be repeated."""
