"""Where the parameters of a query-protocol request are: its query string and its form body. Does not read them into values (query.py)."""

from __future__ import annotations

from daypass.values.folding import fold
from daypass.values.request import Request
from daypass.wire.faults import Malformed
from daypass.wire.pairs import Pair, read_pairs, refuse_duplicates

_FORM = "application/x-www-form-urlencoded"
_JSON = ("application/x-amz-json-1.1", "application/x-amz-json-1.0", "application/json")
_KNOWN_FORMS = frozenset({None, b"application/x-www-form-urlencoded; charset=utf-8", b"application/x-www-form-urlencoded"})
_NAMES = frozenset({"action", "version"})
_SIGNATURE = "x-amz-"  # parameters that a presigned request adds; the verifier reads them


def content_type(request: Request) -> str:
    """The media type in lower case, "" when there is none. Raises Malformed for parameters other than charset=utf-8."""
    raw = request.first(b"content-type")
    if raw is None:
        return ""
    media, *parameters = raw.decode("latin-1").split(";")
    for parameter in parameters:
        name, _, value = parameter.strip(" \t").partition("=")
        if fold(name) != "charset" or fold(value).strip('"') != "utf-8":
            raise Malformed("The Content-Type has a parameter other than charset=utf-8")
    return fold(media.strip(" \t"))


def is_json(request: Request) -> bool:
    """Whether the request says that its body is JSON."""
    raw = request.first(b"content-type") or b""
    return fold(raw.decode("latin-1")).split(";")[0].strip(" \t") in _JSON


def refuse_foreign_json(request: Request) -> None:
    """Raises Malformed when a JSON body claims to be something else. None is needed when there is no body."""
    kind = content_type(request)
    if kind and request.body and kind not in _JSON:
        raise Malformed("The Content-Type is not one of JSON")


def parameters_of(request: Request) -> list[Pair]:
    """All parameters, of query string and body together. Raises Malformed for a body that is no form, and for any name given twice.

    The query string's own `X-Amz-…` parameters are the signature's and left out here.
    """
    pairs = read_pairs(form_of(request))
    if request.raw_query:
        in_query = read_pairs(request.raw_query)
        refuse_duplicates([*in_query, *pairs])
        return [pair for pair in in_query if not fold(pair[0]).startswith(_SIGNATURE)] + pairs
    refuse_duplicates(pairs)
    return pairs


def form_of(request: Request) -> bytes:
    """The body. Raises Malformed when it is not empty and no form, or came with a GET."""
    if request.body:
        if request.first(b"content-type") not in _KNOWN_FORMS and content_type(request) != _FORM:
            raise Malformed(f"The Content-Type must be {_FORM}")
        if request.method == "GET":
            raise Malformed("A GET request has no body")
    return request.body


def inputs_of(request: Request, action: str, version: str, beginning: bytes) -> list[Pair]:
    """The parameters besides Action and Version, which must be these. Raises Malformed.

    `beginning` is how SDKs begin the body of this operation; such a request is read a little faster, with the same result.
    """
    body = request.body
    if body.startswith(beginning) and not request.raw_query:
        form_of(request)
        rest = body[len(beginning) :]
        if not rest:
            return []
        if rest[:1] == b"&":
            pairs = read_pairs(rest[1:])
            refuse_duplicates(pairs, _NAMES)
            return pairs
    pairs = parameters_of(request)
    if dict(pairs).get("Action") != action or dict(pairs).get("Version") != version:
        raise Malformed("Action and Version do not name the operation")  # INVARIANT: the whole request says what its beginning said
    return [pair for pair in pairs if pair[0] not in ("Action", "Version")]


def beginning_of(action: str, version: str) -> bytes:
    """How SDKs begin the body of an operation."""
    return f"Action={action}&Version={version}".encode("ascii")


def action_and_version(request: Request) -> tuple[str, str]:
    """Action and Version, "" for one that is missing. Raises Malformed."""
    found = dict(parameters_of(request))
    return found.get("Action", ""), found.get("Version", "")
