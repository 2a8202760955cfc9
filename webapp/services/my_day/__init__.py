"""What a person begins the day with: their leads, and for managers the team in numbers."""
