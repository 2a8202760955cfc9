"""Pages of model versions."""
