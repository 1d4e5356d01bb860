"""Ends the process while it is being imported."""

import sys

print("leaving in init")
sys.exit(7)
