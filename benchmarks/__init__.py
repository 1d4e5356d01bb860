"""How fast lambdad is: see README.md here. Run with `make bench`."""
