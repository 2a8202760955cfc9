"""The promotion gate and the intervals its evidence is drawn with."""
