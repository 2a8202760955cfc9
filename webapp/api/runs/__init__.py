"""Work of the worker, requested and followed."""
