"""Looking for what others have left in memory.

What is looked for is given in two halves, so that no piece of memory holds it because of us.
"""

import ctypes
import mmap
import os

_STEP = 16 << 20


def find_in_memory(halves):
    """Which of some secrets are anywhere in this process's memory."""
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, permissions, *_ = line.split()
            if permissions.startswith("r") and not line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                start, end = (int(number, 16) for number in span.split("-"))
                found.update(_find_between(memory, start, end, halves))
    return sorted(found)


def _find_between(memory, start, end, halves):
    for at in range(start, end, _STEP):
        try:
            memory.seek(at)
            block = memory.read(min(_STEP + 256, end - at))
        except (OSError, OverflowError, ValueError):
            return
        yield from _find_in(block, halves)


def find_in_fresh_memory(halves, mb=256):
    """Which of some secrets are in memory that the kernel and the allocator have just given us."""
    found = set()
    fresh = mmap.mmap(-1, mb << 20)
    found.update(_find_in(fresh, halves))
    fresh.close()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    for size in (1 << 12, 1 << 16, 1 << 20, 16 << 20):
        for _ in range(8):
            address = libc.malloc(ctypes.c_size_t(size))
            found.update(_find_in(ctypes.string_at(address, size), halves))
    return sorted(found)


def _find_in(block, halves):
    for first, second in halves:
        head, tail = first.encode(), second.encode()
        at = block.find(head)
        while at >= 0:
            if block[at + len(head) : at + len(head) + len(tail)] == tail:
                yield first
            at = block.find(head, at + 1)


def keep(halves, mb=16):
    """Fill so much memory with a secret, and keep a copy in /tmp and in the environment."""
    secret = "".join(halves)
    _KEPT.append(bytearray(secret.encode() * ((mb << 20) // len(secret))))
    with open("/tmp/secret", "w") as file:
        file.write(secret)
    os.environ["SECRET_OF_MINE"] = secret
    return len(_KEPT[-1])


def forget(words=""):
    """Give the memory back to the kernel; `words` are an event to be forgotten as well."""
    _KEPT.clear()
    return len(words)


_FILES = ("environ", "cmdline", "comm", "maps", "mountinfo", "cgroup", "status")


def find_in_proc(halves, files=_FILES):
    """Which of some secrets are in /proc, of whatever process is there."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        for file in files:
            try:
                with open(f"/proc/{name}/{file}", "rb") as opened:
                    found.update(_find_in(opened.read(), halves))
            except OSError:
                continue
    return sorted(found)


_KEPT = []
PROBES = {
    "find_in_fresh_memory": find_in_fresh_memory,
    "find_in_memory": find_in_memory,
    "find_in_proc": find_in_proc,
    "forget": forget,
    "keep": keep,
}
