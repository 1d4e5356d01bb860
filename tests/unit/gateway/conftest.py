"""Makes the conformance tests' way of calling a gateway known here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))
