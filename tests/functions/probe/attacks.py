"""What a function should not be able to do. A result without an errno means that it could."""

import ctypes
import mmap
import os
import platform
import resource
import signal
import socket
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long

NUMBERS = {
    "x86_64": {
        "ptrace": 101, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169,
        "sethostname": 170, "init_module": 175, "delete_module": 176, "settimeofday": 164,
        "pivot_root": 155, "chroot": 161, "add_key": 248, "request_key": 249, "keyctl": 250,
        "unshare": 272, "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "kcmp": 312, "finit_module": 313, "bpf": 321,
        "userfaultfd": 323, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
        "mount_setattr": 442, "clone": 56, "iopl": 172, "syslog": 103, "personality": 135,
        "acct": 163, "kexec_load": 246, "fanotify_init": 300, "name_to_handle_at": 303,
        "process_madvise": 440, "quotactl_fd": 443, "memfd_secret": 447, "statmount": 457,
        "open_tree_attr": 467, "listns": 470,
    },
    "aarch64": {
        "ptrace": 117, "mount": 40, "umount2": 39, "swapon": 224, "reboot": 142,
        "sethostname": 161, "init_module": 105, "delete_module": 106, "settimeofday": 170,
        "pivot_root": 41, "chroot": 51, "add_key": 217, "request_key": 218, "keyctl": 219,
        "unshare": 97, "perf_event_open": 241, "open_by_handle_at": 265, "setns": 268,
        "process_vm_readv": 270, "kcmp": 272, "finit_module": 273, "bpf": 280,
        "userfaultfd": 282, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
        "mount_setattr": 442, "clone": 220, "syslog": 116, "personality": 92, "acct": 89,
        "kexec_load": 104, "fanotify_init": 262, "name_to_handle_at": 264,
        "process_madvise": 440, "quotactl_fd": 443, "memfd_secret": 447, "statmount": 457,
        "open_tree_attr": 467, "listns": 470,
    },
}  # fmt: skip


def system_call(name, arguments=()):
    """Any system call; strings become C strings, `null_buffer` becomes 128 zero bytes."""
    prepared = [_argument(value) for value in arguments]
    prepared += [ctypes.c_long(0)] * (6 - len(prepared))
    result = LIBC.syscall(ctypes.c_long(NUMBERS[platform.machine()][name]), *prepared)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def _argument(value):
    if value == "null_buffer":
        return ctypes.create_string_buffer(128)
    return value.encode() if isinstance(value, str) else ctypes.c_long(value)


def in_child(name, arguments=()):
    """The same in a fork, for calls that would change this process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            system_call(name, arguments)
            os.write(writing, b"0")
        except OSError as error:
            os.write(writing, str(error.errno).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        number = int(file.read() or -1)
    status = os.waitpid(pid, 0)[1]
    if number < 0:
        return {"status": status}  # a signal ended it, as seccomp may
    if number:
        raise OSError(number, os.strerror(number), name)
    return 0


def mount(source="none", target="/tmp", kind="tmpfs", flags=0):
    """Mount something."""
    return in_child("mount", (source, target, kind, flags, 0))


def unshare(flags=0x10000000):
    """New namespaces; the default asks for a user namespace."""
    return in_child("unshare", (flags,))


def trace(pid=1):
    """PTRACE_ATTACH."""
    return in_child("ptrace", (16, pid, 0, 0))


def kill(pid, number=0):
    """Send a signal; number 0 only asks whether that would be allowed."""
    os.kill(pid, getattr(signal, number) if isinstance(number, str) else number)
    return True


def become(uid=0, gid=0):
    """Become another user."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(gid)
            os.setuid(uid)
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number:
        raise OSError(number, os.strerror(number))
    return True


def make_device(path="/tmp/device", major=1, minor=1):
    """A device node of one's own."""
    os.mknod(path, 0o60600, os.makedev(major, minor))
    return True


def make_setuid(path="/tmp/setuid"):
    """A set-user-id copy of a program; says as whom it runs."""
    with open("/proc/self/exe", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    os.chmod(path, 0o4755)
    return oct(os.stat(path).st_mode)


def run(command):
    """Run a program; what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def crash():
    """End, in the middle of the invocation."""
    os._exit(1)


def rename(name):
    """Call this process and a child of it something: any bytes, given as Latin-1."""
    if os.fork() == 0:
        _set_name(name)
        time.sleep(600)
    _set_name(name)
    return len(name)


def _set_name(name):
    with open("/proc/self/comm", "wb") as file:
        file.write(name.encode("latin-1"))


def open_path(path, mode="r"):
    """Open a path; the length of what could be read."""
    with open(path, mode) as file:
        return len(file.read(4096)) if "r" in mode else True


def raise_limit(name="RLIMIT_NOFILE", value=1 << 20):
    """Raise a hard limit."""
    resource.setrlimit(getattr(resource, name), (value, value))
    return resource.getrlimit(getattr(resource, name))


def raw_socket(family="AF_INET", kind="SOCK_RAW", protocol=1):
    """A socket of an unusual kind."""
    socket.socket(getattr(socket, family), getattr(socket, kind), protocol).close()
    return True


def executable_memory():
    """A mapping that is writable and executable; allowed, JIT compilers need it."""
    mapping = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    mapping.close()
    return True


def escape_by_chroot():
    """The classic way out: chroot below, then climb."""
    os.makedirs("/tmp/below", exist_ok=True)
    os.chroot("/tmp/below")
    return True


def fill(path="/tmp/fill", mb=1):
    """Write so many megabytes."""
    with open(path, "wb") as file:
        for _ in range(mb):
            file.write(bytes(1 << 20))
    return os.path.getsize(path)


def many_files(directory="/tmp/many", count=1000):
    """Make so many files."""
    os.makedirs(directory, exist_ok=True)
    for number in range(count):
        open(f"{directory}/{number}", "w").close()
    return len(os.listdir(directory))


PROBES = {
    "become": become,
    "crash": crash,
    "escape_by_chroot": escape_by_chroot,
    "executable_memory": executable_memory,
    "fill": fill,
    "in_child": in_child,
    "kill": kill,
    "make_device": make_device,
    "make_setuid": make_setuid,
    "many_files": many_files,
    "mount": mount,
    "open_path": open_path,
    "raise_limit": raise_limit,
    "raw_socket": raw_socket,
    "rename": rename,
    "run": run,
    "system_call": system_call,
    "trace": trace,
    "unshare": unshare,
}
