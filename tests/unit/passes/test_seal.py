import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass import passes
from daypass.passes import SealKeyValue, open_token, open_with_secret, seal, secret_of
from daypass.passes.seal import seal_sized
from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.values.secret import Secret
from daypass.values.session import MAX_ANCESTORS, Ancestor, Origin, Pass, Session

Mint = Callable[..., Pass]
Keys = Mapping[str, SealKeyValue]
PUBLIC = "The security token included in the request is invalid"

text = st.text(st.characters(codec="utf-8"), max_size=40)
sessions = st.builds(
    Session,
    id=st.binary(min_size=16, max_size=16),
    key_id=st.just("ASIA" + "A" * 16),
    kind=st.sampled_from(["role", "user"]),
    account=st.from_regex(r"[0-9]{12}", fullmatch=True),
    principal_id=text,
    name=text,
    issued=st.integers(0, 2**33),
    expires=st.integers(0, 2**33),
    origin=st.builds(Origin, text, text, text, text, text),
    policy=text,
    policy_arns=st.lists(text, max_size=3).map(tuple),
    tags=st.lists(st.tuples(text, text), max_size=3).map(tuple),
    source_identity=text,
    mfa_at=st.integers(0, 2**33),
    ancestors=st.lists(st.builds(Ancestor, st.binary(min_size=16, max_size=16), text, st.integers(0, 2**33)), max_size=8).map(tuple),
    source_key=text,
)


def words(token: Secret) -> str:
    return token.reveal().decode("ascii")


def refused(token: str, keys: Keys) -> ProofError:
    with pytest.raises(ProofError) as caught:
        open_token(token, keys)
    assert caught.value.fault is ProofFault.UNKNOWN_KEY
    assert caught.value.public == PUBLIC
    return caught.value


@given(session=sessions, pad=st.integers(0, 4096))
def test_what_was_sealed_is_what_is_opened(key: SealKeyValue, keys: Keys, session: Session, pad: int) -> None:
    token = seal(session, key, bytes(12), pad)
    assert pad <= len(token.reveal()) <= passes.MAX_TOKEN
    assert open_token(words(token), keys) == session


@pytest.mark.parametrize("pad", [0, 1, 243, 244, 245, 246, 247, 248, 249, 4093, 4094, 4095, 4096])
def test_padding_gives_the_least_length_that_is_enough(key: SealKeyValue, keys: Keys, mint: Mint, pad: int) -> None:
    session = mint().session
    bare = len(seal(session, key, bytes(12)).reveal())
    token = seal(session, key, bytes(12), pad)
    assert len(token.reveal()) == max(bare, -(-pad // 4) * 4)
    assert open_token(words(token), keys) == session


def test_tags_alone_and_policies_alone_come_back(mint: Mint, keys: Keys) -> None:
    for narrowing in (
        {"tags": {"Team": "red"}, "transitive": ("team",)},
        {"policy": "{}"},
        {"policy_arns": ("arn:aws:iam::aws:policy/X",)},
    ):
        made = mint(**narrowing)
        assert open_token(words(made.token), keys) == made.session


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: "",
        lambda t: "AQ==",
        lambda t: t[:-1],
        lambda t: t + "=",
        lambda t: t + "A",
        lambda t: t + "\n",
        lambda t: " " + t,
        lambda t: t[:40] + "\n" + t[40:],
        lambda t: t[:40] + "*" + t[40:],
        lambda t: t.replace("A", "а", 1),  # a Cyrillic а
        lambda t: t.lower(),
        lambda t: t[::-1],
        lambda t: t * 40,
        lambda t: base64.b64encode(base64.b64decode(t)[:33]).decode(),
        lambda t: base64.b64encode(base64.b64decode(t)[:20]).decode(),
        lambda t: base64.b64encode(base64.b64decode(t) + b"\0").decode(),
        lambda t: base64.urlsafe_b64encode(base64.b64decode(t)).decode().replace("A", "-", 1),
        lambda t: "A" * 4096,
        lambda t: "A" * 4097,
        lambda t: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
    ],
)
def test_anything_else_is_refused(mint: Mint, keys: Keys, spoil: Callable[[str], str]) -> None:
    token = words(mint().token)
    assert open_token(token, keys).name == "canary-session"
    refused(spoil(token), keys)


def test_a_second_spelling_of_the_same_bytes_is_refused(key: SealKeyValue, keys: Keys, mint: Mint) -> None:
    for name in ("n", "nn", "nnn"):
        session = mint(name=name).session
        token = words(seal(session, key, bytes(12)))
        if not token.endswith("="):
            continue
        at = len(token.rstrip("=")) - 1
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = token[:at] + alphabet[alphabet.index(token[at]) ^ 1] + token[at + 1 :]
        assert base64.b64decode(other) == base64.b64decode(token)
        assert "canonical" in refused(other, keys).private
        break
    else:
        pytest.fail("no token ended in padding")


def test_an_unknown_key_is_refused(mint: Mint) -> None:
    other = SealKeyValue("ffffffff", Secret(b"o" * 32))
    assert "not known" in refused(words(mint().token), {other.id: other}).private


def test_a_key_of_the_same_id_and_another_secret_does_not_open(mint: Mint, key: SealKeyValue) -> None:
    assert "altered" in refused(words(mint().token), {key.id: SealKeyValue(key.id, Secret(b"o" * 32))}).private


def test_a_retained_key_opens_and_a_revoked_one_does_not(mint: Mint, key: SealKeyValue) -> None:
    """F-23: tokens of a key that was replaced stay good until it is revoked."""
    secret, made = Secret(bytes(range(32))), mint()
    retained, revoked = SealKeyValue(key.id, secret, "retained"), SealKeyValue(key.id, secret, "revoked")
    assert open_with_secret(words(made.token), {key.id: retained}) == (made.session, made.secret)
    assert "revoked" in refused(words(made.token), {key.id: revoked}).private
    for not_active in (retained, revoked, SealKeyValue(key.id, secret, "pending")):
        with pytest.raises(ValueError, match="active key"):
            seal(made.session, not_active, bytes(12))


def test_a_token_names_its_key_under_the_seal(mint: Mint, key: SealKeyValue, keys: Keys) -> None:
    """Another key id in front, even of a key with the same secret, is an alteration."""
    twin = SealKeyValue("0a1b2c3e", Secret(bytes(range(32))))
    raw = bytearray(base64.b64decode(mint().token.reveal()))
    raw[4] ^= 3
    assert raw[1:5].hex() == twin.id
    assert "altered" in refused(base64.b64encode(raw).decode(), {**keys, twin.id: twin}).private


def test_authentic_nonsense_is_refused_too(key: SealKeyValue, keys: Keys, mint: Mint) -> None:
    for plain in (b"", b"\0", b"\xc0", b"\x93\x01\x02\x03", b"\xdd\xff\xff\xff\xff", b"\xc1"):
        raw = key.prefix + bytes(12) + key.aead.encrypt(bytes(12), plain, key.prefix)
        refused(base64.b64encode(raw).decode(), keys)


def test_what_is_packed_is_unpacked_within_a_bound(key: SealKeyValue, keys: Keys, mint: Mint) -> None:
    """A bomb could only come from ourselves, and is refused all the same."""
    session = replace(mint().session, policy="a" * 200_000)
    token = seal(session, key, bytes(12))
    assert len(token.reveal()) < 1200
    assert "cannot be read" in refused(words(token), keys).private


def test_the_secret_hangs_on_session_and_key_id_and_seal_key(mint: Mint, key: SealKeyValue) -> None:
    session = mint().session
    other = SealKeyValue("ffffffff", Secret(b"o" * 32))
    made = [
        secret_of(session, key),
        secret_of(replace(session, id=bytes(16)), key),
        secret_of(replace(session, key_id="ASIA" + "B" * 16), key),
        secret_of(session, other),
    ]
    assert len({secret.reveal() for secret in made}) == 4
    assert all(len(secret.reveal()) == 40 for secret in made)
    assert secret_of(replace(session, name="another", expires=1), key) == made[0]


def test_a_bare_token_fits_a_document_of_2048_bytes(mint: Mint) -> None:
    """DESIGN §3: at most 1,200 characters. A workload's long names come with the first session, ancestors with the later ones."""
    origin = Origin(
        "oidc",
        "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/" + "F" * 32,
        "system:serviceaccount:" + "n" * 30 + ":" + "s" * 30,
        "sts.amazonaws.com",
        "9c7a2b1e-0000-4000-8000-000000000000",
    )
    made = mint(name="n" * 64, source_identity="s" * 64, origin=origin)
    assert len(made.token.reveal()) <= 1200
    for _ in range(MAX_ANCESTORS):
        made = mint(name="n" * 64, parent=made.session)
    assert len(made.session.ancestors) == MAX_ANCESTORS
    assert len(made.token.reveal()) <= 1200
    assert made.packed_size == 0


def tags_of(count: int) -> dict[str, str]:
    return {f"Key{n}-{n * 7919:x}": f"{n * 104729:x}-{n * 1299709:x}-{n * 15485863:x}" for n in range(count)}


def test_packed_size_grows_to_100_percent_and_then_refuses(mint: Mint) -> None:
    sizes = []
    policy = '{"Statement":[' + ",".join(f'{{"Sid":"{n * 7919:x}","Effect":"Allow"}}' for n in range(50)) + "]}"
    for count in range(51):
        made = mint(tags=tags_of(count), policy=policy)
        assert len(made.token.reveal()) <= passes.MAX_TOKEN
        sizes.append(made.packed_size)
    assert sizes == sorted(sizes)
    assert 0 < sizes[0] < sizes[-1] <= 100
    with pytest.raises(Refusal) as caught:
        mint(tags={f"k{n}": hashlib.sha512(bytes([n])).hexdigest() for n in range(50)}, policy=policy)
    assert (caught.value.code, caught.value.status) == ("PackedPolicyTooLarge", 400)
    percent = int(caught.value.message.split("consumes ")[1].split("%")[0])
    assert percent > 100


@given(values=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=256), max_size=50))
def test_a_token_is_refused_exactly_when_it_would_be_over_100_percent(key: SealKeyValue, values: list[str]) -> None:
    session = Session(
        bytes(16), "ASIA" + "A" * 16, "role", "123456789012", "AROA", "n", 0, 1, Origin("sigv4", ""),
        tags=tuple((f"k{n}", value) for n, value in enumerate(values)),
    )  # fmt: skip
    try:
        token, percent = seal_sized(session, key, bytes(12))
    except Refusal as refusal:
        assert int(refusal.message.split("consumes ")[1].split("%")[0]) > 100
    else:
        assert percent <= 100
        assert len(token.reveal()) <= 4096


@pytest.mark.parametrize("arguments", [{"nonce": bytes(11)}, {"nonce": bytes(13)}, {"pad_to": -1}, {"pad_to": 4097}])
def test_seal_is_not_called_wrongly(mint: Mint, key: SealKeyValue, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        seal(mint().session, key, **({"nonce": bytes(12)} | arguments))


def test_opening_asks_no_clock(mint: Mint, keys: Keys) -> None:
    """Expiry is the caller's to compare: this room has no clock (DESIGN §1)."""
    made = mint(now=datetime(2000, 1, 1, tzinfo=UTC))
    assert open_token(words(made.token), keys) == made.session
