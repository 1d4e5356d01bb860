"""The privileged side: makes sandboxes, and does nothing else.

Standard library only. `syscalls`, `packets`, `seccomp`, `mounts`, `signalling`, `entering`,
`zygote` and `process_child` also run inside the interpreters that run functions (CPython 3.9 and
later).
"""
