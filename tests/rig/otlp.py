"""A collector of OpenTelemetry traces on loopback: takes OTLP/HTTP, reads it with OpenTelemetry's own protocol classes, keeps all of it.

Can be slow or refuse, as collectors do.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


@dataclass(frozen=True)
class Span:
    """One span as it came; ids in hex, times in nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    begins: int
    ends: int
    attributes: dict[str, str | int]
    links: tuple[tuple[str, str], ...]
    failed: bool


class Collector:
    """`with Collector() as it:` `it.url` takes traces; `it.raw` holds the bodies as they came."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.resources: list[dict[str, str | int]] = []
        self.status = 200
        self.hold = threading.Event()  # while it is not set, nothing is answered
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.hold.wait(60)
                if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
                    self.send_error(400)
                    return
                if outer.status == 200:
                    outer.raw.append(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where to send traces."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self) -> list[Span]:
        """All that came so far."""
        found = []
        for body in list(self.raw):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(_plain(resource.resource.attributes))
                found += [_span(one) for scope in resource.scope_spans for one in scope.spans]
        return found


def _span(one: Any) -> Span:
    links = tuple((link.trace_id.hex(), link.span_id.hex()) for link in one.links)
    return Span(
        one.name,
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        one.start_time_unix_nano,
        one.end_time_unix_nano,
        _plain(one.attributes),
        links,
        one.status.code == 2,
    )


def _plain(pairs: Any) -> dict[str, str | int]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
