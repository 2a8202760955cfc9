"""The child process that trains, and how the worker drives it."""
