"""People and programs that may sign in, and the audit log."""
