"""Taking as much of something as there is."""

import errno
import fcntl
import mmap
import os
import socket
import stat
import time

F_SETPIPE_SZ = 1031


def flood_descriptors():
    """How many descriptors can be open at once, and what ends it."""
    opened = []
    try:
        while True:
            opened.append(os.dup(0))
    except OSError as error:
        return {"open": opened[-1] + 1, "errno": error.errno}
    finally:
        for descriptor in opened:
            os.close(descriptor)


def flood_inodes(directory="/tmp/inodes"):
    """How many empty files fit, and what ends it; they are removed again."""
    made = 0
    os.mkdir(directory)
    try:
        while True:
            os.mknod(f"{directory}/{made}", stat.S_IFREG)
            made += 1
    except OSError as error:
        return {"files": made, "errno": error.errno}
    finally:
        for number in range(made):
            os.unlink(f"{directory}/{number}")
        os.rmdir(directory)


def flood_directories(depth=2000):
    """Directories in directories; nobody may fall over them."""
    os.mkdir("/tmp/deep")
    here = os.open("/tmp/deep", os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    return depth


def flood_log(line="x" * 1000 + "\n", seconds=60, pipe=65536):
    """Print as fast as it goes, through a pipe of that size if it may be had."""
    try:
        fcntl.fcntl(1, F_SETPIPE_SZ, pipe)
    except PermissionError:  # the server's user has as many pages in pipes as it may
        pass
    block = (line * (65536 // len(line) + 1)).encode()
    deadline = time.monotonic() + seconds
    written = 0
    while time.monotonic() < deadline:
        written += os.write(1, block)
    return written


def flood_daemon(size=60_000, seconds=60):
    """Send datagrams to the X-Ray daemon as fast as it goes."""
    datagram = b'{"format": "json", "version": 1}\n'.ljust(size, b"x")
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.connect((host, int(port)))
        while time.monotonic() < deadline:
            daemon.send(datagram)


def flood_processes():
    """Fork until it is refused, and leave everybody alive; how many, and what ends it."""
    started = 0
    while True:
        try:
            os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
        except OSError as error:
            return {"started": started, "errno": error.errno}
        started += 1


def chain_processes(depth=1000, mb=0):
    """Processes that are each the child of the one before; how many are there in the end. This one
    takes so many megabytes of memory then, shared, so that no limit of a process holds it back."""
    with open("/tmp/link", "w") as script:
        script.write("/bin/sh /tmp/link\nsleep 600\n")
    os.posix_spawn("/bin/sh", ["sh", "/tmp/link"], {"PATH": "/bin:/usr/bin"})
    deadline = time.monotonic() + 20
    while (count := sum(map(str.isdigit, os.listdir("/proc")))) < depth:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if mb:
        block = mmap.mmap(-1, mb << 20)
        for offset in range(0, len(block), 4096):
            block[offset] = 1
        time.sleep(60)
    return count


def swarm(count=20):
    """Leave processes behind that never stand still: each forks a successor and ends."""
    for _ in range(count):
        if os.fork() == 0:
            while True:
                try:
                    if os.fork():
                        os._exit(0)
                except OSError:
                    pass
    return count


def bomb():
    """Fork without end, in every child too."""
    while True:
        try:
            os.fork()
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise


PROBES = {
    "bomb": bomb,
    "chain_processes": chain_processes,
    "flood_descriptors": flood_descriptors,
    "flood_directories": flood_directories,
    "flood_inodes": flood_inodes,
    "flood_log": flood_log,
    "flood_daemon": flood_daemon,
    "flood_processes": flood_processes,
    "swarm": swarm,
}
