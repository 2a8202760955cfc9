"""What single cells of a file mean: numbers, times, and values of each target."""
