"""The clock and the outside systems: the worker process and its jobs."""
