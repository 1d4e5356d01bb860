"""Ends as its event says: {"fate": "finish" | "hang" | "exit" | "memory" | "raise" | "orphan"}."""

import os
import subprocess
import threading
import time


def handler(event, context):
    fate = event["fate"]
    with open("/tmp/left", "w") as file:
        file.write(fate)
    time.sleep(event.get("seconds", 0))
    if fate == "hang":
        time.sleep(60)
    elif fate == "exit":
        os._exit(3)
    elif fate == "memory":
        blocks = []
        while True:
            blocks.append(bytearray(8 << 20))
    elif fate == "raise":
        raise ValueError(fate)
    elif fate == "orphan":  # processes and threads that go on when the event is over
        subprocess.Popen(["/bin/sh", "-c", "sleep 60 & sleep 60"])
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return fate
