import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from daypass.store.ledger.chain import GENESIS, Chain, ChainKey, Head, read_link
from daypass.values.secret import Secret

KEY = Secret(b"k" * 32)


def chain(node: str = "n") -> Chain:
    return Chain(ChainKey(KEY, node), Head(node, 0, GENESIS))


@given(prev=st.binary(min_size=32, max_size=32), covered=st.binary(max_size=200))
def test_the_mac_is_hmac_sha256_under_a_derived_key(prev: bytes, covered: bytes) -> None:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"daypass/1 ledger chain n").derive(KEY.reveal())
    assert ChainKey(KEY, "n").mac(prev, covered) == hmac.new(derived, prev + covered, hashlib.sha256).digest()


def test_lines_are_json_with_number_and_mac(body: Callable[..., bytes]) -> None:
    grown = chain()
    lines = grown.link([body(1), body(2)], opens_segment=True).splitlines(keepends=True)
    first, second = (json.loads(line) for line in lines)
    members = list(json.loads(body(1)))
    assert list(first) == ["seq", "prev", *members, "mac"]
    assert list(second) == ["seq", *members, "mac"]
    assert (first["seq"], second["seq"], first["prev"]) == (1, 2, "0" * 64)
    assert grown.head == ("n", 2, bytes.fromhex(second["mac"]))


def test_a_line_is_read_back(body: Callable[..., bytes]) -> None:
    key, grown = ChainKey(KEY, "n"), chain()
    lines = grown.link([body(1), body(2)], opens_segment=True).splitlines(keepends=True)
    one, two = read_link(lines[0]), read_link(lines[1])
    assert one is not None
    assert two is not None
    assert (one.seq, one.prev, two.seq, two.prev) == (1, GENESIS, 2, None)
    assert key.holds(one, None)
    assert key.holds(two, one)
    assert not key.holds(two, None)
    assert not key.holds(one, two)
    assert not key.holds(two, two)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line[:-1],
        lambda line: line + b"\n",
        lambda line: b" " + line,
        lambda line: line.replace(b'"seq":7', b'"seq":07'),
        lambda line: line.replace(b'"seq":7', b'"seq":-7'),
        lambda line: line.replace(b'"seq":7', b'"seq": 7'),
        lambda line: line.replace(b'"seq":7', b'"seq":7e0'),
        lambda line: line.replace(b'"seq":7', b'"seq":' + b"7" * 30),
        lambda line: line.replace(b'"mac"', b'"MAC"'),
        lambda line: line[:-6] + line[-6:].upper(),
        lambda line: b"",
        lambda line: b"\n",
        lambda line: b"{}\n",
        lambda line: bytes(len(line)),
    ],
)
def test_what_has_not_the_form_of_a_line_is_none(spoil: Callable[[bytes], bytes]) -> None:
    line = b'{"seq":7,"a":"b","mac":"' + b"0" * 58 + b"abcdef" + b'"}\n'
    assert read_link(line) is not None
    assert read_link(spoil(line)) is None


@given(junk=st.binary(max_size=200))
def test_reading_never_fails(junk: bytes) -> None:
    read_link(junk)
    read_link(b'{"seq":1,' + junk + b',"mac":"' + b"a" * 64 + b'"}\n')


def test_another_node_or_key_has_another_chain(body: Callable[..., bytes]) -> None:
    grown = chain()
    link = read_link(grown.link([body(1)], opens_segment=True))
    assert link is not None
    for other in (ChainKey(KEY, "m"), ChainKey(Secret(b"o" * 32), "n")):
        assert not other.holds(link, None)


def test_rewinding_takes_back_what_was_linked(body: Callable[..., bytes]) -> None:
    grown = chain()
    grown.link([body(1)], opens_segment=True)
    before = grown.head
    lost = grown.link([body(2)], opens_segment=False)
    grown.rewind(before)
    assert grown.link([body(2)], opens_segment=False) == lost
