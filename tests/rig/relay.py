"""Takes connections on a listening socket that it was given and passes them on to a port of the loopback where it runs: the door of a
machine of rig/partition.py. A program: `relay.py FD PORT`; it ends when its standard input does. Knows nothing of what passes.
"""

import contextlib
import socket
import sys
import threading


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # one end is gone: the other hears of it below
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", port))
        except OSError:  # nobody listens there yet, or any more
            near.close()
            continue
        for ends in ((near, far), (far, near)):
            threading.Thread(target=_pass_on, args=ends, daemon=True).start()


if __name__ == "__main__":
    threading.Thread(target=_accept, args=(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])), daemon=True).start()
    sys.stdin.buffer.read()
