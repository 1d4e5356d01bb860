"""HTTP in: bytes become (service, operation, parameters), and results become bytes again.

The gateway knows no service. It is handed a table of operations and takes everything else from
botocore's service models: names, shapes, constraints, error codes and URLs.
"""
