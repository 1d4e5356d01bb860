"""The parts of the Python runtime. The package has a name that no function's own module has."""
