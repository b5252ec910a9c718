"""Which operation a request is for, every service on one base URL (sheets A §2.10, C §3.2). Identity never depends on the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from daypass.values.errors import Refusal
from daypass.values.request import Request
from daypass.wire import catalogue
from daypass.wire.faults import Malformed
from daypass.wire.form import action_and_version, beginning_of, is_json
from daypass.wire.pairs import read_pairs, unescape
from daypass.wire.refusals import malformed
from daypass.wire.shapes import OperationShape, Protocol

# A second value of one of these would let verifier and dispatcher see different requests (attack row C14).
SINGLE_HEADERS = frozenset({
    b"authorization", b"content-length", b"content-type", b"host", b"transfer-encoding", b"x-amz-content-sha256", b"x-amz-date",
    b"x-amz-security-token", b"x-amz-target",
})  # fmt: skip
MAX_SEGMENTS = 64  # of a path; the longest template in the models has 9
_LONG_WAY = frozenset((b"content-encoding", b"x-amz-target"))  # headers that routing looks at
_TARGET = re.compile(rb"([A-Za-z0-9_]{1,64})\.([A-Za-z0-9]{1,128})")
_PATH = re.compile(rb"/[!$-;=@-Z_a-z~]*")  # visible ASCII that RFC 3986 lets stand in a path, percent sign included


def protocol_of(request: Request) -> Protocol:
    """The protocol whose envelope a refusal takes when no operation was found."""
    if request.first(b"x-amz-target") is not None:
        return "json"
    if request.raw_path in (b"", b"/"):
        return "json" if is_json(request) else "query"
    return "rest-json"


def find_operation(request: Request) -> OperationShape:
    """The operation that `request` names. Raises Refusal in the words of the request's protocol, when there is none or more than one.

    (1) headers that decide come once · (2) X-Amz-Target · (3) Action and Version · (4) method and path.
    """
    known = _by_prefix(request)
    if known is not None:
        return known
    protocol = protocol_of(request)
    try:
        _refuse_double_headers(request)
        _refuse_coded_body(request)
        if protocol == "json":
            return _by_target(request)
        return _by_action(request) if protocol == "query" else _by_path(request)
    except Malformed as fault:
        raise malformed(protocol, fault) from None


def _refuse_double_headers(request: Request) -> None:
    names = [name for name, _ in request.headers if name in SINGLE_HEADERS]
    if len(names) != len(set(names)):
        raise Malformed("A header is given more than once")


def _refuse_coded_body(request: Request) -> None:
    """Bodies are read as they come: nothing is unpacked, neither gzip nor `aws-chunked` (attack rows H25, F-31)."""
    for coding in request.values_of(b"content-encoding"):
        if coding.strip().lower() not in (b"", b"identity"):
            raise Malformed("A body with a Content-Encoding is not supported")


_PREFIXES: dict[bytes, OperationShape] = {}  # `Action=…&Version=…` as SDKs begin their bodies; bounded by the operations there are


def _by_prefix(request: Request) -> OperationShape | None:
    """The way of nearly all STS and IAM calls: a POST whose body begins as one that was found before. All else goes the long way.

    INVARIANT: this only picks the operation; read_input reads the whole body strictly and refuses a second Action or Version.
    """
    body = request.body
    first = body.find(b"&", 0, 128)
    if first < 0 or request.method != "POST" or request.raw_path != b"/" or request.raw_query:
        return None
    second = body.find(b"&", first + 1, 160)
    if not request.is_plain or not _LONG_WAY.isdisjoint(request.by_name):
        return None
    return _PREFIXES.get(body if second < 0 else body[:second])


def _by_action(request: Request) -> OperationShape:
    if request.method not in ("GET", "POST"):
        raise Refusal("MethodNotAllowed", "The method is not allowed; use POST", 405)
    action, version = action_and_version(request)
    if not action:
        raise Refusal("MissingAction", "The request must contain the parameter Action", 400)
    name = _actions().get((version, action))
    if name is None:
        raise Refusal("InvalidAction", f"Could not find operation {action[:128]} for version {version[:32] or 'NO_VERSION_SPECIFIED'}", 400)
    found = catalogue.service(name).operations[action]
    _PREFIXES[beginning_of(action, version)] = found
    return found


@lru_cache(maxsize=1)
def _actions() -> Mapping[tuple[str, str], str]:
    """(version, action) → service, of the services that speak query."""
    query = {name: traits for name, traits in catalogue.index().items() if traits["protocol"] == "query"}
    return {(traits["apiVersion"], action): name for name, traits in query.items() for action in traits["operations"]}


def _by_target(request: Request) -> OperationShape:
    found = _TARGET.fullmatch(request.first(b"x-amz-target") or b"")
    prefix, action = (part.decode("ascii") for part in found.groups()) if found else ("", "")
    name = _targets().get(prefix)
    operation = catalogue.service(name).operations.get(action) if name else None
    if operation is None:
        raise Refusal("UnknownOperationException", "The operation in X-Amz-Target is not known", 400)
    if request.method != "POST" or request.raw_path not in (b"", b"/"):
        raise Refusal("UnknownOperationException", "An operation in X-Amz-Target is called by POST on the path /", 400)
    return operation


@lru_cache(maxsize=1)
def _targets() -> Mapping[str, str]:
    """Target prefix → service."""
    return {traits["targetPrefix"]: name for name, traits in catalogue.index().items() if traits["targetPrefix"]}


class _Route(NamedTuple):
    template: str
    constants: tuple[tuple[str, str], ...]  # query parameters that the template fixes
    service: str
    operation: str


def _by_path(request: Request) -> OperationShape:
    if _PATH.fullmatch(request.raw_path) is None:
        raise Malformed("The path contains a character that must be escaped")
    given = read_pairs(request.raw_query)
    first = _first(request.raw_path.decode("ascii"))
    other_method = False
    for method, routes in _routes().items():
        for route in routes.get(first, ()):
            if labels_of(route.template, request.raw_path) is not None and all(constant in given for constant in route.constants):
                if method == request.method:
                    return catalogue.service(route.service).operations[route.operation]
                other_method = True
    raise Refusal("UnknownOperationException", "There is no operation for this method and path", 405 if other_method else 404)


def _first(path: str) -> str:
    return path.split("/", 2)[1]


@lru_cache(maxsize=1)
def _routes() -> Mapping[str, Mapping[str, list[_Route]]]:
    """Method → first segment → routes, the most specific first. No template begins with a label; a test shows that."""
    found: dict[str, dict[str, list[_Route]]] = {}
    for service, traits in catalogue.index().items():
        if traits["protocol"].startswith("rest"):
            for operation, (method, uri) in traits["operations"].items():
                path, _, query = uri.partition("?")
                route = _Route(path, tuple(read_pairs(query.encode("ascii"))), service, operation)
                found.setdefault(method, {}).setdefault(_first(path), []).append(route)
    for by_segment in found.values():
        for routes in by_segment.values():
            routes.sort(key=lambda route: (-len(route.constants), route.template.count("{"), route.template))
    return found


def labels_of(template: str, raw_path: bytes) -> dict[str, str] | None:
    """The labels of a path, decoded once, or None when it is not of that template. Raises Malformed for a bad escape.

    A label is one segment, a greedy one (`{name+}`) one or more; none is empty, `.` or `..`. A slash at the end makes no difference,
    unless it ends a greedy label: S3's keys `a` and `a/` are two objects (attack row C58).
    """
    wanted = template.removesuffix("/").split("/")
    given = raw_path.decode("ascii").removesuffix("/").split("/")
    if len(given) > MAX_SEGMENTS:
        return None
    labels: dict[str, str] = {}
    for position, part in enumerate(wanted):
        if position >= len(given):
            return None
        if part.endswith("+}"):  # takes all that the parts behind it leave
            end = len(given) - len(wanted) + position + 1
            rest = given[position:end]
            if end <= position or not all(_is_label(segment) for segment in rest):
                return None
            tail = "/" if end == len(given) and raw_path.endswith(b"/") else ""
            labels[part[1:-2]] = unescape("/".join(rest) + tail)
            given[position:end] = [part]
            continue
        if not part.startswith("{"):
            if part != given[position]:
                return None
        elif not _is_label(given[position]):
            return None
        else:
            labels[part[1:-1]] = unescape(given[position])
    return labels if len(given) == len(wanted) else None


def _is_label(segment: str) -> bool:
    return segment not in ("", ".", "..")
