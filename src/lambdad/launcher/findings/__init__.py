"""What the facts of a machine mean for lambdad: pure functions from facts to findings.

Each finding says what there is; one that is not `ok` also says why that matters and, where one
command changes it, which.
"""
