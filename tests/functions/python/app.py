"""Does what its event says, {"do": …}: the same in every language."""

import locale
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import datetime

PIECE = 8 << 20
LOG = logging.getLogger()
held = []
count = 0


class NoSuchLuck(Exception):
    pass


def handler(event, context):
    global count
    count += 1
    return DEEDS[event["do"]](event, context)


def tell(event, context):
    return {
        "request_id": context.aws_request_id,
        "function_name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
        "remaining_ms": context.get_remaining_time_in_millis(),
    }


def troublemaker(message):
    raise ValueError(message)


def fail_in_a_way_of_its_own(event, context):
    raise NoSuchLuck(event["message"])


def sleep(event, context):
    time.sleep(event["ms"] / 1000)
    return "slept"


def allocate(event, context):
    while len(held) * PIECE < event["mb"] << 20:
        held.append(b"x" * PIECE)
    return "held"


def print_lines(event, context):
    for line in event["lines"]:
        print(line)
    return "printed"


def log(event, context):
    LOG.log(logging.getLevelName(event["level"]), event["message"])
    return "logged"


def use_files(event, context):
    with open("/tmp/written", "w") as file:
        file.write("ë")
    with open("/tmp/written") as file:
        return {"tmp": file.read() == "ë", "task": error_in_task_root()}


def error_in_task_root():
    try:
        open(os.path.join(os.environ["LAMBDA_TASK_ROOT"], "written"), "w").close()
    except OSError as error:
        return type(error).__name__
    return None


def tell_the_time(event, context):
    now = datetime.now().astimezone()
    return {"zone": now.tzname(), "hour_offset": int(now.utcoffset().total_seconds()) // 60}


def tell_encoding(event, context):
    encodings = {locale.getpreferredencoding(), sys.getfilesystemencoding(), sys.stdout.encoding}
    return {"encoding": "/".join(sorted(encodings)), "length": len(event["text"])}


def resolve(event, context):
    try:
        return socket.gethostbyname(event["host"])
    except OSError as error:
        return {"error": type(error).__name__}


def run_child(event, context):
    command = ["/bin/sh", "-c", event.get("command", "echo $NAME")]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip()


def say_goodbye_on_sigterm(event, context):
    def end(number, frame):
        print("goodbye")
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
    return "ready"


def use_layer(event, context):
    import luck

    return luck.WORD


DEEDS = {
    "echo": lambda event, _: event["value"],
    "context": tell,
    "count": lambda *_: count,
    "environment": lambda event, _: {name: os.environ.get(name) for name in event["names"]},
    "big": lambda event, _: "x" * event["size"],
    "size": lambda event, _: len(event["text"]),
    "fail": lambda event, _: troublemaker(event["message"]),
    "custom": fail_in_a_way_of_its_own,
    "sleep": sleep,
    "allocate": allocate,
    "exit": lambda event, _: os._exit(event["status"]),
    "print": print_lines,
    "log": log,
    "unserializable": lambda *_: {1, 2},
    "files": use_files,
    "clock": tell_the_time,
    "text": tell_encoding,
    "resolve": resolve,
    "tls": lambda *_: len(ssl.create_default_context().get_ca_certs()),
    "child": run_child,
    "sigterm": say_goodbye_on_sigterm,
    "layer": use_layer,
    "stream": lambda event, _: iter(event["pieces"] * event["times"]),
}
