"""Model versions: registered, promoted, monitored, explained."""
