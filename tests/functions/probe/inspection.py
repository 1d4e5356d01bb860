"""What a function can see."""

import os
import resource
import socket
import stat
import sys
import threading
import urllib.error
import urllib.request


def process_status():
    """/proc/self/status as a mapping: capabilities, NoNewPrivs, Seccomp, Uid, …"""
    with open("/proc/self/status") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def processes():
    """The command lines of all processes that can be seen, by pid."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                found[name] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError as error:
            found[name] = f"errno {error.errno}"
    return found


def descriptors():
    """What the open descriptors lead to; the one that lists them is left out."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    return found


def identity():
    """Who we are and where we stand."""
    return {
        "uid": os.getresuid(),
        "gid": os.getresgid(),
        "groups": os.getgroups(),
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "sid": os.getsid(0),
        "hostname": socket.gethostname(),
        "cwd": os.getcwd(),
        "umask": _umask(),
    }


def _umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def namespaces():
    """The ids of this process's namespaces."""
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}


def mounts():
    """/proc/self/mountinfo, line by line."""
    with open("/proc/self/mountinfo") as file:
        return file.read().splitlines()


def interfaces():
    """The network interfaces."""
    return [name for _, name in socket.if_nameindex()]


def limits():
    """Every resource limit."""
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def writable(roots=("/",), most=100):
    """Directories and files below `roots` that this process may write."""
    found = []
    for root in roots:
        for directory, children, files in os.walk(root):
            if directory in ("/proc", "/sys", "/dev"):
                children[:] = []
                continue
            paths = [directory, *(os.path.join(directory, name) for name in files)]
            found += [path for path in paths if os.access(path, os.W_OK)]
            if len(found) >= most:
                return found[:most]
    return found


def setuid_files(roots=("/",)):
    """Programs that run as somebody else."""
    found = []
    for root in roots:
        for directory, children, files in os.walk(root):
            if directory == "/proc":
                children[:] = []
            for name in files:
                path = os.path.join(directory, name)
                try:
                    if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
                        found.append(path)
                except OSError:
                    continue
    return found


def listing(path="/"):
    """The names in a directory."""
    return sorted(os.listdir(path))


def connect(host, port, timeout=1):
    """A TCP connection."""
    with socket.create_connection((host, port), timeout):
        return True


def connect_local(path):
    """A connection to a Unix socket; a leading @ means the abstract namespace."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + path[1:] if path.startswith("@") else path)
        return True


def fetch(url, method="GET", headers=None, body=None, timeout=5):
    """An HTTP request: status and the start of the body."""
    data = body.encode() if body is not None else None
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return {"status": answer.status, "body": answer.read(4096).decode(errors="replace")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read(4096).decode(errors="replace")}


def python():
    """The interpreter and what it has loaded."""
    return {
        "version": sys.version,
        "executable": sys.executable,
        "path": sys.path,
        "argv": sys.argv,
        "modules": sorted({name.partition(".")[0] for name in sys.modules}),
        "main": getattr(sys.modules["__main__"], "__file__", None),
        "threads": threading.active_count(),
    }


def residue(path="/tmp"):
    """What is left over below a directory."""
    return sorted(
        os.path.join(directory, name)
        for directory, children, files in os.walk(path)
        for name in [*children, *files]
    )


def aws(service, operation, parameters=None, credentials=None, endpoint_url=None):
    """Call AWS through boto3, signed with the environment's credentials or with these."""
    import boto3
    import botocore.exceptions

    client = boto3.client(service, endpoint_url=endpoint_url, **(credentials or {}))
    try:
        answer = getattr(client, operation)(**(parameters or {}))
    except botocore.exceptions.ClientError as error:
        return {"error": error.response["Error"], "status": _status(error.response)}
    text = {name: _text(value) for name, value in answer.items() if name != "ResponseMetadata"}
    return {"answer": text, "status": _status(answer)}


def _status(answer):
    return answer.get("ResponseMetadata", {}).get("HTTPStatusCode")


def _text(value):
    return value.read().decode(errors="replace") if hasattr(value, "read") else repr(value)


PROBES = {
    "aws": aws,
    "connect": connect,
    "connect_local": connect_local,
    "descriptors": descriptors,
    "fetch": fetch,
    "identity": identity,
    "interfaces": interfaces,
    "limits": limits,
    "listing": listing,
    "mounts": mounts,
    "namespaces": namespaces,
    "process_status": process_status,
    "processes": processes,
    "python": python,
    "residue": residue,
    "setuid_files": setuid_files,
    "writable": writable,
}
