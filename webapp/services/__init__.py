"""What the product does, as plain functions that take a session; they neither commit nor know Flask."""
