"""The command line: one file per command; all but `serve` are clients of the server's HTTP API."""
