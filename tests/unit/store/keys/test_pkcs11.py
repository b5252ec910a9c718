"""The root key in a PKCS#11 token, against SoftHSM: wrapping in the token, what is refused, what is waited for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daypass.store.keys import Pkcs11Key, Token, WrongKey
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.secret import Secret
from rig.softhsm import PIN, SoftHsm

Bytes = bytes


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    made = SoftHsm(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.conf))
    return made


@pytest.fixture
def label(hsm: SoftHsm, tmp_path: Path) -> str:
    """A token; its label is this test's own, since the library outlives a test."""
    name = tmp_path.name[-20:]
    hsm.make(name)
    return name


def key(hsm: SoftHsm, label: str, *, of: str = "daypass", pin: str = PIN) -> Pkcs11Key:
    return Pkcs11Key(Token(hsm.module, label, of, Secret(pin)))


def test_what_was_wrapped_is_unwrapped_after_a_restart_at_its_own_place_only(hsm: SoftHsm, label: str) -> None:
    first = key(hsm, label)
    parameters = first.begin()
    wrapped = first.wrap(b"a data key", b"here")
    assert b"a data key" not in wrapped and first.wrap(b"a data key", b"here") != wrapped
    again = key(hsm, label)
    again.resume(parameters)
    assert again.unwrap(wrapped, b"here") == b"a data key"
    flipped = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for bad, place in ((wrapped, b"there"), (flipped, b"here"), (wrapped[:-1], b"here"), (b"", b"here"), (wrapped[:28], b"here")):
        with pytest.raises(WrongKey):
            again.unwrap(bad, place)


def test_the_token_does_not_give_the_key_away(hsm: SoftHsm, label: str) -> None:
    import pkcs11

    key(hsm, label).begin()
    with pkcs11.lib(str(hsm.module)).get_token(token_label=label).open(user_pin=PIN) as session:
        (found,) = session.get_objects({pkcs11.Attribute.LABEL: "daypass"})
        assert found[pkcs11.Attribute.SENSITIVE] and not found[pkcs11.Attribute.EXTRACTABLE] and found[pkcs11.Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(pkcs11.PKCS11Error):
            found[pkcs11.Attribute.VALUE]


def test_a_key_that_is_there_is_used_and_none_is_made_for_an_old_database(hsm: SoftHsm, label: str) -> None:
    parameters = key(hsm, label).begin()
    assert key(hsm, label).begin() == parameters
    hsm.make(f"{label}b")
    with pytest.raises(ConfigError, match="holds 0 keys") as refused:
        key(hsm, f"{label}b").resume(parameters)
    assert not isinstance(refused.value, KeyAway)
    with pytest.raises(ConfigError, match="holds 0 keys"):
        key(hsm, f"{label}b").resume(parameters)  # nor did the first time make one


def test_another_key_of_the_same_label_is_not_taken_for_it(hsm: SoftHsm, label: str) -> None:
    parameters = key(hsm, label).begin()
    hsm.make(f"{label}b")
    key(hsm, f"{label}b").begin()
    with pytest.raises(ConfigError, match="holds 0 keys"):
        key(hsm, f"{label}b").resume(parameters)


def test_two_keys_of_one_label_are_refused_at_the_beginning(hsm: SoftHsm, label: str) -> None:
    key(hsm, label).begin()
    hsm.import_aes(label, "daypass", b"v" * 32)
    with pytest.raises(ConfigError, match="holds 2 keys"):
        key(hsm, label).begin()


def test_a_key_of_another_size_is_refused(hsm: SoftHsm, label: str) -> None:
    hsm.import_aes(label, "short", b"v" * 16)
    with pytest.raises(ConfigError, match="no AES key of 256 bits"):
        key(hsm, label, of="short").begin()


def test_a_key_that_can_be_read_out_is_refused(hsm: SoftHsm, label: str) -> None:
    import pkcs11

    key(hsm, label).begin()
    with pkcs11.lib(str(hsm.module)).get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
        open_to_all = {pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False}
        session.generate_key(pkcs11.KeyType.AES, 256, label="loose", id=b"1", store=True, template=open_to_all)
    with pytest.raises(ConfigError, match="can be read out"):
        key(hsm, label, of="loose").begin()


def test_a_wrong_pin_is_a_refusal_and_not_tried_again(hsm: SoftHsm, label: str) -> None:
    with pytest.raises(ConfigError, match="refuses the PIN") as refused:
        key(hsm, label, pin="000000").begin()
    assert not isinstance(refused.value, KeyAway)
    assert "000000" not in str(refused.value)


def test_a_module_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there") as refused:
        Pkcs11Key(Token(tmp_path / "none.so", "t", "k", Secret(PIN))).begin()
    assert not isinstance(refused.value, KeyAway)


def test_a_token_that_is_away_is_waited_for_and_found_again(hsm: SoftHsm, label: str) -> None:
    one = key(hsm, label)
    parameters = one.begin()
    wrapped = one.wrap(b"a data key", b"here")
    hsm.unplug()
    for again in range(2):
        with pytest.raises(KeyAway) as away:
            key(hsm, label if again else f"{label}-new").resume(parameters)
        assert label not in away.value.told and away.value.by_itself
    hsm.plug()
    back = key(hsm, label)
    back.resume(parameters)
    assert back.unwrap(wrapped, b"here") == b"a data key"


@pytest.mark.parametrize("parameters", [b"", b'{"kind":"file"}', b'{"kind":"pkcs11"}', b'{"kind":"kms"}'])
def test_a_database_of_another_kind_of_key_is_refused(hsm: SoftHsm, label: str, parameters: Bytes) -> None:
    key(hsm, label).begin()
    with pytest.raises(ConfigError, match="not in a PKCS#11 token"):
        key(hsm, label).resume(parameters)


def test_the_parameters_hold_no_secret(hsm: SoftHsm, label: str) -> None:
    one = key(hsm, label)
    assert json.loads(one.begin()).keys() == {"kind", "id"}
    assert PIN not in repr(one._token) and PIN not in one.where
