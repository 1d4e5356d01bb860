"""What lambdad ships for other people's tests."""
