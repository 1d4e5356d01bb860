"""Tries to connect to event["host"]:event["port"], or to look event["name"] up."""

import socket


def handler(event, context):
    try:
        if "name" in event:
            return {"ok": socket.gethostbyname(event["name"])}
        with socket.create_connection((event["host"], event["port"]), event.get("timeout", 1)):
            return {"ok": True}
    except OSError as error:
        return {"errno": error.errno, "error": str(error)}
