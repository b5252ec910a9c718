"""AWS's signing suite: every case passes, and every single-byte mutant whose canonical request differs is refused.

How each of the 38 cases is checked, in both forms (all 38 also by the canonicaliser and `verify_signature`, byte for byte):

| cases | way | why another way |
|---|---|---|
| 30 others | `read_claim` + `verify` as service "service" | the way of a client's request |
| 7 `…-unnormalized` (`normalize: false`) | canonicaliser with `normalize=False` | see (a) |
| 1 `post-sts-header-after` (`omit_session_token`) | `verify`: refused as sent, taken without the token | see (b) |

(a) No service of ours signs a path that is encoded but not normalised: S3 does neither, all others do both; `verify` therefore refuses
those of the seven whose path normalisation changes. (b) A token added after signing is not bound by the signature (attack row C07).
`sign_body: false` needs no way of its own: those cases have no body, and the suite signs the hash of the empty string.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from daypass.proof.sigv4 import SigningKeys, read_claim, verify, verify_signature
from daypass.proof.sigv4_canonical import canonical_path, canonical_query, canonical_request, canonical_value
from daypass.proof.sigv4_keys import derive
from daypass.values.errors import ProofError
from daypass.values.request import Request
from unit.proof import naive_sigv4
from unit.proof.requests import Case, read_cases, without

CASES = read_cases()
SERVICE = "service"
KEYS = SigningKeys()  # one for all cases: they share one secret


def proven(case: Case, request: Request) -> bool:
    try:
        claim = read_claim(request)
        assert claim is not None
        verify(claim, request, case.secret, service=SERVICE, now=case.now, keys=KEYS)
    except ProofError:
        return False
    return True


def unnormalized(case: Case) -> bool:
    return not case.context["normalize"]


def token_after(case: Case) -> bool:
    return bool(case.context.get("omit_session_token"))


def as_signed(case: Case) -> Request:
    """The request that the suite's signature covers."""
    if not token_after(case):
        return case.request
    if case.form == "header":
        return without(case.request, b"x-amz-security-token")
    kept = [piece for piece in case.request.raw_query.split(b"&") if not piece.startswith(b"X-Amz-Security-Token=")]
    return replace(case.request, raw_query=b"&".join(kept))


def our_canonical(case: Case, request: Request) -> bytes:
    claim = read_claim(request)
    assert claim is not None
    names = [name.encode() for name in claim.signed_headers]
    headers = {name: b",".join(canonical_value(value) for value in request.values_of(name)) for name in names}
    path = canonical_path(request.raw_path, normalize=case.context["normalize"])
    query = canonical_query(request.raw_query, presigned=claim.presigned)
    return canonical_request(request.method, path, query, headers, names, case.canonical.rsplit(b"\n", 1)[1])


def test_the_suite_is_whole() -> None:
    assert len(CASES) == 76
    assert sum(map(unnormalized, CASES)) == 14
    assert sum(map(token_after, CASES)) == 2


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_canonical_request_and_signature_are_the_suites(case: Case) -> None:
    request = as_signed(case)
    claim = read_claim(request)
    assert claim is not None and claim.signature == case.signature
    assert our_canonical(case, request) == case.canonical
    key = derive(case.secret, claim.date, claim.region, claim.service)
    assert key.digest(case.string_to_sign).hex() == case.signature
    verify_signature(key, claim, case.canonical)


@pytest.mark.parametrize("case", [case for case in CASES if not unnormalized(case)], ids=str)
def test_verify_takes_what_the_suite_signed(case: Case) -> None:
    assert proven(case, as_signed(case))


@pytest.mark.parametrize("case", [case for case in CASES if token_after(case)], ids=str)
def test_a_token_added_after_signing_is_refused(case: Case) -> None:
    assert not proven(case, case.request)


@pytest.mark.parametrize("case", [case for case in CASES if unnormalized(case)], ids=str)
def test_verify_normalises_and_so_refuses_paths_signed_as_sent(case: Case) -> None:
    same = canonical_path(case.request.raw_path) == canonical_path(case.request.raw_path, normalize=False)
    assert proven(case, case.request) is same


def byte_mutants(text: bytes) -> Iterator[bytes]:
    for at in range(len(text)):
        for bit in (0x01, 0x20):
            yield text[:at] + bytes([text[at] ^ bit]) + text[at + 1 :]


def mutants(request: Request) -> Iterator[Request]:
    """Every request that differs from `request` in one byte of method, path, query, a header's value (but Authorization) or body."""
    for method in byte_mutants(request.method.encode()):
        yield replace(request, method=method.decode("latin-1"))
    for name in ("raw_path", "raw_query", "body"):
        for value in byte_mutants(getattr(request, name)):
            yield replace(request, **{name: value})
    for at, (header, old) in enumerate(request.headers):
        if header != b"authorization":
            for value in byte_mutants(old):
                yield replace(request, headers=(*request.headers[:at], (header, value), *request.headers[at + 1 :]))


def signed_facts(request: Request, names: list[str]) -> tuple[str, list[str]]:
    """What the reference says was signed, with the signature itself, which the canonical query leaves out."""
    pairs = [piece.partition("=") for piece in request.raw_query.decode("latin-1").split("&")]
    decode = naive_sigv4.percent_decode
    signatures = [decode(value) for name, _, value in pairs if decode(name).lower() == "x-amz-signature"]
    return naive_sigv4.canonical(request, names), signatures


@pytest.mark.parametrize("case", [case for case in CASES if not unnormalized(case)], ids=str)
def test_every_byte_mutant_whose_canonical_request_differs_is_refused(case: Case) -> None:
    request = as_signed(case)
    claim = read_claim(request)
    assert claim is not None
    names = list(claim.signed_headers)
    truth = signed_facts(request, names)
    differing = 0
    for mutant in mutants(request):
        if signed_facts(mutant, names) != truth:
            differing += 1
            assert not proven(case, mutant), mutant
    assert differing > 60  # the shortest case has some 40 bytes that count


@pytest.mark.parametrize("case", [case for case in CASES if case.form == "header" and not unnormalized(case)], ids=str)
def test_every_byte_of_the_authorization_header_but_the_key_id_counts(case: Case) -> None:
    request = as_signed(case)
    (value,) = request.values_of(b"authorization")
    start = value.index(b"/") + 1
    for mutant in byte_mutants(value[start:]):
        changed = value[:start] + mutant
        if changed.replace(b" ", b"") != value.replace(b" ", b""):
            assert not proven(case, replace(request, headers=(*without(request, b"authorization").headers, (b"authorization", changed)))), (
                changed
            )
