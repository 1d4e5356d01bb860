"""What this machine offers, as facts: read from files, or tried in a child process.

Nothing here changes the machine or the process that asks, and nothing raises: what cannot be read
is absent. What the facts mean is said in `lambdad.launcher.findings`.
"""
