"""Starts a command ahead of its function: waiting.py VARIABLES COMMAND…

It has the variables of the first argument then. Those of this process are what it is told once it
waits."""

from __future__ import annotations

import json
import os
import sys

_, before, *command = sys.argv

reader, writer = os.pipe()
with open(writer, "w") as pipe:
    json.dump({"variables": dict(os.environ)}, pipe)
os.dup2(reader, 0)
os.execve(command[0], command, json.loads(before))
