"""What a serving process looks at behind the requests: its certificate's files, SIGHUP, and that its loop turns. Serves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from daypass.doors.notify import tell
from daypass.doors.tls import Certificate

LOOK_SECONDS = 1.0  # between two looks


async def watch(certificate: Certificate | None, clock: Callable[[], datetime]) -> None:
    """Look every LOOK_SECONDS and at SIGHUP, which reads the certificate anew, and tell the service manager each time. Until cancelled."""
    hangup = asyncio.Event()
    loop = asyncio.get_running_loop()
    if not os.isatty(0):  # of a terminal that closes it means the end, as ever
        loop.add_signal_handler(signal.SIGHUP, hangup.set)
    try:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(hangup.wait(), LOOK_SECONDS)
            if hangup.is_set():
                hangup.clear()
                tell("RELOADING")
                if certificate is not None:
                    certificate.reload()
                tell("READY")
            if certificate is not None:
                certificate.look(clock())
            tell("WATCHDOG")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
