"""Given only a session token, nothing can be signed and nothing learned.

Session tokens travel: they stand in presigned URLs, in proxies' logs and in browsers' histories, each time without the secret access key
that belongs to them. This file is the promise of what their finder has: nothing. It holds each sentence of that promise against the code.

1. Nothing in a token can be read but which seal key to open it with, and how long it is.
2. Two tokens tell nothing about each other, even of one session.
3. No token can be made or changed: one flipped bit and it is refused, and all refusals look the same, so that trying teaches nothing.
4. The secret access key is not in the token. It follows from the session's 128-bit id under a key that never leaves the server,
   and that is another key than the one that seals: not even one who could open tokens could sign with them.
5. What the holder of a pass sees (key id, secret, token) tells nothing about another pass, or about the seal key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest

from daypass.passes import SealKeyValue, open_token, open_with_secret, seal, secret_of
from daypass.values.errors import ProofError
from daypass.values.secret import Secret
from daypass.values.session import Origin, Pass

Mint = Callable[..., Pass]
Keys = Mapping[str, SealKeyValue]


@pytest.fixture
def telling(mint: Mint) -> Pass:
    """A pass whose every member could be recognised."""
    return mint(
        name="canary-session",
        policy='{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::canary-bucket/*"}]}',
        policy_arns=("arn:aws:iam::123456789012:policy/canary-policy",),
        tags={"CanaryKey": "canary-value"},
        source_identity="canary-person",
        origin=Origin("oidc", "canary-issuer", "canary-subject", "canary-audience", "canary-jti"),
    )


def forms(content: bytes) -> Iterator[bytes]:
    """`content` as it would look in bytes, in hex, and in base64 at each of its three alignments."""
    yield content
    yield content.hex().encode()
    for offset in range(3):
        shifted = base64.b64encode(b"\0" * offset + content)
        yield shifted[4 if offset else 0 : len(shifted) // 4 * 4 - 4]


def test_1_nothing_of_the_session_can_be_read(telling: Pass) -> None:
    text = telling.token.reveal()
    raw = base64.b64decode(text)
    session = telling.session
    contents = [
        session.id, session.account, session.principal_id, session.name, session.key_id, session.policy, session.source_identity,
        session.policy_arns[0], "CanaryKey", "canary-value", session.source_key, *session.origin, telling.secret.reveal(),
        session.issued.to_bytes(4, "big"), session.expires.to_bytes(4, "big"), "canary",
    ]  # fmt: skip
    for content in contents:
        for form in forms(content.encode() if isinstance(content, str) else content):
            if len(form) >= 4:
                assert form not in raw
                assert form not in text


def test_1_all_that_is_open_is_version_and_key_id(telling: Pass, key: SealKeyValue, mint: Mint) -> None:
    raw = [base64.b64decode(made.token.reveal()) for made in (telling, mint(), mint(account="999999999999", name="another"))]
    assert {each[:5] for each in raw} == {b"\x01" + bytes.fromhex(key.id)}


def test_1_what_is_not_open_looks_like_noise(key: SealKeyValue, mint: Mint) -> None:
    """Bytes of many tokens of nearly equal sessions are spread evenly: a chi-squared far from what structure would give."""
    session = mint().session
    tokens = [base64.b64decode(seal(session, key, n.to_bytes(12, "big")).reveal())[17:] for n in range(400)]
    counts = Counter(byte for token in tokens for byte in token)
    expected = sum(counts.values()) / 256
    assert sum((counts[byte] - expected) ** 2 / expected for byte in range(256)) < 380  # 255 degrees of freedom: p < 1e-6 above
    for position in range(len(tokens[0])):  # and no position keeps a value
        assert len({token[position] for token in tokens}) > 150


def test_2_two_tokens_of_one_session_share_nothing(key: SealKeyValue, mint: Mint) -> None:
    session = mint().session
    one, two = (base64.b64decode(seal(session, key, bytes([n] * 12)).reveal()) for n in (1, 2))
    assert len(one) == len(two)
    alike = sum(a == b for a, b in zip(one[17:], two[17:], strict=True))
    assert alike < len(one) // 8


def test_2_equal_lengths_say_nothing_of_equal_people(mint: Mint) -> None:
    assert len(mint(name="alice", account="111111111111").token.reveal()) == len(mint(name="bobby", account="222222222222").token.reveal())


def test_3_every_flipped_bit_is_refused_and_all_alike(telling: Pass, keys: Keys) -> None:
    raw = base64.b64decode(telling.token.reveal())
    said = set()
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProofError) as caught:
            open_token(base64.b64encode(changed).decode(), keys)
        said.add((caught.value.fault, caught.value.public))
    assert len(said) == 1


def test_3_every_changed_dropped_or_doubled_character_is_refused(telling: Pass, keys: Keys) -> None:
    token = telling.token.reveal().decode()
    said = set()
    for at, letter in enumerate(token):
        for other in (
            token[:at] + ("B" if letter == "A" else "A") + token[at + 1 :],
            token[:at] + token[at + 1 :],
            token[:at] + letter + token[at:],
        ):
            with pytest.raises(ProofError) as caught:
                open_token(other, keys)
            said.add((caught.value.fault, caught.value.public))
    assert len(said) == 1


def test_3_every_cut_is_refused(telling: Pass, keys: Keys) -> None:
    raw = base64.b64decode(telling.token.reveal())
    for size in range(len(raw)):
        with pytest.raises(ProofError):
            open_token(base64.b64encode(raw[:size]).decode(), keys)


def test_3_pieces_of_two_tokens_make_no_third(mint: Mint, keys: Keys) -> None:
    one, two = (base64.b64decode(mint(name=name).token.reveal()) for name in ("first", "other"))
    for cut in range(6, len(one)):  # up to there both begin alike
        with pytest.raises(ProofError):
            open_token(base64.b64encode(one[:cut] + two[cut:]).decode(), keys)


def test_3_the_true_reason_is_for_the_ledger_alone(telling: Pass, keys: Keys) -> None:
    token = telling.token.reveal().decode()
    reasons, said = set(), set()
    for bad in ("", "!", token[:-4], "A" * 5000, token[:8] + ("A" if token[8] != "A" else "B") + token[9:]):
        with pytest.raises(ProofError) as caught:
            open_token(bad, keys)
        reasons.add(caught.value.private)
        said.add(caught.value.public)
    assert len(reasons) >= 4
    assert said == {"The security token included in the request is invalid"}


def test_4_the_secret_is_not_in_the_token_nor_in_what_it_seals(telling: Pass, keys: Keys) -> None:
    secret = telling.secret.reveal()
    opened = open_token(telling.token.reveal().decode(), keys)
    for form in (*forms(secret), *forms(base64.b64decode(secret))):
        assert form not in repr(opened).encode()
        assert form not in telling.token.reveal()


def test_4_the_secret_does_not_follow_from_all_that_a_token_holds(telling: Pass, key: SealKeyValue, keys: Keys) -> None:
    """Whoever could open the token (here: with the sealing half of the seal key, but not the other half) tries what there is to try."""
    session = open_token(telling.token.reveal().decode(), keys)
    raw = base64.b64decode(telling.token.reveal())
    secret = base64.b64decode(telling.secret.reveal())
    candidates = [
        b"",
        session.id,
        session.key_id.encode(),
        raw,
        raw[:5],
        raw[5:17],
        raw[17:],
        telling.token.reveal(),
        key.prefix,
        bytes(32),
    ]
    for one in candidates:
        assert hashlib.sha256(one).digest()[:30] != secret
        for two in candidates:
            assert hashlib.sha256(one + two).digest()[:30] != secret
            assert hmac.digest(one, two, "sha256")[:30] != secret


def test_4_another_seal_key_makes_another_secret(telling: Pass, key: SealKeyValue) -> None:
    """A stolen token is worth nothing at another installation, not even one that uses the same key id."""
    elsewhere = SealKeyValue(key.id, Secret(b"e" * 32))
    assert secret_of(telling.session, elsewhere) != telling.secret
    with pytest.raises(ProofError):
        open_with_secret(telling.token.reveal().decode(), {key.id: elsewhere})


def test_5_passes_of_one_minute_have_nothing_in_common(mint: Mint) -> None:
    made = [mint() for _ in range(200)]
    assert (
        len({each.secret.reveal() for each in made})
        == len({each.session.id for each in made})
        == len({each.session.key_id for each in made})
        == 200
    )
    bits = Counter(bin(int.from_bytes(base64.b64decode(each.secret.reveal())[:8], "big")).count("1") for each in made)
    assert 28 < sum(count * number for count, number in bits.items()) / 200 < 36


def test_5_nothing_shows_a_pass_by_accident(telling: Pass) -> None:
    shown = f"{telling} {telling!r} {telling.secret} {telling.token}"
    assert telling.secret.reveal().decode() not in shown
    assert telling.token.reveal().decode() not in shown
    assert telling.token.reveal().decode()[:24] not in shown


def test_the_server_itself_has_from_the_token_all_that_it_needs(telling: Pass, keys: Keys) -> None:
    """The benign twin: with the seal key the same token gives session and secret, on any node and without a database."""
    assert open_with_secret(telling.token.reveal().decode(), keys) == (telling.session, telling.secret)
