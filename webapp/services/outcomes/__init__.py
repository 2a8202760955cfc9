"""What became of leads."""
