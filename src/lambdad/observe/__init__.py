"""What can be seen of the system: log streams, and later metrics and traces."""
