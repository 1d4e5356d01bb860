"""Asks event["host"] for a page, at event["port"], and tells what came of it."""

import os
import socket


def handler(event, context):
    """{"said": …} or {"errno": …}; without a host, its own address or None; or it ends."""
    if "exit" in event:
        os._exit(1)
    if "host" not in event:
        return own_address()
    try:
        address = event["host"], event.get("port", 80)
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(b"Who is there?\n")
            return {"said": connection.makefile().readline().strip()}
    except OSError as error:
        return {"errno": error.errno}


def own_address():
    """The address from which it would reach the internet; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("203.0.113.10", 9))
        except OSError:
            return None
        return asking.getsockname()[0]
