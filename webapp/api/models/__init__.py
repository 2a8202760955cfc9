"""Model versions, monitors and fields."""
