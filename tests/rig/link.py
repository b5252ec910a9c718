"""A link between a node and its PostgreSQL that a test may cut, hold up or slow down: the network as it fails (faults F-10, F-14, F-43)."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from rig.postgres import OWNER, Cluster

_SOCKET = ".s.PGSQL.5432"


class Link:
    """Connections to `url(schema)` go to the cluster. `hold` lets nothing pass, in neither direction, and closes nothing; `cut` closes
    all and refuses new ones; `cut_behind` does so when a node has said certain words, which still arrive; `delay` holds up whatever the
    server says by some seconds; `mend` ends all that."""

    def __init__(self, cluster: Cluster) -> None:
        self._folder = TemporaryDirectory(prefix="daypass-link-", dir="/tmp")
        self._target = str(cluster.directory / _SOCKET)
        self._flowing = threading.Event()
        self._flowing.set()
        self._delay = 0.0
        self._words: tuple[bytes, ...] = ()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._listen()

    def url(self, schema: str) -> str:
        """The URL of a schema of the cluster, by way of this link."""
        return f"postgresql://{OWNER}@/postgres?host={quote(self._folder.name, safe='')}&options={quote(f'-csearch_path={schema}')}"

    def hold(self) -> None:
        """From now on nothing passes."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """From now on the server's words come late."""
        self._delay = seconds

    def cut_behind(self, *words: bytes) -> None:
        """Cut as soon as one connection has said `words`, in this order."""
        self._words = words

    def cut(self) -> None:
        """Close everything, and refuse what comes."""
        if self._listener is not None:
            Path(self._folder.name, _SOCKET).unlink()
            self._listener.close()
            self._listener = None
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """All is well again."""
        self._delay = 0.0
        self._words = ()
        self._flowing.set()
        if self._listener is None:
            self._listen()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._flowing.set()
        self.cut()
        self._folder.cleanup()

    def _listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._folder.name, _SOCKET)))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:  # closed
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self._target)
            except OSError:
                near.close()
                far.close()
                continue
            with self._lock:
                self._open += [near, far]
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, late: bool) -> None:
        said = 0  # of the words to cut behind
        try:
            while data := source.recv(65536):
                while not late and said < len(self._words) and self._words[said] in data:
                    said += 1
                if late and self._delay:
                    self._ended.wait(self._delay)
                self._flowing.wait()
                last_words = not late and bool(self._words) and said == len(self._words)
                if last_words:
                    self._flowing.clear()  # before they arrive: their answer must not come through
                sink.sendall(data)
                if last_words:
                    self.cut()
        except OSError:
            pass  # cut, or the other side is gone
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            if source in self._open:
                self._open.remove(source)
        source.close()  # each of the two threads closes what it reads
