"""The command line: one file per command; most are clients of the server's HTTP API."""
