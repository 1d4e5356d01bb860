"""Bytes of one's own on the sockets that lead to the server."""

import socket
import time

RUNTIME_API, ENDPOINT = 9001, 4566
_HELD = []


def speak(pieces, port=RUNTIME_API, pause=0.0, wait=2.0):
    """Send some pieces of text on a connection of its own; what is answered until it is closed, or
    until nothing comes for `wait` seconds."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(wait)
        try:
            for piece in pieces:
                connection.sendall(piece.encode("latin-1"))
                time.sleep(pause)
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            return {"answer": answer[:4096].decode("latin-1"), "is_closed": False}
        except ConnectionError:
            pass
    return {"answer": answer[:4096].decode("latin-1"), "is_closed": True}


def pour(start, piece, mb, port=RUNTIME_API, wait=2.0):
    """Send `start`, and then `piece` again and again, up to so many megabytes; how many bytes went
    out before the server had enough, and its answer."""
    sent, answer = 0, b""
    block = (piece * (65536 // len(piece) + 1)).encode("latin-1")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(wait)
        try:
            connection.sendall(start.encode("latin-1"))
            while sent < mb << 20:
                connection.sendall(block)
                sent += len(block)
        except OSError:
            pass
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except OSError:
            pass
    return {"sent": sent, "answer": answer[:4096].decode("latin-1")}


def hold(text="", port=RUNTIME_API, count=1, host="127.0.0.1"):
    """Open connections, say something on each, and keep them; how many are open."""
    for _ in range(count):
        connection = socket.create_connection((host, port))
        _HELD.append(connection)
        connection.sendall(text.encode("latin-1"))
    return len(_HELD)


def held():
    """How many of the connections that are kept the server has not closed."""
    alive = 0
    for connection in _HELD:
        connection.setblocking(False)
        try:
            alive += connection.recv(65536) != b""
        except BlockingIOError:
            alive += 1
        except OSError:
            pass
    return alive


def release():
    """Close them."""
    while _HELD:
        _HELD.pop().close()


def speak_and_stall(text, port=RUNTIME_API):
    """Say something, and do nothing until the end."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(text.encode("latin-1"))
        while True:
            time.sleep(60)


PROBES = {
    "held": held,
    "hold": hold,
    "pour": pour,
    "release": release,
    "speak": speak,
    "speak_and_stall": speak_and_stall,
}
