"""Tries event["action"] on event["path"]: read, write, append, list, mkdir, remove or stat."""

import os


def handler(event, context):
    try:
        return {"ok": ACTIONS[event["action"]](event["path"], event.get("content", ""))}
    except OSError as error:
        return {"errno": error.errno, "error": str(error)}


def _read(path, content):
    with open(path, errors="replace") as file:
        return file.read(65536)


def _write(path, content):
    with open(path, "w") as file:
        return file.write(content)


def _append(path, content):
    with open(path, "a") as file:
        return file.write(content)


def _stat(path, content):
    found = os.lstat(path)
    return {"mode": found.st_mode, "uid": found.st_uid, "gid": found.st_gid, "size": found.st_size}


ACTIONS = {
    "read": _read,
    "write": _write,
    "append": _append,
    "stat": _stat,
    "list": lambda path, content: sorted(os.listdir(path)),
    "mkdir": lambda path, content: os.mkdir(path),
    "remove": lambda path, content: os.remove(path),
}
