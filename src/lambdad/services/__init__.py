"""Control planes: an operation is a function, a resource is a file."""
