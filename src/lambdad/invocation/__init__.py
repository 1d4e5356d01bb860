"""Data plane: from an accepted request to its result."""
