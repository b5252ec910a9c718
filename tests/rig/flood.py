"""Many clients at once, in a process of their own: idle ones, slow ones, and a herd that asks once and leaves.

`python flood.py PORT KIND COUNT < REQUEST` prints a line of JSON once all COUNT stand (for a herd: when all are answered), and holds them
until its standard input is closed. Each hundred comes from another loopback address. Runs with the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections import Counter
from itertools import count

PER_ADDRESS = 100
AT_ONCE = 200  # connections being opened
SECONDS = 60.0  # for one of a herd
PACE = 1.0  # seconds between two bytes of a slow client
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Flood:
    """COUNT clients of one kind against a port of 127.0.0.1."""

    def __init__(self, port: int, kind: str, request: bytes) -> None:
        self.port, self.kind, self.request = port, kind, request
        self.statuses: Counter[str] = Counter()
        self.standing = 0
        self.again = 0
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.number = count()

    async def open(self) -> Streams:
        """A connection from the next address."""
        number = next(self.number) // PER_ADDRESS
        source = f"127.{10 + number // 250 % 100}.{number % 250 + 1}.1"
        async with self.gate:
            return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))

    async def idle(self) -> None:
        """Ask for /health once, then nothing more; again when the server has closed."""
        while True:
            reader, writer = await self.open()
            try:
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.statuses[(await reader.readline()).decode()[9:12]] += 1
                self.standing += 1
                while await reader.read(65536):
                    pass
            except OSError:
                self.statuses["reset"] += 1
            finally:
                writer.close()
                self.standing -= 1
            self.again += 1

    async def slow(self) -> None:
        """A head, or a body, of which a byte comes now and then; again when the server has closed."""
        for turn in count():
            reader, writer = await self.open()
            head = (
                b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
                if turn % 2
                else b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
            )
            try:
                writer.write(head)
                self.standing += 1
                while not reader.at_eof():
                    writer.write(b"a")
                    try:
                        async with asyncio.timeout(PACE):
                            if line := await reader.readline():
                                self.statuses[line.decode()[9:12]] += 1
                                break
                    except TimeoutError:
                        continue
            except OSError:
                self.statuses["reset"] += 1
            finally:
                writer.close()
                self.standing -= 1
            self.again += 1

    async def herd(self) -> None:
        """Ask once."""
        reader, writer = await self.open()
        try:
            async with asyncio.timeout(SECONDS):
                writer.write(self.request)
                self.statuses[(await reader.readline()).decode()[9:12]] += 1
        except OSError as error:
            self.statuses[type(error).__name__] += 1
        finally:
            writer.close()

    def report(self) -> None:
        """Say how things stand, in one line."""
        print(json.dumps({"standing": self.standing, "statuses": dict(self.statuses), "again": self.again}), flush=True)


async def main(port: int, kind: str, number: int) -> None:
    """Run until standard input ends."""
    size = int(sys.stdin.buffer.readline())
    flood = Flood(port, kind, sys.stdin.buffer.read(size))
    clients = [asyncio.ensure_future(getattr(flood, kind)()) for _ in range(number)]
    if kind == "herd":
        await asyncio.gather(*clients)
    while kind != "herd" and flood.standing < number:
        await asyncio.sleep(0.05)
        if broken := [client for client in clients if client.done()]:
            broken[0].result()
    flood.report()
    await asyncio.to_thread(sys.stdin.buffer.read)
    flood.report()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
