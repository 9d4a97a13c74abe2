"""Ports for processes that are killed and started anew: none that outgoing connections take meanwhile."""

import random
import socket

LOWEST, HIGHEST = 20_000, 30_000
"""Below the range that Linux takes for outgoing connections (32768 and up)."""


def free_port() -> int:
    """Give a port on loopback that nobody listens on."""
    while True:
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311 # no secret
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
