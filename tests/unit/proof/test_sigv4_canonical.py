"""Canonicalisation against the naive reference, and its special places one by one (H22, C58)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.proof.sigv4_canonical import canonical_path, canonical_query, canonical_value
from daypass.values.errors import ProofError
from unit.proof import naive_sigv4


@pytest.mark.parametrize(
    ("raw", "plain", "s3"),
    [
        (b"", b"/", b"/"),
        (b"/", b"/", b"/"),
        (b"//", b"/", b"//"),
        (b"/.", b"/", b"/."),
        (b"/..", b"/", b"/.."),
        (b"/../../a", b"/a", b"/../../a"),
        (b"/a/./b/../c/", b"/a/c/", b"/a/./b/../c/"),
        (b"/a//b///", b"/a/b/", b"/a//b///"),
        (b"/a%20b", b"/a%2520b", b"/a%20b"),
        (b"/a%2Fb", b"/a%252Fb", b"/a%2Fb"),
        (b"/%2e%2e/a", b"/%252e%252e/a", b"/%2e%2e/a"),
        (b"/a;v=1", b"/a%3Bv%3D1", b"/a;v=1"),
        (b"/a\\b", b"/a%5Cb", b"/a\\b"),
        (b"/%C0%AF", b"/%25C0%25AF", b"/%C0%AF"),
        (b"/-_.~", b"/-_.~", b"/-_.~"),
        ("/ሴ".encode(), b"/%E1%88%B4", "/ሴ".encode()),
    ],
)
def test_paths(raw: bytes, plain: bytes, s3: bytes) -> None:
    assert canonical_path(raw) == plain
    assert canonical_path(raw, normalize=False, encode=False) == s3


def test_a_path_begins_with_a_slash() -> None:
    for raw in (b"*", b"a/b", b"http://host/"):
        with pytest.raises(ProofError):
            canonical_path(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", b""),
        (b"b=2&a=1", b"a=1&b=2"),
        (b"a=2&a=1", b"a=1&a=2"),
        (b"a-b=1&a=1", b"a=1&a-b=1"),  # sorted by name, not by the line
        (b"a", b"a="),
        (b"a=", b"a="),
        (b"a=b=c", b"a=b%3Dc"),
        (b"a=%2B", b"a=%2B"),
        (b"a=%20", b"a=%20"),
        (b"a=%2b", b"a=%2B"),
        (b"a=%7E%41", b"a=~A"),
        (b"a=1&", b"=&a=1"),
        (b"a;b=1", b"a%3Bb=1"),
        (b"a=/", b"a=%2F"),
        ("a=ሴ".encode(), b"a=%E1%88%B4"),
        (b"a=%00", b"a=%00"),
        (b"X-Amz-Signature=1&a=1", b"X-Amz-Signature=1&a=1"),
    ],
)
def test_queries(raw: bytes, expected: bytes) -> None:
    assert canonical_query(raw) == expected


def test_the_signature_is_left_out_only_when_presigned() -> None:
    for name in (b"X-Amz-Signature", b"x-amz-signature", b"X-Amz-Signatur%65"):
        assert canonical_query(name + b"=1&a=1", presigned=True) == b"a=1"
    assert canonical_query(b"X-Amz-Signatures=1&a=1", presigned=True) == b"X-Amz-Signatures=1&a=1"


@pytest.mark.parametrize("raw", [b"%", b"a=%2", b"a=%G0", b"%0", b"a=%%41", b"a=+", b"+=a", b"a=%20+"])
def test_a_stray_percent_or_a_bare_plus_is_refused(raw: bytes) -> None:
    with pytest.raises(ProofError):
        canonical_query(raw)


@pytest.mark.parametrize(
    ("raw", "expected"), [(b" a ", b"a"), (b"a  b\tc", b"a b c"), (b"a\n  b", b"a b"), (b'"a   b"', b'"a b"'), (b"", b"")]
)
def test_values(raw: bytes, expected: bytes) -> None:
    assert canonical_value(raw) == expected


pieces = st.lists(
    st.sampled_from([b"a", b"B", b"%20", b"%2f", b"%E1", b"%2B", b"=", b"&", b"/", b".", b"..", b"-", b"~", b";", b"\xe1"]), max_size=12
)


@settings(max_examples=300)
@given(pieces)
def test_queries_as_the_reference_has_them(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    assert canonical_query(raw) == naive_sigv4.query_of(raw.decode("latin-1")).encode("latin-1")


@settings(max_examples=300)
@given(pieces)
def test_paths_as_the_reference_has_them(parts: list[bytes]) -> None:
    raw = b"/" + b"".join(parts)
    assert canonical_path(raw) == naive_sigv4.path_of(raw.decode("latin-1"), s3=False).encode("latin-1")
