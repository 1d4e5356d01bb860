"""Packets with descriptors: how node, launcher, zygote and sandboxes talk.

One packet is one JSON object and the descriptors that came with it; SOCK_SEQPACKET keeps packets
whole and tells the end of the other side.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

MAX_PACKET = 128 * 1024
MAX_DESCRIPTORS = 16

# macOS has no SOCK_SEQPACKET for local sockets.
_KIND = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM

Packet = Tuple[Dict[str, Any], List[int]]


def socket_pair() -> Tuple[socket.socket, socket.socket]:
    """Two ends of one packet channel."""
    return socket.socketpair(socket.AF_UNIX, _KIND)


def from_descriptor(descriptor: int) -> socket.socket:
    """The channel whose descriptor this process has inherited."""
    return socket.socket(socket.AF_UNIX, _KIND, 0, descriptor)


def send(channel: socket.socket, message: Dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one packet; the descriptors stay open here."""
    content = json.dumps(message).encode()
    if len(content) > MAX_PACKET:
        raise ValueError(f"a packet of {len(content)} bytes is over the limit of {MAX_PACKET}")
    socket.send_fds(channel, [content], list(descriptors))


def receive(channel: socket.socket) -> Optional[Packet]:
    """The next packet, or None when the other side is gone; ValueError when it is not JSON."""
    try:
        content, descriptors = _receive(channel)
    except ConnectionResetError:
        # The other side left something unread: that is told first, then what it said last.
        try:
            content, descriptors = _receive(channel)
        except ConnectionResetError:
            return None
    if not content:
        return None
    try:
        return json.loads(content), descriptors
    except ValueError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _receive(channel: socket.socket) -> Tuple[bytes, List[int]]:
    content, descriptors, _, _ = socket.recv_fds(channel, MAX_PACKET, MAX_DESCRIPTORS)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # recv_fds leaves them open to programs
    return content, list(descriptors)
