"""Tells the service manager how this process stands (sd_notify(3): a datagram to $NOTIFY_SOCKET). Does nothing where none asked."""

from __future__ import annotations

import logging
import os
import socket
import time

log = logging.getLogger(__name__)


def tell(state: str) -> None:
    """Send `state`: READY, RELOADING, STOPPING or WATCHDOG. Waits for nothing; one that cannot be told is told of in the log."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    message = f"{state}=1"
    if state == "RELOADING":  # Type=notify-reload wants to know since when
        message += f"\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
            manager.connect(f"\0{path[1:]}" if path.startswith("@") else path)
            manager.send(message.encode("ascii"))
    except OSError as error:
        log.warning("the service manager was not told", extra={"state": state, "reason": error.strerror})
