"""What the columns of a file mean: proposed, asked, decided, remembered."""
