"""Which code and status a refusal has in which protocol (fact sheet A, §1.11). Does not write envelopes (envelope.py does)."""

from __future__ import annotations

from collections.abc import Mapping

from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.wire.faults import Malformed
from daypass.wire.shapes import OperationShape, Protocol
from daypass.wire.validate import message_of, problem, spelled

Row = tuple[tuple[str, int], tuple[str, int], tuple[str, int], tuple[str, int]]
_COLUMN: Mapping[Protocol, int] = {"query": 0, "json": 1, "rest-json": 2, "rest-xml": 0}  # S3 has the last column to itself
_S3 = 3

# Fault → (code, status) of query · of json · of rest-json · of S3. Sheet A §1.11; UNAVAILABLE is DESIGN §3, SEVERAL attack row C04; where
# the sheet is silent about S3: "Error responses" of its API reference.
_PROOF: Mapping[ProofFault, Row] = {
    ProofFault.MISSING: (
        ("MissingAuthenticationToken", 403), ("MissingAuthenticationTokenException", 400), ("MissingAuthenticationTokenException", 403),
        ("AccessDenied", 403),
    ),
    ProofFault.INCOMPLETE: (
        ("IncompleteSignature", 400), ("IncompleteSignatureException", 400), ("IncompleteSignatureException", 403),
        ("AuthorizationHeaderMalformed", 400),
    ),
    ProofFault.SEVERAL: (
        ("IncompleteSignature", 400), ("IncompleteSignatureException", 400), ("IncompleteSignatureException", 400),
        ("InvalidArgument", 400),
    ),
    ProofFault.UNSUPPORTED: (
        ("IncompleteSignature", 400), ("IncompleteSignatureException", 400), ("IncompleteSignatureException", 403),
        ("InvalidRequest", 400),
    ),
    ProofFault.UNKNOWN_KEY: (
        ("InvalidClientTokenId", 403), ("UnrecognizedClientException", 400), ("UnrecognizedClientException", 403),
        ("InvalidAccessKeyId", 403),
    ),
    ProofFault.EXPIRED: (
        ("ExpiredToken", 403), ("ExpiredTokenException", 400), ("ExpiredTokenException", 403),
        ("ExpiredToken", 400),
    ),
    ProofFault.SIGNATURE: (
        ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403),
        ("SignatureDoesNotMatch", 403),
    ),
    ProofFault.CLOCK: (
        ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403),
        ("RequestTimeTooSkewed", 403),
    ),
    ProofFault.SCOPE: (
        ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403),
        ("AuthorizationHeaderMalformed", 400),
    ),
    ProofFault.REQUEST_EXPIRED: (("RequestExpired", 400), ("RequestExpired", 400), ("RequestExpired", 400), ("AccessDenied", 403)),
    ProofFault.UNAVAILABLE: (
        ("ServiceUnavailable", 503), ("ServiceUnavailableException", 503), ("ServiceUnavailableException", 503),
        ("ServiceUnavailable", 503),
    ),
}  # fmt: skip

# Common codes in the words of the query protocol → the same columns. A code that is neither here nor in the model is sent as it is.
_COMMON: Mapping[str, Row] = {
    "AccessDenied": (("AccessDenied", 403), ("AccessDeniedException", 400), ("AccessDeniedException", 403), ("AccessDenied", 403)),
    "ConcurrentModification": (
        ("ConcurrentModification", 409), ("ConcurrentModificationException", 400), ("ConcurrentModificationException", 409),
        ("OperationAborted", 409),
    ),
    "InternalFailure": (
        ("InternalFailure", 500), ("InternalServerException", 500), ("InternalServerException", 500), ("InternalError", 500)
    ),
    "MalformedQueryString": (
        ("MalformedQueryString", 400), ("SerializationException", 400), ("SerializationException", 400), ("InvalidArgument", 400)
    ),
    "MalformedXML": (("MalformedXML", 400), ("SerializationException", 400), ("SerializationException", 400), ("MalformedXML", 400)),
    "ServiceUnavailable": (
        ("ServiceUnavailable", 503), ("ServiceUnavailableException", 503), ("ServiceUnavailableException", 503), ("ServiceUnavailable", 503)
    ),
    "Throttling": (("Throttling", 400), ("ThrottlingException", 400), ("ThrottlingException", 429), ("SlowDown", 503)),
    "ValidationError": (("ValidationError", 400), ("ValidationException", 400), ("ValidationException", 400), ("InvalidArgument", 400)),
    "UnknownOperation": (
        ("InvalidAction", 400), ("UnknownOperationException", 400), ("UnknownOperationException", 404), ("NotImplemented", 501)
    ),
}  # fmt: skip

# Services whose own model has another error for input that breaks a constraint.
_VALIDATION = {
    "cognito-idp": "InvalidParameterException",
    "iot": "InvalidRequestException",
    "sso": "InvalidRequestException",
    "sso-oidc": "InvalidRequestException",
}


def _column(operation: OperationShape | None, protocol: Protocol) -> int:
    """The column that counts; rest-xml without an operation is S3's, which alone has a door of its own."""
    service = operation.service if operation else None
    if service.of_s3 if service else protocol == "rest-xml":
        return _S3
    return _COLUMN[service.protocol if service else protocol]


def refusal_of(operation: OperationShape | None, error: ProofError, protocol: Protocol = "query") -> Refusal:
    """The refusal for a proof that failed; `protocol` counts when no operation was found. The private half goes on to the ledger."""
    code, status = _PROOF[error.fault][_column(operation, protocol)]
    return Refusal(code, error.public, status, private=error.private)


def denied(operation: OperationShape, message: str, encoded: str = "") -> Refusal:
    """The refusal for what policy does not allow; `encoded` is the sealed message that tells why."""
    code, status = _COMMON["AccessDenied"][_column(operation, operation.service.protocol)]
    return Refusal(code, message, status, encoded=encoded)


def not_offered(operation: OperationShape, reason: str = "") -> Refusal:
    """The refusal for an operation that the model has and this server does not offer, with the `reason` when one is given."""
    code, status = _COMMON["UnknownOperation"][_column(operation, operation.service.protocol)]
    message = f"Could not find operation {operation.name} for version {operation.service.api_version}"
    if reason:
        message = f"{message}: this server does not offer it, since {reason}"
    return Refusal(code, message, status, private="modelled, not offered")


def malformed(protocol: Protocol, fault: Malformed, operation: OperationShape | None = None) -> Refusal:
    """The refusal for bytes that do not follow their format."""
    code, status = _COMMON[fault.code][_column(operation, protocol)]
    return Refusal(code, fault.message, status)


def wrong_types(operation: OperationShape, wrong: list[tuple[str, str]]) -> Refusal:
    """The refusal for values that cannot be read as their members' types."""
    problems = [problem(spelled(name), f"Member must be {wanted}") for name, wanted in wrong]
    if operation.service.protocol in ("query", "rest-xml"):
        return invalid(operation, problems)
    return malformed(operation.service.protocol, Malformed(message_of(problems)), operation)


def invalid(operation: OperationShape, problems: list[str]) -> Refusal:
    """The refusal for values that break the model's constraints, in AWS's words."""
    service = operation.service
    code = _VALIDATION.get(service.name) or _COMMON["ValidationError"][_column(operation, service.protocol)][0]
    message = message_of(problems)
    if service.name == "sso-oidc":  # RFC 6749 §5.2; clients read both members
        return Refusal(code, message, 400, members={"error": "invalid_request", "error_description": message})
    return Refusal(code, message, 400)


def code_and_status(operation: OperationShape | None, protocol: Protocol, refusal: Refusal) -> tuple[str, int]:
    """The code on the wire and the status: the model's own, else the protocol's spelling of a common one, else as given and 400."""
    modelled = operation.error(refusal.code) if operation else None
    if modelled and modelled.error:
        trait = modelled.error
        return trait.code, refusal.status or trait.status or (500 if trait.fault else 400)
    code, status = _COMMON[refusal.code][_column(operation, protocol)] if refusal.code in _COMMON else (refusal.code, 400)
    return code, refusal.status if refusal.status is not None and refusal.code not in _COMMON else status
