from __future__ import annotations

import pytest

from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.wire.catalogue import get_operation
from daypass.wire.refusals import code_and_status, denied, not_offered, refusal_of

STS = get_operation("sts", "assume_role")
ORGANIZATIONS = get_operation("organizations", "create_account")
LAMBDA = get_operation("lambda", "get_function")


@pytest.mark.parametrize(
    ("fault", "query", "json", "rest"),
    [
        (
            ProofFault.MISSING,
            ("MissingAuthenticationToken", 403),
            ("MissingAuthenticationTokenException", 400),
            ("MissingAuthenticationTokenException", 403),
        ),
        (ProofFault.INCOMPLETE, ("IncompleteSignature", 400), ("IncompleteSignatureException", 400), ("IncompleteSignatureException", 403)),
        (ProofFault.UNKNOWN_KEY, ("InvalidClientTokenId", 403), ("UnrecognizedClientException", 400), ("UnrecognizedClientException", 403)),
        (ProofFault.EXPIRED, ("ExpiredToken", 403), ("ExpiredTokenException", 400), ("ExpiredTokenException", 403)),
        (ProofFault.SIGNATURE, ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403)),
        (ProofFault.CLOCK, ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403)),
        (ProofFault.SCOPE, ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400), ("InvalidSignatureException", 403)),
    ],
)
def test_the_table_of_the_sheet(fault: ProofFault, query: tuple[str, int], json: tuple[str, int], rest: tuple[str, int]) -> None:
    for operation, (code, status) in ((STS, query), (ORGANIZATIONS, json), (LAMBDA, rest)):
        refusal = refusal_of(operation, ProofError(fault, "public", "private"))
        assert (refusal.code, refusal.status, refusal.message, refusal.private) == (code, status, "public", "private")


@pytest.mark.parametrize("fault", ProofFault)
def test_every_fault_has_its_words(fault: ProofFault) -> None:
    for operation in (STS, ORGANIZATIONS, LAMBDA, None):
        assert 400 <= (refusal_of(operation, ProofError(fault, "x")).status or 0) <= 503


def test_expired_callers_and_expired_tokens_are_told_apart() -> None:
    assert code_and_status(STS, "query", Refusal("ExpiredTokenException", "x")) == ("ExpiredTokenException", 400)
    assert code_and_status(STS, "query", refusal_of(STS, ProofError(ProofFault.EXPIRED, "x"))) == ("ExpiredToken", 403)


@pytest.mark.parametrize(
    ("refusal", "wanted"),
    [
        (Refusal("NoSuchEntity", "x"), ("NoSuchEntity", 404)),
        (Refusal("NoSuchEntityException", "x"), ("NoSuchEntity", 404)),
        (Refusal("LimitExceeded", "x"), ("LimitExceeded", 409)),
        (Refusal("ServiceFailure", "x"), ("ServiceFailure", 500)),
        (Refusal("NoSuchEntity", "x", 410), ("NoSuchEntity", 410)),
        (Refusal("Other", "x"), ("Other", 400)),
        (Refusal("Other", "x", 409), ("Other", 409)),
    ],
)
def test_the_model_gives_the_status(refusal: Refusal, wanted: tuple[str, int]) -> None:
    assert code_and_status(get_operation("iam", "create_user"), "query", refusal) == wanted


def test_common_codes_are_spelled_as_each_protocol_does() -> None:
    def spelled(code: str) -> list[tuple[str, int]]:
        return [code_and_status(operation, operation.service.protocol, Refusal(code, "x")) for operation in (STS, ORGANIZATIONS, LAMBDA)]

    assert spelled("AccessDenied") == [("AccessDenied", 403), ("AccessDeniedException", 400), ("AccessDeniedException", 403)]
    assert spelled("ValidationError") == [("ValidationError", 400), ("ValidationException", 400), ("ValidationException", 400)]
    assert spelled("Throttling") == [("Throttling", 400), ("ThrottlingException", 400), ("ThrottlingException", 429)]
    assert [status for _, status in spelled("InternalFailure")] == [500, 500, 500]


def test_what_policy_denies() -> None:
    assert [(denied(o, "no").code, denied(o, "no").status) for o in (STS, ORGANIZATIONS, LAMBDA)] == [
        ("AccessDenied", 403), ("AccessDeniedException", 400), ("AccessDeniedException", 403)
    ]  # fmt: skip


def test_what_is_modelled_and_not_offered() -> None:
    refusal = not_offered(STS)
    assert (refusal.code, refusal.message) == ("InvalidAction", "Could not find operation AssumeRole for version 2011-06-15")
    assert (not_offered(ORGANIZATIONS).code, not_offered(LAMBDA).status) == ("UnknownOperationException", 404)
