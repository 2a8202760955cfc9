"""What people say about leads beside their outcomes: notes, wrong scores, overrides."""
