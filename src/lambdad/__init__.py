"""lambdad: AWS Lambda on your own machines.

This file and the packages `launcher` and `runtimes` are also read by the interpreters that run
functions (CPython 3.9 and later), so they use the standard library alone and no newer syntax.
"""

__version__ = "0.1.0"
