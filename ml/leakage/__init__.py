"""Fields that are filled in after the outcome."""
